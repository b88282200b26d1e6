"""The built program under test: its settings file, its process, and what it says."""
import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

from . import base, contract

TOP_ORDER = ("hostname", "workers", "user", "certificates", "tls", "backends", "listeners", "rules",
             "limits", "refusal", "smtp", "audit", "admin", "log", "shutdown_grace")


# How a session ends properly. In passthrough, as after an IMAP or POP3 login, postern does not read
# the LOGOUT or QUIT: there it is whoever closes first.
PROPER_ENDS = {"client_quit", "client_closed", "backend_closed"}


def address_of(port):
    return f"127.0.0.1:{port}"


def every_mode(protocol, backend):
    """A listener of each kind: required, implicit, optional (refuses clear logins), observe
    (optional, allows them) and clear (no TLS at all)."""
    modes = {"required": {"tls": "required"}, "implicit": {"tls": "implicit"},
             "optional": {"tls": "optional", "cleartext_login": "refuse"},
             "observe": {"tls": "optional", "cleartext_login": "observe"},
             "clear": {"tls": "none", "cleartext_login": "observe"}}
    return [{"name": name, "protocol": protocol, "backend": backend, **keys}
            for name, keys in modes.items()]


class Postern:
    """`postern run` with settings given as Python values.

    `listeners` is a list of dicts as in the settings file; `name` defaults to protocol-tls and
    `address` to a free port, which `port(name)` tells. `certificates`: pairs of chain and key, or
    dicts as in the file. `backends` maps a name to a port, a list of
    ports, or a dict as in the file. Other keyword arguments are top-level keys.
    """

    def __init__(self, room, listeners, backends, certificates=None, **top):
        self.room = room
        self.ports = {}
        self.process = None
        self.folder = pathlib.Path(room.folder(f"postern-{base.free_port()}"))
        self.settings = {"hostname": base.HOSTNAME, "workers": 2, "shutdown_grace": "1s", **top}
        # Never the machine's own: the defaults lie outside the room.
        self.settings["audit"] = {"inventory": "none", **self.settings.get("audit", {})}
        self.settings.setdefault("admin", {"socket": ""})
        if certificates is None:
            certificates = [room.certificate()]
        if certificates:
            self.settings["certificates"] = [
                each if isinstance(each, dict) else {"chain": str(each[0]), "key": str(each[1])}
                for each in certificates]
        self.settings["backends"] = {name: self._backend(value)
                                     for name, value in backends.items()}
        self.settings["listeners"] = [self._listener(dict(given)) for given in listeners]
        self.config = self.folder / "postern.yaml"
        self.config.write_text(self.text())

    @staticmethod
    def _backend(value):
        if isinstance(value, dict):
            return value
        ports = value if isinstance(value, (list, tuple)) else [value]
        return {"servers": [address_of(port) for port in ports]}

    def _listener(self, given):
        name = given.pop("name", f"{given['protocol']}-{given['tls']}")
        port = given.pop("port", None) or base.free_port()
        self.ports[name] = port
        if given["tls"] in ("required", "implicit"):
            given.pop("cleartext_login", None)  # never acts there, and postern warns of it
        return {"name": name, "address": address_of(port), **given}

    def text(self):
        """The settings file: block style at the top, JSON (which is YAML) for the values."""
        lines = []
        for key in sorted(self.settings, key=TOP_ORDER.index):
            value = self.settings[key]
            if isinstance(value, list):
                lines += [f"{key}:"] + [f"  - {json.dumps(item)}" for item in value]
            elif key == "backends":
                lines += [f"{key}:"] + [f"  {k}: {json.dumps(v)}" for k, v in value.items()]
            else:
                lines.append(f"{key}: {json.dumps(value)}")
        return "\n".join(lines) + "\n"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        """Ends it properly; a crash or a sanitizer's report makes the test fail here."""
        if self.process and self.process.poll() is None:
            self.stop()
        elif self.process and self.process.returncode not in self.allowed:
            raise AssertionError(f"postern had ended with {self.process.returncode}:\n"
                                 f"{self.stderr()}")

    allowed = (0,)

    def start(self, prefix=(), wait=True, program=None):
        """Starts it; `prefix` are words before the command (prlimit …); `program`: a copy of it."""
        self.out, self.err = self.folder / "stdout", self.folder / "stderr"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [*prefix, str(program or base.args.postern), "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        if wait:
            base.until(self._is_up, f"postern listens\n{self.text()}")
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"postern ended with {self.process.returncode} at start:\n"
                                 f"{self.stderr()}\n{self.text()}")
        # It listens before it has said all it says at its start, which tests read.
        return (all(base.listens(port) for port in self.ports.values())
                and re.search(r" info .*: ready, \d+ workers\n", self.stderr()))

    def port(self, name):
        return self.ports[name]

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, within=60):
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise AssertionError(f"postern did not end within {within} s:\n{self.stderr()}") \
                from None

    def stop(self, status=0, within=60):
        """SIGTERM, then its exit status is checked, and that its audit lines are as agreed."""
        self.signal()
        got = self.wait(within)
        if self.tells_on_stdout:
            wrong = contract.faults(self.stdout())
            if wrong:
                raise AssertionError(f"lines of the audit log are not as the contract says: {wrong}")
        if got != status:
            raise AssertionError(f"postern ended with {got}, not {status}:\n{self.stderr()}")

    @property
    def tells_on_stdout(self):
        """Whether its events can be read here; some tests have them elsewhere."""
        return "stdout" in self.settings["audit"].get("log", "stdout")

    def stdout(self):
        return self.out.read_text(encoding="utf-8")

    def stderr(self):
        return self.err.read_text(encoding="utf-8", errors="backslashreplace")

    def says(self, words, within=60):
        """Waits until stderr has these words (a regular expression), once it runs: what it does and
        what it says of that are not one moment."""
        with contextlib.suppress(AssertionError):
            return base.until(lambda: re.search(words, self.stderr()), words, within)
        raise AssertionError(f"postern does not say {words!r}:\n{self.stderr()}")

    def events(self, action=None, **wanted):
        """The audit events so far, as (ordered) dicts; `wanted` keys use __ for a dot."""
        wanted = {key.replace("__", "."): value for key, value in wanted.items()}
        found = []
        for line in self.stdout().splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # being written
            event = json.loads(line)
            if action and event.get("event.action") != action:
                continue
            if all(event.get(key) == value for key, value in wanted.items()):
                found.append(event)
        return found

    def wait_events(self, count, action=None, within=60, **wanted):
        """The first `count` events of this kind, or a failure that shows all there are."""
        try:
            base.until(lambda: len(self.events(action, **wanted)) >= count, "events", within)
        except AssertionError:
            raise AssertionError(f"expected {count} {action} {wanted}, got:\n{self.stdout()}"
                                 f"\nstderr:\n{self.stderr()}") from None
        return self.events(action, **wanted)[:count]

    def end_of(self, wire):
        """Waits for the session-end of this client, which may be closed, and gives it."""
        # Not later than the clock of events, which counts milliseconds.
        since = wire.opened_at.replace(microsecond=wire.opened_at.microsecond // 1000 * 1000)

        def ends():
            return [event for event in self.events("session-end")
                    if (event["source.ip"], event["source.port"]) == wire.source
                    and self.ports[event["postern.listener"]] == wire.port
                    and datetime.datetime.fromisoformat(event["@timestamp"]) >= since]
        return base.until(ends, f"the session of {wire.source} ends")[0]

    def _descriptor_targets(self):
        folder = f"/proc/{self.pid}/fd"
        try:
            names = os.listdir(folder)
        except PermissionError:
            raise unittest.SkipTest("needs root: the process hides its inside, as it should") \
                from None
        targets = []
        for name in names:
            with contextlib.suppress(OSError):  # closed meanwhile
                targets.append(os.readlink(f"{folder}/{name}"))
        return targets

    def descriptors(self):
        """Without those of /dev/null: libuv opens one with a worker's first session, for the day
        when descriptors run out, and that may be any session."""
        return sum(target != "/dev/null" for target in self._descriptor_targets())

    def sockets(self):
        """How many of its descriptors are sockets."""
        return sum(target.startswith("socket:") for target in self._descriptor_targets())

    def memory_kib(self):
        """Its memory of its own: anonymous pages. Those of files are shared with whoever runs."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("Pss_Anon:"):
                    return int(line.split()[1])
        raise AssertionError("smaps_rollup has no Pss_Anon")

    def memory_says_something(self):
        """Not with a sanitizer; and other users' processes hide theirs."""
        binary = pathlib.Path(base.args.postern).read_bytes()
        return (b"__asan_init" not in binary and b"__tsan_init" not in binary
                and os.access(f"/proc/{self.pid}/fd", os.R_OK))
