#!/usr/bin/env python3
"""SMTP smuggling: a message that ends at one place for postern, at another for the server behind.

Published by Timo Longin of SEC Consult in December 2023 (VU#302671; CVE-2023-51764 in Postfix,
CVE-2023-51765 in sendmail, CVE-2023-51766 in Exim). RFC 5321 section 4.1.1.4: only CRLF.CRLF ends a
message. Expected: any bare CR or LF in a message, and any dot that NULs would leave alone on a
line, is answered 521 and ends the session before the backend has a message; with
`bare_newlines: pass` nothing is changed, and a backend that saw another end than postern is found
out by its answer.
"""
import re

import harness
from harness import Dovecot, FakeSmtp, Postern, Postfix, Wire

HEAD = b"Subject: outer\r\n\r\nouter text\r\n"
INNER = (b"MAIL FROM:<smuggled@example.test>\r\nRCPT TO:<anna@example.test>\r\nDATA\r\n"
         b"Subject: smuggled\r\n\r\ninner\r\n.\r\n")
ENDS = {
    "LF dot LF": b"\n.\n", "LF dot CRLF": b"\n.\r\n", "CRLF dot LF": b"\r\n.\n",
    "CR dot CR": b"\r.\r", "CR dot CRLF": b"\r.\r\n", "CRLF dot CR": b"\r\n.\r",
    "LF dot CR": b"\n.\r", "CR dot LF": b"\r.\n", "CRCRLF dot": b"\r\r\n.\r\n",
    "dot CRCRLF": b"\r\n.\r\r\n", "NUL dot": b"\r\n\0.\r\n", "dot NUL": b"\r\n.\0\r\n",
    "NULs dot NULs": b"\r\n\0\0.\0\0\r\n", "NUL in the newline": b"\r\0\n.\r\n",
    "bare LF in the text": b"one\ntwo\r\n.\r\n", "bare CR in the text": b"one\rtwo\r\n.\r\n",
    "bare LF in the header": b"\r\nX: a\n b\r\n.\r\n",
}
# What any server known so far takes for the end of a message.
SOME_END = re.compile(rb"[\r\n]\0*\.\0*[\r\n]")


