#!/usr/bin/env python3
"""TLS as the settings say: versions by listener, certificates by name, ALPN, and a certificate that
has expired (which warns loudly at the start, but must not become an outage)."""
import re
import ssl

import harness
from harness import HOSTNAME, FakeImap, FakeSmtp, Postern, run

OLD = ("-cipher", "ALL:@SECLEVEL=0")


class TlsSettings(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.imap, cls.smtp = cls.room.enter(FakeImap()), cls.room.enter(FakeSmtp())

    def postern(self, listeners, **top):
        return self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap", **keys}
                        for keys in listeners],
            {"imap": self.imap.port, "smtp": self.smtp.port}, **top))

    def connect(self, postern, name, *more, starttls=None):
        """s_client's whole output and whether the handshake was completed."""
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{postern.port(name)}", "-CAfile",
                 self.room.ca(), *more]
        if starttls:
            words += ["-starttls", starttls]
        done = run(*words)
        return done.stdout + done.stderr, done.returncode == 0

    def test_versions_by_listener(self):
        postern = self.postern([
            {"name": "usual"}, {"name": "island", "min_version": "1.0"},
            {"name": "modern", "min_version": "1.3"}, {"name": "capped", "max_version": "1.2"}])
        works = {"usual": ("1_2", "1_3"), "island": ("1", "1_1", "1_2", "1_3"),
                 "modern": ("1_3",), "capped": ("1_2",)}
        for name, versions in works.items():
            for version in ("1", "1_1", "1_2", "1_3"):
                with self.subTest(listener=name, version=version):
                    more = (f"-tls{version}", *(OLD if version in ("1", "1_1") else ()))
                    self.assertEqual(self.connect(postern, name, *more)[1], version in versions)
        seen = {(event["postern.listener"], event["tls.version"])
                for event in postern.wait_events(16, "session-end") if "tls.version" in event}
        self.assertEqual(seen, {(name, version.replace("_", ".") if "_" in version else "1.0")
                                for name, versions in works.items() for version in versions})

    def test_versions_that_rise_by_rule(self):
        """A day that is past raises a rule's own min_version, or its listener's; one to come does not."""
        past, to_come = "2020-01-01", "2199-01-01"
        postern = self.postern([{"name": "l"}], tls={"min_version_from": {"1.3": to_come}}, rules=[
            {"name": "risen", "from": ["127.0.0.2"], "min_version_from": {"1.3": past}},
            {"name": "half", "from": ["127.0.0.3"], "min_version": "1.0",
             "min_version_from": {"1.2": past, "1.3": to_come}},
            {"name": "later", "from": ["127.0.0.4"], "min_version": "1.0", "min_version_from": {"1.2": to_come}}])
        for source, lowest in (("127.0.0.1", 2), ("127.0.0.2", 3), ("127.0.0.3", 2), ("127.0.0.4", 0)):
            for minor in range(4):
                with self.subTest(source=source, version=minor):
                    more = ("-bind", f"{source}:0", f"-tls1_{minor}" if minor else "-tls1", *(OLD if minor < 2 else ()))
                    self.assertEqual(self.connect(postern, "l", *more)[1], minor >= lowest)
        said = {event["postern.policy.rule"]: event["event.reason"]
                for event in postern.wait_events(2, "policy-change")}
        self.assertEqual(said, {
            "risen": f"rule risen: TLS below 1.3 is refused from {past} on",
            "half": f"rule half: TLS below 1.2 is refused from {past} on"})
        done = run(harness.args.postern, "check", "-v", "--config", postern.config)
        self.assertRegex(done.stdout, rf"by rule later: TLS 1\.0 to 1\.3, .*\n    from {to_come} on: TLS 1\.2 to 1\.3")

    def test_versions_of_the_top_level_hold_for_all_listeners(self):
        postern = self.postern([{"name": "a"}, {"name": "b", "min_version": "1.2"}],
                               tls={"min_version": "1.3"})
        self.assertFalse(self.connect(postern, "a", "-tls1_2")[1])
        self.assertTrue(self.connect(postern, "b", "-tls1_2")[1])

    def test_certificates_by_name(self):
        first = self.room.certificate(names=(HOSTNAME,))
        other = self.room.certificate(names=("other.example.test", "*.wild.example.test"))
        postern = self.postern([{"name": "l"}], certificates=[first, other])
        for name, wanted in ((HOSTNAME, HOSTNAME), ("other.example.test", "other.example.test"),
                             ("a.wild.example.test", "other.example.test"),
                             ("OTHER.example.test", "other.example.test"),
                             ("a.b.wild.example.test", HOSTNAME), ("foreign.test", HOSTNAME),
                             (None, HOSTNAME)):
            with self.subTest(name=name):
                text, done = self.connect(postern, "l", *(
                    ("-servername", name) if name else ("-noservername",)))
                self.assertTrue(done, text)
                self.assertRegex(text, rf"(?m)^subject=CN *= *{re.escape(wanted)}$")
                self.assertIn("Verify return code: 0 (ok)", text)

    def test_strict_sni_serves_the_names_of_its_certificates_alone(self):
        """All of theirs, and clients that ask for none; the name that was refused is in the event."""
        pair = [self.room.certificate(names=(HOSTNAME,)),
                self.room.certificate(names=("other.example.test", "*.wild.example.test"))]
        postern = self.postern([{"name": "strict", "sni": "strict"}, {"name": "any"}],
                               certificates=pair)
        evil = 'evil","event.outcome":"success'
        for name, served in ((HOSTNAME, True), ("Other.Example.Test", True), (None, True),
                             ("a.wild.example.test", True), ("a.b.wild.example.test", False),
                             ("foreign.test", False), (evil, False)):
            for version in ("-tls1_2", "-tls1_3"):
                with self.subTest(name=name, version=version):
                    more = (version, *(("-servername", name) if name else ("-noservername",)))
                    self.assertTrue(self.connect(postern, "any", *more)[1])
                    text, done = self.connect(postern, "strict", *more)
                    self.assertEqual(done, served, text)
                    if not served:
                        self.assertRegex(text, "(?i)unrecognized.name")
        events = postern.wait_events(6, "tls-handshake", event__reason="sni_refused")
        self.assertEqual([event["tls.client.server_name"] for event in events],
                         [name for name in ("a.b.wild.example.test", "foreign.test", evil)
                          for _ in range(2)])
        self.assertEqual({event["event.outcome"] for event in events}, {"failure"})
        postern.stop()

    def test_two_key_types_for_a_name(self):
        """ECDSA where the client can, else RSA, whatever their order in the file."""
        pair = [self.room.certificate("rsa"), self.room.certificate("ecdsa")]
        for order in (pair, pair[::-1]):
            postern = self.postern([{"name": "l"}], certificates=order)
            for more, kind in (
                    ((), "ECDSA"), (("-tls1_2",), "ECDSA"),
                    (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "RSA"),
                    (("-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"), "RSA")):
                with self.subTest(first=order[0][0].name, client=more):
                    text, done = self.connect(postern, "l", *more)
                    self.assertTrue(done, text)
                    a_key = "id-ecPublicKey" if kind == "ECDSA" else "rsaEncryption"
                    self.assertRegex(text, rf"a:PKEY: {a_key}, .*\n.*\n 1 s:")

    def test_alpn(self):
        postern = self.postern([{"name": "imap"}, {"name": "off", "alpn": "off"},
                                {"name": "smtp", "protocol": "smtp", "backend": "smtp"}])
        for name, offered, answer in (
                ("imap", ["imap"], "imap"), ("imap", ["http/1.1", "imap"], "imap"),
                ("imap", ["http/1.1"], False), ("imap", ["h2", "http/1.1"], False),
                ("imap", ["something-of-ours"], None), ("imap", [], None),
                ("smtp", ["h2"], False), ("smtp", ["smtp"], None), ("off", ["h2"], None)):
            with self.subTest(listener=name, offered=offered):
                context = self.room.client_tls()
                if offered:
                    context.set_alpn_protocols(offered)
                if answer is False:
                    with self.assertRaises((ssl.SSLError, ConnectionError)):
                        self.greeting(postern, name, context)
                    continue
                line, got = self.greeting(postern, name, context)
                self.assertTrue(line)
                self.assertEqual(got, answer)

    @staticmethod
    def greeting(postern, name, context):
        with harness.Wire(postern.port(name), tls=context) as wire:
            return wire.line(), wire.socket.selected_alpn_protocol()

    def test_an_expired_certificate_warns_and_works(self):
        chain, key = self.room.certificate(names=("expired.example.test",), days=-1)
        postern = self.postern([{"name": "l"}], certificates=[(chain, key)])
        text, done = self.connect(postern, "l")
        self.assertTrue(done)
        self.assertIn("certificate has expired", text)
        postern.says(rf"(?i){re.escape(chain.name)}: .*expired")

    def test_starttls_takes_the_same_settings(self):
        postern = self.postern([{"name": "l", "tls": "required", "min_version": "1.3"}])
        self.assertFalse(self.connect(postern, "l", "-tls1_2", starttls="imap")[1])
        self.assertTrue(self.connect(postern, "l", "-tls1_3", starttls="imap")[1])


if __name__ == "__main__":
    harness.main()
