"""The programs that are measured: how each is started, from the templates in ../peers/."""
import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

from harness import base

from . import processes
from .guardian import guardian

TEMPLATES = pathlib.Path(__file__).resolve().parents[1] / "peers"


@dataclasses.dataclass
class Part:
    """One program. `template` becomes its settings file, @CONFIG@ in the command; {VARIANT} in both
    stands for `variant`, where one program does only a part."""
    command: tuple
    template: str = ""
    variant: str = ""


@dataclasses.dataclass
class Kind:
    """A peer, or a build of postern. What it serves is told by the ports that its templates name."""
    name: str
    parts: tuple
    version: tuple                # a command that prints it
    most_idle: int = 9500         # sessions: a process with two descriptors for each ends there
    groups: str = "X25519"
    has_workers: bool = True      # whose number can be set
    settles: float = 0.05         # seconds until its work behind a load is done, too
    audit_log: bool = False


def _perdition(program, protocol, tls, certificate):
    """Perdition has all its settings in the command, and one program for each port."""
    return Part((f"perdition.{program}", "--config_file", "/dev/null", "--no_daemon",
                 "--bind_address", "127.0.0.1", "--no_bind_banner",
                 "--listen_port", f"@PORT_{protocol}_{tls}_{certificate}@",
                 "--outgoing_server", "127.0.0.1", "--outgoing_port", f"@BACKEND_{protocol}@",
                 "--no_lookup", "--map_library", "", "--username", "nobody", "--group", "nogroup",
                 "--ssl_mode", "ssl_listen" if tls == "IMPLICIT" else "tls_listen",
                 "--ssl_cert_file", f"@{certificate}_CHAIN@", "--ssl_key_file", f"@{certificate}_KEY@",
                 "--ssl_no_cert_verify", "--pid_file", "", "--log_facility",
                 f"@RUN@/{protocol}_{tls}_{certificate}.log", "--timeout", "0",
                 "--server_resp_line"))


PEERS = {kind.name: kind for kind in (
    Kind("nginx", (Part(("nginx", "-e", "@RUN@/error.log", "-c", "@CONFIG@"), "nginx.conf.in"),),
         ("nginx", "-v")),
    Kind("haproxy", (Part(("haproxy", "-db", "-f", "@CONFIG@"), "haproxy.cfg.in"),),
         ("haproxy", "-v")),
    Kind("hitch", tuple(Part(("hitch", "--config=@CONFIG@"), "hitch.conf.in", variant)
                        for variant in ("IMAP", "SMTP", "POP3")),
         ("hitch", "--version")),
    Kind("stunnel", (Part(("stunnel4", "@CONFIG@"), "stunnel.conf.in"),), ("stunnel4", "-version"),
         most_idle=2000, has_workers=False),  # a thread for each
    Kind("dovecot", tuple(Part(("dovecot", "-F", "-c", "@CONFIG@"), "dovecot.conf.in", variant)
                          for variant in ("ECDSA", "RSA")),
         ("dovecot", "--version"), most_idle=9000),
    Kind("perdition", (_perdition("imap4", "IMAP", "IMPLICIT", "ECDSA"),
                       _perdition("imap4", "IMAP", "IMPLICIT", "RSA"),
                       _perdition("imap4", "IMAP", "STARTTLS", "ECDSA"),
                       _perdition("pop3", "POP3", "IMPLICIT", "ECDSA"),
                       _perdition("pop3", "POP3", "STARTTLS", "ECDSA")),
         ("dpkg-query", "-W", "perdition"),  # it does not say
         most_idle=400, has_workers=False,    # a process for each
         groups="P-256"),                     # it offers no other
)}

# What the peers' TLS is.
SYSTEM_TLS = Kind("openssl", (), ("openssl", "version"))


def postern(name, program, with_audit):
    """A build of postern. With the audit log as users run it: a file, and the inventory."""
    return Kind(name, (Part((os.path.abspath(program), "run", "--config", "@CONFIG@"),
                            "postern.yaml.in"),),
                (os.path.abspath(program), "--version"),
                settles=1.2 if with_audit else 0.05,  # the inventory writes once a second
                audit_log=with_audit)


