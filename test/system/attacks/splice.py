#!/usr/bin/env python3
"""A listener that hands clients on to the old server's own TLS, misused: hellos that never end, are too
long or lie about their length, garbage behind them, ends in the middle, floods of them, and hellos that ask to
be handed on though they need not.

Expected: what is no whole ClientHello reaches no server; what was handed on reaches the old server's TLS and nothing
else, octet by octet; a client that was made to offer less than it can (TLS_FALLBACK_SCSV), one of another protocol
(ALPACA) and one of SSLv2 alone (DROWN) are refused; nothing is left behind.
"""
import socket

import harness
from harness import Fake, FakeImap, Postern, Wire, record
from harness.records import ALERT, HANDSHAKE

FALLBACK = b"\x56\x00"
RC4 = b"\x00\x05"


def hello(suites=RC4, more=b"", version=b"\3\0"):
    """A ClientHello message; `more` are its extensions, with their length."""
    body = version + b"r" * 32 + b"\0" + len(suites).to_bytes(2, "big") + suites + b"\1\0" + more
    return b"\1" + len(body).to_bytes(3, "big") + body


def alpn(name):
    names = bytes([len(name)]) + name
    extension = b"\0\x10" + (len(names) + 2).to_bytes(2, "big") + len(names).to_bytes(2, "big") + names
    return len(extension).to_bytes(2, "big") + extension


def ssl2_hello(version, suites=b"\0\0\5"):
    body = b"\1" + version + len(suites).to_bytes(2, "big") + b"\0\0\0\x10" + suites + b"c" * 16
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def answer_all(peer):
    """Answers at once, as to a ClientHello; reads to the end, then says how much it was."""
    peer.send(b"!")
    peer.send(b"%d" % len(peer.wait_for_end()))


class Splice(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.imap = cls.room.enter(FakeImap())
        cls.legacy = cls.room.enter(Fake(answer_all))
        cls.postern = cls.room.enter(Postern(cls.room, [
            {"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "imap",
             "legacy_tls": "splice", "legacy_servers": [f"127.0.0.1:{cls.legacy.port}"]}],
            {"imap": cls.imap.port}, limits={"handshake_timeout": "2s"}))

    def open(self):
        wire = Wire(self.postern.port("imaps"))
        self.addCleanup(wire.close)
        return wire

    def refused(self, data, *reasons):
        """This reaches nobody; gives what the client got."""
        accepted = self.legacy.accepted
        wire = self.open()
        try:
            wire.send(data)
        except OSError:
            pass  # closed before all was said
        got = wire.rest_rudely().encode("latin-1")
        self.assertIn(self.leave(wire)["event.reason"], reasons)
        self.assertEqual(self.legacy.accepted, accepted)
        return got

    def test_garbage_behind_the_hello_and_a_half_close_are_the_old_servers(self):
        for more in (b"", b"a LOGIN anna secret\r\n", b"\0" * 3000, b"\x16\x03\x01\xff\xff" * 50):
            data = record(HANDSHAKE, hello(), 0x0300) + more
            wire = self.open()
            wire.send(data)
            wire.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(wire.rest(), f"!{len(data)}")
            self.assertEqual(bytes(self.legacy.received[-1]), data)
            self.leave(wire)
        self.assertNotIn(b"anna", self.imap.everything())

    def test_ends_in_the_middle(self):
        data = record(HANDSHAKE, hello(), 0x0300)
        accepted = self.legacy.accepted
        for whole in (data, ssl2_hello(b"\3\0")):
            for size in (1, 2, 5, len(whole) - 1):
                wire = self.open()
                wire.send(whole[:size])
                wire.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(wire.rest(), "")
                self.leave(wire)
        self.assertEqual(self.legacy.accepted, accepted)
        # And right behind a whole one, by a reset.
        wire = self.open()
        wire.send(data)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.leave(wire)

    def test_hellos_that_do_not_end_have_the_handshakes_time(self):
        wires = [self.open().send(data) for data in (
            b"\x80", b"\xff\xff\1\3\0", ssl2_hello(b"\3\0")[:-1], b"\x16",
            record(HANDSHAKE, hello(), 0x0300)[:-1], record(HANDSHAKE, b"\1\0\xff\0"))]
        for wire in wires:
            self.assertIn(wire.rest_rudely()[:1], ("", chr(ALERT)))

    def test_what_is_too_long_or_lies_goes_nowhere(self):
        long = hello(more=b"\x1f\x44\x12\x34\x1f\x40" + b"x" * 8000)
        in_octets = b"".join(record(HANDSHAKE, long[at:at + 1]) for at in range(len(long)))
        for number, data in enumerate((
                in_octets, record(HANDSHAKE, b"\1\0\xff\xff" + b"x" * 16000) * 5,
                b"\xff\xff\1\3\0\x7f\xe6\0\0\0\x10" + b"x" * 40000,
                ssl2_hello(b"\3\0").replace(b"\0\x10", b"\0\x11"), record(HANDSHAKE, b"hello"))):
            with self.subTest(number=number):
                self.refused(data, "handshake_failed", "clear_on_tls_port", "client_reset")

    def test_who_need_not_or_must_not_be_handed_on_is_refused(self):
        fallback = record(HANDSHAKE, hello(RC4 + FALLBACK), 0x0300)
        browser = record(HANDSHAKE, hello(more=alpn(b"http/1.1"), version=b"\3\3"))
        for data in (fallback, browser):
            self.assertEqual(self.refused(data, "handshake_failed")[0], ALERT)
        self.refused(ssl2_hello(b"\0\2", b"\1\0\x80"), "handshake_failed")

    def test_a_flood_of_them(self):
        def wave():
            wires = [self.open().send(record(HANDSHAKE, hello(), 0x0300)) for _ in range(200)]
            for wire in wires[::2]:
                wire.close()
            for wire in wires[1::2]:
                wire.socket.shutdown(socket.SHUT_WR)
                self.assertTrue(wire.rest().startswith("!"))
                wire.close()
        self.assert_comes_to_rest(wave, 1024)


if __name__ == "__main__":
    harness.main()
