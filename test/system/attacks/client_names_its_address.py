#!/usr/bin/env python3
"""A client's own XCLIENT, XFORWARD, XPROXY …: the commands by which a proxy tells who its client
is.

Postfix and Dovecot believe XCLIENT and XFORWARD from trusted addresses (Postfix's XCLIENT and
XFORWARD documents), Exchange its own servers' XPROXY, XPROXYFROM, XPROXYTO, XSESSIONPARAMS,
XSHADOW and XSHADOWREQUEST, Zimbra XOIP in POP3. Behind a proxy each client comes from a trusted
address, and could log in as another machine, relay, or hide. Expected: none reaches the backend,
whatever its letters, blanks and place; SMTP's answer is 502, POP3's -ERR, the gate's 530; each is
told in the log.
"""
import harness

SMTP = ["XCLIENT ADDR=192.0.2.66 NAME=evil.example", "XFORWARD NAME=evil.example ADDR=192.0.2.66",
        "XPROXY SID=1 IP=192.0.2.66 PORT=25 DOMAIN=evil.example CAPABILITIES=0",
        "XPROXYFROM SID=1 IP=192.0.2.66 PORT=25", "XPROXYTO SID=1 DESTINATIONS=evil.example",
        "XSESSIONPARAMS MDBGUID=0", "XSHADOW evil", "XSHADOWREQUEST evil", "XCLIENT", "XFORWARD"]
POP3 = ["XCLIENT ADDR=192.0.2.66 PORT=1", "XCLIENT", "XOIP 192.0.2.66"]


def spellings(command):
    verb, _, rest = command.partition(" ")
    yield command
    yield f"{verb.lower()} {rest}"
    yield f"{verb.title()} {rest}"
    yield f" {command}"
    yield f"\t{command}"
    yield f"{verb}\t{rest}"
    yield f"{verb}  {rest}"
    yield f"{verb}=evil"


class ClientNamesItsAddress(harness.Front):
    protocols = ("pop3", "submission", "smtp")
    modes = ("required", "optional", "observe", "implicit")

    def assert_nothing_passed(self):
        for protocol, fake in self.fakes.items():
            everything = fake.everything().upper()
            for word in (b"XCLIENT", b"XFORWARD", b"XPROXY", b"XSESSION", b"XSHADOW", b"XOIP"):
                self.assertNotIn(word, everything, protocol)

    def assert_told(self, wire, count):
        harness.until(lambda: len(self.events_of(wire, "limit")) == count, "events", every=0.002)

    def test_in_smtp(self):
        for protocol, mode in self.listeners(protocols=("submission",)):
            for command in SMTP:
                with self.subTest(protocol=protocol, mode=mode, command=command):
                    wire = self.begun(protocol, mode)
                    lines = list(spellings(command))
                    # All at once, between commands that pass.
                    wire.send("NOOP\r\n" + "".join(line + "\r\nNOOP\r\n" for line in lines))
                    self.assertTrue(wire.line().startswith("250"))
                    for line in lines:
                        self.assertTrue(wire.line().startswith("502 5.5.1 "), line)
                        self.assertTrue(wire.line().startswith("250"))
                    self.assert_told(wire, len(lines))
        self.assert_nothing_passed()

    def test_in_pop3(self):
        for mode in self.modes:
            for command in POP3:
                with self.subTest(mode=mode, command=command):
                    wire = self.begun("pop3", mode)
                    lines = list(spellings(command))[:-1]
                    wire.send("NOOP\r\n" + "".join(line + "\r\nNOOP\r\n" for line in lines))
                    self.assertTrue(wire.line().startswith("+OK"))
                    for line in lines:
                        self.assertTrue(wire.line().startswith("-ERR "), line)
                        self.assertTrue(wire.line().startswith("+OK"))
                    self.assert_told(wire, len(lines))
        self.assert_nothing_passed()

    def test_in_smtp_after_a_login_and_in_a_transaction(self):
        for mode in ("required", "observe", "implicit"):
            with self.subTest(mode=mode):
                wire = self.begun("submission", mode)
                self.assertTrue(wire.smtp("AUTH PLAIN " + harness.b64("\0anna\0s3cret"))[0]
                                .startswith("235"))
                for command in SMTP[:8]:
                    wire.send("MAIL FROM:<a@example.test>\r\n" + command + "\r\nRSET\r\n")
                    self.assertTrue(wire.line().startswith("250"))
                    self.assertTrue(wire.line().startswith("502 5.5.1 "))
                    self.assertTrue(wire.line().startswith("250"))
        self.assert_nothing_passed()

    def test_before_tls_they_get_the_gates_answer(self):
        for protocol, commands, answer in (("submission", SMTP, "530 5.7.0"),
                                           ("pop3", POP3, "-ERR ")):
            with self.subTest(protocol=protocol):
                accepted = self.fakes[protocol].accepted
                wire = self.clear(protocol, "required")
                for command in commands:
                    wire.send(command + "\r\n")
                    self.assertTrue(wire.line().startswith(answer))
                self.assertEqual(self.fakes[protocol].accepted, accepted)

    def test_a_backend_that_lists_them_does_so_in_vain(self):
        ehlo = ("250-x\r\n250-XCLIENT NAME ADDR\r\n250-XFORWARD NAME\r\n250-XPROXY\r\n"
                "250-XSHADOW\r\n250 8BITMIME\r\n")
        capa = "+OK\r\nTOP\r\nXCLIENT ADDR\r\nXOIP\r\n.\r\n"

        def smtp(peer):
            peer.send("220 x\r\n")
            while (line := peer.line()) is not None:
                peer.send(ehlo if line.startswith("EHLO") else "250 x\r\n")

        def pop3(peer):
            peer.send("+OK x\r\n")
            while (line := peer.line()) is not None:
                peer.send(capa if line == "CAPA" else "+OK\r\n")
        for mode in self.modes:
            with self.subTest(mode=mode):
                with self.lying("smtp", smtp):
                    lines = self.begun("smtp", mode).smtp("EHLO x")
                    self.assertFalse([line for line in lines if line[4:].startswith("X")])
                with self.lying("pop3", pop3):
                    lines = self.begun("pop3", mode).pop3("CAPA", many=True)
                    self.assertFalse([line for line in lines if line.startswith("X")])


if __name__ == "__main__":
    harness.main()