def version(kind):
    """The line in which a program says what it is."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([base.tool(kind.version[0]) or kind.version[0], *kind.version[1:]],
                              capture_output=True, text=True, timeout=20)
        for line in (done.stdout + done.stderr).splitlines():
            if re.search(r"\d\.\d", line):
                return line.strip()
    return "?"


def server_name(certificate):
    """Where a program holds both certificates this chooses one."""
    return f"{certificate}.test"


class _Values(dict):
    """What stands for the names in templates. Ports come into being when they are first named."""

    def __init__(self, fixed):
        super().__init__(fixed)
        self.ports = {}  # "IMAP_IMPLICIT_RSA": 21001

    def __missing__(self, name):
        if not name.startswith("PORT_"):
            raise KeyError(f"@{name}@ in a template stands for nothing")
        service = name.removeprefix("PORT_")
        if service not in self.ports:
            self.ports[service] = base.free_port()
        return self.ports[service]

    def fill(self, text, variant):
        text = text.replace("{VARIANT}", variant)
        return re.sub(r"@([A-Z0-9_]+)@", lambda found: str(self[found[1]]), text)


class Subject:
    """A running program with ports of its own; a context manager. It is no daemon: it ends with this
    process, even when that is killed."""

    def __init__(self, room, kind, sink_ports, workers=0):
        self.kind = kind
        self._running = []
        self._folder = room.folder(f"{kind.name}-{base.free_port()}")
        self._folder.chmod(0o755)
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        fixed = {"RUN": self._folder, "WORKERS": workers or 2, "DESCRIPTORS": descriptors,
                 "SESSIONS": (descriptors - 200) // 2,
                 "AUDIT_LOG": f"file:{self._folder}/audit.jsonl" if kind.audit_log else "off",
                 "INVENTORY": f"sqlite:{self._folder}/inventory.db" if kind.audit_log else "none"}
        for protocol, port in sink_ports.items():
            fixed[f"BACKEND_{protocol.upper()}"] = port
        for certificate in ("rsa", "ecdsa"):
            chain, key = room.certificate(certificate, names=(server_name(certificate),))
            both = room.path / f"{certificate}-both.pem"
            if not both.exists():
                both.write_text(chain.read_text() + key.read_text())
            both.chmod(0o644)
            fixed.update({f"{certificate.upper()}_CHAIN": chain, f"{certificate.upper()}_KEY": key,
                          f"{certificate.upper()}_BOTH": both})
        self._values = _Values(fixed)

    def port(self, protocol, tls, certificate):
        """None where it offers no such service."""
        return self._values.ports.get(f"{protocol}_{tls}_{certificate}".upper())

    def __enter__(self):
        try:
            for number, part in enumerate(self.kind.parts):
                self._start(number, part)
            base.until(self._is_up, f"{self.kind.name} listens", within=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, number, part):
        if part.template:
            config = self._folder / f"{number}-{part.template.removesuffix('.in')}"
            config.write_text(self._values.fill((TEMPLATES / part.template).read_text(),
                                                part.variant))
            self._values["CONFIG"] = config
        command = [self._values.fill(word, part.variant) for word in part.command]
        command[0] = base.tool(command[0]) or command[0]
        with open(self._folder / f"{number}.log", "wb") as log:
            self._running.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self._folder))
        guardian().watch(self._running[-1].pid)

    def _is_up(self):
        for number, process in enumerate(self._running):
            # Not poll(): its number must stay its own until all of its session have ended.
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                said = (self._folder / f"{number}.log").read_text(errors="replace")
                raise AssertionError(f"{self.kind.name} ended at its start:\n{said[-2000:]}")
        return all(base.listens(port) for port in self._values.ports.values())

    def __exit__(self, *_):
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)  # it ends its children, and takes their status
        end = time.monotonic() + 10
        while self._family() and time.monotonic() < end:
            time.sleep(0.05)
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._running:
            process.wait()
            guardian().release(process.pid)
        self._running.clear()

    def _family(self):
        return [pid for process in self._running for pid in processes.family(process.pid)]

    def settle(self):
        """Waits until what it does behind a load is done."""
        time.sleep(self.kind.settles)

    def cpu(self):
        """Seconds so far."""
        return sum(processes.cpu(process.pid) for process in self._running)

    def pss_kib(self):
        return sum(processes.pss_kib(process.pid) for process in self._running)
