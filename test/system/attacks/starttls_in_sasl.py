#!/usr/bin/env python3
"""STARTTLS as the answer to a SASL challenge.

Within AUTH or AUTHENTICATE the client's next line is a response (RFC 4954 4, RFC 9051 6.2.2, RFC
5034 4), whatever it looks like. A gate that still looks for commands there upgrades in the midst of
an exchange, and the backend waits for a response that never comes (the state confusion of "Why TLS
Is Better Without STARTTLS", USENIX Security 2021). Expected: it goes to the backend as a response,
the backend's refusal comes back, and only then STARTTLS is a command again. Where clear logins are
refused there is no exchange, so it is a command at once.
"""
import harness
from harness import UPGRADE

START = {"imap": "a AUTHENTICATE {}\r\n", "pop3": "AUTH {}\r\n", "submission": "AUTH {}\r\n"}
ASK = {"imap": "+ \r\n", "pop3": "+ \r\n", "submission": "334 \r\n"}
FAILED = {"imap": "a BAD no base64\r\n", "pop3": "-ERR no base64\r\n",
          "submission": "501 5.5.2 no base64\r\n"}
WORD = {"imap": "s STARTTLS", "pop3": "STLS", "submission": "STARTTLS"}


def strict(protocol):
    """A backend that asks once in each exchange and then refuses."""
    greetings = {"imap": "* OK x\r\n", "pop3": "+OK x\r\n", "submission": "220 x\r\n"}
    good = {"imap": "{} OK done\r\n", "pop3": "+OK\r\n", "submission": "250 fine\r\n"}

    def script(peer):
        peer.send(greetings[protocol])
        while (line := peer.line()) is not None:
            if "AUTH" in line:
                peer.send(ASK[protocol])
                peer.line()
                peer.send(FAILED[protocol])
            else:
                peer.send(good[protocol].format(line.split(" ")[0]))
    return script


class StarttlsInSasl(harness.Front):
    modes = ("required", "optional", "observe", "implicit")

    def test_it_is_a_response(self):
        for protocol, mode in self.listeners(modes=("required", "observe", "implicit")):
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "NTLM", "XOAUTH2"):
                with self.subTest(protocol=protocol, mode=mode, mechanism=mechanism), \
                        self.lying(protocol, strict(protocol)) as fake:
                    wire = (self.clear if mode == "observe" else self.secured)(protocol, mode)
                    wire.send(START[protocol].format(mechanism))
                    self.assertEqual(wire.line() + "\r\n", ASK[protocol])
                    wire.send(WORD[protocol] + "\r\n")
                    self.assertEqual(wire.line() + "\r\n", FAILED[protocol])
                    self.assertIn(f"\r\n{WORD[protocol]}\r\n".encode(), b"\r\n" + fake.received[-1])
                    self.assert_goes_on(protocol, wire)
                    if mode == "observe":
                        if protocol == "submission":
                            wire.smtp("EHLO again")
                        wire.send(UPGRADE[protocol])
                        self.assertRegex(wire.line(), r"^(s OK|\+OK|220) ")
                        wire.wrap(self.room.client_tls())
                        self.assert_goes_on(protocol, wire)

    def test_behind_a_refused_start_it_is_a_command(self):
        for protocol in self.protocols:
            for modes in ("required", "optional"):
                with self.subTest(protocol=protocol, mode=modes):
                    wire = self.clear(protocol, modes)
                    wire.send(START[protocol].format("LOGIN") + UPGRADE[protocol])
                    self.assertRegex(wire.line(), r"^(a NO|-ERR|53\d) ")
                    self.assertRegex(wire.line(), r"^(s OK|\+OK|220) ")
                    wire.wrap(self.room.client_tls())
                    self.assert_goes_on(protocol, wire)


if __name__ == "__main__":
    harness.main()
