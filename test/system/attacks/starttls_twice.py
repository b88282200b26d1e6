#!/usr/bin/env python3
"""STARTTLS under TLS, and twice in one breath.

RFC 3207 4.2, RFC 9051 6.2.1 and RFC 2595 4 leave no STARTTLS once TLS is active; a server that
takes it all the same starts a handshake within TLS, or lets go of the first (tested by the
command-injection tools of "Why TLS Is Better Without STARTTLS", USENIX Security 2021). Expected:
503, BAD or -ERR, the session goes on, and the backend, which may offer STARTTLS itself, never hears
of it. In clear the second one stands behind the first: it is an injection.
"""
import harness
from harness import GO_AHEAD, UPGRADE

ACTIVE = {"imap": "s BAD ", "pop3": "-ERR ", "submission": "503 ", "smtp": "503 "}


class StarttlsTwice(harness.Front):
    protocols = ("imap", "pop3", "submission", "smtp")
    modes = ("required", "optional", "implicit")

    def test_under_tls(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.secured(protocol, mode)
                for line in (UPGRADE[protocol], UPGRADE[protocol].lower(),
                             UPGRADE[protocol].replace("\r\n", " \r\n")):
                    wire.send(line)
                    self.assertTrue(wire.line().startswith(ACTIVE[protocol]))
                wire.send(UPGRADE[protocol] * 3)
                for _ in range(3):
                    self.assertTrue(wire.line().startswith(ACTIVE[protocol]))
                self.assert_goes_on(protocol, wire)
        self.assert_no_backend_saw("STARTTLS", "STLS", "starttls", "stls")

    def test_twice_in_clear(self):
        for protocol, mode in self.listeners(modes=("required", "optional")):
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.clear(protocol, mode)
                wire.send(UPGRADE[protocol] * 2)
                self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
                self.assert_only_tls(wire.rest_rudely())
                self.assert_ended(wire, "starttls_injection")


if __name__ == "__main__":
    harness.main()
