#!/usr/bin/env python3
"""The policy on real servers: rules by address and by user, dates, brown-out, warnings, old TLS.

Whoever is refused is refused before the password: the server never sees it, and where the protocol
allows it the client is never asked for it.
"""
import base64
import datetime
import imaplib
import poplib
import ssl

import harness
from harness import (PASSWORD, USER, Dovecot, FakeImap, FakePop3, FakeSmtp, Postern, Postfix, Wire,
                     login_imap, login_pop3, login_smtp, open_imap, open_pop3, open_smtp, shapes)

MARK = "Marked-Secret-73155"
HELP = "https://help.example.test/tls"
OTHER = "bert"
SCANNER = "127.0.0.9"


def b64(text):
    return base64.b64encode(text.encode()).decode()


def day(offset):
    """A date that many days from now (UTC)."""
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days=offset)).strftime("%Y-%m-%d")


def observe(protocol, backend="old", **keys):
    return {"name": protocol, "protocol": protocol, "tls": "optional", "backend": backend,
            "cleartext_login": "observe", **keys}


class Rules(harness.TestCase):
    """In front of fakes, which tell all that came."""

    @classmethod
    def arrange(cls):
        cls.fakes = {"imap": cls.room.enter(FakeImap()), "pop3": cls.room.enter(FakePop3()),
                     "submission": cls.room.enter(FakeSmtp())}

    def postern(self, rules, **listener):
        return self.room.enter(Postern(
            self.room, [observe(protocol, protocol, **listener) for protocol in self.fakes],
            {name: fake.port for name, fake in self.fakes.items()}, rules=rules))

    def wire(self, postern, protocol, source=None):
        wire = Wire(postern.port(protocol), source=source)
        self.addCleanup(wire.close)
        self.assertRegex(wire.line(), r"^(\* OK|\+OK|220)")
        return wire

    def assert_never_sent(self):
        for name, fake in self.fakes.items():
            for shape in shapes(MARK):
                self.assertNotIn(shape, fake.everything(), name)

    def test_an_address_rule_opens_a_required_listener(self):
        postern = self.postern([{"name": "scanners", "from": [f"{SCANNER}/32"], "tls": "optional",
                                 "cleartext_login": "observe"}], tls="required")
        talk = {"imap": (["a LOGIN anna pw"], "a OK"),
                "pop3": (["USER anna", "PASS pw"], r"\+OK"),
                "submission": (["EHLO x", f"AUTH PLAIN {b64(chr(0) + 'anna' + chr(0) + 'pw')}"],
                               "235")}
        for protocol, (lines, good) in talk.items():
            for source, works in ((SCANNER, True), ("127.0.0.1", False)):
                with self.subTest(protocol=protocol, source=source):
                    accepted = self.fakes[protocol].accepted
                    wire = self.wire(postern, protocol, source)
                    for line in lines:
                        answer = wire.smtp(line) if protocol == "submission" else wire.imap(line) \
                            if protocol == "imap" else wire.pop3(line)
                        if not works and protocol == "pop3":
                            break
                    (self.assertRegex if works else self.assertNotRegex)(answer[-1], f"^{good}")
                    self.assertEqual(self.fakes[protocol].accepted, accepted + works)
        opened = postern.wait_events(3, "login", source__ip=SCANNER)
        self.assertEqual({event["postern.policy.rule"] for event in opened}, {"scanners"})
        refused = postern.wait_events(3, "login-refused", source__ip="127.0.0.1")
        self.assertEqual({event["event.reason"] for event in refused}, {"cleartext"})
        self.assertEqual(len(postern.events("login-refused")), 3)

    def test_a_rule_gives_tls_where_the_listener_has_none(self):
        postern = self.postern([{"name": "able", "from": [SCANNER], "tls": "optional"}],
                               tls="none")
        for source, offered in ((SCANNER, True), ("127.0.0.1", False)):
            wire = self.wire(postern, "pop3", source)
            self.assertEqual("STLS" in wire.pop3("CAPA", many=True), offered)
            if offered:
                wire.starttls("pop3", self.room.client_tls())
                self.assertRegex(wire.pop3("USER anna")[0], r"^\+OK")

    def refuse_bert(self, postern):
        """Each way in which the name comes before the secret: it is never asked for."""
        wire = self.wire(postern, "pop3")
        self.assertRegex(wire.pop3(f"USER {OTHER}")[0], r"^-ERR \[AUTH\]")
        self.assertRegex(wire.pop3(f"PASS {MARK}")[0], "^-ERR")
        wire = self.wire(postern, "imap")
        self.assertRegex(wire.imap("a LOGIN {4}")[-1], r"^\+")
        self.assertRegex(wire.imap(f"{OTHER} {{{len(MARK)}}}", "a")[-1], "^a NO")
        wire.imap("n NOOP")
        self.assertRegex(wire.imap("b AUTHENTICATE LOGIN")[-1], r"^\+")
        self.assertRegex(wire.imap(b64(OTHER), "b")[-1], "^b NO")
        wire = self.wire(postern, "submission")
        wire.smtp("EHLO client.example.test")
        self.assertRegex(wire.smtp("AUTH LOGIN")[-1], "^334")
        self.assertRegex(wire.smtp(b64(OTHER))[-1], "^5")
        self.assertRegex(wire.smtp(f"AUTH PLAIN {b64(f'{chr(0)}{OTHER}{chr(0)}{MARK}')}")[-1], "^5")
        self.assert_never_sent()

    def allow_anna(self, postern):
        wire = self.wire(postern, "pop3")
        self.assertRegex(wire.pop3("USER anna")[0], r"^\+OK")
        self.assertRegex(wire.pop3("PASS pw")[0], r"^\+OK")
        wire = self.wire(postern, "imap")
        self.assertRegex(wire.imap("a LOGIN {4}")[-1], r"^\+")
        self.assertRegex(wire.imap("anna {2}", "a")[-1], r"^\+")
        self.assertRegex(wire.imap("pw", "a")[-1], "^a OK")
        wire = self.wire(postern, "submission")
        wire.smtp("EHLO client.example.test")
        self.assertRegex(wire.smtp("AUTH LOGIN")[-1], "^334")
        self.assertRegex(wire.smtp(b64("anna"))[-1], "^334")
        self.assertRegex(wire.smtp(b64("pw"))[-1], "^235")

    def check_events(self, postern):
        refused = postern.wait_events(5, "login-refused")
        self.assertEqual(len(postern.events("login-refused")), 5, postern.stdout())
        self.assertEqual({event["user.name"] for event in refused}, {OTHER})
        self.assertEqual({event["user.name"] for event in postern.wait_events(3, "login")},
                         {"anna"})
        return {(event["event.reason"], event["postern.policy.rule"]) for event in refused}

    def test_a_user_rule_refuses_before_the_secret(self):
        postern = self.postern([{"name": "stop", "users": ["be*"], "cleartext_login": "refuse"}])
        self.refuse_bert(postern)
        self.allow_anna(postern)
        self.assertEqual(self.check_events(postern), {("rule", "stop")})

    def test_a_user_rule_allows_what_is_refused_to_others(self):
        postern = self.postern([{"name": "service", "users": ["anna"],
                                 "cleartext_login": "observe"}], cleartext_login="refuse")
        self.refuse_bert(postern)
        self.allow_anna(postern)
        self.assertEqual(self.check_events(postern), {("cleartext", "listener")})

    def test_where_name_and_secret_come_together_the_exchange_does_not_start(self):
        postern = self.postern([{"name": "service", "users": ["anna"],
                                 "cleartext_login": "observe"}], cleartext_login="refuse")
        wire = self.wire(postern, "submission")
        wire.smtp("EHLO client.example.test")
        self.assertRegex(wire.smtp("AUTH PLAIN")[-1], "^5")
        wire = self.wire(postern, "imap")
        self.assertRegex(wire.imap("a AUTHENTICATE PLAIN")[-1], "^a NO")
        wire = self.wire(postern, "pop3")
        self.assertRegex(wire.pop3("AUTH PLAIN")[-1], "^-ERR")

    def test_an_expired_rule_no_longer_acts_and_says_so(self):
        rule = {"name": "old-scanners", "from": ["127.0.0.0/8"], "cleartext_login": "observe"}
        for until, works in ((day(-1), False), (day(2), True)):
            with self.subTest(until=until):
                postern = self.postern([{**rule, "until": until}], cleartext_login="refuse")
                wire = self.wire(postern, "imap")
                self.assertRegex(wire.imap("a LOGIN anna pw")[-1], "^a OK" if works else "^a NO")
                if works:
                    self.assertFalse(postern.events("rule-expired"))
                    continue
                told = postern.wait_events(1, "rule-expired")
                self.assertEqual([event["postern.policy.rule"] for event in told], ["old-scanners"])
                postern.says("old-scanners")


