"""Ends the programs that are measured when the process that has started them is killed and cannot. (The
kernel's own means, PR_SET_PDEATHSIG, is lost where a program changes its user.)"""
import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import sys
import time

from . import processes


class Guardian:
    """A process that waits for the end of this one."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "beside.guardian"], stdin=subprocess.PIPE, text=True,
            start_new_session=True, cwd=pathlib.Path(__file__).resolve().parents[1])

    def _say(self, word, session):
        self._process.stdin.write(f"{word} {session}\n")
        self._process.stdin.flush()

    def watch(self, session):
        """This session of processes must not outlive us."""
        self._say("watch", session)

    def release(self, session):
        """It has ended."""
        self._say("release", session)


@functools.cache
def guardian():
    """The one of this process."""
    return Guardian()


def _signal(sessions, number):
    for session in sessions:
        for pid in processes.family(session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def main():
    sessions = set()
    for line in sys.stdin:  # ends with whoever holds its other side
        word, session = line.split()
        (sessions.add if word == "watch" else sessions.discard)(int(session))
    _signal(sessions, signal.SIGTERM)
    end = time.monotonic() + 3
    while any(processes.family(session) for session in sessions) and time.monotonic() < end:
        time.sleep(0.1)
    _signal(sessions, signal.SIGKILL)


if __name__ == "__main__":
    main()
