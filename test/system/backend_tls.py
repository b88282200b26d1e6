#!/usr/bin/env python3
"""TLS towards the backend: real servers by implicit TLS and by STARTTLS, verified; and servers that are
not what they should be, of which the client hears what it hears of one that is not there."""
import re
import ssl
import threading

import harness
from harness import (Dovecot, Fake, Postern, Postfix, Wire, args, free_port, login_imap, login_pop3,
                     login_smtp, run)

NAME = "old.internal"
MESSAGE = "From: bert@example.test\r\nTo: anna@example.test\r\nSubject: {}\r\n\r\n{}\r\n"
CLEAR = {"tls": "none", "cleartext_login": "observe"}


def clear(protocol, name=None, backend=None):
    name = name or protocol
    return {"name": name, "protocol": protocol, "backend": backend or name, **CLEAR}


def to(room, port, tls="implicit", **more):
    """A backend of the settings: verified by the room's CA for NAME."""
    return {"servers": [f"127.0.0.1:{p}" for p in (port if isinstance(port, list) else [port])],
            "tls": tls, "verify": {"ca": str(room.ca()), "name": NAME}, **more}


class TlsFake(Fake):
    """A fake backend whose connections begin with TLS."""

    def __init__(self, certificate, script, client_ca=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)

        def under_tls(peer):
            peer.socket = context.wrap_socket(peer.socket._connection, server_side=True)
            script(peer)
        super().__init__(under_tls)


class RealServers(harness.TestCase):
    @classmethod
    def arrange(cls):
        cert = cls.room.certificate(names=(NAME,))
        cls.dovecot = cls.room.enter(Dovecot(cls.room, cert))
        cls.ports = {"imap": {"implicit": cls.dovecot.imaps_port,
                              "starttls": cls.dovecot.imap_port},
                     "pop3": {"implicit": cls.dovecot.pop3s_port,
                              "starttls": cls.dovecot.pop3_port}}
        cls.logins = {"imap": login_imap, "pop3": login_pop3}

    def setUp(self):
        self.dovecot.empty()

    def with_postfix(self):
        postfix = self.room.enter(Postfix(self.room, self.dovecot,
                                          certificate=self.room.certificate(names=(NAME,))))
        self.ports["submission"] = {"implicit": postfix.tls_port, "starttls": postfix.port}
        self.logins["submission"] = login_smtp

    def check(self, protocols):
        """The way out: in clear inside, by verified TLS outside."""
        names = [(protocol, tls) for protocol in protocols for tls in ("implicit", "starttls")]
        with Postern(self.room,
                     [clear(protocol, f"{protocol}-{tls}") for protocol, tls in names],
                     {f"{protocol}-{tls}": to(self.room, self.ports[protocol][tls], tls)
                      for protocol, tls in names}) as postern:
            for protocol, tls in names:
                with self.subTest(protocol=protocol, tls=tls):
                    name = f"{protocol}-{tls}"
                    for count in range(3):
                        client = self.logins[protocol](self.room, postern.port(name), "none")
                        self.talk(protocol, client, f"{name} {count}")
                    logins = postern.wait_events(3, "login", postern__listener=name)
                    for login in logins:
                        self.assertEqual(login["event.outcome"], "success")
                        self.assertEqual(login["postern.security"], "cleartext")
                        self.assertEqual(login["postern.backend.tls.version"], "1.3")
                        self.assertRegex(login["postern.backend.tls.cipher"], "^TLS_")
                    # Tickets come with the first session, which has ended by then.
                    self.assertFalse(logins[0]["postern.backend.tls.resumed"])
                    if protocol != "submission":  # Postfix in this room gives none
                        self.assertTrue(logins[2]["postern.backend.tls.resumed"])
                    ends = postern.wait_events(3, "session-end", postern__listener=name)
                    for end in ends:
                        self.assertIn(end["event.reason"], harness.PROPER_ENDS)

    def talk(self, protocol, client, subject):
        large = "\r\n".join(["x" * 70] * 20_000)
        if protocol == "imap":
            self.assertEqual(client.select()[0], "OK")
            message = MESSAGE.format(subject, large).encode()
            self.assertEqual(client.append("INBOX", None, None, message)[0], "OK")
            _, found = client.search(None, "ALL")
            last = found[0].split()[-1]
            self.assertEqual(client.fetch(last, "(RFC822)")[1][0][1], message)
            client.logout()
        elif protocol == "pop3":
            self.assertGreaterEqual(client.stat()[0], 0)
            client.quit()
        else:
            before = len(self.dovecot.messages())
            client.sendmail("bert@example.test", ["anna@example.test"],
                            MESSAGE.format(subject, large))
            client.quit()
            harness.until(lambda: len(self.dovecot.messages()) == before + 1, "the mail arrives")

    def test_imap_and_pop3(self):
        self.check(["imap", "pop3"])

    def test_submission(self):
        self.with_postfix()
        self.check(["submission"])

    def test_tls_on_both_sides(self):
        with Postern(self.room, [{"protocol": "imap", "tls": tls, "backend": "old"}
                                 for tls in ("implicit", "required")],
                     {"old": to(self.room, self.dovecot.imap_port, "starttls")}) as postern:
            for tls, mode in (("implicit", "implicit"), ("required", "starttls")):
                client = login_imap(self.room, postern.port(f"imap-{tls}"), mode)
                # What it said in clear of its capabilities is not what holds under TLS.
                self.assertNotIn("LOGINDISABLED", client.capabilities)
                self.assertEqual(client.select()[0], "OK")
                client.logout()
            for login in postern.wait_events(2, "login"):
                self.assertEqual(login["tls.version"], "1.3")
                self.assertEqual(login["postern.backend.tls.version"], "1.3")

    def test_verified_by_its_address_or_by_its_key(self):
        chain, _ = self.room.certificate(names=(NAME,))
        pin = run("sh", "-c", f"openssl x509 -in {chain} -noout -pubkey | openssl pkey -pubin "
                              "-outform der | openssl dgst -sha256 -binary | base64").stdout.strip()
        server = f"127.0.0.1:{self.dovecot.imaps_port}"
        backends = {"address": {"servers": [server], "tls": "implicit",
                                "verify": {"ca": str(self.room.ca())}},
                    "key": {"servers": [server], "tls": "implicit", "pin": [f"sha256//{pin}"]},
                    "off": {"servers": [server], "tls": "implicit", "verify": "off"}}
        with Postern(self.room, [clear("imap", name) for name in backends], backends) as postern:
            for name in backends:
                login_imap(self.room, postern.port(name), "none").logout()
            postern.says("`off`.*can read and change everything")


