#!/usr/bin/env python3
"""Certificates and private keys from files that openssl made: what is loaded, what is refused and
how it is said, and what a process that gave up root could not read again."""
import grp
import os
import pwd
import subprocess

import harness
from harness import FakeImap, Postern, Wire

PHRASE = "correct horse"
USER = "nobody"


class Certificates(harness.TestCase):
    @classmethod
    def arrange(cls):
        harness.need("openssl")
        cls.fake = cls.room.enter(FakeImap())
        cls.chain, cls.key = cls.room.certificate()

    def postern(self, certificates, **top):
        return Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
                       {"old": self.fake.port}, certificates, **top)

    def entry(self, **keys):
        return {"chain": str(self.chain), "key": str(self.key),
                **{name: str(value) for name, value in keys.items()}}

    def openssl(self, *words, given=""):
        """Its output."""
        return subprocess.run(["openssl", *map(str, words)], check=True, timeout=120, text=True,
                              input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout

    def encrypted(self, name, *how):
        """The room's key under PHRASE; `how` in openssl pkcs8's words."""
        path = self.room.path / name
        self.openssl("pkcs8", "-topk8", "-in", self.key, "-out", path, "-passout",
                     f"pass:{PHRASE}", *how)
        path.chmod(0o600)
        return path

    def secret(self, name, text, mode=0o600):
        path = self.room.path / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def must_serve(self, certificates, **top):
        with self.postern(certificates, **top) as postern:
            with Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as wire:
                wire.line()
            return postern.stderr()

    def must_fail(self, certificates):
        postern = self.postern(certificates)
        postern.start(wait=False)
        self.assertEqual(postern.wait(), 1)
        return postern.stderr()

    def responder(self):
        """(its certificate, its key): for OCSP alone, by the room's authority."""
        return self.room.certificate(names=("responder",), more=("extendedKeyUsage=OCSPSigning",))

    def staple(self, name, signer=None, status="V", days=2):
        """What `openssl ocsp` answers about the room's certificate: V (good) or R (revoked). Without
        `signer` the authority signs itself."""
        shown = self.openssl("x509", "-in", self.chain, "-noout", "-serial")
        serial = shown.split("=")[1].strip()
        revoked = "250101000000Z" if status == "R" else ""
        folder = self.room.folder(name)
        (folder / "index").write_text(f"{status}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN=x\n")
        ca, ca_key = self.room.ca(), self.room.path / "ca.key"
        who, key = signer or (ca, ca_key)
        self.openssl("ocsp", "-issuer", ca, "-cert", self.chain, "-no_nonce",
                     "-reqout", folder / "request")
        self.openssl("ocsp", "-index", folder / "index", "-CA", ca, "-rsigner", who, "-rkey", key,
                     "-reqin", folder / "request", "-respout", folder / "staple", "-ndays", days)
        return folder / "staple"

    def stapled(self, postern):
        """What a client that asks for a staple sees, in openssl's words."""
        return self.openssl("s_client", "-connect", f"127.0.0.1:{postern.port('imap-implicit')}",
                            "-status", "-CAfile", self.room.ca(), given="a LOGOUT\r\n")

    def test_a_good_staple_is_sent_whoever_may_sign_it(self):
        for signer in (None, self.responder()):
            staple = self.staple("good", signer)
            with self.subTest(signer=signer), self.postern([self.entry(ocsp=staple)]) as postern:
                self.assertIn("Cert Status: good", self.stapled(postern))
                self.assertNotIn("warning", postern.stderr())

    def test_staples_that_are_not_fit_are_not_sent_and_named(self):
        leaf = self.room.certificate(names=("other.example.com",))
        cases = {"revoked": (self.staple("revoked", status="R"), "says that the certificate was REVOKED"),
                 "by a leaf": (self.staple("leaf", leaf), "is not signed by the certificate's issuer"),
                 "cut off": (self.cut(self.staple("cut")), "is no OCSP response in DER"),
                 "missing": (self.room.path / "nowhere", "No such file or directory")}
        for name, (staple, said) in cases.items():
            with self.subTest(name), self.postern([self.entry(ocsp=staple)]) as postern:
                postern.says(rf"warning: \S+postern.yaml:\d+:\d+: .*{staple}.*{said}.*: not sent")
                self.assertIn("OCSP response: no response sent", self.stapled(postern))

    @staticmethod
    def cut(path):
        path.write_bytes(path.read_bytes()[:-1])
        return path

    def test_a_staple_that_is_not_fit_does_not_displace_a_good_one(self):
        sent = self.room.path / "sent"
        sent.write_bytes(self.staple("first").read_bytes())
        with self.postern([self.entry(ocsp=sent)]) as postern:
            try_later = self.room.path / "later"
            try_later.write_bytes(bytes.fromhex("30030a0103"))  # what openssl writes of a tryLater
            try_later.rename(sent)
            postern.says(f"{sent} .*: not taken; the one from before, good until .* is sent on")
            postern.says("all certificates are as before")
            self.assertIn("Cert Status: good", self.stapled(postern))
            self.assertFalse(postern.events("certificate-change"))
            renewed = self.staple("renewed", days=5)
            renewed.rename(sent)
            postern.says(f"what is now in {sent} is taken")
            self.assertEqual(postern.wait_events(1, "certificate-change")[0]["file.path"], str(sent))

    def test_a_key_that_only_root_may_read_does_not_keep_others_from_being_renewed(self):
        harness.need_root("only root can become another user")
        folder = self.room.folder("mixed")
        folder.chmod(0o755)
        self.room.path.chmod(0o755)
        nobody = pwd.getpwnam(USER)
        hidden = self.secret("mixed/root.key", self.key.read_text(), 0o600)
        other = self.room.certificate(names=("other.example.test",), stem="other")
        renewed = self.room.certificate(names=("other.example.test",), stem="renewed")
        chain, key = folder / "chain.pem", folder / "key.pem"

        def put(pair):
            for source, path in zip(pair, (chain, key)):
                new = path.with_suffix(".new")
                new.write_bytes(source.read_bytes())
                os.chown(new, nobody.pw_uid, nobody.pw_gid)
                new.chmod(0o640)
                new.rename(path)
        put(other)
        with self.postern([self.entry(key=hidden), {"chain": str(chain), "key": str(key)}],
                          user=USER) as postern:
            put(renewed)
            postern.says("new certificate for other.example.test")
            self.assertEqual(len(postern.wait_events(1, "certificate-change")), 1)
            # But where the hidden one has changed, it is not known what it is now.
            hidden.write_text(renewed[1].read_text())
            failed = postern.wait_events(1, "certificate-change", event__outcome="failure")[0]
            self.assertEqual(failed["event.reason"], "not_taken")
            self.assertRegex(failed["message"], "root.key.*Permission denied")

    def test_keys_that_openssl_encrypts_are_opened(self):
        phrase = self.secret("phrase", PHRASE + "\n")
        for how in (["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"],
                    ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
                    ["-v2", "des3"]):
            with self.subTest(how=how):
                key = self.encrypted("-".join(how).replace("/", ""), *how)
                self.must_serve([self.entry(key=key, passphrase_file=phrase)])

    def test_a_key_under_scrypt_names_the_cure_and_the_cure_works(self):
        phrase = self.secret("phrase", PHRASE + "\n")
        key = self.encrypted("scrypt.key", "-scrypt")
        said = self.must_fail([self.entry(key=key, passphrase_file=phrase)])
        self.assertRegex(said, r"postern.yaml:\d+:\d+: the key in .*scrypt.key is encrypted by scrypt")
        self.assertIn("openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256", said)
        cured = self.room.path / "cured.key"
        self.openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256",
                     "-in", key, "-out", cured, "-passin", f"pass:{PHRASE}",
                     "-passout", f"pass:{PHRASE}")
        cured.chmod(0o600)
        self.must_serve([self.entry(key=cured, passphrase_file=phrase)])

    def test_a_wrong_passphrase_stops_the_start_and_is_not_shown(self):
        key = self.encrypted("encrypted.key")
        said = self.must_fail([self.entry(key=key, passphrase_file=self.secret("wrong", "battery\n"))])
        self.assertIn("is not opened by the passphrase in", said)
        self.assertNotIn("battery", said)
        self.assertIn("state `passphrase_file`", self.must_fail([self.entry(key=key)]))

    def test_a_passphrase_may_be_a_credential_of_systemd(self):
        key = self.encrypted("encrypted.key")
        credentials = self.room.folder("credentials")
        self.secret("credentials/mail.phrase", PHRASE, 0o400)
        entry = self.entry(key=key, passphrase_file="credential:mail.phrase")
        self.assertIn("there is no credential mail.phrase", self.must_fail([entry]))
        os.environ["CREDENTIALS_DIRECTORY"] = str(credentials)
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY")
        self.must_serve([entry])

    def test_a_key_that_everybody_may_read_is_refused_unless_told(self):
        loose = self.secret("loose.key", self.key.read_text(), 0o644)
        said = self.must_fail([self.entry(key=loose)])
        self.assertRegex(said, r"postern.yaml:\d+:\d+: the key in \S*loose.key may be read by "
                               r"everybody \(mode 0644\); try `chmod 0640 \S*loose.key`")
        self.must_serve([self.entry(key=loose, key_permissions="any")])
        loose.chmod(0o640)
        self.must_serve([self.entry(key=loose)])

    def test_files_that_only_root_may_read_are_served_and_warned_about(self):
        harness.need_root("only root can become another user")
        key = self.secret("root.key", self.key.read_text(), 0o600)
        group = grp.getgrgid(pwd.getpwnam(USER).pw_gid).gr_name
        said = self.must_serve([self.entry(key=key)], user=USER)
        self.assertRegex(said, rf"warn .*postern.yaml:\d+:\d+: \S*root.key: user {USER} cannot read "
                               rf"it \(Permission denied\).*`chgrp {group} \S*root.key && chmod 640")
        self.assertNotRegex(said, rf"{self.chain.name}: user")
        os.chown(key, 0, pwd.getpwnam(USER).pw_gid)
        key.chmod(0o640)
        self.assertNotIn("cannot read it", self.must_serve([self.entry(key=key)], user=USER))

    def test_a_key_of_the_user_that_postern_becomes_is_taken(self):
        harness.need_root("only root can become another user")
        key = self.secret("own.key", self.key.read_text(), 0o600)
        os.chown(key, pwd.getpwnam(USER).pw_uid, -1)
        self.must_serve([self.entry(key=key)], user=USER)
        self.assertIn("belongs to another user", self.must_fail([self.entry(key=key)]))


if __name__ == "__main__":
    harness.main()
