#!/usr/bin/env python3
"""Certificates of clients: whom each demand lets in, what the events say of it, rules that need one,
and a revocation that takes effect while postern runs, on sessions that resume too."""
import imaplib
import poplib
import signal
import smtplib
import ssl
import subprocess

import harness
from harness import PASSWORD, FakeImap, FakePop3, FakeSmtp, Postern, Wire, run, until

CONFIG = """
[ca]
default_ca = people
[people]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
[any]
commonName = supplied
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = DNS:pc7.example.test,email:anna@example.test
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[req]
distinguished_name = name
[name]
"""


class People:
    """A throw-away authority for clients, made by openssl."""

    def __init__(self, room, name):
        self.path = room.folder(name)
        self.config = self.path / "openssl.cnf"
        self.config.write_text(CONFIG.format(folder=self.path))
        (self.path / "index").write_text("")
        (self.path / "serial").write_text("1000\n")
        self.ca, self.crl = self.path / "ca.pem", self.path / "ca.crl"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", self.path / "ca.key", "-out", self.ca, "-days", 2, "-subj",
                     f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.publish()

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.path)

    def issue(self, name, kind="client", more=()):
        """(certificate, key); `more`: words for openssl ca."""
        stem = name.replace("/", "_")
        key, request, leaf = (self.path / f"{stem}.{end}" for end in ("key", "csr", "pem"))
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", key, "-out", request, "-subj", f"/CN={name}", "-config", self.config)
        self.openssl("ca", "-batch", "-config", self.config, "-extensions", kind, "-in", request,
                     "-out", leaf, "-notext", *more)
        return leaf, key

    def revoke(self, leaf):
        self.openssl("ca", "-config", self.config, "-revoke", leaf)
        self.publish()

    def publish(self):
        """The list of what is revoked, whole or not at all."""
        fresh = self.path / "fresh.crl"
        self.openssl("ca", "-config", self.config, "-gencrl", "-out", fresh)
        fresh.replace(self.crl)


