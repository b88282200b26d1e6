#!/usr/bin/env python3
"""Mail proxies beside each other, postern among them: one table. See README.md in this folder.

usage: compare.py --load MAIL_LOAD --postern [NAME=]FILE... [OPTION...]
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import signal
import sys
import time

from beside import scenarios, subjects, table
from beside.load import LoadFailed, Sink
from harness import base  # found by beside

EXPECTED_TLS = "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519"
SIGNATURES = {"ecdsa": "ecdsa_secp256r1_sha256", "rsa": "rsa_pss_rsae_sha256"}
QUICK_PEERS = "nginx,haproxy,hitch"
# Peers make tables for as many as they may have: where a system's limit is a thousand million that would
# be all of its memory.
MOST_DESCRIPTORS = 20_000


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0],
                                     allow_abbrev=False)
    parser.add_argument("--load", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--postern", action="append", metavar="[NAME=]FILE", required=True,
                        help="a build of postern; several are measured beside each other")
    parser.add_argument("--quick", action="store_true",
                        help=f"one short round of {QUICK_PEERS}; under two minutes on two cores")
    parser.add_argument("--peers", help="names with commas, or none (default: all)")
    parser.add_argument("--scenarios", help="names with commas (default: all); session is all of "
                                            "session-…")
    parser.add_argument("--rounds", type=int, help="default 3")
    parser.add_argument("--seconds", type=float, help="of load a scenario, program and round; default 2")
    parser.add_argument("--idle", type=int, help="idle sessions; default 9000, or what a peer can hold")
    parser.add_argument("--audit-log", choices=("file", "off"), default="file",
                        help="postern's audit: log file and inventory, as users run it (default), or "
                             "neither")
    parser.add_argument("--md", metavar="FILE", help="the table in Markdown, too")
    parser.add_argument("--json", metavar="FILE", help="every run, too")
    parser.add_argument("--list", action="store_true", help="names of peers and scenarios")
    args = parser.parse_args()
    quick = {"rounds": 1, "seconds": 0.8, "idle": 1000, "peers": QUICK_PEERS}
    full = {"rounds": 3, "seconds": 2.0, "idle": 9000, "peers": ",".join(subjects.PEERS)}
    for name, value in (quick if args.quick else full).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    try:
        args.scenarios = (scenarios.chosen(args.scenarios.split(",")) if args.scenarios else
                          [each for each in scenarios.ALL if each.is_quick or not args.quick])
    except ValueError as error:
        parser.error(str(error))
    args.peers = [] if args.peers == "none" else args.peers.split(",")
    for name in args.peers:
        if name not in subjects.PEERS:
            parser.error(f"no peer is called {name}")
    return args


def kinds_of(args):
    """(peers that are installed, builds of postern)."""
    peers = []
    for name in args.peers:
        if base.tool(subjects.PEERS[name].parts[0].command[0]):
            peers.append(subjects.PEERS[name])
        else:
            note(f"{name} is not installed (scripts/setup --bench)")
    posterns = []
    for given in args.postern:
        name, _, file = given.rpartition("=")
        posterns.append(subjects.postern(name or "postern", file, args.audit_log == "file"))
        if not os.access(file, os.X_OK):
            sys.exit(f"{file} is no program")
    if len({kind.name for kind in (*peers, *posterns)}) < len(peers) + len(posterns):
        sys.exit("two programs have the same name: --postern NAME=FILE")
    return peers, posterns


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


class Bench:
    """The rounds. `runs` is what table.rows() takes."""

    def __init__(self, args, room):
        self.args = args
        self.room = room
        self.sink_ports = {protocol: base.free_port() for protocol in ("imap", "smtp", "pop3")}
        sink = room.enter(Sink(args.load, self.sink_ports, scenarios.Extent.message))
        self.extent = scenarios.Extent(args.load, sink.process.pid, args.seconds, args.idle)
        self.lasting = {}  # by name: programs that run for the whole bench
        self.runs = []
        self.remarks = {}  # what is no figure but must be known

    def start(self, kind):
        self.lasting[kind.name] = self.room.enter(
            subjects.Subject(self.room, kind, self.sink_ports))

    def starts(self, kind):
        """As start(), for a peer: the others are measured without it."""
        try:
            self.start(kind)
        except AssertionError as error:
            note(error)
            return False
        return True

    def run(self, scenario, kind):
        lasting = self.lasting[kind.name]
        if (lasting.port(scenario.protocol, scenario.tls, scenario.certificate) is None
                or (scenario.workers and not kind.has_workers)):
            return
        try:
            if scenario.is_fresh:
                with subjects.Subject(self.room, kind, self.sink_ports, scenario.workers) as fresh:
                    figures = scenarios.run(scenario, fresh, self.extent)
            else:
                figures = scenarios.run(scenario, lasting, self.extent)
        except (LoadFailed, AssertionError) as error:
            note(f"{scenario.name} {kind.name}: {error}")
            figures = {}
        report = figures.get("report", {})
        self.runs.append({"scenario": scenario.name, "program": kind.name, "figures": figures,
                          "errors": report.get("errors", 1)})
        self.remark(scenario, kind, report)

    def remark(self, scenario, kind, report):
        for spoken in report.get("tls", {}):
            suite, _, signature = spoken.rpartition(" ")
            if suite != EXPECTED_TLS:
                self.remarks[f"{kind.name} spoke {suite}"] = None
            if signature not in ("none", SIGNATURES[scenario.certificate]):
                self.remarks[f"{kind.name} signed with {signature} in {scenario.name}"] = None
        if scenario.load == "resume" and report.get("resumed") != report.get("handshakes"):
            share = report.get("resumed", 0) / max(1, report.get("handshakes", 0))
            self.remarks[f"{kind.name} resumed {share:.0%} in {scenario.name}"] = None
        elif scenario.load != "resume" and report.get("resumed"):
            self.remarks[f"{kind.name} resumed TLS sessions in {scenario.name}"] = None
        for reason, times in report.get("reasons", {}).items():
            self.remarks[f"{kind.name}, {scenario.name}: {times} × {reason}"] = None
        if "sessions" in report and report["sessions"] < (scenario.together or self.args.idle):
            self.remarks[f"{kind.name} had {report['sessions']} sessions in {scenario.name}"] = None


def processor():
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def facts(args, kinds, load_average):
    return {"processor": f"{processor()}, {os.cpu_count()} at hand", "kernel": platform.release(),
            "versions": {kind.name: subjects.version(kind)
                         for kind in (*kinds, subjects.SYSTEM_TLS)},
            "rounds": args.rounds, "seconds": args.seconds, "audit log": args.audit_log,
            "load average at the start": load_average}


def facts_text(known, remarks):
    lines = [f"{known['processor']}; Linux {known['kernel']}; {known['rounds']} x "
             f"{known['seconds']:g} s; postern's audit log: {known['audit log']}; load average at the "
             f"start {known['load average at the start']:.1f}"]
    lines += [f"{name}: {said}" for name, said in known["versions"].items()]
    return "\n".join([*lines, *remarks])


def print_list():
    print("peers:", ", ".join(subjects.PEERS))
    for scenario in scenarios.ALL:
        print(f"  {scenario.name:24} {scenario.about}")


def end_at_signal(number, _frame):
    """So that everything that was started is stopped on the way out."""
    sys.exit(128 + number)


def main():
    args = arguments()
    if args.list:
        print_list()
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_at_signal)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    peers, posterns = kinds_of(args)
    load_average = os.getloadavg()[0]
    begin = time.monotonic()
    with contextlib.closing(base.Room()) as room:
        bench = Bench(args, room)
        peers = [kind for kind in peers if bench.starts(kind)]
        for kind in posterns:
            bench.start(kind)
        kinds = [*peers, *posterns]
        for number in range(args.rounds):
            # Another order each round: what else the machine does falls on all alike.
            first = number % len(kinds)
            for scenario in args.scenarios:
                note(f"{time.monotonic() - begin:.0f} s: round {number + 1}, {scenario.name}")
                for kind in kinds[first:] + kinds[:first]:
                    bench.run(scenario, kind)
    names = [kind.name for kind in peers], [kind.name for kind in posterns]
    known = facts(args, kinds, load_average)
    rows = table.rows(args.scenarios, bench.runs, *names)
    said = facts_text(known, bench.remarks)
    print(table.as_text(rows, *names), said, sep="\n\n")
    if args.md:
        pathlib.Path(args.md).write_text(
            table.as_markdown(rows, *names) + "\n\n" + said.replace("\n", "  \n") + "\n")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(
            {"facts": known, "remarks": list(bench.remarks), "runs": bench.runs}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
