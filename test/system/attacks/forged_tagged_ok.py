#!/usr/bin/env python3
"""A tagged OK before its command, with a guessed tag.

IMAP clients count their tags, so that the answer to a command can be sent before the command: a
client takes it for the answer to its STARTTLS or LOGIN (CVE-2026-42246, Ruby's Net::IMAP; response
injection in "Why TLS Is Better Without STARTTLS", USENIX Security 2021). Expected: postern passes a
tagged response only where that tag is outstanding at the backend; any other ends the session as
response-injection. A tag whose command postern still holds, or answers itself, is not outstanding.
"""
import harness

GUESSES = ["a OK done\r\n", "A001 OK done\r\n", "s OK Begin TLS now\r\n",
           "a OK [CAPABILITY X] in\r\n", "a NO wrong\r\n", "+ go on\r\n", "+\r\n"]


class ForgedTaggedOk(harness.Front):
    protocols = ("imap",)
    modes = ("required", "optional", "observe", "implicit")

    def assert_injected(self, wire, forged):
        got = wire.rest_rudely()
        self.assertNotIn(forged, got)
        self.assert_ended(wire, "response_injection")
        self.assertEqual(len(self.events_of(wire, "response-injection")), 1)

    def test_behind_the_greeting(self):
        for mode in self.modes:
            for forged in GUESSES:
                def script(peer, forged=forged):
                    peer.send("* OK hello\r\n" + forged)
                    peer.wait_for_end()
                with self.subTest(mode=mode, forged=forged), self.lying("imap", script):
                    self.assert_injected(self.begun("imap", mode), forged)

    def test_for_a_command_that_is_still_held(self):
        """LOGIN's name has come, its password not: the backend knows of nothing."""
        for mode in ("observe", "implicit"):
            for forged in ("a OK you are anna\r\n", "+ go on\r\n"):
                def script(peer, forged=forged):
                    peer.send("* OK hello\r\n")
                    peer.line()
                    peer.send("n OK done\r\n" + forged)
                    peer.wait_for_end()
                with self.subTest(mode=mode, forged=forged), self.lying("imap", script) as fake:
                    wire = self.begun("imap", mode)
                    # Both at once: the backend sees NOOP alone.
                    wire.send("n NOOP\r\na LOGIN {4}\r\n")
                    got = wire.rest_rudely()
                    self.assertNotIn("a OK", got)
                    self.assert_ended(wire, "response_injection")
                    self.assertEqual(bytes(fake.received[-1]), b"n NOOP\r\n")
                    self.assertEqual(self.events_of(wire, "login"), [])

    def test_for_starttls_while_it_waits_for_its_turn(self):
        def script(peer):
            peer.send("* OK hello\r\n")
            peer.line()
            peer.send("s OK Begin TLS now\r\nn OK done\r\n")
            peer.wait_for_end()
        for mode in ("optional", "observe"):
            with self.subTest(mode=mode), self.lying("imap", script):
                wire = self.clear("imap", mode)
                wire.send("n NOOP\r\ns STARTTLS\r\n")
                self.assert_injected(wire, "s OK")

    def test_twice_for_one_command(self):
        def script(peer):
            peer.send("* OK hello\r\n")
            peer.line()
            peer.send("n OK done\r\nn OK forged\r\n")
            peer.wait_for_end()
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("imap", script):
                wire = self.begun("imap", mode)
                wire.send("n NOOP\r\n")
                self.assert_injected(wire, "forged")

    def test_for_a_login_that_postern_refused(self):
        def script(peer):
            peer.send("* OK hello\r\n")
            peer.line()
            peer.send("a OK you are anna\r\nn OK done\r\n")
            peer.wait_for_end()
        with self.lying("imap", script) as fake:
            wire = self.clear("imap", "optional")
            wire.send("a LOGIN anna s3cret\r\nn NOOP\r\n")
            self.assert_injected(wire, "a OK")
            self.assertEqual(bytes(fake.received[-1]), b"n NOOP\r\n")
            self.assertEqual(self.events_of(wire, "login"), [])


if __name__ == "__main__":
    harness.main()
