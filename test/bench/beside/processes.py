"""CPU time and memory of a program with all its children, from /proc.

A program's family are the processes of its session (setsid): it is started with one of its own, and what
it forks stays in it, also when its parent has gone.
"""
import contextlib
import os
import pathlib

TICK = 1 / os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat behind the name: [0] is the state, [3] the session."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()


def family(session):
    """The living processes of a session."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            fields = _stat(name)
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(name))
    return found


def _threads_seconds(pid):
    """What its living threads have computed: exact, where /proc/PID/stat counts in ticks of 10 ms."""
    total = 0
    for schedstat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, ValueError):
            total += int(schedstat.read_text(encoding="ascii").split()[0])
    return total * 1e-9


def cpu(session):
    """Seconds that the family has computed so far, user and kernel, children that have ended too."""
    total = 0.0
    for pid in family(session):
        with contextlib.suppress(OSError, IndexError):
            fields = _stat(pid)
            own = (int(fields[11]) + int(fields[12])) * TICK  # of threads that have ended, too
            ended = (int(fields[13]) + int(fields[14])) * TICK
            total += max(own, _threads_seconds(pid)) + ended
    return total


def pss_kib(session):
    """KiB of memory of the family; what processes share is counted once (PSS)."""
    total = 0
    for pid in family(session):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total
