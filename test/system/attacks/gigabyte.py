#!/usr/bin/env python3
"""A gigabyte for somebody who does not read: CWE-400, CWE-770.

A backend sends 1 GiB to a client that does not read, a client sends 1 GiB to a backend that does
not, both do so at once, and clients half-close and stay, or read an octet now and then (the slow
read of Slowloris' relatives, 2012). Expected: postern reads no more than its bound from the one
that sends; when the other reads on, it gets all of it, in order, by hash; when it leaves, or only
dawdles until its time is up, the session ends and gives everything back.
"""
import contextlib
import hashlib
import socket
import threading
import time

import harness
from harness import Fake, Postern, until

BLOCK = 1 << 20
BLOCKS = 1024
# What a session may hold while one side is clogged: its queue towards each side, one read, TLS, and
# what the allocator rounds up.
MOST_KIB = 4096


_LINES = (b"0123456789abcdef" * 4 + b"\r\n") * (BLOCK // 66 + 1)


def block(number):
    """1 MiB of clean lines, each block another."""
    return f"{number:0>8}".encode() + _LINES[8:BLOCK - 2] + b"\r\n"


def digest(blocks):
    made = hashlib.sha256()
    for number in range(blocks):
        made.update(block(number))
    return made.hexdigest()


def send_blocks(wire, blocks, progress=None):
    for number in range(blocks):
        wire.sendall(block(number))
        if progress is not None:
            progress[0] = number + 1


def read_digest(wire, size, begin=b""):
    """The hash of `size` octets, of which `begin` has been read."""
    made, left = hashlib.sha256(begin), size - len(begin)
    buffer = memoryview(bytearray(1 << 18))
    while left:
        got = wire.recv_into(buffer[:min(left, len(buffer))])
        if not got:
            raise AssertionError(f"{left} octets are missing")
        made.update(buffer[:got])
        left -= got
    return made.hexdigest()


def line_of(connection):
    """An unbuffered line; "" at the end."""
    line = b""
    while not line.endswith(b"\n"):
        octet = connection.recv(1)
        if not octet:
            return ""
        line += octet
    return line.decode().rstrip()


class Backend(Fake):
    """IMAP with PULL, PUSH and BOTH (blocks), and SMTP whose DATA is measured in blocks too. Keeps
    nothing of what it gets but a hash; reads only while `may_read` is set."""

    def __init__(self, protocol):
        super().__init__(None)
        self.serve = {"imap": self.imap, "smtp": self.smtp}[protocol]
        self.may_read = threading.Event()
        self.sent = [0]
        self.digests = []

    def _serve(self, connection, record):
        self._open.add(connection)
        try:
            with contextlib.suppress(OSError, AssertionError), connection:
                self.serve(connection)
        finally:
            self._open.discard(connection)

    def imap(self, connection):
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1] big\r\n")
        while line := line_of(connection):
            tag, verb, *words = line.split(" ")
            if verb == "PULL":
                connection.sendall(b"* 1 FETCH (BODY[] {%d}\r\n" % (int(words[0]) * BLOCK))
                send_blocks(connection, int(words[0]), self.sent)
                connection.sendall(b")\r\n")
            if verb in ("PUSH", "BOTH"):
                sender = threading.Thread(target=self.push, args=(connection, int(words[0])))
                if verb == "BOTH":
                    sender.start()
                self.may_read.wait(400)
                self.digests.append(read_digest(connection, int(words[0]) * BLOCK))
                if verb == "BOTH":
                    sender.join()
            connection.sendall(f"{tag} OK done\r\n".encode())
            if verb == "LOGOUT":
                return

    def push(self, connection, blocks):
        with contextlib.suppress(OSError):
            send_blocks(connection, blocks, self.sent)

    def smtp(self, connection):
        connection.sendall(b"220 big ESMTP\r\n")
        while line := line_of(connection):
            verb = line.split(" ")[0].upper()
            if verb == "AUTH":
                for _ in range(2):
                    connection.sendall(b"334 \r\n")
                    line_of(connection)
                connection.sendall(b"235 2.7.0 welcome\r\n")
            elif verb == "DATA":
                connection.sendall(b"354 go on\r\n")
                self.may_read.wait(400)
                self.digests.append(read_digest(connection, BLOCKS * BLOCK))
                while line_of(connection) not in (".", ""):
                    pass
                connection.sendall(b"250 2.0.0 taken\r\n")
            elif verb == "QUIT":
                connection.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                connection.sendall(b"250 2.0.0 fine\r\n")


