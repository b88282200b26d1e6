#!/usr/bin/env python3
"""The command line: check, init, --version, --help; their exit statuses and whole error texts."""
import json
import pathlib
import re

import harness
from harness import HOSTNAME, FakeImap, FakeSmtp, Postern, args, run

GOOD = """\
certificates:
  - {{chain: {chain}, key: {key}}}
backends:
  old: {{servers: ["127.0.0.1:143"]}}
listeners:
  - {{name: imap, protocol: imap, address: "127.0.0.1:{port}", tls: implicit, backend: old}}
"""

EXPLAINED = """\
certificates: [{chain: none.pem, key: none.key}]
backends: {old: {servers: ["127.0.0.1:143"]}}
listeners:
  - {name: imap, protocol: imap, address: "127.0.0.1:1", tls: optional, backend: old, cleartext_login: warn, refuse_from: 2027-03-01}
rules:
  - {name: hall, from: ["192.0.2.64/28"], cleartext_login: observe, until: 2027-06-30}
  - {name: robots, users: ["svc-*"], cleartext_login: refuse}
"""


class Commands(harness.TestCase):
    def file(self, text, name="postern.yaml"):
        path = self.room.path / name
        path.write_text(text)
        return path

    def good(self, **change):
        chain, key = self.room.certificate()
        words = {"chain": chain, "key": key, "port": harness.free_port(), **change}
        return GOOD.format(**words)

    def check(self, text, *more):
        path = self.file(text)
        return path, run(args.postern, "check", "--config", path, *more)

    def test_check_accepts_a_good_file_and_binds_nothing(self):
        port = harness.free_port()
        path = self.file(self.good(port=port))
        for _ in range(2):
            done = run(args.postern, "check", "--config", path)
            self.assertEqual(done.returncode, 0, done.stderr)
        # Not even where somebody else listens there.
        with Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
                     {"old": port}) as postern:
            self.assertEqual(run(args.postern, "check", "--config",
                                 postern.config).returncode, 0)

    def test_check_shows_file_line_column_the_line_and_a_caret(self):
        path, done = self.check(self.good().replace("listeners:", "lisenters:"))
        self.assertEqual(done.returncode, 1)
        text = done.stderr + done.stdout
        lines = text.splitlines()
        where = next(i for i, line in enumerate(lines) if line.startswith(f"{path}:5:1: "))
        self.assertRegex(lines[where], r"lisenters.*listeners")
        self.assertEqual(lines[where + 1:where + 3], ["lisenters:", "^"])

    def test_check_gives_all_errors_at_once(self):
        text = self.good().replace("tls: implicit", "tls: sometimes").replace(
            "backend: old", "backend: new") + "limits: {connections: many}\nworkers: -1\n"
        path, done = self.check(text)
        self.assertEqual(done.returncode, 1)
        places = re.findall(rf"(?m)^{re.escape(str(path))}:(\d+):(\d+): ",
                            done.stderr + done.stdout)
        self.assertEqual([line for line, _ in places], ["6", "6", "7", "8"], done.stderr)

    def test_keys_of_later_are_refused_as_not_supported_yet(self):
        for key in ("limits: {failed_logins: {per_ip: 10}}", "state: embedded"):
            with self.subTest(key=key):
                path, done = self.check(self.good() + key + "\n")
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr + done.stdout,
                                 rf"{re.escape(str(path))}:7:\d+: .*not supported yet")

    def test_check_loads_certificates_and_keys(self):
        chain, key = self.room.certificate("ecdsa")
        other = self.room.certificate("rsa")[1]
        for what, change, named in (
                ("a missing file", {"chain": self.room.path / "none.pem"}, "none.pem"),
                ("another's key", {"key": other}, other.name),
                ("a key for a chain", {"chain": key}, key.name)):
            with self.subTest(what=what):
                path, done = self.check(self.good(**change))
                self.assertEqual(done.returncode, 1)
                self.assertIn(named, done.stderr + done.stdout)
                self.assertRegex(done.stderr + done.stdout, rf"{re.escape(str(path))}:2:\d+: ")
        self.assertNotIn("PRIVATE KEY", done.stderr + done.stdout)
        del chain

    def test_run_fails_on_what_check_refuses(self):
        path = self.file(self.good().replace("protocol: imap", "protocol: imap5"))
        done = run(args.postern, "run", "--config", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"{re.escape(str(path))}:6:\d+: ")

    def test_usage_errors_are_2(self):
        for words in ([], ["sing"], ["check"], ["run"], ["check", "--config"],
                      ["check", "--nonsense"], ["init"],
                      ["explain"], ["explain", "--config", "x", "--listener", "imap"]):
            with self.subTest(words=words):
                done = run(args.postern, *words)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertTrue(done.stderr)

    def test_a_settings_file_that_is_not_there(self):
        done = run(args.postern, "check", "--config", self.room.path / "nowhere.yaml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere.yaml", done.stderr)

    def test_init_prints_what_check_accepts(self):
        chain, key = self.room.certificate()
        done = run(args.postern, "init", "--hostname", HOSTNAME, "--backend", "192.0.2.10",
                   "--certificate", chain, "--key", key, check=0)
        for word in (HOSTNAME, "192.0.2.10", "587", "465", "143", "993", "110", "995", "#"):
            self.assertIn(word, done.stdout)
        for protocol in ("smtp", "submission", "imap", "pop3"):
            self.assertRegex(done.stdout, rf"protocol: {protocol}\b")
        _, checked = self.check(done.stdout)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_init_without_a_certificate_names_where_it_must_be(self):
        done = run(args.postern, "init", "--hostname", HOSTNAME, "--backend", "old.example.test",
                   check=0)
        path, checked = self.check(done.stdout)
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stderr + checked.stdout,
                         rf"{re.escape(str(path))}:\d+:\d+: .*\.pem")

    def test_check_connect_dials_the_backends(self):
        with FakeImap() as fake:
            dead = harness.free_port()
            with Postern(self.room, [
                    {"protocol": "imap", "tls": "implicit", "backend": "good"},
                    {"name": "dead", "protocol": "imap", "tls": "implicit", "backend": "dead"}],
                    {"good": fake.port, "dead": dead}) as postern:
                done = run(args.postern, "check", "--config", postern.config, "--connect",
                           timeout=30)
            self.assertGreaterEqual(fake.accepted, 1)
            text = done.stdout + done.stderr
            self.assertIn(str(dead), text)
            self.assertIn("IMAP4rev1", text)

    def test_check_connect_warns_of_an_open_relay(self):
        """Mail for a foreign domain without a login: once all mail comes from postern's address, a
        server that lets its own network relay lets everyone relay."""
        with FakeSmtp() as fake, Postern(
                self.room, [{"protocol": "smtp", "tls": "optional", "backend": "old"}],
                {"old": fake.port}) as postern:
            done = run(args.postern, "check", "--config", postern.config, "--connect")
            self.assertRegex(done.stdout + done.stderr, "(?i)relay")
            self.assertIn(b"RCPT TO:", fake.everything())
            self.assertNotIn(b"DATA", fake.everything())

    def explain(self, *more):
        """explain with settings whose certificate is not there: only the settings are loaded."""
        path = self.file(EXPLAINED)
        return path, run(args.postern, "explain", "--config", path, *more)

    def test_explain_names_the_rule_and_the_line_that_decide(self):
        path, done = self.explain("--listener", "imap", "--from", "192.0.2.7", "--user", "svc-scan")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^verdict: refuse$")
        self.assertIn(f"key          cleartext_login ({path}:7:55)", done.stdout)
        self.assertIn(f"{path}:6:5 hall: passed over: for other addresses", done.stdout)
        self.assertIn(f"{path}:7:5 robots: matches", done.stdout)
        self.assertIn("[PRIVACYREQUIRED]", done.stdout)

    def test_explain_of_another_day_another_address_and_tls(self):
        def verdict(*more):
            _, done = self.explain("--listener", "imap", "--json", *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)["verdict"]
        self.assertEqual(verdict("--from", "192.0.2.7", "--at", "2027-02-28T23:59Z"), "warn")
        self.assertEqual(verdict("--from", "192.0.2.7", "--at", "2027-03-01"), "refuse")
        self.assertEqual(verdict("--from", "192.0.2.70", "--at", "2027-03-01"), "allow")
        self.assertEqual(verdict("--from", "::ffff:192.0.2.70", "--at", "2027-07-01"), "refuse")
        self.assertEqual(verdict("--from", "192.0.2.7", "--tls", "1.3"), "allow")
        self.assertEqual(verdict("--from", "192.0.2.7", "--tls", "1.1"), "refuse")

    def test_explain_of_what_cannot_be_is_2_and_of_bad_settings_1(self):
        for words, said in (
                (["--listener", "imp", "--from", "192.0.2.7"],
                 "postern explain: --listener: no listener `imp`; did you mean `imap`?"),
                (["--listener", "web-mail", "--from", "192.0.2.7"],
                 "postern explain: --listener: no listener `web-mail`; expected imap"),
                (["--listener", "imap", "--from", "192.0.2.0/24"],
                 "postern explain: --from: expected a numeric IPv4 or IPv6 address, such as "
                 "192.0.2.7, found `192.0.2.0/24`"),
                (["--listener", "imap", "--from", "192.0.2.7", "--tls", "1.4"],
                 "postern explain: --tls: expected none, 1.0, 1.1, 1.2 or 1.3, found `1.4`"),
                (["--listener", "imap", "--from", "192.0.2.7", "--at", "soon"],
                 "postern explain: --at: expected a date, such as 2027-03-01, or a time in UTC, "
                 "such as 2027-03-01T08:30Z, found `soon`")):
            with self.subTest(words=words):
                _, done = self.explain(*words)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertEqual(done.stderr, said + "\n")
        path = self.file(EXPLAINED.replace("protocol", "protocl"))
        done = run(args.postern, "explain", "--config", path, "--listener", "imap", "--from",
                   "192.0.2.7")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"{re.escape(str(path))}:4:\d+: ")

    def test_version_names_its_boringssl(self):
        done = run(args.postern, "--version", check=0)
        self.assertRegex(done.stdout, r"^postern \d+\.\d+\.\d+")
        self.assertIn("BoringSSL", done.stdout)

    def test_help_for_each(self):
        for words in ([], ["run"], ["check"], ["init"], ["explain"], ["demo"]):
            with self.subTest(words=words):
                done = run(args.postern, *words, "--help", check=0)
                self.assertIn(" ".join(["postern", *words]), done.stdout)
                self.assertGreater(len(done.stdout.splitlines()), 3)

    def test_the_manual_page_names_every_command_and_option(self):
        source = pathlib.Path(__file__).parents[2] / "proxy/commands/postern.1"
        page = source.read_text().replace("\\-", "-")
        for words in ([], ["run"], ["check"], ["init"], ["explain"], ["demo"]):
            done = run(args.postern, *words, "--help", check=0)
            for option in re.findall(r"--[a-z]+", done.stdout):
                with self.subTest(words=words, option=option):
                    self.assertIn(option, page)
            for word in words:
                self.assertRegex(page, rf"(?m)^\.B {word}$")


if __name__ == "__main__":
    harness.main()
