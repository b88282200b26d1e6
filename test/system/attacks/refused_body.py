#!/usr/bin/env python3
"""A refused AUTH, DATA, BDAT, AUTHENTICATE or LOGIN whose body is sent behind it without waiting.

If the server refuses what was to be followed by a password, a message or a literal, then whatever
follows is read as commands: a mail with MAIL FROM in its text sends another mail, and a password is
logged as an unknown command. RFC 2920 3.1 lets nothing follow DATA before its reply, RFC 4954 4 has
no response before its challenge; BDAT (RFC 3030 2) and {n+} literals (RFC 7888) are to be
read to their end even where they are refused. The same desynchronisation is the ground of SMTP
smuggling (SEC Consult, 2023). Expected: no octet of such a body reaches the backend as a command,
be it refused by postern or by the backend, in one segment with it or later.
"""
import re

import harness
from harness import b64

MESSAGE = ("Subject: x\r\n\r\nMAIL FROM:<injected@example.test>\r\n"
           "RCPT TO:<injected@example.test>\r\nDATA\r\n.\r\n")
HIDDEN = ["MAIL FROM:<injected@example.test>\r\n", "RSET\r\nMAIL FROM:<injected@example.test>\r\n",
          "QUIT\r\n", ".\r\nMAIL FROM:<injected@example.test>\r\n", "\r\nEHLO injected\r\n"]
PASSWORD = "inj3cted"
PLAIN = b64(f"\0anna\0{PASSWORD}")
LOGIN = f"{b64('anna')}\r\n{b64(PASSWORD)}"


def smtp(refused, answer, chunking=True):
    """A backend that refuses commands which begin so; its BDAT takes the octets even then."""
    features = "250-x\r\n250-AUTH LOGIN PLAIN\r\n" + "250-CHUNKING\r\n" * chunking

    def script(peer):
        peer.send("220 x\r\n")
        while (line := peer.line()) is not None:
            if size := re.match(r"BDAT (\d+)", line):
                peer.exactly(int(size.group(1)))
            if line.startswith("EHLO"):
                peer.send(features + "250 8BITMIME\r\n")
            elif line.startswith(refused):
                peer.send(answer)
            else:
                peer.send("354 go\r\n" if line == "DATA" else "250 fine\r\n")
    return script


class RefusedMessage(harness.Front):
    protocols = ("submission", "smtp")
    modes = ("required", "observe", "implicit")

    def envelope(self, protocol, mode):
        wire = self.begun(protocol, mode)
        wire.smtp("MAIL FROM:<a@example.test>")
        wire.smtp("RCPT TO:<b@example.test>")
        return wire

    def assert_only(self, fake, last):
        """The backend heard nothing behind this."""
        received = bytes(fake.received[-1])
        self.assertTrue(received.endswith(last), received)
        self.assertNotIn(b"injected", received)

    def test_data_and_the_message_at_once(self):
        for protocol, mode in self.listeners():
            for message in [MESSAGE, *HIDDEN]:
                for answer in ("554 5.5.1 none valid\r\n", "452 4.3.1 full\r\n", "250 odd\r\n"):
                    with self.subTest(protocol=protocol, mode=mode, message=message), \
                            self.lying(protocol, smtp("DATA", answer)) as fake:
                        wire = self.envelope(protocol, mode)
                        wire.send("DATA\r\n" + message)
                        self.assertEqual(wire.line() + "\r\n", answer)
                        self.assertRegex(wire.rest_rudely(), r"^503 5\.5\.1 [^\r\n]+\r\n$")
                        self.assert_ended(wire, "bad_syntax")
                        self.assert_only(fake, b"DATA\r\n")

    def test_the_message_a_little_later(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode), \
                    self.lying(protocol, smtp("DATA", "554 no\r\n")) as fake:
                wire = self.envelope(protocol, mode)
                self.assertEqual(wire.smtp("DATA"), ["554 no"])
                wire.send(MESSAGE)
                self.assertRegex(wire.rest_rudely(), r"^503 5\.5\.1 [^\r\n]+\r\n$")
                self.assert_only(fake, b"DATA\r\n")

    def test_a_client_that_waits_goes_on(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode), \
                    self.lying(protocol, smtp("DATA", "554 no\r\n")):
                wire = self.envelope(protocol, mode)
                self.assertEqual(wire.smtp("DATA"), ["554 no"])
                self.assertEqual(wire.smtp("RSET"), ["250 fine"])
                self.assertEqual(wire.smtp("MAIL FROM:<a@example.test>"), ["250 fine"])

    def test_a_refused_chunk_is_counted_to_its_end(self):
        body = MESSAGE + "".join(HIDDEN)
        for protocol, mode in self.listeners():
            for chunking in (True, False):
                with self.subTest(protocol=protocol, mode=mode, chunking=chunking), \
                        self.lying(protocol, smtp("BDAT", "503 no\r\n", chunking)) as fake:
                    wire = self.envelope(protocol, mode)
                    wire.send(f"BDAT {len(body)} LAST\r\n{body}NOOP\r\n")
                    self.assertTrue(wire.line().startswith("503 "))
                    self.assertEqual(wire.line(), "250 fine")
                    # Either all of it, counted, or nothing of it.
                    chunk = f"BDAT {len(body)} LAST\r\n{body}".encode() if chunking else b""
                    self.assertTrue(bytes(fake.received[-1]).endswith(
                        b"RCPT TO:<b@example.test>\r\n" + chunk + b"NOOP\r\n"))

    def test_a_refused_auth_with_its_responses(self):
        answers = {"observe": "504 5.7.4 unknown\r\n", "required": "504 5.7.4 unknown\r\n",
                   "implicit": "535 5.7.8 no\r\n"}
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode), \
                    self.lying(protocol, smtp("AUTH", answers[mode])) as fake:
                wire = self.begun(protocol, mode)
                wire.send(f"AUTH LOGIN\r\n{LOGIN}\r\nNOOP\r\n")
                self.assertEqual(wire.line() + "\r\n", answers[mode])
                self.assertTrue(wire.line().startswith("500 5.5.2 "))
                self.assertTrue(wire.line().startswith("500 5.5.2 "))
                self.assertEqual(wire.line(), "250 fine")
                self.assertTrue(bytes(fake.received[-1]).endswith(b"AUTH LOGIN\r\nNOOP\r\n"))


