#!/usr/bin/env python3
"""What scripts/bench knows of the programs that it measures, and that none of them stays behind."""
import os
import signal
import subprocess
import sys
import unittest

from beside import processes
from harness import base  # found by beside

COMPUTES = "sum(range(10_000_000))"  # a tenth of a second, or more
STARTS_AND_WAITS = """
import subprocess, time
from beside.guardian import guardian
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
guardian().watch(child.pid)
print(child.pid, flush=True)
time.sleep(600)
"""


class Processes(unittest.TestCase):
    def start(self, *command, **options):
        process = subprocess.Popen(command, start_new_session=True, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def end(self, session):
        for pid in processes.family(session):
            os.kill(pid, signal.SIGKILL)

    def test_a_family_is_who_was_forked_too_also_without_a_parent(self):
        first = self.start("sh", "-c", "(sleep 600 &) ; exec sleep 600")
        self.addCleanup(self.end, first.pid)
        base.until(lambda: len(processes.family(first.pid)) == 2, "both are there")
        self.assertGreater(processes.pss_kib(first.pid), 0)

    def test_children_that_have_ended_count(self):
        first = self.start("sh", "-c", f"'{sys.executable}' -c '{COMPUTES}'; echo done; read never",
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(first.stdin.close)
        self.addCleanup(first.stdout.close)
        self.assertEqual(first.stdout.readline(), "done\n")
        self.assertEqual(processes.family(first.pid), [first.pid])
        self.assertGreater(processes.cpu(first.pid), 0.03)  # a shell alone takes a millisecond

    def test_what_a_killed_bench_has_started_ends(self):
        bench = self.start(sys.executable, "-c", STARTS_AND_WAITS, stdout=subprocess.PIPE, text=True,
                           cwd=os.path.dirname(os.path.abspath(__file__)))
        self.addCleanup(bench.stdout.close)
        session = int(bench.stdout.readline())
        self.addCleanup(self.end, session)
        self.assertEqual(processes.family(session), [session])
        bench.kill()
        base.until(lambda: not processes.family(session), "nobody is left")


if __name__ == "__main__":
    unittest.main()
