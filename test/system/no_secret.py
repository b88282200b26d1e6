#!/usr/bin/env python3
"""A password is in no output of postern, whichever way it came and whatever became of it.

(The file is not called `secrets`: Python's standard library has a module of that name.)
"""
import base64
import os
import time

import harness
from harness import Fake, FakeImap, FakePop3, FakeSmtp, Postern, Wire, every_mode, shapes

MARK = "Marked-Secret-40917"
RIGHT, WRONG = MARK, MARK + "-wrong"  # the fakes refuse what holds the word `wrong`


def b64(text):
    return base64.b64encode(text.encode()).decode()


def imap_ways(secret):
    plain, size = b64(f"\0anna\0{secret}"), len(secret)
    return {
        "atom": [f"a LOGIN anna {secret}"],
        "quoted": [f'a LOGIN "anna" "{secret}"'],
        "unfinished quote": [f'a LOGIN anna "{secret}'],
        "literals": ["a LOGIN {4}", "anna {%d}" % size, secret],
        "literals at once": ["a LOGIN {4+}\r\nanna {%d+}\r\n%s" % (size, secret)],
        "no tag": [f"LOGIN anna {secret}"],
        "PLAIN": ["a AUTHENTICATE PLAIN", plain],
        "PLAIN at once": [f"a AUTHENTICATE PLAIN {plain}"],
        "PLAIN, not waiting": [f"a AUTHENTICATE PLAIN\r\n{plain}"],
        "LOGIN": ["a AUTHENTICATE LOGIN", b64("anna"), b64(secret)],
        "unknown mechanism": [f"a AUTHENTICATE X-OWN {b64(secret)}"],
        "as a tag": [f"{secret} NOOP"],
        "as a command": [f"a {secret}"],
        "as a bare line": [secret, b64(secret)],
        "as an ID": [f'a ID ("name" "x" "version" "1")', f"b LOGIN anna {secret}"],
    }


def pop3_ways(secret):
    plain = b64(f"\0anna\0{secret}")
    return {
        "USER": ["USER anna", f"PASS {secret}"],
        "PASS alone": [f"PASS {secret}"],
        "PASS with spaces": ["USER anna", f"PASS {secret} {secret}"],
        "not waiting": [f"USER anna\r\nPASS {secret}"],
        "PLAIN": ["AUTH PLAIN", plain],
        "PLAIN at once": [f"AUTH PLAIN {plain}"],
        "LOGIN": ["AUTH LOGIN", b64("anna"), b64(secret)],
        "unknown mechanism": [f"AUTH X-OWN {b64(secret)}"],
        "as a command": [secret, b64(secret)],
    }


def smtp_ways(secret):
    plain, hello = b64(f"\0anna\0{secret}"), "EHLO client.example.test"
    return {
        "PLAIN": [hello, "AUTH PLAIN", plain],
        "PLAIN at once": [hello, f"AUTH PLAIN {plain}"],
        "PLAIN, not waiting": [f"{hello}\r\nAUTH PLAIN\r\n{plain}"],
        "LOGIN": [hello, "AUTH LOGIN", b64("anna"), b64(secret)],
        "LOGIN with name": [hello, f"AUTH LOGIN {b64('anna')}", b64(secret)],
        "without EHLO": [f"AUTH PLAIN {plain}"],
        "unknown mechanism": [hello, f"AUTH X-OWN {b64(secret)}"],
        "as a command": [hello, secret, b64(secret)],
    }


def refusing_smtp(peer):
    """Like FakeSmtp, but it refuses every login."""
    peer.send("220 fake\r\n")
    while (line := peer.line()) is not None:
        if line.startswith("EHLO"):
            peer.send("250-fake\r\n250 AUTH PLAIN LOGIN\r\n")
        elif line.startswith("AUTH") and len(line.split(" ")) == 2:
            peer.send("334 \r\n")
        else:
            peer.send("535 5.7.8 no\r\n")