class RefusedLogin(harness.Front):
    """By postern, or by a backend that takes no exchange."""
    protocols = ("imap", "pop3", "submission")
    modes = ("required", "optional", "observe", "implicit")

    def refusing(self, protocol):
        def script(peer):
            peer.send(harness.GREETING[protocol])
            while (line := peer.line()) is not None:
                # Literals are refused before they come.
                tag = line.split(" ")[0]
                if protocol == "imap":
                    peer.send(f"{tag} OK done\r\n" if "NOOP" in line else f"{tag} NO no\r\n")
                else:
                    good, bad = ("+OK", "-ERR no") if protocol == "pop3" else ("250 x", "535 no")
                    is_good = line in ("NOOP", "EHLO client.example.test")
                    peer.send((good if is_good else bad) + "\r\n")
        return script

    def test_imap_literals_and_responses(self):
        n = len(PASSWORD)
        logins = [f"a LOGIN anna {{{n}}}\r\n{PASSWORD}\r\n",
                  f"a LOGIN {{4}}\r\nanna {{{n}}}\r\n{PASSWORD}\r\n",
                  f"a LOGIN anna {{{n}+}}\r\n{PASSWORD}\r\n",
                  f"a LOGIN {{4+}}\r\nanna {{{n}+}}\r\n{PASSWORD}\r\n",
                  f"a AUTHENTICATE PLAIN\r\n{PLAIN}\r\n", f"a AUTHENTICATE LOGIN\r\n{LOGIN}\r\n",
                  # A password that is a command when it is read as one.
                  "a LOGIN anna {20+}\r\nb LOGIN inj3cted x\r\n\r\n"]
        for mode in self.modes:
            for login in logins:
                with self.subTest(mode=mode, login=login), \
                        self.lying("imap", self.refusing("imap")) as fake:
                    wire = self.begun("imap", mode)
                    wire.send(login + "n NOOP\r\n")
                    lines = wire.imap(tag="n")
                    if lines[-1].startswith("+"):  # for a name, which postern asks for itself
                        lines += wire.imap(tag="n")
                    self.assertEqual(lines[-1][:4], "n OK")
                    self.assertEqual([line[:4] for line in lines if line[:2] in ("a ", "b ")],
                                     ["a NO"])
                    received = bytes(fake.received[-1])
                    for secret in harness.shapes(PASSWORD):
                        self.assertNotIn(secret, received)
                    self.assertTrue(received.endswith(b"n NOOP\r\n"))

    def test_pop3(self):
        logins = [f"AUTH LOGIN\r\n{LOGIN}\r\n", f"AUTH PLAIN\r\n{PLAIN}\r\n",
                  f"AUTH NTLM\r\n{PASSWORD}\r\n"]
        for mode in self.modes:
            for login in logins:
                with self.subTest(mode=mode, login=login), \
                        self.lying("pop3", self.refusing("pop3")) as fake:
                    wire = self.begun("pop3", mode)
                    wire.send(login + "NOOP\r\n")
                    for _ in range(login.count("\r\n")):
                        self.assertTrue(wire.line().startswith("-ERR"))
                    self.assertEqual(wire.line(), "+OK")
                    received = bytes(fake.received[-1])
                    for secret in harness.shapes(PASSWORD):
                        self.assertNotIn(secret, received)
                    self.assertTrue(received.endswith(b"NOOP\r\n"))

    def test_pop3_user_and_pass(self):
        """Where clear logins are refused PASS is refused with USER."""
        wire = self.clear("pop3", "optional")
        wire.send(f"USER anna\r\nPASS {PASSWORD}\r\nNOOP\r\n")
        self.assertTrue(wire.line().startswith("-ERR [AUTH] "))
        self.assertTrue(wire.line().startswith("-ERR [AUTH] "))
        self.assertEqual(wire.line(), "+OK")
        self.assertEqual(bytes(self.fakes["pop3"].received[-1]), b"NOOP\r\n")

    def test_smtp(self):
        for mode in self.modes:
            for login in (f"AUTH LOGIN\r\n{LOGIN}\r\n", f"AUTH PLAIN\r\n{PLAIN}\r\n"):
                with self.subTest(mode=mode, login=login), \
                        self.lying("submission", self.refusing("submission")) as fake:
                    wire = self.begun("submission", mode)
                    wire.send(login + "NOOP\r\n")
                    for _ in range(login.count("\r\n")):
                        self.assertRegex(wire.line(), r"^5")
                    self.assertEqual(wire.line(), "250 x")
                    received = bytes(fake.received[-1])
                    for secret in harness.shapes(PASSWORD):
                        self.assertNotIn(secret, received)
                    self.assertTrue(received.endswith(b"NOOP\r\n"))


if __name__ == "__main__":
    harness.main()
