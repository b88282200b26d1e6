#!/usr/bin/env python3
"""Lengths that do not fit their variable: BDAT's (RFC 3030) and those of IMAP literals (RFC 9051
section 4.3), from the client and from the backend.

A length that wraps around, is negative, or is read as octal or hexadecimal makes postern and the
backend disagree about where a message or a literal ends: CWE-190, CWE-444. Expected: a number that
postern cannot count, or that another could read differently, never reaches the backend as a length;
one that is only too large is refused in the protocol's words; nothing is reserved for what was
only announced.
"""
import re

import harness
from harness import Fake, FakeImap, FakeSmtp, Postern, Wire

# Numbers that wrap around, and those that only a lenient reader takes for numbers.
CHUNKS = ["2147483648", "4294967295", "4294967296", "4294967301", "9223372036854775807",
          "9223372036854775808", "18446744073709551615", "18446744073709551616",
          "18446744073709551621", "9" * 400, "-1", "-0", "+5", "0x10", "5e1", "00005", "05", "5;",
          "٥"]
LITERALS = ["{4294967295}", "{4294967296}", "{4294967301}", "{9223372036854775808}",
            "{18446744073709551615}", "{18446744073709551616}", "{18446744073709551621}",
            "{" + "9" * 400 + "}"]
NO_LITERALS = ["{-1}", "{-1+}", "{+5}", "{0x10}", "{5 }", "{ 5}", "{5+}x", "{}", "{+}", "{5++}",
               "{5e1}", "{5", "5}", "{5}}"]
# What stands behind the length, and may reach a backend only as what it plainly is.
SMUGGLED = "z9 LOGIN smuggled smuggled"


def lying_imap(literal):
    """A backend that announces this literal in its answer to NAMESPACE, then sends little."""
    def serve(peer):
        peer.send("* OK [CAPABILITY IMAP4rev1] liar\r\n")
        while (line := peer.line()) is not None:
            tag, _, rest = line.partition(" ")
            if rest.upper().startswith("NAMESPACE"):
                peer.send(f"* X-LIE {literal}\r\n{tag} OK forged\r\n* BYE forged\r\n")
            elif rest.upper() == "LOGOUT":
                peer.send(f"* BYE ends\r\n{tag} OK done\r\n")
                return
            else:
                peer.send(f"{tag} OK done\r\n")
    return serve


