#!/usr/bin/env python3
"""What was said in clear is unknown under TLS.

Whoever stands between client and server says EHLO, MAIL FROM, RCPT TO, ENABLE, SELECT or USER in
clear and lets the client upgrade: a server that keeps its state goes on with the attacker's
(session fixation, "Why TLS Is Better Without STARTTLS", USENIX Security 2021; RFC 3207 4.2: the
server must discard what it has learnt, RFC 9051 6.2.1 for capabilities). Expected: the backend
session behind TLS is a new one, has heard exactly what came under TLS, and postern's own log knows
no client name and no user of before.
"""
import harness
from harness import UPGRADE

BEFORE = {
    "imap": ["a CAPABILITY", "b ID (\"name\" \"Fixated\")", "c ENABLE CONDSTORE", "d NAMESPACE",
             "e SELECT INBOX", "f LIST \"\" *"],
    "pop3": ["CAPA", "UTF8", "LANG fixated", "USER fixated"],
    "smtp": ["EHLO fixated.example", "MAIL FROM:<fixated@example.test>",
             "RCPT TO:<fixated@example.test>", "NOOP"],
}
BEFORE["submission"] = BEFORE["smtp"]
AFTER = {"imap": ["n NOOP"], "pop3": ["NOOP", "STAT"], "smtp": ["NOOP", "RCPT TO:<b@example.test>"],
         "submission": ["NOOP", "RCPT TO:<b@example.test>"]}


class SessionFixation(harness.Front):
    protocols = ("imap", "pop3", "submission", "smtp")
    modes = ("required", "optional", "observe")

    def say(self, protocol, wire, line):
        if protocol == "imap":
            return wire.imap(line)
        if protocol == "pop3":
            return wire.pop3(line, many=line == "CAPA")
        return wire.smtp(line)

    def test_the_backend_hears_what_came_under_tls_alone(self):
        for protocol, mode in self.listeners():
            for pipelined in (False, True):
                with self.subTest(protocol=protocol, mode=mode, pipelined=pipelined):
                    fake = self.fakes[protocol]
                    accepted = fake.accepted
                    wire = self.connect(f"{protocol}-{mode}")
                    wire.line()
                    if pipelined:
                        wire.send("\r\n".join(BEFORE[protocol]) + "\r\n" + UPGRADE[protocol])
                        self.until_go_ahead(protocol, wire)
                    else:
                        for line in BEFORE[protocol]:
                            self.say(protocol, wire, line)
                        wire.send(UPGRADE[protocol])
                        wire.line()
                    wire.wrap(self.room.client_tls())
                    for line in AFTER[protocol]:
                        self.say(protocol, wire, line)
                    self.assertEqual(fake.accepted, accepted + (1 if mode == "required" else 2))
                    self.assertEqual(bytes(fake.received[-1]).decode(),
                                     "".join(line + "\r\n" for line in AFTER[protocol]))
                    wire.close()
                    end = self.assert_ended(wire, "client_closed")
                    self.assertNotIn("ixated", "".join(map(str, end.values())))
                    self.assertNotIn("user_agent.original", end)

    def until_go_ahead(self, protocol, wire):
        good = {"imap": "s OK Begin", "pop3": "+OK Begin", "smtp": "220 2.0.0 Ready",
                "submission": "220 2.0.0 Ready"}[protocol]
        while not (line := wire.line()).startswith(good):
            self.assertTrue(line)

    def test_a_user_named_in_clear_is_nobody_behind_stls(self):
        """PASS under TLS is a try of its own: neither the backend nor the log knows the name."""
        for mode in ("required", "optional", "observe"):
            with self.subTest(mode=mode):
                wire = self.clear("pop3", mode)
                wire.pop3("USER fixated")
                wire.starttls("pop3", self.room.client_tls())
                wire.pop3("PASS wrong")
                self.assertEqual(bytes(self.fakes["pop3"].received[-1]), b"PASS wrong\r\n")
                harness.until(lambda wire=wire: self.events_of(wire, "login"), "the login is told",
                              every=0.005)
                login = self.events_of(wire, "login")[0]
                self.assertFalse({"user.name", "user.hash"} & set(login))
                self.assertEqual(login["postern.security"], "starttls")

    def test_a_message_begun_in_clear_is_not_gone_on_with(self):
        """DATA's text would come under TLS: it is no message there, and no command that passes."""
        for protocol in ("submission", "smtp"):
            with self.subTest(protocol=protocol):
                wire = self.clear(protocol, "observe")
                wire.smtp("MAIL FROM:<fixated@example.test>")
                wire.smtp("RCPT TO:<fixated@example.test>")
                wire.smtp("STARTTLS")
                wire.wrap(self.room.client_tls())
                wire.send("Subject: x\r\n")
                wire.line()
                self.assertNotIn(b"fixated", bytes(self.fakes[protocol].received[-1]))


if __name__ == "__main__":
    harness.main()
