#!/usr/bin/env python3
"""PREAUTH from the backend, before and after the upgrade.

A greeting of PREAUTH means that somebody is logged in already; RFC 9051 7.1.4 has no STARTTLS then,
so that a client stays in clear, and writes its drafts and sent mail into an attacker's session:
CVE-2014-2567 (Trojita), CVE-2020-14093 (Mutt), "Why TLS Is Better Without STARTTLS" (USENIX
Security 2021). Expected: no PREAUTH reaches a client, in whatever letters and at whatever time; the
session ends with postern's own BYE. On `required` there is no backend before TLS that could say it.
"""
import harness

WORDS = ["* PREAUTH you are anna\r\n", "* preauth [CAPABILITY IMAP4rev1] hello\r\n",
         "* PreAuth\r\n"]


class Preauth(harness.Front):
    protocols = ("imap",)
    modes = ("required", "optional", "observe", "implicit")

    def test_as_the_greeting(self):
        for mode in self.modes:
            for words in WORDS:
                def script(peer, words=words):
                    peer.send(words)
                    peer.wait_for_end()
                with self.subTest(mode=mode, words=words), self.lying("imap", script):
                    wire = self.connect(f"imap-{mode}",
                                        self.room.client_tls() if mode == "implicit" else None)
                    if mode == "required":
                        self.assertTrue(wire.line().startswith("* OK "))
                        wire.starttls("imap", self.room.client_tls())
                    self.assertRegex(wire.rest(), r"^\* BYE (?!.*(?i:preauth))[^\r\n]+\r\n$")
                    self.assert_ended(wire, "backend_preauth")

    def test_of_the_session_behind_the_upgrade_alone(self):
        """The first backend session is honest, the second lies."""
        for words in WORDS:
            def script(peer, words=words):
                peer.send(words)
                peer.wait_for_end()
            with self.subTest(words=words):
                wire = self.clear("imap", "observe")
                with self.lying("imap", script):
                    wire.starttls("imap", self.room.client_tls())
                    self.assertRegex(wire.rest(), r"^\* BYE (?!.*(?i:preauth))[^\r\n]+\r\n$")
                    self.assert_ended(wire, "backend_preauth")

    def test_later_than_the_greeting(self):
        for mode in self.modes:
            for words in WORDS:
                def script(peer, words=words):
                    peer.send("* OK hello\r\n")
                    line = peer.line()
                    peer.send(words + f"{line.split(' ')[0]} OK done\r\n")
                    peer.wait_for_end()
                with self.subTest(mode=mode, words=words), self.lying("imap", script):
                    wire = self.begun("imap", mode)
                    wire.send("a NOOP\r\n")
                    got = wire.rest()
                    self.assertRegex(got, r"^\* BYE ")
                    self.assertNotRegex(got, r"(?i)preauth|a OK")
                    self.assert_ended(wire, "backend_preauth")


if __name__ == "__main__":
    harness.main()