class BadServers(harness.TestCase):
    def refused(self, backend, words, reason="backend_tls_failed", action="backend-tls-failed",
                protocol="imap"):
        """A session with this backend ends with the words of one that is not there."""
        said = {"imap": r"^\* BYE ", "pop3": r"^-ERR ", "smtp": "^421 "}[protocol]
        with Postern(self.room, [clear(protocol, "in", "old")], {"old": backend}) as postern:
            with Wire(postern.port("in")) as wire:
                self.assertRegex(wire.rest(), said)
            end, = postern.wait_events(1, "session-end")
            self.assertEqual(end["event.reason"], reason)
            notice, = postern.wait_events(1, action)
            self.assertRegex(notice["message" if action == "backend-tls-failed" else "event.reason"],
                             words)
            postern.says(f"backend old: no TLS with 127.*{words}")

    def greeting(self, certificate):
        return self.room.enter(TlsFake(certificate, lambda peer: (
            peer.send("* OK ready\r\n"), peer.line())))

    def test_its_certificate_is_another(self):
        fake = self.greeting(self.room.certificate(names=("other.internal",)))
        self.refused(to(self.room, fake.port),
                     r"the certificate is for other.internal, 127.0.0.1, not for old.internal")

    def test_its_certificate_has_expired(self):
        fake = self.greeting(self.room.certificate(kind="rsa", names=(NAME,), days=-1))
        self.refused(to(self.room, fake.port), r"the certificate expired on 20\d\d-\d\d-\d\d")

    def test_its_ca_is_unknown(self):
        fake = self.greeting(self.room.certificate(names=(NAME,)))
        backend = to(self.room, fake.port)
        del backend["verify"]["ca"]
        self.refused(backend, r"the certificate's CA is unknown \(CN = throw-away authority\)")

    def test_a_ca_that_is_renewed_is_taken_while_it_runs(self):
        fake = self.greeting(self.room.certificate(names=(NAME,)))
        ca = self.room.path / "backends.pem"
        leaf, _, _ = self.room.certificate()[0].read_text().partition("-----END CERTIFICATE-----")
        ca.write_text(leaf + "-----END CERTIFICATE-----\n")  # nobody's CA
        backend = to(self.room, fake.port)
        backend["verify"]["ca"] = str(ca)
        with Postern(self.room, [clear("imap", "in", "old")], {"old": backend}) as postern:
            with Wire(postern.port("in")) as wire:
                self.assertRegex(wire.rest(), r"^\* BYE ")
            renewed = self.room.path / "renewed.pem"
            renewed.write_text(self.room.ca().read_text())
            renewed.rename(ca)
            postern.says(f"what is now in {ca} is taken")
            with Wire(postern.port("in")) as wire:
                self.assertEqual(wire.line(), "* OK ready")

    def test_its_key_is_not_the_pinned_one(self):
        fake = self.greeting(self.room.certificate(names=(NAME,)))
        backend = {"servers": [f"127.0.0.1:{fake.port}"], "tls": "implicit", "pin": ["00" * 32]}
        self.refused(backend, "its key is not a pinned one but sha256//[A-Za-z0-9+/]{43}=")

    def test_it_speaks_in_clear_where_tls_is_due(self):
        with Fake(lambda peer: peer.send("* OK ready\r\n")) as fake:
            self.refused(to(self.room, fake.port), "the server speaks no TLS here")

    def test_it_offers_no_starttls(self):
        scripts = {"imap": ["* OK ready\r\n", "p1 BAD unknown\r\n"],
                   "pop3": ["+OK ready\r\n", "-ERR unknown\r\n"],
                   "smtp": ["220 ready\r\n", "250-old\r\n250 SIZE\r\n"]}
        for protocol, (greeting, answer) in scripts.items():
            def script(peer, greeting=greeting, answer=answer):
                peer.send(greeting)
                peer.line()
                peer.send(answer)
                peer.line()
            with self.subTest(protocol=protocol), Fake(script) as fake:
                self.refused(to(self.room, fake.port, "starttls"),
                             "it does not offer STARTTLS, or refuses it", protocol=protocol)
                # Nothing of a client has gone there in clear.
                self.assertNotRegex(fake.everything(), b"(?i)login|auth|mail|user")

    def test_clear_text_behind_the_go_ahead(self):
        def script(peer):
            peer.send("* OK ready\r\n")
            peer.line()
            peer.send("p1 OK go\r\n* OK [ALERT] injected\r\n")
            peer.wait_for_end()
        with Fake(script) as fake, Fake(script) as second:
            self.refused(to(self.room, [fake.port, second.port], "starttls"),
                         "clear text stood behind its go-ahead",
                         "response_injection", "response-injection")
            self.assertEqual(second.accepted, 0)

    def test_the_next_server_is_asked(self):
        bad = self.greeting(self.room.certificate(names=("other.internal",)))
        good = self.greeting(self.room.certificate(names=(NAME,)))
        with Postern(self.room, [clear("imap", "in", "old")],
                     {"old": to(self.room, [free_port(), bad.port, good.port])}) as postern:
            with Wire(postern.port("in")) as wire:
                self.assertEqual(wire.line(), "* OK ready")
            notice, = postern.wait_events(1, "backend-tls-failed")
            self.assertEqual(notice["postern.backend.port"], bad.port)
            end, = postern.wait_events(1, "session-end")
            self.assertEqual(end["postern.backend.port"], good.port)

    def test_its_certificate_is_asked_for_ours(self):
        shown = []

        def script(peer):
            shown.append(dict(part[0] for part in peer.socket.getpeercert()["subject"]))
            peer.send("* OK ready\r\n")
            peer.line()
        own = self.room.certificate(names=("postern.internal",), more=())
        # A certificate of a server is none of a client's: RFC 5280 section 4.2.1.12.
        ext = self.room.path / "own.ext"
        ext.write_text("extendedKeyUsage=clientAuth\n")
        self.room._openssl("req", "-new", "-key", own[1], "-out", "own.csr", "-subj",
                           "/CN=postern.internal")
        self.room._openssl("x509", "-req", "-in", "own.csr", "-CA", self.room.ca(), "-CAkey",
                           "ca.key", "-CAcreateserial", "-days", 2, "-extfile", ext, "-out",
                           "own.pem")
        fake = self.room.enter(TlsFake(self.room.certificate(names=(NAME,)), script,
                                       self.room.ca()))
        backend = to(self.room, fake.port)
        self.refused(backend, "refused with the alert: .*certificate required")
        backend["client_certificate"] = {"chain": str(self.room.path / "own.pem"),
                                         "key": str(own[1])}
        with Postern(self.room, [clear("imap", "in", "old")], {"old": backend}) as postern, \
                Wire(postern.port("in")) as wire:
            self.assertEqual(wire.line(), "* OK ready")
        self.assertEqual(shown, [{"commonName": "postern.internal"}])

    def test_starttls_and_a_certificate_of_ours_that_is_missed(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.room.certificate(names=(NAME,)))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.room.ca())

        def script(peer):
            peer.send("* OK ready\r\n")
            peer.line()
            peer.send("p1 OK go\r\n")
            context.wrap_socket(peer.socket._connection, server_side=True)
        with Fake(script) as fake, \
                Postern(self.room, [clear("imap", "in", "old")],
                        {"old": to(self.room, fake.port, "starttls")}) as postern:
            with Wire(postern.port("in")) as wire:
                self.assertRegex(wire.rest(), r"^\* OK ready\r\n\* BYE ")
            words = "refused with the alert: .*certificate required"
            notice, = postern.wait_events(1, "backend-tls-failed")
            self.assertRegex(notice["message"], words)
            end, = postern.wait_events(1, "session-end")
            self.assertEqual(end["event.reason"], "backend_tls_failed")
            postern.says(f"backend old: no TLS with 127.*{words}")

    def test_a_greeting_that_refuses_in_clear_has_its_own_words(self):
        busy = "421 4.3.2 too busy\r\n"
        with Fake(lambda peer: (peer.send(busy), peer.wait_for_end())) as fake, \
                Postern(self.room, [clear("smtp", "in", "old")],
                        {"old": to(self.room, fake.port, "starttls")}) as postern:
            with Wire(postern.port("in")) as wire:
                self.assertRegex(wire.rest(), "^421 ")
            end, = postern.wait_events(1, "session-end")
            self.assertEqual(end["event.reason"], "backend_refused")
            self.assertEqual(end["postern.backend.port"], fake.port)
            postern.says("backend old: 127.* refuses: 421 4.3.2 too busy")
            self.assertEqual(postern.events("backend-tls-failed"), [])

    def test_check_connect_shows_the_pin_and_speaks_of_tls(self):
        _, key = self.room.certificate(names=(NAME,))
        self.room._openssl("req", "-x509", "-key", key, "-out", "box.pem", "-subj", "/CN=old box",
                           "-days", 2)
        chain = self.room.path / "box.pem"
        pin = run("sh", "-c", f"openssl x509 -in {chain} -noout -pubkey | openssl pkey -pubin "
                              "-outform der | openssl dgst -sha256 -binary | base64").stdout.strip()

        def script(peer):
            peer.send("220 box\r\n")
            while line := peer.line():
                peer.send("250 box\r\n" if line.startswith("EHLO") else "500 what?\r\n")
        fake = self.room.enter(TlsFake((chain, key), script))
        server = {"servers": [f"127.0.0.1:{fake.port}"], "tls": "implicit"}
        for more, words in (({}, f"self-signed .* not trusted; its pin: sha256//{re.escape(pin)}"),
                            ({"pin": [f"sha256//{pin}"]}, "it offers no AUTH under TLS: nobody")):
            with Postern(self.room, [clear("smtp", "in", "old")], {"old": {**server, **more}}) as postern:
                done = run(args.postern, "check", "--config", postern.config, "--connect")
                self.assertRegex(done.stdout + done.stderr, words)
                self.assertNotIn("BasicAuth", done.stdout + done.stderr)

    def test_a_server_that_dies_in_the_handshake_or_stays_silent(self):
        with Fake(lambda peer: peer.exactly(1)) as fake:
            self.refused(to(self.room, fake.port),
                         "it closed the connection in the TLS handshake")
        release = threading.Event()
        self.addCleanup(release.set)
        with Fake(lambda peer: release.wait(60)) as fake:
            self.refused(to(self.room, fake.port, connect_timeout="300ms"),
                         "the TLS handshake did not end in time")

    def test_files_that_cannot_be_read_stop_the_start(self):
        backend = to(self.room, free_port())
        backend["verify"]["ca"] = "/nonexistent/ca.pem"
        postern = Postern(self.room, [clear("imap", "in", "old")], {"old": backend})
        postern.start(wait=False)
        postern.allowed = (postern.wait(),)
        self.assertNotEqual(postern.allowed, (0,))
        self.assertRegex(postern.stderr(),
                         re.escape(str(postern.config)) + r":\d+:\d+: backend old: cannot read "
                         "/nonexistent/ca.pem: No such file or directory")


if __name__ == "__main__":
    harness.main()
