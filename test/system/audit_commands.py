#!/usr/bin/env python3
"""`postern audit`: the other program is found and gets all words; its help, manual page and exit
statuses."""
import pathlib
import re
import shutil

import harness
from harness import args, run

COMMANDS = ["report", "what-if", "tail", "export", "import"]


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
        for words in ([], ["sing"], ["report"], ["what-if"], ["tail"], ["import"],
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


if __name__ == "__main__":
    harness.main()
