#!/usr/bin/env python3
"""STARTTLS behind a login in clear.

RFC 9051 6.2.1 and RFC 2595 4 allow it before the login only; where a server takes it later, a
session that an attacker has logged in goes on under the victim's TLS (session fixation, "Why TLS Is
Better Without STARTTLS", USENIX Security 2021). Expected: in SMTP, which knows no such rule, the
upgrade begins a new session that nobody has logged in to. In IMAP and POP3 bytes pass unread after
the login: the backend answers, postern begins no TLS, and tells its log of none. Under TLS SMTP
answers 503.
"""
import harness
from harness import UPGRADE, b64, client_hello


class StarttlsAfterLogin(harness.Front):
    modes = ("observe", "implicit")

    def login(self, protocol, wire):
        if protocol == "imap":
            good = wire.imap("a LOGIN anna s3cret")[-1].startswith("a OK")
        elif protocol == "pop3":
            wire.pop3("USER anna")
            good = wire.pop3("PASS s3cret")[-1].startswith("+OK")
        else:
            good = wire.smtp("AUTH PLAIN " + b64("\0anna\0s3cret"))[-1].startswith("235")
        self.assertTrue(good)

    def test_in_smtp_the_login_is_forgotten(self):
        wire = self.clear("submission", "observe")
        self.login("submission", wire)
        self.assertTrue(wire.smtp("MAIL FROM:<anna@example.test>")[0].startswith("250"))
        fake = self.fakes["submission"]
        accepted = fake.accepted
        self.assertTrue(wire.smtp("STARTTLS")[0].startswith("220"))
        wire.wrap(self.room.client_tls())
        self.assertTrue(wire.smtp("RCPT TO:<bert@example.test>")[0].startswith("250"))
        # All that the new backend session has heard of.
        self.assertEqual(fake.accepted, accepted + 1)
        self.assertEqual(bytes(fake.received[-1]), b"RCPT TO:<bert@example.test>\r\n")

    def test_in_smtp_under_tls_it_is_an_error(self):
        wire = self.secured("submission", "implicit")
        self.login("submission", wire)
        self.assertTrue(wire.smtp("STARTTLS")[0].startswith("503"))
        self.assert_goes_on("submission", wire)

    def test_in_imap_and_pop3_it_is_the_backends_to_answer(self):
        for protocol, mode in self.listeners(protocols=("imap", "pop3")):
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.begun(protocol, mode)
                self.login(protocol, wire)
                # The fake says OK to all there is, as no honest server would.
                wire.send(UPGRADE[protocol])
                self.assertRegex(wire.line(), r"^(s OK done|\+OK)$")
                hello = client_hello(self.room.client_tls())[1]
                wire.send(hello + b"\r\n")
                record = self.fakes[protocol].received[-1]
                harness.until(lambda: hello in record, "bytes pass unread", every=0.005)
                wire.close()
                end = self.assert_ended(wire, "client_reset", *harness.PROPER_ENDS)
                self.assertEqual(end["postern.security"],
                                 "implicit" if mode == "implicit" else "cleartext")
                self.assertFalse(end["postern.starttls.used"])


if __name__ == "__main__":
    harness.main()