class NoSecret(harness.TestCase):
    def play(self, protocol, backend, ways):
        """Plays all ways at all listeners, then searches all that postern said."""
        folder = self.room.folder(f"audit-{protocol}-{time.monotonic_ns()}")
        trail = folder / "audit.jsonl"
        postern = self.room.enter(Postern(
            self.room, every_mode(protocol, "old"), {"old": backend.port},
            audit={"log": ["stdout", f"file:{trail}"], "inventory": f"sqlite:{folder}/inventory.db",
                   "handshakes": "all"},
            log={"level": "debug"}, limits={"line_length": "4KiB"},
            # Names are judged, warned and refused on the way.
            rules=[{"name": "warned", "listeners": ["observe"], "cleartext_login": "warn"},
                   {"name": "stopped", "listeners": ["clear"], "users": ["bert"],
                    "cleartext_login": "refuse"},
                   {"name": "excepted", "listeners": ["optional"], "users": ["clara"],
                    "cleartext_login": "observe"}]))
        sessions = 0
        for listener in ("required", "optional", "observe", "clear", "implicit"):
            for name, lines in ways:
                sessions += 1
                with self.subTest(listener=listener, way=name), \
                        Wire(postern.port(listener)) as wire:
                    if listener == "implicit":
                        wire.wrap(self.room.client_tls())
                    wire.line()
                    for line in lines:
                        try:
                            wire.send(line + "\r\n")
                        except OSError:
                            break
                        self.some_answer(wire)
        self.assertTrue(any(shape in backend.everything() for shape in shapes(MARK)),
                        "no way led to the backend")
        postern.wait_events(sessions, "session-end")
        self.assertTrue(postern.events("login"))
        self.assertTrue(postern.events("login-refused"))
        harness.until(lambda: trail.read_text().count("\n") >= postern.stdout().count("\n"),
                      "the audit file has what stdout has")
        for place, text in (("stdout", postern.stdout()), ("stderr", postern.stderr()),
                            ("file", trail.read_text())):
            for shape in shapes(MARK):
                # Verbs are put into upper case on their way to the log.
                where = text.upper().find(shape.decode().upper())
                if where >= 0:
                    line = text[text.rfind("\n", 0, where) + 1:text.find("\n", where)]
                    self.fail(f"the secret is in {place}: {line}")
        postern.stop()
        for path in (path for path in [*folder.iterdir(), *postern.folder.iterdir()]
                     if path.is_file()):  # the inventory, its log, the key, a core
            for shape in shapes(MARK):
                self.assertNotIn(shape.upper(), path.read_bytes().upper(), str(path))

    @staticmethod
    def some_answer(wire):
        """One line, or a moment without one (some ways get no answer before their end)."""
        wire.socket.settimeout(0.25)
        try:
            wire.line()
        except (TimeoutError, OSError):
            pass
        finally:
            wire.socket.settimeout(wire.timeout)

    @staticmethod
    def both(ways):
        return [*ways(RIGHT).items(), *ways(WRONG).items()]

    def test_imap(self):
        self.play("imap", self.room.enter(FakeImap()), self.both(imap_ways))

    def test_pop3(self):
        self.play("pop3", self.room.enter(FakePop3()), self.both(pop3_ways))

    def test_smtp(self):
        self.play("submission", self.room.enter(FakeSmtp()), smtp_ways(RIGHT).items())
        self.play("smtp", self.room.enter(Fake(refusing_smtp)), smtp_ways(WRONG).items())

    def test_no_core_is_dumped(self):
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
            {"old": harness.free_port()}))
        with open(f"/proc/{postern.pid}/limits", encoding="ascii") as lines:
            core = next(line for line in lines if line.startswith("Max core file size"))
        self.assertEqual(core.split()[4:6], ["0", "0"], core)
        if os.geteuid() != 0:  # nobody else's process, nor a debugger, may look inside
            self.assertFalse(os.access(f"/proc/{postern.pid}/fd", os.R_OK))


if __name__ == "__main__":
    harness.main()
