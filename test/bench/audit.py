#!/usr/bin/env python3
"""What the audit costs: CPU time of the program for one login with a log file and the inventory,
beside the same without either. Clear text and a backend that answers at once, so that nothing hides
the audit's part: with TLS that part is smaller. Rounds take turns, so what else the machine does
falls on both alike; wall time says little, as clients and server share its processors.

usage: audit.py --postern PROGRAM --load LOGIN_LOAD [--logins N] [--rounds N] [--together N]
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from harness import Postern, base  # noqa: E402

TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds that the process has computed so far, all threads, user and kernel."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def settled_cpu(pid, quiet=1.5, within=30):
    """The same, once it has had nothing to do for `quiet` seconds: the audit works behind."""
    end = time.monotonic() + within
    last, since = cpu(pid), time.monotonic()
    while time.monotonic() < min(end, since + quiet):
        time.sleep(0.1)
        now = cpu(pid)
        if now > last + TICK:  # one tick is the clockwork of an idle program
            last, since = now, time.monotonic()
    return cpu(pid)


class Subject:
    """One running program and what was measured of it."""

    def __init__(self, room, name, audit):
        self.name = name
        self.backend = base.free_port()
        self.postern = room.enter(Postern(
            room, [{"name": "imap", "protocol": "imap", "tls": "none", "backend": "old",
                    "cleartext_login": "observe"}],
            {"old": self.backend}, certificates=(), audit=audit))
        self.per_login = []  # seconds of CPU, a round each
        self.rates = []

    def load(self, args, logins):
        """Seconds that it took."""
        done = subprocess.run([args.load, str(self.postern.port("imap")), str(self.backend),
                               str(logins), str(args.together)],
                              stdout=subprocess.PIPE, text=True, check=True, timeout=600)
        return float(done.stdout)

    def round(self, args):
        before = settled_cpu(self.postern.pid)
        took = self.load(args, args.logins)
        self.per_login.append((settled_cpu(self.postern.pid) - before) / args.logins)
        self.rates.append(args.logins / took)


def lines_of(log):
    """(logins, lost) by the log."""
    logins = gaps = 0
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            logins += '"event.action":"login"' in line
            gaps += json.loads(line)["event.action"] == "audit-gap"
    return logins, gaps


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--postern", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--logins", type=int, default=10000, help="a round (default: 10000)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default: 5)")
    parser.add_argument("--together", type=int, default=64, help="connections (default: 64)")
    args = parser.parse_args()
    base.args.postern = os.path.abspath(args.postern)
    args.load = os.path.abspath(args.load)
    with contextlib.closing(base.Room()) as room:
        log = room.path / "audit.jsonl"
        off = Subject(room, "audit off", {"log": "off", "inventory": "none"})
        database = room.path / "inventory.db"
        full = Subject(room, "log file and inventory",
                       {"log": f"file:{log}", "inventory": f"sqlite:{database}"})
        warm_up = max(1, args.logins // 10)
        for subject in (off, full):
            subject.load(args, warm_up)
        for number in range(args.rounds):
            for subject in (off, full) if number % 2 == 0 else (full, off):
                subject.round(args)
        print(f"{args.rounds} rounds of {args.logins} IMAP logins in clear text each, "
              f"{args.together} connections at once")
        for subject in (off, full):
            each = [seconds * 1e6 for seconds in subject.per_login]
            print(f"{subject.name:24} {statistics.median(each):7.1f} us of CPU a login "
                  f"(rounds: {min(each):.1f} to {max(each):.1f}), "
                  f"{statistics.median(subject.rates):6.0f} logins/s")
        ratio = statistics.median(full.per_login) / statistics.median(off.per_login)
        print(f"{'ratio':24} {ratio:7.3f}")
        full.postern.stop()
        logins, gaps = lines_of(log)
        print(f"{'in the log':24} {logins:7} logins of {warm_up + args.rounds * args.logins}, "
              f"{gaps} audit-gap events")
        size = database.stat().st_size // 1024 if database.exists() else 0
        print(f"{'the inventory':24} {size:7} KiB")


if __name__ == "__main__":
    main()
