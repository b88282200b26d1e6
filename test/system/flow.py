#!/usr/bin/env python3
"""How bytes move: half-close is carried across, nobody who does not read makes postern pile up what
the other side sends, and a stream that dribbles in is the same stream."""
import hashlib
import random
import socket
import ssl
import threading
import time

import harness
from harness import Fake, FakeImap, FakePop3, FakeSmtp, Postern, Wire, client_hello

MUCH = 64 * 1024 * 1024
# What one clogged session may cost: postern's own bounds with room to spare.
CLOGGED_KIB = 4096


class HalfClose(harness.TestCase):
    def between(self, script, mode="none"):
        """A client logged in over IMAP (so: passthrough) before a scripted backend."""
        room = self.own_room()
        fake = room.enter(Fake(script))
        self.postern = room.enter(Postern(room, [
            {"name": "l", "protocol": "imap", "tls": mode, "backend": "old",
             "cleartext_login": "observe"}], {"old": fake.port}))
        wire = Wire(self.postern.port("l"),
                    tls=room.client_tls() if mode == "implicit" else None)
        self.addCleanup(wire.close)
        wire.line()
        self.assertRegex(wire.imap("a LOGIN anna secret")[-1], "^a OK")
        self.fake = fake
        return wire

    def test_what_the_backend_still_has_arrives_after_the_client_has_ended(self):
        def script(peer):
            peer.send("* OK x\r\n")
            peer.line()
            peer.send("a OK in\r\n")
            peer.wait_for_end()
            time.sleep(0.3)
            for _ in range(200):
                peer.send(b"y" * 10_000)
        wire = self.between(script)
        wire.send("b last words\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(len(wire.rest()), 2_000_000)
        self.assertIn(b"b last words\r\n", self.fake.everything())

    def test_what_the_client_still_has_arrives_after_the_backend_has_ended(self):
        def script(peer):
            peer.send("* OK x\r\n")
            peer.line()
            peer.send("a OK in\r\n* BYE that was all\r\n")
            peer.socket.shutdown(socket.SHUT_WR)
            peer.wait_for_end()
        for mode in ("none", "implicit"):
            with self.subTest(tls=mode):
                wire = self.between(script, mode)
                self.assertEqual(wire.rest(), "* BYE that was all\r\n")
                wire.send(b"z" * 100_000)
                wire.close()
                harness.until(lambda: self.fake.everything().count(b"z") == 100_000,
                              "the client's last bytes arrive")
                self.postern.wait_events(1, "session-end")

    def test_a_quit_sent_with_a_half_close_is_answered(self):
        for protocol, make, words in (("smtp", FakeSmtp, ("EHLO c\r\nQUIT\r\n", "221 ")),
                                      ("pop3", FakePop3, ("NOOP\r\nQUIT\r\n", "+OK")),
                                      ("imap", FakeImap, ("a NOOP\r\nb LOGOUT\r\n", "b OK"))):
            for mode in ("none", "optional", "required"):
                with self.subTest(protocol=protocol, tls=mode):
                    room = self.own_room()
                    fake = room.enter(make())
                    postern = room.enter(Postern(room, [
                        {"name": "l", "protocol": protocol, "tls": mode, "backend": "old",
                         "cleartext_login": "observe"}], {"old": fake.port}))
                    with Wire(postern.port("l")) as wire:
                        wire.send(words[0])
                        wire.socket.shutdown(socket.SHUT_WR)
                        lines = wire.rest().split("\r\n")
                        self.assertTrue(lines[-2].startswith(words[1]), lines)


class BackPressure(harness.TestCase):
    """Each with TLS: there the bytes have to be held twice, as clear and as cipher text."""

    def session(self, script, login="a LOGIN anna secret"):
        fake = self.room.enter(Fake(script))
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
            {"old": fake.port}))
        wire = Wire(postern.port("imap-implicit"), tls=self.room.client_tls())
        self.addCleanup(wire.close)
        wire.line()
        wire.send(login + "\r\n")
        return postern, wire

    @staticmethod
    def memory(postern):
        return postern.memory_kib() if postern.memory_says_something() else 0

    def assert_small(self, postern, before):
        self.assertLess(self.memory(postern) - before, CLOGGED_KIB)

    def test_a_client_that_never_reads_holds_back_its_backend(self):
        sent = [0]

        def script(peer):
            peer.send("* OK x\r\n")
            peer.line()
            peer.send("a OK in\r\n")
            block = b"* 1 EXISTS\r\n" * 5000
            while sent[0] < MUCH:
                peer.send(block)
                sent[0] += len(block)
        postern, wire = self.session(script)
        before = self.memory(postern)
        time.sleep(1.5)
        self.assertLess(sent[0], MUCH // 2)
        self.assert_small(postern, before)
        # When it reads at last, all of it comes.
        received = 0
        while data := wire.socket.recv(1 << 20):
            received += len(data)
        self.assertGreaterEqual(received, MUCH)

    def test_a_backend_that_never_reads_holds_back_its_client(self):
        is_over = threading.Event()
        self.addCleanup(is_over.set)

        def script(peer):
            peer.send("* OK x\r\n")
            peer.line()
            peer.send("a OK in\r\n")
            is_over.wait(120)
        postern, wire = self.session(script)
        self.assertRegex(wire.imap(tag="a")[-1], "^a OK")
        before = self.memory(postern)
        wire.socket.settimeout(1)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < MUCH:
                sent += wire.socket.send(b"x" * 65536)
        self.assertLess(sent, MUCH // 2)
        self.assert_small(postern, before)

    def test_before_login_a_client_that_never_reads_is_held_back_too(self):
        """It asks again and again and lets the answers lie."""
        def script(peer):
            peer.send("* OK x\r\n")
            while (line := peer.line()) is not None:
                tag = line.split(" ")[0]
                peer.send(("* OK " + "n" * 2000 + "\r\n") * 10 + f"{tag} OK done\r\n")
        postern, wire = self.session(script, login="a NOOP")
        before = self.memory(postern)
        wire.socket.settimeout(1)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < MUCH:
                sent += wire.socket.send(b"b NOOP\r\n" * 1000)
        self.assert_small(postern, before)


class Dribble(harness.TestCase):
    def test_a_session_that_comes_byte_by_byte(self):
        fakes = {"imap": FakeImap, "pop3": FakePop3, "smtp": FakeSmtp}
        talk = {"imap": "a LOGIN {4+}\r\nanna {6+}\r\nsecret\r\nb LOGOUT\r\n",
                "pop3": "USER anna\r\nPASS secret\r\nQUIT\r\n",
                "smtp": "EHLO c\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
                        "DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n"}
        for protocol, make in fakes.items():
            fake = self.room.enter(make())
            postern = self.room.enter(Postern(
                self.room, [{"protocol": protocol, "tls": mode, "backend": "old",
                             "cleartext_login": "observe"} for mode in ("optional", "implicit")],
                {"old": fake.port}))
            seen = set()
            for mode in ("optional", "implicit"):
                with self.subTest(protocol=protocol, tls=mode), Wire(
                        postern.port(f"{protocol}-{mode}"),
                        tls=self.room.client_tls() if mode == "implicit" else None) as wire:
                    for byte in talk[protocol].encode():
                        wire.send(bytes([byte]))
                    answer = wire.rest()
                    self.assertRegex(answer, {"imap": "(?m)^b OK", "pop3": r"(?m)^\+OK",
                                              "smtp": "(?m)^221"}[protocol])
                    harness.until(lambda: bytes(fake.received[-1]).endswith(
                        talk[protocol].encode()[-6:]), "the last command arrives")
                    seen.add(hashlib.sha256(bytes(fake.received[-1])).hexdigest())
            self.assertEqual(len(seen), 1, [bytes(record) for record in fake.received])

    def test_a_handshake_that_comes_byte_by_byte(self):
        fake = self.room.enter(FakeImap())
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": mode, "backend": "old"}
                        for mode in ("implicit", "required")], {"old": fake.port}))
        generator = random.Random(3)
        for mode in ("implicit", "required"):
            with self.subTest(tls=mode), Wire(postern.port(f"imap-{mode}")) as wire:
                if mode == "required":
                    wire.line()
                    wire.imap("s STARTTLS")
                tls, hello, incoming, outgoing = client_hello(self.room.client_tls())
                at = 0
                while at < len(hello):
                    step = generator.choice((1, 1, 2, 7))
                    wire.send(hello[at:at + step])
                    at += step
                incoming.write(wire.socket.recv(65536))
                harness.until(lambda: self.shaken(tls, incoming, outgoing, wire), "TLS begins")

    @staticmethod
    def shaken(tls, incoming, outgoing, wire):
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            incoming.write(wire.socket.recv(65536))
            return False
        wire.send(outgoing.read())
        return True


if __name__ == "__main__":
    harness.main()