class Gigabyte(harness.Attack):
    spare_kib = MOST_KIB

    @classmethod
    def arrange(cls):
        cls.imap, cls.smtp = cls.room.enter(Backend("imap")), cls.room.enter(Backend("smtp"))
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                       {"protocol": "imap", "tls": "none", "backend": "imap",
                        "cleartext_login": "observe"},
                       {"protocol": "submission", "tls": "implicit", "backend": "smtp"}],
            {"imap": cls.imap.port, "smtp": cls.smtp.port}))
        cls.whole = digest(BLOCKS)

    def setUp(self):
        super().setUp()
        for backend in (self.imap, self.smtp):
            backend.may_read.clear()
            backend.sent[0] = 0
            backend.digests.clear()
            self.addCleanup(backend.may_read.set)  # whoever waits may end

    def begin(self, listener, postern=None):
        postern = postern or self.postern
        wire = harness.logged_in(postern, listener, self.room.client_tls(), timeout=120)
        self.addCleanup(wire.close)
        return wire

    def assert_bounded(self, progress):
        """Waits until the sender does not get on, and looks at postern's memory meanwhile."""
        measures = self.postern.memory_says_something()
        before, most = self.before[1], 0
        still, last = time.monotonic(), None
        until(lambda: progress[0] > 0, "it begins")
        while time.monotonic() - still < 1:
            if progress[0] != last:
                still, last = time.monotonic(), progress[0]
            if measures:
                most = max(most, self.postern.memory_kib() - before)
            time.sleep(0.02)
        self.assertLess(last, BLOCKS, "somebody has read it all")
        self.assertLessEqual(most, MOST_KIB)
        print(f"{last} MiB are sent, postern has grown by {most} KiB", end=" ", flush=True)

    def send_in_background(self, wire, blocks):
        progress = [0]

        def send():
            with contextlib.suppress(OSError):
                send_blocks(wire.socket, blocks, progress)
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 60)
        return progress, thread

    def test_to_a_client_that_does_not_read(self):
        wire = self.begin("imap-implicit")
        wire.send(f"a PULL {BLOCKS}\r\n")
        self.assert_bounded(self.imap.sent)
        self.assertEqual(wire.line(), f"* 1 FETCH (BODY[] {{{BLOCKS * BLOCK}}}")
        begin, wire.buffer = wire.buffer, b""
        self.assertEqual(read_digest(wire.socket, BLOCKS * BLOCK, begin), self.whole)
        self.assertEqual(wire.line(), ")")
        self.assertEqual(wire.line(), "a OK done")
        self.assertEqual(wire.imap("b NOOP")[-1], "b OK done")
        wire.close()

    def test_to_clients_that_leave_without_reading(self):
        for listener in ("imap-implicit", "imap-none"):
            with self.subTest(listener=listener):
                self.imap.sent[0] = 0
                wire = self.begin(listener)
                wire.send(f"a PULL {BLOCKS}\r\n")
                self.assert_bounded(self.imap.sent)
                wire.close()
                self.settle(self.postern)

    def test_to_a_backend_that_does_not_read(self):
        """A message, through DATA: every line of it is looked at on its way."""
        wire = self.begin("submission-implicit")
        wire.smtp("MAIL FROM:<a@example.test>")
        wire.smtp("RCPT TO:<b@example.test>")
        self.assertRegex(wire.smtp("DATA")[0], "^354")
        progress, thread = self.send_in_background(wire, BLOCKS)
        self.assert_bounded(progress)
        self.smtp.may_read.set()
        thread.join(400)
        self.assertEqual(progress[0], BLOCKS)
        self.assertRegex(wire.smtp(".")[0], "^250 2.0.0 taken")
        self.assertRegex(wire.smtp("QUIT")[0], "^221")
        self.assertEqual(self.smtp.digests, [self.whole])
        wire.close()

    def test_both_at_once(self):
        """Neither reads; then both do. In clear, since Python's TLS has one lock for both ways."""
        blocks = BLOCKS // 4
        wire = self.begin("imap-none")
        wire.send(f"a BOTH {blocks}\r\n")
        progress, thread = self.send_in_background(wire, blocks)
        self.assert_bounded(progress)
        self.assert_bounded(self.imap.sent)
        self.imap.may_read.set()
        self.assertEqual(read_digest(wire.socket, blocks * BLOCK), digest(blocks))
        thread.join(400)
        self.assertEqual(wire.line(), "a OK done")
        self.assertEqual(self.imap.digests, [digest(blocks)])
        wire.close()

    def short(self, **limits):
        return self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                        {"protocol": "imap", "tls": "none", "backend": "imap",
                         "cleartext_login": "observe"}], {"imap": self.imap.port}, limits=limits))

    def test_half_closed_and_not_reading(self):
        """Whoever has said its last word and takes nothing has little time."""
        postern = self.short(idle_timeout="2s")
        wire = self.begin("imap-none", postern)
        wire.send(f"a PULL {BLOCKS}\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        ends = postern.wait_events(1, "session-end")
        self.assertEqual(ends[0]["event.reason"], "drain_timeout")
        self.settle(postern)
        wire.close()

    def test_readers_of_an_octet_now_and_then(self):
        """What the client's system takes is nobody's to hurry; what postern holds has its time."""
        postern = self.short(idle_timeout="2s")
        for listener in postern.ports:
            with self.subTest(listener=listener):
                wire = self.begin(listener, postern)
                wire.send(f"a PULL {BLOCKS}\r\n")
                until(lambda: wire.socket.recv(1) and postern.events(
                    "session-end", postern__listener=listener), "the session ends", every=0.1)
                self.assertEqual(postern.events("session-end", postern__listener=listener)[0]
                                 ["event.reason"], "idle_timeout")
                wire.close()


if __name__ == "__main__":
    harness.main()