class ClientCertificates(harness.TestCase):
    @classmethod
    def arrange(cls):
        harness.need("openssl")
        cls.fakes = {"imap": cls.room.enter(FakeImap()), "pop3": cls.room.enter(FakePop3()),
                     "submission": cls.room.enter(FakeSmtp())}
        cls.people = People(cls.room, "people")
        cls.others = People(cls.room, "others")
        cls.anna = cls.people.issue("anna")

    def postern(self, listeners, people=None, **top):
        people = people or self.people
        tls = {"client_ca": str(people.ca), "client_crl": str(people.crl)}
        return Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": keys.get(
            "protocol", "imap"), **keys} for keys in listeners],
            {name: fake.port for name, fake in self.fakes.items()}, tls=tls, **top)

    def context(self, shown=None, version=None):
        context = self.room.client_tls()
        if shown:
            context.load_cert_chain(*map(str, shown))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def connect(self, postern, name, shown, *more, starttls=None):
        """s_client's whole output behind a NOOP of the protocol, and its exit status."""
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{postern.port(name)}", "-CAfile",
                 self.room.ca(), "-crlf", "-ign_eof", *more]
        if shown:
            words += ["-cert", shown[0], "-key", shown[1]]
        if starttls:
            words += ["-starttls", starttls]
        return run(*words, stdin="QUIT\n" if starttls == "smtp" else "a LOGOUT\n")

    def test_each_client_gets_in_or_not_and_the_event_says_why(self):
        revoked = self.people.issue("revoked")
        self.people.revoke(revoked[0])
        expired = self.people.issue("expired", more=("-startdate", "20200101000000Z", "-enddate",
                                                     "20210101000000Z"))
        rows = (("good", self.anna, None), ("none", None, "missing"),
                ("expired", expired, "expired"), ("revoked", revoked, "revoked"),
                ("server's", self.people.issue("server", "server"), "wrong_purpose"),
                ("others'", self.others.issue("anna"), "unknown_ca"))
        with self.postern([{"name": "request", "client_certificates": "request"},
                           {"name": "require", "client_certificates": "require"}]) as postern:
            wanted = []
            for demand in ("request", "require"):
                for name, shown, reason in rows:
                    for version in ("-tls1_2", "-tls1_3"):
                        with self.subTest(demand=demand, client=name, version=version):
                            done = self.connect(postern, demand, shown, version)
                            served = not reason or (reason == "missing" and demand == "request")
                            self.assertEqual("* BYE" in done.stdout, served,
                                             done.stdout + done.stderr)
                        if not served:
                            wanted.append((demand, f"client_certificate_{reason}"))
            events = postern.wait_events(len(wanted), "tls-handshake")
            self.assertEqual([(event["postern.listener"], event["event.reason"])
                              for event in events], wanted)
            for event in events:
                self.assertEqual("tls.client.subject" in event,
                                 event["event.reason"] != "client_certificate_missing")
            good = postern.wait_events(1, "session-end", tls__client__subject="CN=anna",
                                       postern__listener="require")[0]
            self.assertEqual(good["tls.client.issuer"], "CN=people")
            self.assertEqual(good["tls.client.x509.alternative_names"],
                             ["pc7.example.test", "anna@example.test"])
            digest = run("openssl", "x509", "-in", self.anna[0], "-noout", "-fingerprint",
                         "-sha256").stdout.split("=")[1].strip().replace(":", "")
            self.assertEqual(good["tls.client.hash.sha256"], digest)

    def test_what_a_certificate_says_forges_no_field(self):
        name = 'x","event.outcome":"success","user.name":"root'
        shown = self.people.issue("evil")
        request, leaf = self.people.path / "forged.csr", self.people.path / "forged.pem"
        self.people.openssl("req", "-new", "-key", shown[1], "-out", request, "-subj", f"/CN={name}",
                            "-config", self.people.config)
        self.people.openssl("ca", "-batch", "-config", self.people.config, "-extensions", "client",
                            "-in", request, "-out", leaf, "-notext")
        with self.postern([{"name": "l", "client_certificates": "require"}]) as postern:
            self.connect(postern, "l", (leaf, shown[1]))
            event = postern.wait_events(1, "session-end")[0]
            self.assertNotIn("user.name", event)
            self.assertIn("event.outcome", event["tls.client.subject"])

    def test_starttls_asks_too(self):
        with self.postern([{"name": "l", "protocol": "submission", "tls": "required",
                            "client_certificates": "require"}]) as postern:
            self.assertIn("221 ", self.connect(postern, "l", self.anna, starttls="smtp").stdout)
            self.assertNotIn("221 ", self.connect(postern, "l", None, starttls="smtp").stdout)
            postern.wait_events(1, "tls-handshake", event__reason="client_certificate_missing",
                                postern__security="starttls")

    def test_a_rule_lets_nobody_log_in_without_one(self):
        rules = [{"name": "admins", "users": ["adm-*"], "certificate": "required"}]
        protocols = ("imap", "pop3", "submission")
        with self.postern([{"name": name, "protocol": name, "client_certificates": "request"}
                           for name in protocols], rules=rules) as postern:
            def log_in(name, user, shown):
                port, context = postern.port(name), self.context(shown)
                if name == "imap":
                    client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context, timeout=60)
                    client.login(user, PASSWORD)
                    return client.shutdown()
                elif name == "pop3":
                    client = poplib.POP3_SSL("127.0.0.1", port, context=context, timeout=60)
                    client.user(user)
                    client.pass_(PASSWORD)
                else:
                    client = smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=60,
                                              local_hostname="client.example.test")
                    client.login(user, PASSWORD)
                return client.close()

            refusals = (imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPAuthenticationError)
            for name in protocols:
                with self.subTest(protocol=name):
                    with self.assertRaisesRegex(refusals, "needs a client certificate"):
                        log_in(name, "adm-anna", None)
                    log_in(name, "adm-anna", self.anna)
                    log_in(name, "bert", None)
            refused = postern.wait_events(3, "login-refused", event__reason="certificate")
            self.assertEqual({event["postern.policy.rule"] for event in refused}, {"admins"})
            logins = postern.wait_events(6, "login")
            self.assertEqual({event.get("tls.client.subject") for event in logins
                              if event["user.name"] == "adm-anna"}, {"CN=anna"})
            self.assertEqual({event.get("tls.client.subject") for event in logins
                              if event["user.name"] == "bert"}, {None})

    def test_a_revocation_takes_effect_at_a_reload_on_old_sessions_too(self):
        people = People(self.room, "staff")
        carl = people.issue("carl")
        with self.postern([{"name": "l", "client_certificates": "require"}], people) as postern:
            sessions = {}
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = self.context(carl, version)
                with Wire(postern.port("l"), tls=context) as wire:
                    self.assertTrue(wire.line())
                    sessions[version] = context, wire.socket.session
                with Wire(postern.port("l"), tls=context, session=sessions[version][1]) as wire:
                    self.assertTrue(wire.line())
                    self.assertTrue(wire.socket.session_reused)
            people.revoke(carl[0])
            postern.signal(signal.SIGHUP)

            def is_refused(context, session):
                try:
                    with Wire(postern.port("l"), tls=context, session=session) as wire:
                        return not wire.line()
                except (ssl.SSLError, ConnectionError):
                    return True

            for context, session in sessions.values():
                until(lambda c=context: is_refused(c, None), "the new list acts")
                self.assertTrue(is_refused(context, session))
            postern.wait_events(4, "tls-handshake",
                                event__reason="client_certificate_revoked")

    def test_an_expired_list_is_said_at_the_start_and_lets_nobody_in(self):
        people = People(self.room, "archive")
        dora = people.issue("dora")
        people.openssl("ca", "-config", people.config, "-gencrl", "-crl_lastupdate",
                       "20200101000000Z", "-crl_nextupdate", "20210101000000Z", "-out", people.crl)
        with self.postern([{"name": "l", "client_certificates": "request"}], people) as postern:
            postern.says("THE LIST OF REVOCATIONS HAS EXPIRED on 2021-01-01 .CN = archive.")
            self.assertNotIn("* BYE", self.connect(postern, "l", dora).stdout)
            postern.wait_events(1, "tls-handshake", event__reason="client_certificate_no_crl")
            self.assertIn("* BYE", self.connect(postern, "l", None).stdout)

    def test_what_cannot_be_loaded_stops_the_start(self):
        for keys, words in (
                ({"client_ca": "/nonexistent.pem"}, "cannot read /nonexistent.pem"),
                ({"client_ca": str(self.anna[1])}, "no certificate in .*anna.key"),
                ({"client_crl": str(self.people.ca)}, "no certificate revocation list in .*ca.pem")):
            with self.subTest(words):
                postern = self.postern([{"name": "l", "client_certificates": "require", **keys}])
                postern.start(wait=False)
                self.assertEqual(postern.wait(), 1)
                self.assertRegex(postern.stderr(), rf"postern.yaml:\d+:\d+: {words}")


if __name__ == "__main__":
    harness.main()