class SmtpSmuggling(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.fake = cls.room.enter(FakeSmtp())
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": protocol, "tls": mode, "backend": "old"}
                       for protocol in ("smtp", "submission")
                       for mode in ("optional", "implicit")]
            + [{"name": "pass", "protocol": "smtp", "tls": "none", "backend": "old",
                "cleartext_login": "observe", "bare_newlines": "pass"}], {"old": cls.fake.port}))

    def begin(self, listener, postern=None):
        """A client behind DATA's go-ahead."""
        wire = Wire((postern or self.postern).port(listener),
                    tls=self.room.client_tls() if listener.endswith("implicit") else None)
        self.addCleanup(wire.close)
        wire.smtp()
        wire.smtp("EHLO client.example.test")
        for command in ("MAIL FROM:<bert@example.test>", "RCPT TO:<anna@example.test>"):
            self.assertRegex(wire.smtp(command)[-1], "^250")
        self.assertRegex(wire.smtp("DATA")[0], "^354")
        return wire

    def body_at_backend(self):
        return bytes(self.fake.received[-1]).split(b"DATA\r\n", 1)[1]

    def test_each_variant_is_refused_and_no_message_is_complete_at_the_backend(self):
        seen = 0
        for listener in ("smtp-optional", "smtp-implicit", "submission-implicit"):
            for name, end in ENDS.items():
                with self.subTest(listener=listener, variant=name):
                    wire = self.begin(listener)
                    wire.send(HEAD.rstrip(b"\r\n") + end + INNER)
                    answer = wire.rest()
                    self.assertRegex(answer, r"^521 5\.5\.2 [^\r\n]+\r\n$")
                    seen += 1
                    self.assertIsNone(SOME_END.search(self.body_at_backend()),
                                      self.body_at_backend())
                    self.assertNotIn(b"smuggled", self.body_at_backend())
        self.postern.wait_events(seen, "smuggling")
        self.postern.wait_events(seen, "session-end", event__reason="bare_newline")

    def test_the_same_byte_by_byte(self):
        for name in ("LF dot LF", "CR dot CRLF", "dot NUL", "CRLF dot CR", "dot CRCRLF"):
            with self.subTest(variant=name):
                wire = self.begin("smtp-implicit")
                for byte in HEAD.rstrip(b"\r\n") + ENDS[name] + b"x\r\n":
                    try:
                        wire.send(bytes([byte]))
                    except OSError:
                        break
                self.assertRegex(wire.rest_rudely(), r"^521 5\.5\.2 ")
                self.assertIsNone(SOME_END.search(self.body_at_backend()))

    def test_the_same_cut_in_two_at_every_place(self):
        """Each half is a TLS record and a segment of its own."""
        count = len(self.postern.events("smuggling"))
        for name, end in ENDS.items():
            for cut in range(1, len(end) + 1):
                with self.subTest(variant=name, cut=cut):
                    wire = self.begin("smtp-implicit")
                    wire.send(HEAD.rstrip(b"\r\n") + end[:cut])
                    try:
                        wire.send(end[cut:] + INNER)
                    except OSError:
                        pass
                    self.assertRegex(wire.rest_rudely(), r"^521 5\.5\.2 ")
                    wire.close()
                    count += 1
                    self.assertNotIn(b"smuggled", self.body_at_backend())
                    self.assertIsNone(SOME_END.search(self.body_at_backend()))
        self.postern.wait_events(count, "smuggling")

    def test_dots_that_are_stuffed_end_nothing(self):
        """RFC 5321 section 4.5.2: a first dot is not of the text. Nobody may take it away twice."""
        for name, text in {"two dots": b"..\r\n", "two dots twice": b"..\r\n..\r\n",
                           "dot and space": b". \r\n", "space and dot": b" .\r\n",
                           "dot and a command": b".MAIL FROM:<x@y>\r\n", "three": b"...\r\n",
                           "dot and tab": b".\t\r\n", "dot, form feed": b".\f\r\n",
                           "full-width dot": b"\xef\xbc\x8e\r\n"}.items():
            for pieces in (1, 2, len(text) + 1):
                with self.subTest(text=name, pieces=pieces):
                    wire = self.begin("smtp-implicit")
                    sent = HEAD + text + INNER
                    at = len(HEAD)
                    wire.send(sent[:at])
                    step = max(1, len(text) // pieces)
                    for begin in range(at, at + len(text), step):
                        wire.send(sent[begin:min(begin + step, at + len(text))])
                    wire.send(sent[at + len(text):])
                    self.assertRegex(wire.smtp()[0], "^250 2.0.0 taken")
                    self.assertRegex(wire.smtp("QUIT")[0], "^221")
                    wire.close()
                    self.assertEqual(self.body_at_backend(), sent + b"QUIT\r\n")

    def test_what_is_harmless_passes_unchanged(self):
        for name, body in {"NULs in the text": b"a\0b\r\n", "dots": b"..\r\n...\r\n.a\r\n",
                           "8 bit": bytes(range(128, 256)) + b"\r\n", "empty lines": b"\r\n\r\n",
                           "a long line": b"y" * 200_000 + b"\r\n"}.items():
            with self.subTest(body=name):
                wire = self.begin("smtp-implicit")
                wire.send(HEAD + body + b".\r\n")
                self.assertRegex(wire.smtp()[0], "^250 2.0.0 taken")
                self.assertRegex(wire.smtp("QUIT")[0], "^221")
                self.assertEqual(self.body_at_backend(), HEAD + body + b".\r\nQUIT\r\n")

    def test_pass_leaves_it_to_the_backend(self):
        wire = self.begin("pass")
        wire.send(HEAD + b"one\ntwo\r\n.\r\n")
        self.assertRegex(wire.smtp()[0], "^250 2.0.0 taken")
        self.assertIn(b"one\ntwo\r\n.\r\n", self.body_at_backend())

    def test_on_pass_another_end_is_found_out(self):
        """This backend takes LF.LF for an end; its answer is one that nobody asked for."""
        for name in ("LF dot LF", "LF dot CRLF", "CRLF dot LF"):
            with self.subTest(variant=name), \
                    self.one_event("session-end", event__reason="response_injection"):
                wire = self.begin("pass")
                wire.send(HEAD.rstrip(b"\r\n") + ENDS[name])
                answer = wire.rest()
                self.assertNotIn("250", answer)
                wire.close()

    def test_chunks_are_counted_and_not_scanned(self):
        wire = Wire(self.postern.port("smtp-implicit"), tls=self.room.client_tls())
        self.addCleanup(wire.close)
        wire.smtp()
        self.assertIn("250-CHUNKING", wire.smtp("EHLO client.example.test"))
        # The fake answers lines, so that a chunk of two lines is two commands to it.
        wire.send("BDAT 26 LAST\r\nSTARTTLS\r\nVRFY x\n.\nQUIT\r\n")
        self.assertRegex(wire.smtp()[0], "^250")
        harness.until(lambda: b"STARTTLS\r\nVRFY x\n.\nQUIT\r\n" in self.fake.received[-1],
                      "the chunk arrives")

    def test_a_real_server_delivers_nothing(self):
        dovecot = self.room.enter(Dovecot(self.room))
        postfix = self.room.enter(Postfix(self.room, dovecot))
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "smtp", "tls": "optional", "backend": "real"},
                        {"protocol": "smtp", "tls": "implicit", "backend": "real"}],
            {"real": postfix.port}))
        for name, end in ENDS.items():
            with self.subTest(variant=name):
                wire = self.begin("smtp-implicit", postern)
                wire.send(HEAD.rstrip(b"\r\n") + end + INNER)
                self.assertRegex(wire.rest(), r"^521 5\.5\.2 ")
        wire = self.begin("smtp-optional", postern)
        wire.send(b"Subject: good\r\n\r\ntext\r\n.\r\n")
        self.assertRegex(wire.smtp()[0], "^250 ")
        harness.until(dovecot.messages, "the good one arrives")
        self.assertEqual(len(dovecot.messages()), 1)
        self.assertIn(b"Subject: good", dovecot.messages()[0].read_bytes())


