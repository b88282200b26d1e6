#!/usr/bin/env python3
"""`postern audit`: the other program is found and gets all words; its help, manual page and exit
statuses; and an inventory that is made anew from the log."""
import json
import pathlib
import re
import shutil

import harness
from harness import FakeImap, Postern, Wire, args, run

COMMANDS = ["report", "what-if", "tail", "export", "verify", "import"]


class AuditCommands(harness.TestCase):
    def test_help_names_it_and_each_of_its_commands(self):
        self.assertIn("audit", run(args.postern, "--help", check=0).stdout)
        text = run(args.postern, "audit", "--help", check=0).stdout
        for command in COMMANDS:
            self.assertIn(command, text)
            self.assertIn(f"postern audit {command}",
                          run(args.postern, "audit", command, "--help", check=0).stdout)

    def test_the_manual_page_names_every_command_and_option(self):
        source = pathlib.Path(__file__).parents[2] / "proxy/report/postern-audit.1"
        page = source.read_text().replace("\\-", "-")
        for command in COMMANDS:
            self.assertRegex(page, rf"(?m)^\.B {command}$")
            done = run(args.postern, "audit", command, "--help", check=0)
            for option in re.findall(r"--[a-z]+", done.stdout):
                with self.subTest(command=command, option=option):
                    self.assertTrue(option in page, option)

    def test_usage_errors_are_2_and_what_cannot_be_read_is_1(self):
        for words in ([], ["sing"], ["report"], ["what-if"], ["tail"], ["verify"], ["import"],
                      ["report", "--inventory", "x", "--format", "pdf"]):
            with self.subTest(words=words):
                done = run(args.postern, "audit", *words)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertTrue(done.stderr)
        done = run(args.postern, "audit", "report", "--inventory", self.room.path / "none.db")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.db", done.stderr)

    def test_without_its_other_program_it_says_what_is_missing(self):
        alone = self.room.folder("alone") / "postern"
        shutil.copy(args.postern, alone)
        done = run("env", "PATH=/nowhere", alone, "audit", "report")
        self.assertEqual(done.returncode, 1)
        self.assertIn("postern-audit", done.stderr)

    def test_an_inventory_made_from_the_log_says_the_same(self):
        room = self.own_room()
        fake = room.enter(FakeImap())
        inventory, log = room.path / "inventory.db", room.path / "audit.jsonl"
        postern = Postern(room, [{"name": "imap", "protocol": "imap", "tls": "optional",
                                  "cleartext_login": "observe", "backend": "old"}],
                          {"old": fake.port},
                          audit={"log": f"file:{log}", "inventory": f"sqlite:{inventory}"})
        with postern:
            for user in ("anna", "bob", "bob"):
                with Wire(postern.port("imap")) as wire:
                    wire.imap()
                    self.assertEqual(wire.imap(f"a LOGIN {user} secret")[-1][:4], "a OK")
        made = room.path / "made.db"
        run(args.postern, "audit", "import", "--inventory", made, "--config", postern.config,
            check=0)
        users = []
        for source in (["--config", postern.config], ["--inventory", made]):
            done = run(args.postern, "audit", "report", *source, "--format", "json", check=0)
            rows = json.loads(done.stdout)["sections"]["cleartext"]["rows"]
            users.append([(row["user"], row["logins"], row["secrets_exposed"]) for row in rows])
        self.assertEqual(users[0], [("bob", 2, 2), ("anna", 1, 1)])
        self.assertEqual(users[1], users[0])
        tail = run(args.postern, "audit", "tail", "--config", postern.config, "--lines", "100",
                   check=0).stdout
        self.assertRegex(tail, r"(?m)login .* bob mechanism=LOGIN EXPOSED")
        self.assertNotIn("secret ", tail)
        again = run(args.postern, "audit", "import", "--inventory", made, log)
        self.assertEqual(again.returncode, 1)

    def test_verify_finds_what_was_done_to_the_log(self):
        room = self.own_room()
        fake = room.enter(FakeImap())
        log = room.path / "audit.jsonl"
        postern = Postern(room, [{"name": "imap", "protocol": "imap", "tls": "optional",
                                  "cleartext_login": "observe", "backend": "old"}],
                          {"old": fake.port}, audit={"log": f"file:{log}", "chain": "on",
                                                     "inventory": "none"})
        with postern:
            for user in ("anna", "bob"):
                with Wire(postern.port("imap")) as wire:
                    wire.imap()
                    self.assertEqual(wire.imap(f"a LOGIN {user} secret")[-1][:4], "a OK")
        done = run(args.postern, "audit", "verify", "--config", postern.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("nothing was changed or taken out", done.stdout)
        whole = log.read_text().splitlines(keepends=True)
        number = next(i for i, line in enumerate(whole) if '"bob"' in line)
        for what, lines in (("changed", [line.replace('"bob"', '"rob"') for line in whole]),
                            ("taken out", whole[:number] + whole[number + 1:])):
            with self.subTest(what=what):
                log.write_text("".join(lines))
                done = run(args.postern, "audit", "verify", log)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertRegex(done.stdout,
                                 rf"(?m)^{re.escape(str(log))}:({number + 1}|{number + 2}): ")


if __name__ == "__main__":
    harness.main()
