#!/usr/bin/env python3
"""SMTP and submission in each mode of a listener, in front of a real Postfix without TLS.

What each mode answers before TLS, which keywords it shows, and that real clients log in and send.
"""
import smtplib

import harness
from harness import (HOSTNAME, PASSWORD, USER, Dovecot, FakeSmtp, Postern, Postfix, Wire,
                     every_mode, login_smtp, open_smtp, run, s_client, until)

LOGINS_OVER_TLS = [("required", "starttls"), ("implicit", "implicit"), ("optional", "starttls"),
                   ("observe", "starttls")]
MUST = "530 5.7.0 Must issue a STARTTLS command first"
MESSAGE = "From: bert@example.test\r\nTo: anna@example.test\r\nSubject: {}\r\n\r\nHello\r\n"


class SmtpModes(harness.TestCase):
    protocol = "submission"

    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.postfix = cls.room.enter(Postfix(cls.room, cls.dovecot))
        cls.watched = cls.room.enter(FakeSmtp())
        cls.postern = cls.room.enter(Postern(
            cls.room, every_mode(cls.protocol, "old") + [
                {"name": "watched", "protocol": cls.protocol, "tls": "required",
                 "backend": "watched"}],
            {"old": cls.postfix.port, "watched": cls.watched.port}))

    def wire(self, name):
        wire = Wire(self.postern.port(name))
        self.addCleanup(wire.close)
        return wire

    def arrived(self, subject):
        return any(f"Subject: {subject}".encode() in path.read_bytes()
                   for path in self.dovecot.messages())

    def test_a_login_and_a_mail_work_over_tls_in_every_mode_that_has_it(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name, tls=tls):
                client = login_smtp(self.room, self.postern.port(name), tls)
                client.sendmail("bert@example.test", ["anna@example.test"],
                                MESSAGE.format(f"by {name}"))
                client.quit()
        for name, _ in LOGINS_OVER_TLS:
            until(lambda: self.arrived(f"by {name}"), f"mail by {name} arrives")

    def test_a_wrong_password_gets_the_servers_own_535(self):
        client = open_smtp(self.room, self.postern.port("implicit"), "implicit")
        with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
            client.login(USER, "wrong")
        self.assertEqual(caught.exception.smtp_code, 535)
        self.assertEqual(client.login(USER, PASSWORD)[0], 235)
        client.quit()

    def test_under_tls_the_list_shows_logins_and_no_starttls(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name):
                client = open_smtp(self.room, self.postern.port(name), tls)
                client.ehlo()
                self.assertIn("PLAIN", client.esmtp_features["auth"])
                self.assertIn("pipelining", client.esmtp_features)
                for gone in ("starttls", "vrfy", "etrn"):
                    self.assertNotIn(gone, client.esmtp_features)
                client.quit()

    def test_starttls_under_tls_is_503(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name):
                client = open_smtp(self.room, self.postern.port(name), tls)
                client.ehlo()
                self.assertEqual(client.docmd("STARTTLS")[0], 503)
                client.quit()

    def test_required_answers_alone_from_its_table(self):
        wire = self.wire("required")
        self.assertRegex(wire.line(), f"^220 {HOSTNAME} ")
        listed = wire.smtp("EHLO client.example.test")
        self.assertEqual(sorted(line[4:].split(" ")[0] for line in listed),
                         sorted([HOSTNAME, "ENHANCEDSTATUSCODES", "STARTTLS"]))
        self.assertEqual(listed[0][4:].split(" ")[0], HOSTNAME)
        for command, code in (("HELO client", "250"), ("NOOP", "250"), ("RSET", "250"),
                              ("HELP", "214"), ("STARTTLS now", "501")):
            with self.subTest(command=command):
                self.assertEqual(wire.smtp(command)[-1][:3], code)
        for command in ("MAIL FROM:<bert@example.test>", "RCPT TO:<anna@example.test>", "DATA",
                        "AUTH PLAIN", "VRFY anna"):
            with self.subTest(command=command):
                self.assertEqual(wire.smtp(command), [MUST])
        self.assertRegex(wire.smtp("QUIT")[0], "^221 ")
        self.assertEqual(wire.rest(), "")

    def test_required_dials_no_backend_before_the_handshake_is_complete(self):
        wire = self.wire("watched")
        wire.smtp()
        wire.smtp("EHLO client.example.test")
        self.assertRegex(wire.smtp("STARTTLS")[0], "^220 ")
        wire.quiet(0.3)
        self.assertEqual(self.watched.accepted, 0)
        wire.wrap(self.room.client_tls())
        self.assertEqual(wire.smtp("EHLO client.example.test")[0], "250-fake")
        self.assertEqual(self.watched.accepted, 1)

    def test_optional_shows_starttls_and_no_login_in_clear(self):
        wire = self.wire("optional")
        self.assertRegex(wire.smtp()[0], "^220 old.example.test ESMTP old server")
        listed = [line[4:] for line in wire.smtp("EHLO client.example.test")]
        self.assertIn("STARTTLS", listed)
        self.assertIn("PIPELINING", listed)
        self.assertFalse([line for line in listed if line.startswith("AUTH")], listed)
        self.assertRegex(wire.smtp("AUTH PLAIN")[0], "^538 5.7.11 ")
        self.assertRegex(wire.smtp("NOOP")[0], "^250 ")
        self.assertRegex(wire.smtp("MAIL FROM:<bert@example.test>")[0], "^250 ")

    def test_optional_takes_mail_in_clear(self):
        client = open_smtp(self.room, self.postern.port("optional"), "none")
        client.sendmail("bert@example.test", ["anna@example.test"], MESSAGE.format("no tls"))
        client.quit()
        until(lambda: self.arrived("no tls"), "mail arrives")

    def test_observe_lets_clear_logins_pass_and_offers_starttls(self):
        client = open_smtp(self.room, self.postern.port("observe"), "none")
        client.ehlo()
        self.assertIn("starttls", client.esmtp_features)
        self.assertEqual(client.login(USER, PASSWORD)[0], 235)
        client.quit()

    def test_clear_lets_logins_pass_and_offers_no_starttls(self):
        client = open_smtp(self.room, self.postern.port("clear"), "none")
        client.ehlo()
        self.assertNotIn("starttls", client.esmtp_features)
        self.assertIn(client.docmd("STARTTLS")[0], (500, 501, 502, 503))
        self.assertEqual(client.login(USER, PASSWORD)[0], 235)
        client.quit()

    def test_hidden_verbs_are_502(self):
        client = open_smtp(self.room, self.postern.port("implicit"), "implicit")
        client.ehlo()
        for verb in ("VRFY anna", "ETRN example.test", "XCLIENT NAME=x", "X-EXPS LOGIN"):
            with self.subTest(verb=verb):
                code, text = client.docmd(verb)
                self.assertEqual((code, text[:5]), (502, b"5.5.1"))
        client.quit()

    def test_curl_sends_by_smtps_and_by_starttls(self):
        for scheme, name in (("smtps", "implicit"), ("smtp", "required")):
            with self.subTest(scheme=scheme):
                run("curl", "-sS", "--ssl-reqd", "--cacert", self.room.ca(), "-u",
                    f"{USER}:{PASSWORD}", "--mail-from", "bert@example.test", "--mail-rcpt",
                    "anna@example.test", "-T", "-",
                    f"{scheme}://127.0.0.1:{self.postern.port(name)}/client.example.test",
                    stdin=MESSAGE.format(f"curl {scheme}"), check=0)
                until(lambda: self.arrived(f"curl {scheme}"), "mail arrives")

    def test_swaks_sends_by_each_mechanism(self):
        harness.need("swaks")
        if "TLS supported" not in run("swaks", "--support").stdout:
            self.skipTest("swaks has no TLS: libnet-ssleay-perl is not installed")
        for name, how in (("implicit", "--tls-on-connect"), ("required", "--tls")):
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
                with self.subTest(listener=name, mechanism=mechanism):
                    done = run("swaks", "--server", "127.0.0.1", "--port",
                               self.postern.port(name), how, "--auth", mechanism, "--auth-user",
                               USER, "--auth-password", PASSWORD, "--from", "bert@example.test",
                               "--to", "anna@example.test", "--ehlo", "client.example.test",
                               "--header", f"Subject: swaks {name} {mechanism}")
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    until(lambda: self.arrived(f"swaks {name} {mechanism}"), "mail arrives")

    def test_openssl_speaks_by_both_ways(self):
        for name, starttls in (("implicit", None), ("required", "smtp"), ("optional", "smtp")):
            with self.subTest(listener=name):
                done = s_client(self.room, self.postern.port(name), starttls,
                                stdin="EHLO client.example.test\nQUIT\n")
                self.assertIn("Verify return code: 0 (ok)", done.stdout)
                self.assertRegex(done.stdout, "(?m)^250-PIPELINING")
                self.assertRegex(done.stdout, "(?m)^221 2.0.0 ")


class RelayModes(SmtpModes):
    """The same for `protocol: smtp`."""
    protocol = "smtp"


if __name__ == "__main__":
    harness.main()