class Share(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.imap = cls.room.enter(FakeImap())

    def answers(self, users, **keys):
        postern = self.room.enter(Postern(self.room, [observe("imap", **keys)],
                                          {"old": self.imap.port}))
        answers = []
        for user in users:
            with Wire(postern.port("imap")) as wire:
                wire.line()
                answers.append(wire.imap(f"a LOGIN {user} pw")[-1].split(" ")[1])
        return answers, postern

    def test_refuse_from(self):
        for when, answer in ((day(-1), "NO"), (day(0), "NO"), (day(2), "OK")):
            for word in ("warn", "observe"):
                with self.subTest(refuse_from=when, cleartext_login=word):
                    answers, postern = self.answers(["anna"], refuse_from=when,
                                                    cleartext_login=word)
                    self.assertEqual(answers, [answer])
                    told = postern.wait_events(int(answer == "NO"), "policy-change")
                    self.assertEqual(len(postern.events("policy-change")), len(told))
                    if told:
                        self.assertEqual(told[0]["postern.policy.rule"], "listener")
                        self.assertIn(when, told[0]["event.reason"])
                        postern.says(when)

    def test_refuse_share(self):
        users = [f"user{number}" for number in range(60)]
        self.assertEqual(self.answers(users, refuse_share="0%")[0], ["OK"] * 60)
        self.assertEqual(self.answers(users, refuse_share="100%")[0], ["NO"] * 60)
        half, _ = self.answers(users, refuse_share="50%")
        self.assertGreater(half.count("NO"), 8)
        self.assertGreater(half.count("OK"), 8)


class Warnings(harness.TestCase):
    """Real servers, real clients: they see the words."""

    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))

    def setUp(self):
        harness.clear_of_midnight()  # said once a day

    def postern(self, protocol, port, **keys):
        return self.room.enter(Postern(
            self.room, [observe(protocol, cleartext_login="warn", **keys)], {"old": port},
            refusal={"help_url": HELP}))

    def test_imap(self):
        postern = self.postern("imap", self.dovecot.imap_port)
        port = postern.port("imap")
        client = login_imap(self.room, port, "none")
        # imaplib keeps the code, and the text of the line apart from it.
        self.assertNotEqual(client.response("ALERT")[1], [None])
        self.assertIn(HELP.encode(), b"".join(client.untagged_responses["OK"]))
        client.logout()
        client = login_imap(self.room, port, "none")  # once a day
        self.assertEqual(client.response("ALERT")[1], [None])
        client.logout()
        client = login_imap(self.room, port, "starttls", user="bert", password="battery staple")
        self.assertEqual(client.response("ALERT")[1], [None])
        client.logout()
        verdicts = [event["postern.policy.verdict"] for event in postern.wait_events(3, "login")]
        self.assertEqual(verdicts, ["warn", "warn", "allow"])

    def test_pop3(self):
        postern = self.postern("pop3", self.dovecot.pop3_port)
        for warned in (True, False):
            client = open_pop3(self.room, postern.port("pop3"), "none")
            client.user(USER)
            (self.assertIn if warned else self.assertNotIn)(HELP.encode(),
                                                            client.pass_(PASSWORD))
            self.assertGreaterEqual(client.stat()[0], 0)
            client.quit()

    def test_smtp(self):
        postfix = self.room.enter(Postfix(self.room, self.dovecot))
        postern = self.postern("submission", postfix.port)
        for warned in (True, False):
            client = open_smtp(self.room, postern.port("submission"), "none")
            code, words = client.login(USER, PASSWORD)
            self.assertEqual(code, 235)
            (self.assertIn if warned else self.assertNotIn)(HELP.encode(), words)
            client.quit()

    def test_real_servers_and_user_rules(self):
        """The name is judged before the secret: the server sees no login of bert at all."""
        postern = self.room.enter(Postern(
            self.room, [observe("imap"), observe("pop3", "pop3")],
            {"old": self.dovecot.imap_port, "pop3": self.dovecot.pop3_port},
            rules=[{"name": "stop", "users": [OTHER], "cleartext_login": "refuse"}],
            refusal={"help_url": HELP}))
        login_imap(self.room, postern.port("imap"), "none").logout()
        login_pop3(self.room, postern.port("pop3"), "none").quit()
        client = open_imap(self.room, postern.port("imap"), "none")
        with self.assertRaisesRegex(imaplib.IMAP4.error, HELP):
            client.login(OTHER, "battery staple")
        client.logout()
        client = open_pop3(self.room, postern.port("pop3"), "none")
        with self.assertRaisesRegex(poplib.error_proto, HELP):
            client.user(OTHER)
        client.quit()
        # With TLS bert is welcome.
        login_imap(self.room, postern.port("imap"), "starttls", OTHER, "battery staple").logout()
        login_pop3(self.room, postern.port("pop3"), "starttls", OTHER, "battery staple").quit()
        self.assertEqual(len(postern.wait_events(4, "login")), 4)
        self.assertEqual(len(postern.events("login-refused")), 2)


