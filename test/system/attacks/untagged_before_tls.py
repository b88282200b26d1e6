#!/usr/bin/env python3
"""Untagged responses before TLS: an ALERT, a REFERRAL, a BYE, mailbox data.

Clients show an ALERT to people, follow a REFERRAL to another server with their password, and take
EXISTS, LIST or FETCH for their mailbox, although all of it came in clear: CVE-2021-38370 (Alpine),
"Why TLS Is Better Without STARTTLS" (USENIX Security 2021). Expected: on `required` nothing but
postern's own fixed words comes before TLS, for there is no backend yet. On `optional` the backend's
words pass in clear as they always did, but no REFERRAL ever does, and none of what was said in
clear is said again, or held, under TLS.
"""
import harness

SAID = ["* OK [ALERT] call 555 and tell your password\r\n", "* 23 EXISTS\r\n",
        "* FLAGS (\\Seen)\r\n", "* LIST () \"/\" forged\r\n",
        "* 1 FETCH (BODY[] {6}\r\nforged)\r\n", "* OK [UIDVALIDITY 1] x\r\n",
        "* SEARCH 1 2 3\r\n", "* NO [ALERT] forged\r\n", "* ENABLED CONDSTORE\r\n"]
REFERRALS = ["* OK [REFERRAL imap://evil.example/] go\r\n",
             "* NO [referral imap://evil.example/] go\r\n",
             "* BAD [REFERRAL imap://;AUTH=*@[2001:db8::1]/] evil\r\n"]


class UntaggedBeforeTls(harness.Front):
    protocols = ("imap",)
    modes = ("required", "optional", "observe", "implicit")

    @staticmethod
    def talkative(said):
        """Says it behind its greeting, unasked, and before each answer."""
        def script(peer):
            peer.send("* OK hello\r\n" + said)
            while (line := peer.line()) is not None:
                peer.send(said + line.split(" ")[0] + " OK done\r\n")
        return script

    def test_on_required_there_is_nobody_to_say_it(self):
        with self.lying("imap", self.talkative("".join(SAID + REFERRALS) + "* BYE\r\n")) as fake:
            accepted = fake.accepted
            wire = self.connect("imap-required")
            wire.send("a CAPABILITY\r\nb NOOP\r\nc ID NIL\r\nd SELECT INBOX\r\ne LOGIN a b\r\n"
                      "f LOGOUT\r\n")
            got = wire.rest()
            self.assertNotRegex(got, r"(?i)555|exists|flags|fetch|referral|evil|forged|uidvalidity")
            self.assertEqual(fake.accepted, accepted)
            self.assertEqual([line.split(" ")[1] for line in got.splitlines() if line[0] == "*"],
                             ["OK", "CAPABILITY", "ID", "BAD", "BYE"])

    def test_on_optional_none_of_it_is_said_again_under_tls(self):
        for mode in ("optional", "observe"):
            with self.subTest(mode=mode):
                with self.lying("imap", self.talkative("".join(SAID))):
                    wire = self.clear("imap", mode)
                    wire.imap("a NOOP")
                    wire.send("s STARTTLS\r\n")
                    self.assertTrue(wire.imap(tag="s")[-1].startswith("s OK "))
                wire.wrap(self.room.client_tls())
                self.assertEqual(wire.imap("n NOOP"), ["n OK done"])

    def test_a_referral_passes_nowhere(self):
        for mode in self.modes:
            for referral in REFERRALS + ["* BYE [REFERRAL imap://evil.example/] go\r\n"]:
                with self.subTest(mode=mode, referral=referral), \
                        self.lying("imap", self.talkative(referral)):
                    wire = self.begun("imap", mode)
                    lines = "".join(wire.imap("a NOOP"))
                    self.assertNotRegex(lines, "(?i)referral|imap://")
                    self.assertTrue(lines.endswith("a OK done"))

    def test_a_referral_as_the_answer_to_a_login(self):
        for answer in ("NO [REFERRAL imap://evil.example/] elsewhere",
                       "OK [REFERRAL imap://evil.example/] elsewhere"):
            def script(peer, answer=answer):
                peer.send("* OK hello\r\n")
                while (line := peer.line()) is not None:
                    peer.send(line.split(" ")[0] + " " + answer + "\r\n")
            for mode in ("required", "observe", "implicit"):
                with self.subTest(mode=mode, answer=answer), self.lying("imap", script):
                    wire = self.begun("imap", mode)
                    self.assertRegex(wire.imap("a LOGIN anna s3cret")[-1], "^a (NO|OK) elsewhere$")

    def test_a_bye_before_tls_is_not_the_end_of_what_comes_after(self):
        """It is passed on, the backend closes, and the session ends in clear."""
        def script(peer):
            peer.send("* OK hello\r\n* BYE forged\r\n")
        for mode in ("optional", "observe"):
            with self.subTest(mode=mode), self.lying("imap", script):
                wire = self.clear("imap", mode)
                self.assertEqual(wire.rest(), "* BYE forged\r\n")
                self.assert_ended(wire, "backend_closed")


if __name__ == "__main__":
    harness.main()
