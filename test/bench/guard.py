#!/usr/bin/env python3
"""Counts the instructions that the proxy takes for a fixed exchange (guard.cc, under callgrind), and
compares them with the recorded ones (guard.json). They are the same on a busy machine as on an idle
one, to a part in a thousand, so what has become dearer shows, and nothing else does.

usage: guard.py --program GUARD [--record | --profile [PHASE]]
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

RECORDED = pathlib.Path(__file__).with_suffix(".json")
BOUND = 0.1  # off by more than this part is told
TOP = 40  # functions of a profile


def count(program, folder):
    """What the program says of itself, and the file of each phase."""
    done = subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
         "--compress-strings=no", "--compress-pos=no",
         f"--callgrind-out-file={folder}/counts", program],
        stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    files = {}
    for path in pathlib.Path(folder).iterdir():
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if found := re.match(r"desc: Trigger: Client Request: (\S+)", line):
                    files[found[1]] = path
                    break
    said = json.loads(done.stdout)
    if missing := said["divisors"].keys() - files.keys():
        sys.exit(f"guard: nothing was counted for {', '.join(missing)}: "
                 "was it built where valgrind's header is?")
    return said, files


def total(path):
    """Instructions of one phase's file."""
    with open(path, encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))


def valgrind_version():
    done = subprocess.run(["valgrind", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().removeprefix("valgrind-")


def judge(recorded, now):
    """Prints the table. Gives the phases that take more, and those that take less, than recorded, by
    more than the bound; a phase that is in one of the two only is in neither."""
    more, less = [], []
    print(f"{'phase':<12}{'recorded':>12}{'now':>12}{'ratio':>8}   instructions each")
    for phase in {**recorded, **now}:
        before, after = recorded.get(phase), now.get(phase)
        ratio = f"{after / before:.3f}" if before and after else "-"
        cells = [f"{figure:,}" if figure else "-" for figure in (before, after)]
        print(f"{phase:<12}{cells[0]:>12}{cells[1]:>12}{ratio:>8}")
        if before and after:
            more += [phase] if after > before * (1 + BOUND) else []
            less += [phase] if after < before * (1 - BOUND) else []
    return more, less


def guard(said, files, record):
    made_with = {**said["with"], "valgrind": valgrind_version()}
    now = {phase: round(total(files[phase]) / divisor)
           for phase, divisor in said["divisors"].items()}
    if record:
        RECORDED.write_text(json.dumps({"with": made_with, "instructions": now}, indent=2) + "\n",
                            encoding="utf-8")
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    more, less = judge(recorded["instructions"], now)
    others = [f"{key} {made_with.get(key, 'unknown')} (recorded: {value})"
              for key, value in recorded["with"].items() if made_with.get(key) != value]
    if others:
        print(f"not judged, since this was made with {', '.join(others)}")
        return 0
    if less:
        print(f"cheaper than recorded by more than {BOUND:.0%}: {', '.join(less)}; "
              "record anew: scripts/bench --guard --record")
    if more:
        print(f"dearer than recorded by more than {BOUND:.0%}: {', '.join(more)}; "
              "see scripts/bench --guard --profile PHASE")
    if recorded["instructions"].keys() != now.keys():
        print("the phases are others than the recorded ones: scripts/bench --guard --record")
        return 1
    return 1 if more else 0


def costs_of(path):
    """(object, function) -> instructions of a phase's file: of its own, and with all that it calls.
    callgrind_annotate would count callers twice whose call began in an earlier phase."""
    own, inclusive = collections.Counter(), collections.Counter()
    library = function = ""
    is_call = False
    with open(path, encoding="utf-8") as lines:
        for line in map(str.rstrip, lines):
            key, _, value = line.partition("=")
            if key == "ob":
                library = pathlib.PurePath(value).name
            elif key == "fn":
                function = value
            elif key == "calls":
                is_call = True  # the next line has the callee's
            elif function and re.match(r"\d+ \d+$", line):
                cost = int(line.split()[1])
                inclusive[library, function] += cost
                if not is_call:
                    own[library, function] += cost
                is_call = False
    return own, inclusive


def short(function):
    """Without what every name of the proxy's has, and no wider than a terminal."""
    function = re.sub(r"\(anonymous namespace\)::|postern::", "", function)
    function = re.sub(r"std::(__cxx11::)?basic_string(_view)?<char[^()]*?> ?>", r"string\2", function)
    return function if len(function) <= 90 else function[:87] + "..."


def print_top(title, costs, divisor, whole):
    print(f"  {title}")
    for (library, function), cost in costs.most_common(TOP):
        print(f"{cost / divisor:>14,.0f} {cost / whole:>6.1%}  {short(function)} [{library}]")


def profile(said, files, program, wanted):
    proxy = pathlib.PurePath(program).name
    for phase, divisor in said["divisors"].items():
        if wanted not in (phase, ""):
            continue
        whole = total(files[phase])
        own, inclusive = costs_of(files[phase])
        libraries = collections.Counter()
        for (library, _), cost in own.items():
            libraries[library] += cost
        print(f"{phase}: {whole / divisor:,.0f} instructions each: "
              + ", ".join(f"{name} {cost / whole:.1%}" for name, cost in libraries.most_common(6)))
        print_top("by what a function takes itself", own, divisor, whole)
        print_top("the same, the proxy's own functions alone", collections.Counter(
            {key: cost for key, cost in own.items() if key[0] == proxy}), divisor, whole)
        print_top("with all that it calls", inclusive, divisor, whole)
        print()


def main():
    parser = argparse.ArgumentParser(description="Instruction counts of a fixed exchange.")
    parser.add_argument("--program", required=True)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--record", action="store_true", help="write guard.json anew")
    what.add_argument("--profile", nargs="?", const="", metavar="PHASE",
                      help="print the dearest functions of each phase, or of one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postern-guard-") as folder:
        said, files = count(args.program, folder)
        if args.profile is None:
            return guard(said, files, args.record)
        if args.profile and args.profile not in said["divisors"]:
            parser.error(f"phases are {', '.join(said['divisors'])}")
        profile(said, files, args.program, args.profile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
