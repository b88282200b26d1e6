#!/usr/bin/env python3
"""certbot and a certificate authority with ACME (Debian's pebble, all on loopback): issue, serve,
renew with the deploy hook that is shipped; postern takes it while it runs, and is never root."""
import contextlib
import json
import os
import pathlib
import shutil
import ssl
import stat
import subprocess

import harness
from harness import FakeImap, Postern, Wire, free_port, run, until

NAME = "mail.example.test"
HOOK = pathlib.Path(__file__).resolve().parents[2] / "conf/certbot/deploy-hook"
USER, GROUP = "nobody", "nogroup"  # whom postern runs as, where the test is root


class Certbot(harness.TestCase):
    @classmethod
    def arrange(cls):
        harness.need("certbot", "pebble", "pebble-challtestsrv")
        cls.is_root = os.geteuid() == 0
        cls.acme, cls.http, dns, management = (free_port() for _ in range(4))
        # Every name is this machine.
        cls.start("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
                  "-dns01", f"127.0.0.1:{dns}", "-http01", "", "-https01", "", "-tlsalpn01", "",
                  "-management", f"127.0.0.1:{management}")
        chain, key = cls.room.certificate(names=("localhost",))
        config = cls.room.path / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{cls.acme}", "managementListenAddress": "",
            "certificate": str(chain), "privateKey": str(key), "httpPort": cls.http,
            "tlsPort": free_port(), "ocspResponderURL": "",
            "externalAccountBindingRequired": False}}))
        cls.start("pebble", "-config", config, "-dnsserver", f"127.0.0.1:{dns}",
                  PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0")
        until(lambda: harness.listens(cls.acme) and harness.listens(management), "pebble listens")
        cls.fake = cls.room.enter(FakeImap())

    @classmethod
    def start(cls, *words, **more):
        """A server that ends with the room."""
        with open(cls.room.path / f"{words[0]}.log", "wb") as log:
            process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, env={**os.environ, **more}, cwd=cls.room.path)
        cls.addClassCleanup(process.wait, 30)
        cls.addClassCleanup(process.kill)

    def certbot(self, *words, **more):
        folder = self.room.folder("certbot")
        done = subprocess.run(
            ["certbot", *map(str, words), "--config-dir", folder, "--work-dir", folder / "work",
             "--logs-dir", folder / "logs", "--non-interactive"],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.room.ca()), **more},
            capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def serial(self, chain):
        shown = run("openssl", "x509", "-in", chain, "-noout", "-serial", check=0).stdout
        return shown.split("=")[1].strip()

    @staticmethod
    def trusting(chain):
        """A client's TLS that knows the authority by the intermediate that it sent."""
        context = ssl.create_default_context(cadata=chain.read_text())
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    def served(self, postern):
        """The serial number that a client gets, in the same form."""
        shown = run("openssl", "s_client", "-connect", f"127.0.0.1:{postern.port('imap-implicit')}",
                    "-servername", NAME).stdout
        return run("openssl", "x509", "-noout", "-serial", stdin=shown,
                   check=0).stdout.split("=")[1].strip()

    def begin(self, postern):
        """Starts it as somebody who is not root, where the test is root."""
        self.room.enter(contextlib.ExitStack()).push(postern)
        if not self.is_root:
            return postern.start()
        # Where the program itself lies that user may not go.
        program = shutil.copy(harness.args.postern, self.room.folder("program"))
        return postern.start(("setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"),
                             program=program)

    def test_issue_renew_and_take_without_a_restart(self):
        live = self.room.folder("certbot") / "live" / NAME
        own = self.room.folder("own")  # what postern may read
        control = self.room.folder("control")
        if self.is_root:
            shutil.chown(control, USER, GROUP)
        postern = Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"}],
            {"imap": self.fake.port}, admin={"socket": str(control / "admin.sock")},
            certificates=[(own / NAME / "fullchain.pem", own / NAME / "privkey.pem")])
        hook = {"POSTERN_CERTIFICATES": str(own), "POSTERN_CONFIG": str(postern.config),
                "POSTERN_GROUP": GROUP if self.is_root else str(os.getgid()),
                "POSTERN": harness.args.postern}
        # postern does not run yet: the hook copies, and says so.
        said = self.certbot("certonly", "--standalone", "--http-01-port", self.http,
                            "--http-01-address", "127.0.0.1", "-d", NAME, "--agree-tos",
                            "--register-unsafely-without-email", "--server",
                            f"https://localhost:{self.acme}/dir", "--deploy-hook", HOOK, **hook)
        self.assertIn("cannot speak to postern", said)
        for file in (own / NAME).iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o640, file)

        self.begin(postern)
        first = self.serial(live / "fullchain.pem")
        self.assertEqual(self.served(postern), first)
        with Wire(postern.port("imap-implicit"), tls=self.trusting(live / "fullchain.pem"),
                  server_name=NAME) as before:
            before.line()
            self.assertRegex(before.imap("a LOGIN anna secret")[-1], "^a OK")
            for count in (1, 2):
                said = self.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew", **hook)
                self.assertNotIn("error code", said)
                renewed = self.serial(live / "fullchain.pem")
                self.assertNotEqual(renewed, first)
                # The hook ends once it is taken.
                self.assertEqual(self.served(postern), renewed)
                change = postern.wait_events(count, "certificate-change")[-1]
                self.assertEqual(change["event.outcome"], "success")
                self.assertEqual(change["tls.server.x509.alternative_names"], [NAME])
                first = renewed
            self.assertRegex(before.imap("b NOOP")[-1], "^b OK")


if __name__ == "__main__":
    harness.main()
