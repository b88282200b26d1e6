#!/usr/bin/env python3
"""Holes of other TLS libraries, tried here: none may have a twin.

CVE-2014-0160 (Heartbleed): a heartbeat (RFC 6520) that claims to be longer than it is.
CVE-2014-0224: a ChangeCipherSpec before there are keys. CVE-2012-4929 (CRIME): TLS's own
compression. The hello of SSLv2 (RFC 6176 forbids it). A second, different ClientHello in one
handshake. Expected: the handshake or the session ends with an alert, no heartbeat is answered,
compression is never chosen.
"""
import ssl
import struct

import harness
from harness import FakeImap, Postern, RecordWire, Wire, bodies, client_hello, record
from harness.records import ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
# Request, and a length of 16 KiB that is not there.
BLEED = b"\1\x40\x00"
# Length, type 1, version 3.1, three suites, no session, 16 octets of challenge.
SSL2_HELLO = (bytes.fromhex("8022 01 0301 0009 0000 0010 00002f 000035 00000a") + bytes(range(16)))
# A heartbeat in a handshake's place counts as clear text.
FAILED = {"handshake_failed", "clear_on_tls_port", "starttls_injection"}
CLIENT_HELLO, SERVER_HELLO, COMPRESSION_OF_SERVER_HELLO = 1, 2, 2
DEFLATE, NULL = 1, 0


def with_compression(hello, methods):
    """A ClientHello record with other compression methods (RFC 5246 section 7.4.1.2)."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + struct.unpack_from("!H", hello, at)[0]
    body = hello[9:at] + bytes([len(methods)]) + bytes(methods) + hello[at + 1 + hello[at]:]
    return record(HANDSHAKE, bytes([CLIENT_HELLO]) + len(body).to_bytes(3, "big") + body, 0x0301)


def first_server_hello(stream):
    for kind, body in bodies(stream):
        if kind == HANDSHAKE and body[0] == SERVER_HELLO:
            return body
    return None


class TlsOldHoles(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.imap = cls.room.enter(FakeImap())
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": mode, "backend": "imap"}
                       for mode in ("implicit", "required")], {"imap": cls.imap.port}))

    def hello(self, version):
        context = self.room.client_tls()
        context.minimum_version = context.maximum_version = version
        return client_hello(context)[1]

    def open(self, listener):
        """A client just before its ClientHello."""
        wire = Wire(self.postern.port(listener))
        self.addCleanup(wire.close)
        if listener == "imap-required":
            wire.line()
            self.assertRegex(wire.imap("s STARTTLS")[-1], "^s OK")
        return wire

    def assert_fails(self, listener, *parts):
        """These octets end the handshake; gives what postern sent."""
        wire = self.open(listener)
        try:
            for part in parts:
                wire.send(part)
        except OSError:
            pass
        sent = wire.rest_rudely().encode("latin-1")
        self.assertIn(self.leave(wire)["event.reason"], FAILED)
        return sent

    def test_heartbeats(self):
        bleed = record(HEARTBEAT, BLEED)
        for listener in self.postern.ports:
            for version in (TLS12, TLS13):
                with self.subTest(listener=listener, version=version):
                    self.assert_fails(listener, bleed)
                    sent = self.assert_fails(listener, self.hello(version), bleed)
                    self.assertNotIn(HEARTBEAT, [kind for kind, _ in bodies(sent)])
        for version in (TLS12, TLS13):
            with self.subTest(version=version, keys=True), \
                    self.one_event("session-end", event__reason="tls_error"):
                wire = RecordWire(self.room, self.postern.port("imap-implicit"), version)
                self.addCleanup(wire.close)
                self.assertRegex(wire.line(), r"^\* OK")
                wire.send_raw(wire.sealed(HEARTBEAT, BLEED))
                self.assertEqual(wire.rest_rudely(), "")

    def test_change_cipher_spec_before_there_are_keys(self):
        """TLS 1.3 lets one pass, for old firewalls (RFC 8446 appendix D.4), and does nothing."""
        early = record(CHANGE_CIPHER_SPEC, b"\1")
        finished = record(HANDSHAKE, b"\x14\0\0\x0c" + bytes(12))
        for listener in self.postern.ports:
            with self.subTest(listener=listener):
                self.assert_fails(listener, early, finished)
                self.assert_fails(listener, self.hello(TLS12), early, finished)
                self.assert_fails(listener, self.hello(TLS13), early, finished)

    def test_compression_is_never_chosen(self):
        offered = with_compression(self.hello(TLS12), [DEFLATE, NULL])
        for listener in self.postern.ports:
            with self.subTest(listener=listener):
                wire = self.open(listener)
                wire.send(offered)
                stream = b""
                while first_server_hello(stream) is None:
                    more = wire.socket.recv(65536)
                    self.assertTrue(more, stream)
                    stream += more
                hello = first_server_hello(stream)
                at = 4 + 2 + 32
                at += 1 + hello[at]
                self.assertEqual(hello[at + COMPRESSION_OF_SERVER_HELLO], NULL)
                self.leave(wire)
                self.assert_fails(listener, with_compression(self.hello(TLS12), [DEFLATE]))
                self.assert_fails(listener, with_compression(self.hello(TLS13), [DEFLATE, NULL]))

    def test_hello_of_ssl2(self):
        for listener in self.postern.ports:
            with self.subTest(listener=listener):
                sent = self.assert_fails(listener, SSL2_HELLO)
                self.assertIsNone(first_server_hello(sent))

    def test_two_hellos_in_one_handshake(self):
        for listener in self.postern.ports:
            for version in (TLS12, TLS13):
                with self.subTest(listener=listener, version=version):
                    sent = self.assert_fails(listener, self.hello(version), self.hello(version))
                    kind, _ = list(bodies(sent))[-1]
                    self.assertIn(kind, (ALERT, 23))  # in TLS 1.3 the alert is encrypted


if __name__ == "__main__":
    harness.main()
