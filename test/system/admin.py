#!/usr/bin/env python3
"""The admin socket and the commands that use it: certificates list, certificates reload, metrics.
Who else may not speak to it, and who is slow holds up nobody."""
import json
import os
import pwd
import shutil
import signal
import socket
import stat

import harness
from harness import HOSTNAME, FakeImap, Postern, Wire, args, run

USER = "nobody"


class Admin(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.fake = cls.room.enter(FakeImap())

    def make(self, folder, **top):
        """A postern that is not started, with its certificate in a folder of its own."""
        folder = self.room.folder(folder)
        chain, key = self.room.certificate()
        shutil.copy(chain, folder / "chain.pem")
        shutil.copy(key, folder / "key.pem")
        top.setdefault("admin", {"socket": str(folder / "admin.sock")})
        postern = Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                        {"protocol": "imap", "tls": "none", "cleartext_login": "observe",
                         "backend": "imap"}],
            {"imap": self.fake.port},
            certificates=[(folder / "chain.pem", folder / "key.pem")], **top)
        postern.socket = folder / "admin.sock"
        postern.certificates = folder
        return postern

    def begin(self, folder, **top):
        return self.room.enter(self.make(folder, **top))

    def command(self, postern, *words, check=0):
        return run(args.postern, *words, "--config", postern.config, check=check)

    def test_certificates_list(self):
        postern = self.begin("list")
        lines = self.command(postern, "certificates", "list").stdout.splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], "^names +key +issuer +expires +days left +used by +file$")
        self.assertRegex(lines[1], rf"^{HOSTNAME}, localhost  ECDSA P-256  CN = throw-away authority  "
                                   rf"\d{{4}}-\d\d-\d\d  \d+ +imap-implicit  /.*/chain.pem$")
        found = json.loads(run(args.postern, "certificates", "list", "--json", "--socket",
                               postern.socket, check=0).stdout)
        self.assertEqual(found[0]["names"], [HOSTNAME, "localhost"])
        self.assertGreater(found[0]["not_after"], found[0]["not_before"])

    def test_certificates_reload(self):
        postern = self.begin("reload")
        self.assertEqual(self.command(postern, "certificates", "reload").stdout,
                         "all certificates are as before\n")
        chain, key = self.room.certificate(stem="renewed")
        shutil.copy(chain, postern.certificates / "chain.pem")
        shutil.copy(key, postern.certificates / "key.pem")
        said = self.command(postern, "certificates", "reload").stdout
        # Where the machine is slow its own look at the files may have come first.
        self.assertRegex(said, rf"^({HOSTNAME}, localhost: valid until [-\d]+ \(/.*/chain.pem\)"
                               "|all certificates are as before)\n$")
        self.assertEqual(len(postern.wait_events(1, "certificate-change")), 1)
        (postern.certificates / "key.pem").write_text("garbage\n")
        failed = self.command(postern, "certificates", "reload", check=1)
        self.assertEqual(failed.stdout, "")
        self.assertRegex(failed.stderr, r"^/.*postern\.yaml:\d+:\d+: no private key in /.*key\.pem")
        with Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as wire:
            self.assertTrue(wire.line())

    def test_metrics(self):
        postern = self.begin("metrics")
        with Wire(postern.port("imap-none")) as wire:
            wire.line()
            text = self.command(postern, "metrics").stdout
        self.assertIn("\npostern_connections 1\n", text)
        self.assertRegex(text, r'\npostern_info\{version="\d+\.\d+\.\d+"\} 1\n')
        self.assertRegex(text, rf'\npostern_certificate_not_after_seconds\{{names="{HOSTNAME},localhost",'
                               r'serial="[0-9a-f]+",file="/.*/chain.pem"\} \d{10}\n')
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? \d+)$')

    def test_where_no_postern_answers(self):
        postern = self.make("silent")
        failed = self.command(postern, "metrics", check=1)
        self.assertEqual(failed.stderr, f"postern: cannot speak to postern at {postern.socket}: No such "
                         "file or directory (does it run, and is this its admin.socket?)\n")
        none = self.make("none", admin={"socket": ""})
        self.assertIn("takes no commands", self.command(none, "metrics", check=1).stderr)
        for words in (("certificates",), ("certificates", "burn"),
                      ("metrics", "--config", "a", "--socket", "b")):
            self.assertEqual(run(args.postern, *words).returncode, 2, words)

    def test_the_socket_is_its_users_alone_and_goes_with_it(self):
        postern = self.make("mode")
        with postern:
            self.assertEqual(stat.S_IMODE(postern.socket.stat().st_mode), 0o600)
        self.assertFalse(postern.socket.exists())

    def test_one_left_behind_is_replaced_and_one_in_use_is_an_error(self):
        postern = self.begin("twice")
        other = self.make("other", admin={"socket": str(postern.socket)})
        other.start(wait=False)
        self.assertEqual(other.wait(), 1)
        self.assertRegex(other.stderr(), r"postern\.yaml:\d+:\d+: admin\.socket: cannot listen on .*: "
                                         "Address already in use \\(by another postern")
        other.process = None
        postern.signal(signal.SIGKILL)
        postern.wait()
        postern.allowed = (-signal.SIGKILL,)
        self.assertTrue(postern.socket.exists())
        again = self.room.enter(other)
        self.command(again, "metrics")

    def test_a_default_that_cannot_be_made_is_a_warning(self):
        if os.path.exists("/run/postern"):
            self.skipTest("/run/postern is there")
        postern = self.make("default", admin={})
        del postern.settings["admin"]
        postern.config.write_text(postern.text())
        self.room.enter(postern)
        postern.says("warn there is no admin socket: cannot listen on /run/postern/admin.sock: "
                     "No such file")

    def test_who_is_slow_holds_up_nobody(self):
        postern = self.begin("slow")
        silent = []
        for _ in range(6):  # more than are served at a time
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.connect(str(postern.socket))
            silent.append(client)
        silent[0].send(b'{"command":')
        with Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as wire:
            self.assertTrue(wire.line())
            self.assertRegex(wire.imap("a LOGIN anna secret")[-1], "^a OK")
        postern.signal(signal.SIGHUP)
        postern.says("certificates are as before")
        self.command(postern, "metrics")  # once their time is up

    def test_garbage_is_answered_and_harms_nothing(self):
        postern = self.begin("garbage")
        for sent in (b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff\0\n", b"[" * 4000 + b"\n", b"x" * 9000):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(postern.socket))
                try:
                    client.sendall(sent)
                    answer = client.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    answer = b""
                if len(sent) < 5000:
                    self.assertIs(json.loads(answer)["ok"], False)
        self.command(postern, "metrics")

    def test_of_other_users_root_alone_may_speak(self):
        harness.need_root("only root can be two users")
        me = pwd.getpwnam(USER)
        folder = self.room.folder("dropped")
        os.chown(folder, me.pw_uid, me.pw_gid)
        postern = self.make("dropped", user=USER)
        with postern:
            self.assertEqual(postern.socket.stat().st_uid, me.pw_uid)
            self.command(postern, "metrics")
            program = shutil.copy(args.postern, folder)  # its own may lie where nobody else may go
            folder.chmod(0o755)
            as_daemon = ("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", program,
                         "metrics", "--socket", postern.socket)
            self.assertIn("Permission denied", run(*as_daemon, check=1).stderr)
            # Though somebody has opened the file to all.
            postern.socket.chmod(0o666)
            self.assertIn("only root and the user that postern runs as may ask",
                          run(*as_daemon, check=1).stderr)
        self.assertFalse(postern.socket.exists())


if __name__ == "__main__":
    harness.main()
