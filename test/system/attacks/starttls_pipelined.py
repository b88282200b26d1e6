#!/usr/bin/env python3
"""STARTTLS behind commands whose replies are still outstanding.

RFC 3207 4 and RFC 2920 3.1 make STARTTLS the last of its group. A proxy that gives its go-ahead
before the backend's outstanding replies lets these arrive within TLS, as the answers to other
commands: response injection ("Why TLS Is Better Without STARTTLS", USENIX Security 2021). Expected:
the go-ahead comes behind all of them; what the backend says later, or beyond what it was asked, is
never seen.
"""
import threading

import harness
from harness import GO_AHEAD, UPGRADE

ASKED = {"imap": "a NOOP\r\nb NOOP\r\n", "pop3": "NOOP\r\nNOOP\r\n",
         "submission": "NOOP\r\nMAIL FROM:<a@example.test>\r\n"}
REPLIES = {"imap": ["a OK one\r\n", "b OK two\r\n"], "pop3": ["+OK one\r\n", "+OK two\r\n"],
           "submission": ["250 one\r\n", "250 two\r\n"]}
FORGED = {"imap": "* OK forged\r\nn OK forged\r\n", "pop3": "+OK forged\r\n",
          "submission": "250 forged\r\n"}


class StarttlsPipelined(harness.Front):
    modes = ("required", "optional", "observe")

    def slow(self, protocol, release, more=""):
        """A backend that answers only when it is told to, and then all at once."""
        def script(peer):
            peer.send(harness.GREETING[protocol])
            for _ in range(2):
                line = peer.line()
                if line and line.startswith("EHLO"):
                    peer.send("250 hello\r\n")
                    peer.line()
            release.wait(60)
            peer.send("".join(REPLIES[protocol]) + more)
            peer.wait_for_end()
        return script

    def upgraded(self, protocol, mode, more=""):
        """Sends commands and STARTTLS, and reads until the go-ahead; the client."""
        release = threading.Event()
        self.addCleanup(release.set)
        with self.lying(protocol, self.slow(protocol, release, more)) as fake:
            wire = self.clear(protocol, mode)
            wire.send(ASKED[protocol] + UPGRADE[protocol])
            self.assertEqual(wire.quiet(0.05), "")
            harness.until(lambda: fake.received[-1].endswith(ASKED[protocol].encode()),
                          "the backend is asked", every=0.005)
            release.set()
            for reply in REPLIES[protocol]:
                self.assertEqual(wire.line() + "\r\n", reply)
        self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
        return wire

    def test_the_go_ahead_waits_for_its_turn(self):
        for protocol, mode in self.listeners(modes=("optional", "observe")):
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.upgraded(protocol, mode)
                wire.wrap(self.room.client_tls())
                self.assert_goes_on(protocol, wire)

    def test_a_reply_too_many_is_seen_neither_in_clear_nor_under_tls(self):
        for protocol in self.protocols:
            with self.subTest(protocol=protocol):
                wire = self.upgraded(protocol, "observe", FORGED[protocol])
                self.assertEqual(wire.buffer, b"")
                wire.wrap(self.room.client_tls())
                self.assertEqual(wire.quiet(0.05), "")
                command, good = harness.NOOP[protocol]
                wire.send(command)
                line = wire.line()
                self.assertTrue(line.startswith(good))
                self.assertNotIn("forged", line)

    def test_before_a_gate_the_answers_stand_in_order(self):
        asked = {"imap": "a NOOP\r\nb LIST\r\n", "pop3": "NOOP\r\nSTAT\r\n",
                 "submission": "RSET\r\nMAIL FROM:<a@example.test>\r\n"}
        answers = {"imap": ("a OK ", "b BAD "), "pop3": ("+OK", "-ERR "),
                   "submission": ("250 ", "530 ")}
        for protocol in self.protocols:
            with self.subTest(protocol=protocol):
                wire = self.clear(protocol, "required")
                wire.send(asked[protocol] + UPGRADE[protocol])
                for answer in (*answers[protocol], GO_AHEAD[protocol]):
                    self.assertTrue(wire.line().startswith(answer))
                wire.wrap(self.room.client_tls())
                self.assert_goes_on(protocol, wire)


if __name__ == "__main__":
    harness.main()