class OldTls(harness.TestCase):
    """TLS below min_version: with `explain` people can read why."""

    WORDS = {"imap": r"^\* BYE ", "pop3": "^-ERR ", "submission": "^421 4.7.66 "}

    @classmethod
    def arrange(cls):
        cls.fakes = {"imap": cls.room.enter(FakeImap()), "pop3": cls.room.enter(FakePop3()),
                     "submission": cls.room.enter(FakeSmtp())}
        cls.certificate = cls.room.certificate("rsa")

    def client_tls(self, version):
        context = self.room.client_tls()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        return context

    def postern(self, **tls):
        listeners = [{"name": f"{protocol}-{mode}", "protocol": protocol, "tls": mode,
                      "cleartext_login": "refuse", "backend": protocol}
                     for protocol in self.fakes for mode in ("implicit", "optional", "required")]
        return self.room.enter(Postern(
            self.room, listeners, {name: fake.port for name, fake in self.fakes.items()},
            certificates=[self.certificate], refusal={"help_url": HELP}, tls=tls))

    def connect(self, postern, protocol, mode, version):
        """A client under TLS, before the first plain byte."""
        wire = Wire(postern.port(f"{protocol}-{mode}"))
        self.addCleanup(wire.close)
        if mode == "implicit":
            return wire.wrap(self.client_tls(version))
        wire.line()
        return wire.starttls(protocol, self.client_tls(version))

    def test_explain(self):
        postern = self.postern(old_tls="explain")
        count = 0
        for version, name in ((ssl.TLSVersion.TLSv1, "TLS 1.0"), (ssl.TLSVersion.TLSv1_1, "TLS 1.1")):
            for protocol, words in self.WORDS.items():
                for mode in ("implicit", "optional", "required"):
                    with self.subTest(version=name, protocol=protocol, mode=mode):
                        dialled = self.fakes[protocol].accepted
                        if mode == "optional":
                            dialled += 1  # for the talk in clear
                        wire = self.connect(postern, protocol, mode, version)
                        count += 1
                        if mode != "implicit" and protocol != "imap":
                            self.assertEqual(wire.quiet(0.2), "")
                            wire.send("CAPA\r\n" if protocol == "pop3" else "EHLO x\r\n")
                        said = wire.rest()
                        self.assertRegex(said, words)
                        self.assertIn(name, said)
                        self.assertIn(HELP, said)
                        self.assertEqual(self.fakes[protocol].accepted, dialled)
        ends = postern.wait_events(count, "session-end", event__reason="old_tls")
        self.assertEqual({event["tls.version"] for event in ends}, {"1.0", "1.1"})
        failures = postern.wait_events(count, "tls-handshake", event__reason="tls_version")
        self.assertTrue(all(event["tls.client.ja4"] for event in failures))
        self.assertTrue(all(event["tls.client.supported_ciphers"] for event in failures))
        self.assertFalse(postern.events("session-abandoned"))

    def test_no_login_is_taken(self):
        postern = self.postern(old_tls="explain")
        dialled = self.fakes["pop3"].accepted
        wire = self.connect(postern, "pop3", "required", ssl.TLSVersion.TLSv1)
        wire.send(f"USER anna\r\nPASS {MARK}\r\n")
        self.assertRegex(wire.rest(), r"^-ERR [^\n]*\r\n$")
        self.assertEqual(self.fakes["pop3"].accepted, dialled)
        postern.wait_events(1, "session-end")
        self.assertFalse(postern.events("login"))

    def test_todays_clients_are_served_as_ever(self):
        for old_tls in ("explain", "alert"):
            postern = self.postern(old_tls=old_tls)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                for mode in ("implicit", "required"):
                    with self.subTest(old_tls=old_tls, version=version, mode=mode):
                        wire = self.connect(postern, "imap", mode, version)
                        if mode == "implicit":
                            wire.line()
                        self.assertRegex(wire.imap("a LOGIN anna pw")[-1], "^a OK")

    def test_alert(self):
        postern = self.postern(old_tls="alert")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            for mode in ("implicit", "required"):
                with self.assertRaises(ssl.SSLError):
                    self.connect(postern, "imap", mode, version)
        failures = postern.wait_events(4, "tls-handshake")
        self.assertEqual({event["event.reason"] for event in failures}, {"no_shared_version"})
        self.assertTrue(all(event["tls.client.ja4"] for event in failures))

    def test_a_rule_lets_old_tls_in_for_some(self):
        postern = self.room.enter(Postern(
            self.room, [{"name": "imap-implicit", "protocol": "imap", "tls": "implicit",
                         "backend": "imap"}], {"imap": self.fakes["imap"].port},
            certificates=[self.certificate], tls={"old_tls": "explain"},
            rules=[{"name": "museum", "from": [SCANNER], "min_version": "1.0"}]))
        for source, answer in ((SCANNER, r"^\* OK"), ("127.0.0.1", r"^\* BYE")):
            with Wire(postern.port("imap-implicit"), source=source) as wire:
                wire.wrap(self.client_tls(ssl.TLSVersion.TLSv1))
                self.assertRegex(wire.line(), answer)