class CommandLines(harness.TestCase):
    """Before login a command line with a bare CR, a bare LF or a NUL is never forwarded."""

    def test_bare_newlines_in_commands_end_the_session(self):
        makes = {"smtp": FakeSmtp, "imap": harness.FakeImap, "pop3": harness.FakePop3}
        errors = {"smtp": r"(?m)^50[01] ", "imap": r"(?m)^(\S+ BAD|\* BAD|\* BYE) ",
                  "pop3": "(?m)^-ERR"}
        lines = {"smtp": "NOOP{}RSET\r\n", "imap": "a NOOP{}b NOOP\r\n", "pop3": "NOOP{}NOOP\r\n"}
        for protocol, make in makes.items():
            room = self.own_room()
            fake = room.enter(make())
            postern = room.enter(Postern(room, [
                {"protocol": protocol, "tls": tls, "backend": "old"}
                for tls in ("required", "optional", "implicit")], {"old": fake.port}))
            for tls in ("required", "optional", "implicit"):
                for name, bad in (("LF", "\n"), ("CR", "\r"), ("NUL", "\0")):
                    with self.subTest(protocol=protocol, tls=tls, bad=name), Wire(
                            postern.port(f"{protocol}-{tls}"),
                            tls=room.client_tls() if tls == "implicit" else None) as wire:
                        wire.line()
                        wire.send(lines[protocol].format(bad))
                        self.assertRegex(wire.rest(), errors[protocol])
            self.assertEqual(fake.everything(), b"")
            postern.wait_events(9, "session-end", event__reason="bad_syntax")


if __name__ == "__main__":
    harness.main()