class LengthsThatOverflow(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.imap, cls.smtp = cls.room.enter(FakeImap()), cls.room.enter(FakeSmtp())
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": mode, "backend": "imap"}
                       for mode in ("required", "optional", "implicit")]
            + [{"protocol": "submission", "tls": "implicit", "backend": "smtp"}],
            {"imap": cls.imap.port, "smtp": cls.smtp.port}))

    def open(self, listener, postern=None):
        wire = Wire((postern or self.postern).port(listener),
                    tls=self.room.client_tls() if listener.endswith("implicit") else None)
        self.addCleanup(wire.close)
        wire.line()
        return wire

    def test_chunks(self):
        for size in CHUNKS:
            for last in ("", " LAST"):
                with self.subTest(size=size, last=last), \
                        self.one_event("session-end", event__reason="bad_syntax"):
                    wire = self.open("submission-implicit")
                    wire.smtp("EHLO attacker.example.test")
                    wire.send(f"BDAT {size}{last}\r\nVRFY smuggled\r\n".encode())
                    self.assertRegex(wire.rest(), r"^50[01] [^\r\n]+\r\n$")
                    wire.close()
        self.assertNotIn(b"BDAT", self.smtp.everything())
        self.assertNotIn(b"smuggled", self.smtp.everything())

    def test_the_largest_chunk_is_counted(self):
        """2 GiB less one are passed on as they come; nothing is reserved for them."""
        wire = self.open("submission-implicit")
        wire.smtp("EHLO attacker.example.test")
        measures = self.postern.memory_says_something()
        before = self.postern.memory_kib() if measures else 0
        wire.send("BDAT 2147483647\r\nVRFY counted\r\n")
        harness.until(lambda: b"VRFY counted\r\n" in self.smtp.received[-1], "the octets arrive")
        if measures:
            self.assertLess(self.postern.memory_kib() - before, self.spare_kib)
        wire.close()

    def test_literals_before_login(self):
        """Too large for any command here, so refused, or fatal where they would follow at once."""
        for listener in ("imap-required", "imap-optional", "imap-implicit"):
            for literal in LITERALS:
                for command in ("LOGIN ", "ID (\"name\" ", "NOOP ", "AUTHENTICATE PLAIN ",
                                "CREATE ", "X-NEW "):
                    with self.subTest(listener=listener, literal=literal[:30], command=command):
                        wire = self.open(listener)
                        wire.send(f"a {command}{literal}\r\n")
                        self.assertRegex(wire.line(), r"^(a (NO|BAD)|\* BYE) ")
                        wire.close()
                        wire = self.open(listener)
                        wire.send(f"a {command}{literal[:-1]}+}}\r\n{SMUGGLED}\r\n")
                        self.assertRegex(wire.line(), r"^(a (NO|BAD)|\* BYE) ")
                        wire.close()
        everything = self.imap.everything()
        self.assertNotIn(b"smuggled", everything)
        for literal in LITERALS:
            self.assertNotIn(literal.encode(), everything)

    def test_what_is_no_literal_is_followed_by_commands(self):
        """Postern takes the next line for a command, as the backend does that it passes the line
        to: here its answer tells. A login among them is judged as every login."""
        for listener in ("imap-optional", "imap-implicit"):
            for text in NO_LITERALS:
                with self.subTest(listener=listener, text=text):
                    wire = self.open(listener)
                    self.assertRegex(wire.imap(f"a CREATE {text}")[-1], "^a (OK|BAD|NO)")
                    answer = wire.imap(f"b LOGIN somebody {text}")[-1]
                    if listener == "imap-optional":
                        self.assertRegex(answer, "^b NO ")
                    else:
                        self.assertRegex(answer, "^b (OK|BAD|NO) ")
                    self.assertRegex(wire.imap("c NOOP")[-1], "^c OK")
                    wire.close()

    def test_leading_zeros_are_no_octal(self):
        for literal in ("{00005}", "{05+}", "{0000000000000000000000000000005}"):
            with self.subTest(literal=literal):
                wire = self.open("imap-implicit")
                wire.send(f"a LOGIN {literal}\r\n")
                if "+" not in literal:
                    self.assertRegex(wire.line(), r"^\+ ")
                wire.send("alice secret\r\n")
                self.assertRegex(wire.line(), "^a OK")
                wire.close()
                self.postern.wait_events(1, "login", user__name="alice")

    def test_literals_of_the_backend_before_login(self):
        """Counted as far as 64 bits go: then all that follows is the literal's, and no answer. The
        client may leave, and the session's limits hold."""
        for literal in LITERALS + ["{5000000000}"]:
            with self.subTest(literal=literal[:30]):
                room = self.own_room()
                fake = room.enter(Fake(lying_imap(literal)))
                postern = room.enter(Postern(
                    room, [{"protocol": "imap", "tls": "none", "cleartext_login": "observe",
                            "backend": "liar"}], {"liar": fake.port}, workers=1))
                with Wire(postern.port("imap-none")) as wire:
                    wire.line()
                    wire.send("a NAMESPACE\r\n")
                    self.assertEqual(wire.line(), f"* X-LIE {literal}")
                    self.assertEqual(wire.line(), "a OK forged")
                    self.assertEqual(wire.line(), "* BYE forged")
                    # For postern all that was within the literal: the command is not answered yet.
                    wire.send("b NOOP\r\n")
                    self.assertEqual(wire.line(), "b OK done")
                self.assertEqual(postern.wait_events(1, "session-end")[0]["event.reason"],
                                 "client_closed")

    def test_literals_of_the_backend_after_login(self):
        """Passed through as they are. Where postern counts one, it says nothing into it at the
        backend's end; a number of more than 64 bits is none for it."""
        for literal in LITERALS:
            with self.subTest(literal=literal[:30]):
                def serve(peer, literal=literal):
                    peer.send("* OK [CAPABILITY IMAP4rev1] liar\r\n")
                    tag = peer.line().split(" ")[0]
                    peer.send(f"{tag} OK in\r\n* 1 FETCH (BODY[] {literal}\r\nabc\r\n")
                room = self.own_room()
                fake = room.enter(Fake(serve))
                postern = room.enter(Postern(
                    room, [{"protocol": "imap", "tls": "none", "cleartext_login": "observe",
                            "backend": "liar"}], {"liar": fake.port}, workers=1))
                with Wire(postern.port("imap-none")) as wire:
                    wire.line()
                    wire.send("a LOGIN anna secret\r\n")
                    got = wire.rest_rudely()
                self.assertTrue(got.endswith(f"{literal}\r\nabc\r\n")
                                or re.search(r"abc\r\n\* BYE [^\r\n]*\r\n$", got), got)
                postern.wait_events(1, "session-end")


if __name__ == "__main__":
    harness.main()
