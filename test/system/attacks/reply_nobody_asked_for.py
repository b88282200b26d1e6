#!/usr/bin/env python3
"""Bytes glued behind the backend's greeting, and replies that nobody asked for.

A reply that comes early is taken for the answer to the client's next command: to its login, or to
its STARTTLS (CVE-2020-14954, Mutt: a buffered line is read as the first reply under TLS; response
injection in "Why TLS Is Better Without STARTTLS", USENIX Security 2021). Expected: replies are
matched one to one. One too many ends the session as response-injection and is not passed on, in
clear, under implicit TLS and behind STARTTLS alike; SMTP's own 421 may come unasked (RFC 5321 3.8),
once.
"""
import harness

FORGED = {
    "imap": ["a OK forged\r\n", "+ forged\r\n", "* 1 EXISTS\r\nn OK forged\r\n"],
    "pop3": ["+OK forged\r\n", "-ERR forged\r\n", "+ forged\r\n", "forged\r\n", ".\r\n"],
    "smtp": ["250 forged\r\n", "250-forged\r\n250 forged\r\n", "220 forged\r\n",
                   "235 forged\r\n", "334 forged\r\n", "354 forged\r\n", "530 forged\r\n"],
}
ANSWER = {"imap": "n OK done\r\n", "pop3": "+OK\r\n", "smtp": "250 fine\r\n"}


class ReplyNobodyAskedFor(harness.Front):
    protocols = ("imap", "pop3", "smtp")
    modes = ("required", "observe", "implicit")

    def connected(self, protocol, mode):
        """A client that has seen a greeting, and under TLS where that is to be had by itself."""
        wire = self.connect(f"{protocol}-{mode}",
                            self.room.client_tls() if mode == "implicit" else None)
        wire.line()
        if mode == "required":
            wire.starttls(protocol, self.room.client_tls())
        return wire

    def assert_injected(self, wire):
        self.assertNotIn("forged", wire.rest_rudely())
        self.assert_ended(wire, "response_injection")
        self.assertEqual(len(self.events_of(wire, "response-injection")), 1)

    def test_glued_behind_the_greeting(self):
        for protocol, mode in self.listeners():
            for forged in FORGED[protocol]:
                def script(peer, said=harness.GREETING[protocol] + forged):
                    peer.send(said)
                    peer.wait_for_end()
                with self.subTest(protocol=protocol, mode=mode, forged=forged), \
                        self.lying(protocol, script):
                    self.assert_injected(self.connected(protocol, mode))

    def test_a_second_answer(self):
        for protocol, mode in self.listeners():
            for forged in FORGED[protocol]:
                def script(peer, protocol=protocol, forged=forged):
                    peer.send(harness.GREETING[protocol])
                    peer.line()
                    peer.send(ANSWER[protocol] + forged)
                    peer.wait_for_end()
                with self.subTest(protocol=protocol, mode=mode, forged=forged), \
                        self.lying(protocol, script):
                    wire = self.connected(protocol, mode)
                    wire.send(harness.NOOP[protocol][0])
                    self.assert_injected(wire)

    def test_glued_behind_the_greeting_of_the_session_behind_the_upgrade(self):
        for protocol in self.protocols:
            for forged in FORGED[protocol]:
                def script(peer, said=harness.GREETING[protocol] + forged):
                    peer.send(said)
                    peer.wait_for_end()
                with self.subTest(protocol=protocol, forged=forged):
                    wire = self.clear(protocol, "observe")
                    with self.lying(protocol, script):
                        wire.send(harness.UPGRADE[protocol])
                        self.assertTrue(wire.line().startswith(harness.GO_AHEAD[protocol]))
                        wire.wrap(self.room.client_tls())
                        self.assert_injected(wire)

    def test_a_farewell_may_come_unasked_but_once(self):
        def script(peer):
            peer.send("220 hello\r\n421 closing\r\n421 forged\r\n")
            peer.wait_for_end()
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("smtp", script):
                wire = self.connected("smtp", mode)
                self.assertTrue(wire.line().startswith("421 closing"))
                self.assert_injected(wire)


if __name__ == "__main__":
    harness.main()
