#!/usr/bin/env python3
"""POP3 in each mode of a listener, in front of a real Dovecot without TLS.

What each mode answers before TLS, which capabilities it shows, and that real clients log in.
"""
import base64
import poplib

import harness
from harness import (PASSWORD, USER, Dovecot, FakePop3, Postern, Wire, every_mode, login_pop3,
                     open_pop3, run, s_client)

LOGINS_OVER_TLS = [("required", "starttls"), ("implicit", "implicit"), ("optional", "starttls"),
                   ("observe", "starttls")]


class Pop3Modes(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.watched = cls.room.enter(FakePop3())
        cls.postern = cls.room.enter(Postern(
            cls.room, every_mode("pop3", "old") + [
                {"name": "watched", "protocol": "pop3", "tls": "required", "backend": "watched"}],
            {"old": cls.dovecot.pop3_port, "watched": cls.watched.port}))

    def wire(self, name):
        wire = Wire(self.postern.port(name))
        self.addCleanup(wire.close)
        return wire

    def test_a_login_works_over_tls_in_every_mode_that_has_it(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name, tls=tls):
                client = login_pop3(self.room, self.postern.port(name), tls)
                self.assertGreaterEqual(client.stat()[0], 0)
                client.quit()

    def test_a_wrong_password_gets_the_servers_own_err(self):
        client = open_pop3(self.room, self.postern.port("implicit"), "implicit")
        client.user(USER)
        with self.assertRaisesRegex(poplib.error_proto, r"-ERR \[AUTH\]"):
            client.pass_("wrong")
        client.user(USER)
        client.pass_(PASSWORD)
        client.quit()

    def test_under_tls_the_list_shows_logins_and_no_stls(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name):
                client = open_pop3(self.room, self.postern.port(name), tls)
                listed = client.capa()
                self.assertIn("USER", listed)
                self.assertIn("PLAIN", listed["SASL"])
                self.assertIn("UIDL", listed)
                self.assertNotIn("STLS", listed)
                client.quit()

    def test_stls_under_tls_is_an_error(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name):
                wire = self.wire(name)
                if tls == "starttls":
                    wire.pop3()
                    wire.starttls("pop3", self.room.client_tls())
                else:
                    wire.wrap(self.room.client_tls())
                    wire.pop3()
                self.assertRegex(wire.pop3("STLS")[0], "^-ERR")
                self.assertRegex(wire.pop3("CAPA", many=True)[0], r"^\+OK")

    def test_auth_plain_works_over_tls(self):
        wire = self.wire("implicit")
        wire.wrap(self.room.client_tls())
        wire.pop3()
        self.assertRegex(wire.pop3("AUTH PLAIN")[0], r"^\+ ")
        secret = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        self.assertRegex(wire.pop3(secret)[0], r"^\+OK")
        self.assertRegex(wire.pop3("STAT")[0], r"^\+OK")

    def test_required_answers_alone_from_its_table(self):
        wire = self.wire("required")
        self.assertRegex(wire.line(), r"^\+OK ")
        listed = wire.pop3("CAPA", many=True)
        self.assertEqual(sorted(listed[1:-1]), ["RESP-CODES", "STLS"])
        self.assertRegex(wire.pop3("NOOP")[0], r"^\+OK")
        for command in ("USER anna", "PASS secret", "APOP anna c4c9334bac560ecc979e58001b3e22fb",
                        "AUTH PLAIN", "AUTH"):
            with self.subTest(command=command):
                self.assertRegex(wire.pop3(command)[0], r"^-ERR \[AUTH\] ")
        self.assertRegex(wire.pop3("STAT")[0], "^-ERR ")
        self.assertRegex(wire.pop3("QUIT")[0], r"^\+OK")
        self.assertEqual(wire.rest(), "")

    def test_required_dials_no_backend_before_the_handshake_is_complete(self):
        wire = self.wire("watched")
        wire.pop3()
        wire.pop3("USER anna")
        self.assertRegex(wire.pop3("STLS")[0], r"^\+OK")
        wire.quiet(0.3)
        self.assertEqual(self.watched.accepted, 0)
        wire.wrap(self.room.client_tls())
        self.assertRegex(wire.pop3("CAPA", many=True)[0], r"^\+OK")
        self.assertEqual(self.watched.accepted, 1)

    def test_optional_shows_stls_and_no_login_in_clear(self):
        wire = self.wire("optional")
        wire.pop3()
        listed = wire.pop3("CAPA", many=True)
        self.assertIn("STLS", listed)
        self.assertIn("UIDL", listed)
        self.assertFalse([line for line in listed if line.startswith(("USER", "SASL"))], listed)
        self.assertRegex(wire.pop3("USER anna")[0], r"^-ERR \[AUTH\] ")
        self.assertRegex(wire.pop3("AUTH PLAIN")[0], r"^-ERR \[AUTH\] ")
        self.assertRegex(wire.pop3("CAPA", many=True)[0], r"^\+OK")

    def test_observe_lets_clear_logins_pass_and_offers_stls(self):
        client = open_pop3(self.room, self.postern.port("observe"), "none")
        listed = client.capa()
        self.assertIn("STLS", listed)
        self.assertIn("USER", listed)
        client.user(USER)
        client.pass_(PASSWORD)
        self.assertGreaterEqual(client.stat()[0], 0)
        client.quit()

    def test_clear_lets_logins_pass_and_offers_no_stls(self):
        client = open_pop3(self.room, self.postern.port("clear"), "none")
        self.assertNotIn("STLS", client.capa())
        client.user(USER)
        client.pass_(PASSWORD)
        client.quit()
        wire = self.wire("clear")
        wire.pop3()
        self.assertRegex(wire.pop3("STLS")[0], "^-ERR")

    def test_curl_reads_mail_by_pop3s_and_by_stls(self):
        self.dovecot.deliver("curl-one", b"Subject: by curl\r\n\r\nHello curl\r\n")
        for scheme, name in (("pop3s", "implicit"), ("pop3", "required")):
            with self.subTest(scheme=scheme):
                done = run("curl", "-sS", "--ssl-reqd", "--cacert", self.room.ca(), "-u",
                           f"{USER}:{PASSWORD}",
                           f"{scheme}://127.0.0.1:{self.postern.port(name)}/1", check=0)
                self.assertIn("Hello curl", done.stdout)

    def test_openssl_speaks_by_both_ways(self):
        for name, starttls in (("implicit", None), ("required", "pop3"), ("optional", "pop3")):
            with self.subTest(listener=name):
                done = s_client(self.room, self.postern.port(name), starttls,
                                stdin=f"USER {USER}\nPASS {PASSWORD}\nSTAT\nQUIT\n")
                self.assertIn("Verify return code: 0 (ok)", done.stdout)
                self.assertRegex(done.stdout, r"(?m)^\+OK \d+ \d+")


if __name__ == "__main__":
    harness.main()
