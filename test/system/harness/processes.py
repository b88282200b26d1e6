"""A server with all its processes: whom a signal must reach, and what they cost."""
import contextlib
import os
import signal
import time

from . import base


def _parents():
    """The parent of each process there is."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="latin-1") as stat:
            parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
    return parents


def family(pid):
    """A process and all its descendants, itself first."""
    parents = _parents()
    found = [pid] if pid in parents else []
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def state(pid):
    """Its state, a letter as in proc(5); "" where there is none."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
        return stat.read().rpartition(")")[2].split()[0]
    return ""


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_family(pid):
    """SIGKILL for all of them, also for those that are being born meanwhile."""
    for _ in range(100):
        alive = [one for one in family(pid) if state(one) not in ("Z", "")]
        if not alive:
            return
        # The parent first: it would start others in their place.
        signal_all(alive, signal.SIGSTOP)
        signal_all([one for one in family(pid) if one != pid], signal.SIGKILL)
        signal_all([pid], signal.SIGKILL)
        base.until(lambda: state(pid) in ("Z", ""), "it is killed")
    raise AssertionError("it does not die")


@contextlib.contextmanager
def stopped(*pids):
    """All the processes of these families stand still."""
    found = [one for pid in pids for one in family(pid)]
    signal_all(found, signal.SIGSTOP)
    try:
        base.until(lambda: all(state(one) in "TZ" for one in found), "they stand still")
        yield
    finally:
        signal_all(found, signal.SIGCONT)


def cpu_seconds(pid):
    """Processor time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_share(pid, seconds):
    """Which part of the next seconds it spends on a processor."""
    began, before = time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - began)
