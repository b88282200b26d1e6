#!/usr/bin/env python3
"""A backend's reply that looks like a go-ahead.

220 to STARTTLS, 334 in AUTH, 354 to DATA, IMAP's and POP3's "+": each makes the client send
something else than a command. Said at another time, it turns a command into a password or a
message, or the other way round (response injection, "Why TLS Is Better Without STARTTLS", USENIX
Security 2021; SMTP smuggling, SEC Consult, 2023). Expected: postern asks no backend for TLS, so
none has a go-ahead to give; 334 and 354 pass only where AUTH and DATA asked for them, "+" only
where a literal or a SASL exchange did; any other ends the session.
"""
import harness
from harness import GO_AHEAD, UPGRADE


def answering(greeting, answers):
    """Greets, then gives the next of `answers` to each line, ever the last one."""
    def script(peer):
        peer.send(greeting)
        left = list(answers)
        while (line := peer.line()) is not None:
            answer = left.pop(0) if len(left) > 1 else left[0]
            peer.send(answer.replace("{tag}", line.split(" ")[0]))
    return script


class FalseGoAhead(harness.Front):
    protocols = ("imap", "pop3", "smtp")
    modes = ("required", "observe", "implicit")

    def test_a_220_of_the_backends_begins_no_tls(self):
        """It answers NOOP; the go-ahead is postern's own, in its turn."""
        words = {"imap": "{tag} OK Begin TLS negotiation now\r\n",
                 "pop3": "+OK Begin TLS negotiation\r\n",
                 "smtp": "220 2.0.0 Ready to start TLS\r\n"}
        for protocol in self.protocols:
            greeting = harness.GREETING[protocol]
            said = ["250 x\r\n"] * (protocol == "smtp") + [words[protocol]]
            with self.subTest(protocol=protocol):
                with self.lying(protocol, answering(greeting, said)) as fake:
                    wire = self.clear(protocol, "observe")
                    wire.send(harness.NOOP[protocol][0] + UPGRADE[protocol])
                    first = wire.line()
                    self.assertEqual(first + "\r\n", words[protocol].replace("{tag}", "n"))
                    self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
                    self.assertNotIn(UPGRADE[protocol].encode(), bytes(fake.received[-1]))
                wire.wrap(self.room.client_tls())
                self.assert_goes_on(protocol, wire)

    def test_a_client_that_takes_it_for_one_gets_no_tls_from_the_backend(self):
        for protocol, word in (("imap", "{tag} OK Begin TLS now\r\n"),
                               ("pop3", "+OK Begin TLS now\r\n"),
                               ("smtp", "220 Begin TLS now\r\n")):
            with self.subTest(protocol=protocol), \
                    self.lying(protocol, answering(harness.GREETING[protocol], [word])) as fake:
                wire = self.connect(f"{protocol}-observe")
                wire.line()
                wire.send(harness.NOOP[protocol][0])
                self.assertIn("Begin TLS now", wire.line())
                hello = harness.client_hello(self.room.client_tls())[1]
                wire.send(hello)
                wire.rest()
                self.assert_ended(wire, "tls_on_clear_port")
                self.assertNotIn(hello[:8], bytes(fake.received[-1]))

    def test_334_and_354_to_other_commands(self):
        for reply in ("334 \r\n", "334 VXNlcm5hbWU6\r\n", "354 go on\r\n", "354-go\r\n354 on\r\n"):
            for command in ("NOOP", "MAIL FROM:<a@example.test>", "EHLO x", "RSET", "VERB", "QUIT",
                            "RCPT TO:<b@example.test>"):
                for mode in ("observe", "implicit"):
                    with self.subTest(reply=reply, command=command, mode=mode), \
                            self.lying("smtp", answering("220 x\r\n", [reply])):
                        tls = self.room.client_tls() if mode == "implicit" else None
                        wire = self.connect(f"smtp-{mode}", tls)
                        wire.line()
                        wire.send(command + "\r\nMAIL FROM:<injected@example.test>\r\n")
                        self.assertRegex(wire.rest_rudely(), r"^421 4\.3\.0 [^\r\n]+\r\n$")
                        self.assert_ended(wire, "backend_protocol")

    def test_a_plus_that_nobody_waits_for(self):
        for protocol, command in (("imap", "a NOOP\r\n"), ("imap", "a SELECT x\r\n"),
                                  ("imap", "a LIST \"\" *\r\n")):
            for reply in ("+ go on\r\n", "+\r\n", "+ VXNlcm5hbWU6\r\n"):
                for mode in self.modes:
                    with self.subTest(command=command, reply=reply, mode=mode), \
                            self.lying(protocol, answering("* OK x\r\n", [reply])):
                        wire = self.begun(protocol, mode)
                        wire.send(command)
                        self.assertNotIn("\n+", "\n" + wire.rest_rudely())
                        self.assert_ended(wire, "response_injection")

    def test_a_second_go_ahead_within_a_message(self):
        """The message has begun; what comes before its end was asked for by nobody."""
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("smtp", answering(
                    "220 x\r\n", ["250 x\r\n"] * 3 + ["354 go\r\n354 on\r\n250 forged\r\n"])):
                wire = self.begun("smtp", mode)
                wire.smtp("MAIL FROM:<a@example.test>")
                wire.smtp("RCPT TO:<b@example.test>")
                wire.send("DATA\r\n")
                self.assertNotRegex(wire.rest_rudely(), "forged|354 on")
                self.assert_ended(wire, "response_injection")


if __name__ == "__main__":
    harness.main()
