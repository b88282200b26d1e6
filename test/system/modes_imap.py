#!/usr/bin/env python3
"""IMAP in each mode of a listener, in front of a real Dovecot without TLS.

What each mode answers before TLS, which capabilities it shows, and that real clients log in.
"""
import imaplib

import harness
from harness import (PASSWORD, USER, Dovecot, FakeImap, Postern, Wire, every_mode, login_imap,
                     open_imap, run, s_client)

LOGINS_OVER_TLS = [("required", "starttls"), ("implicit", "implicit"), ("optional", "starttls"),
                   ("observe", "starttls")]


class ImapModes(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.watched = cls.room.enter(FakeImap())
        cls.postern = cls.room.enter(Postern(
            cls.room, every_mode("imap", "old") + [
                {"name": "watched", "protocol": "imap", "tls": "required", "backend": "watched"}],
            {"old": cls.dovecot.imap_port, "watched": cls.watched.port}))

    def wire(self, name):
        wire = Wire(self.postern.port(name))
        self.addCleanup(wire.close)
        return wire

    def test_a_login_works_over_tls_in_every_mode_that_has_it(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name, tls=tls):
                client = login_imap(self.room, self.postern.port(name), tls)
                self.assertEqual(client.select()[0], "OK")
                self.assertEqual(client.noop()[0], "OK")
                client.logout()

    def test_a_wrong_password_gets_the_servers_own_no(self):
        client = open_imap(self.room, self.postern.port("implicit"), "implicit")
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            client.login(USER, "wrong")
        self.assertEqual(client.login(USER, PASSWORD)[0], "OK")
        client.logout()

    def test_under_tls_the_list_shows_logins_and_no_starttls(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name):
                client = open_imap(self.room, self.postern.port(name), tls)
                listed = client.capability()[1][0].decode().split()
                self.assertIn("AUTH=PLAIN", listed)
                self.assertIn("IDLE", listed)
                for gone in ("STARTTLS", "LOGINDISABLED", "LOGIN-REFERRALS"):
                    self.assertNotIn(gone, listed)
                client.logout()

    def test_starttls_under_tls_is_bad(self):
        for name, tls in LOGINS_OVER_TLS:
            with self.subTest(listener=name):
                wire = self.wire(name)
                if tls == "starttls":
                    wire.imap()
                    wire.starttls("imap", self.room.client_tls())
                else:
                    wire.wrap(self.room.client_tls())
                    wire.imap()
                self.assertRegex(wire.imap("a STARTTLS")[-1], "^a BAD ")
                self.assertRegex(wire.imap("b NOOP")[-1], "^b OK")

    def test_authenticate_plain_and_login_work_over_tls(self):
        client = open_imap(self.room, self.postern.port("required"), "starttls")
        answer = client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        self.assertEqual(answer[0], "OK")
        client.logout()
        words = iter([USER.encode(), PASSWORD.encode()])
        client = open_imap(self.room, self.postern.port("implicit"), "implicit")
        self.assertEqual(client.authenticate("LOGIN", lambda _: next(words))[0], "OK")
        client.logout()

    def test_cram_md5_passes_untouched_over_tls(self):
        client = open_imap(self.room, self.postern.port("implicit"), "implicit")
        self.assertEqual(client.login_cram_md5(USER, PASSWORD)[0], "OK")
        client.logout()

    def test_required_answers_alone_from_its_table(self):
        wire = self.wire("required")
        self.assertRegex(
            wire.line(), r"^\* OK \[CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS\] ")
        self.assertEqual(wire.imap("a CAPABILITY")[0],
                         "* CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS")
        self.assertRegex(wire.imap("b NOOP")[0], "^b OK ")
        self.assertRegex(wire.imap('c ID ("name" "test")')[0], r"^\* ID ")
        self.assertRegex(wire.imap("d SELECT INBOX")[-1], "^d (BAD|NO) ")
        bye = wire.imap("e LOGOUT")
        self.assertRegex(bye[0], r"^\* BYE ")
        self.assertRegex(bye[-1], "^e OK ")
        self.assertEqual(wire.rest(), "")

    def test_required_refuses_login_and_says_that_the_password_was_exposed(self):
        wire = self.wire("required")
        wire.imap()
        answer = wire.imap(f'a LOGIN {USER} "{PASSWORD}"')
        self.assertRegex(answer[0], r"^\* \S+ \[ALERT\] .*exposed")
        self.assertRegex(answer[-1], r"^a NO \[PRIVACYREQUIRED\] ")
        self.assertRegex(wire.imap("b AUTHENTICATE PLAIN")[-1], r"^b NO \[PRIVACYREQUIRED\] ")

    def test_required_refuses_a_synchronising_literal_before_its_bytes_are_sent(self):
        wire = self.wire("required")
        wire.imap()
        answer = wire.imap("a LOGIN {4}")
        self.assertRegex(answer[-1], r"^a NO \[PRIVACYREQUIRED\] ")
        self.assertNotIn("ALERT", "".join(answer))
        self.assertRegex(wire.imap("b NOOP")[0], "^b OK ")

    def test_required_swallows_a_non_synchronising_literal(self):
        wire = self.wire("required")
        wire.imap()
        wire.send("a LOGIN {4+}\r\nanna {15+}\r\nb LOGOUT secret\r\nc NOOP\r\n")
        lines = wire.imap(tag="c")
        self.assertRegex(" ".join(lines), r"a NO \[PRIVACYREQUIRED\]")
        self.assertFalse([line for line in lines if line.startswith("b ")], lines)

    def test_required_dials_no_backend_before_the_handshake_is_complete(self):
        wire = self.wire("watched")
        wire.imap()
        wire.imap("a LOGIN anna secret")
        self.assertRegex(wire.imap("s STARTTLS")[-1], "^s OK ")
        wire.quiet(0.3)
        self.assertEqual(self.watched.accepted, 0)
        wire.wrap(self.room.client_tls())
        self.assertRegex(wire.imap("b NOOP")[-1], "^b OK")
        self.assertEqual(self.watched.accepted, 1)
        self.assertNotIn(b"secret", self.watched.everything())

    def test_optional_shows_starttls_and_no_login_in_clear(self):
        wire = self.wire("optional")
        greeting = wire.line()
        listed = wire.imap("a CAPABILITY")[0].split()
        for text in (greeting, " ".join(listed)):
            self.assertIn("LOGINDISABLED", text)
            self.assertIn("STARTTLS", text)
            self.assertNotIn("AUTH=", text)
        self.assertRegex(wire.imap("b LOGIN anna secret")[-1], r"^b NO \[PRIVACYREQUIRED\] ")
        self.assertRegex(wire.imap("c AUTHENTICATE PLAIN")[-1], r"^c NO \[PRIVACYREQUIRED\] ")
        self.assertRegex(wire.imap("d NOOP")[-1], "^d OK")

    def test_observe_lets_clear_logins_pass_and_offers_starttls(self):
        client = open_imap(self.room, self.postern.port("observe"), "none")
        self.assertIn("STARTTLS", client.capabilities)
        self.assertNotIn("LOGINDISABLED", client.capabilities)
        self.assertEqual(client.login(USER, PASSWORD)[0], "OK")
        self.assertEqual(client.select()[0], "OK")
        client.logout()

    def test_clear_lets_logins_pass_and_offers_no_starttls(self):
        client = open_imap(self.room, self.postern.port("clear"), "none")
        self.assertNotIn("STARTTLS", client.capabilities)
        self.assertEqual(client.login(USER, PASSWORD)[0], "OK")
        client.logout()
        wire = self.wire("clear")
        wire.imap()
        self.assertRegex(wire.imap("a STARTTLS")[-1], "^a (BAD|NO) ")

    def test_curl_reads_mail_by_imaps_and_by_starttls(self):
        self.dovecot.deliver("curl-one", b"Subject: by curl\r\n\r\nHello curl\r\n")
        for scheme, name in (("imaps", "implicit"), ("imap", "required")):
            with self.subTest(scheme=scheme):
                done = run("curl", "-sS", "--ssl-reqd", "--cacert", self.room.ca(), "-u",
                           f"{USER}:{PASSWORD}",
                           f"{scheme}://127.0.0.1:{self.postern.port(name)}/INBOX;MAILINDEX=1",
                           check=0)
                self.assertIn("Hello curl", done.stdout)

    def test_openssl_speaks_by_both_ways(self):
        for name, starttls in (("implicit", None), ("required", "imap"), ("optional", "imap")):
            with self.subTest(listener=name):
                done = s_client(self.room, self.postern.port(name), starttls,
                                stdin=f'a LOGIN {USER} "{PASSWORD}"\nb LOGOUT\n')
                self.assertIn("Verify return code: 0 (ok)", done.stdout)
                self.assertRegex(done.stdout, "(?m)^a OK .*")
                self.assertRegex(done.stdout, "(?m)^b OK .*")


if __name__ == "__main__":
    harness.main()