class Names(harness.TestCase):
    """`usernames: hashed`, and the key that lasts."""

    def test_hashed_names(self):
        imap = self.room.enter(FakeImap())
        inventory = self.room.folder("inventory") / "inventory.db"
        hashes = set()
        for _ in range(2):  # a restart finds the key again
            with Postern(self.room, [observe("imap")], {"old": imap.port},
                         audit={"inventory": f"sqlite:{inventory}",
                                "usernames": "hashed"}) as postern:
                for password, action in (("pw", "success"), ("wrong", "failure")):
                    with Wire(postern.port("imap")) as wire:
                        wire.line()
                        wire.imap(f'a LOGIN "CORP\\\\annabella" {password}')
                    hashes.add(postern.wait_events(1, "login", event__outcome=action)[0]
                               ["user.hash"])
                said = postern.stdout() + postern.stderr()
                self.assertNotIn("annabella", said)
                self.assertNotIn("CORP", said)
        self.assertEqual(len(hashes), 1)
        key = inventory.parent / "name-hash.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)

    def test_every_handshake_where_asked(self):
        imap = self.room.enter(FakeImap())
        postern = self.room.enter(Postern(
            self.room, [{"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "old"}],
            {"old": imap.port}, audit={"handshakes": "all"}))
        for _ in range(2):
            with Wire(postern.port("imaps"), tls=self.room.client_tls()) as wire:
                wire.line()
                wire.imap("a LOGIN anna pw")
        done = postern.wait_events(2, "tls-handshake", event__outcome="success")
        self.assertEqual({event["tls.version"] for event in done}, {"1.3"})


if __name__ == "__main__":
    harness.main()
