"""What is measured, and how: each scenario gives the figures of one running program."""
import contextlib
import dataclasses
import os
import time

from .load import Load
from .subjects import server_name


@dataclasses.dataclass(frozen=True)
class Measure:
    """A figure of a scenario: a row of the table."""
    key: str
    unit: str
    more_is_better: bool = False


CPU = Measure("cpu_us", "µs of CPU")
RATE = Measure("rate", "a second", more_is_better=True)
P50 = Measure("p50_ms", "p50, ms")
P99 = Measure("p99_ms", "p99, ms")
BULK = Measure("mb_per_cpu_second", "MB per CPU second", more_is_better=True)
KIB = Measure("kib", "KiB of memory a session")
STORM = Measure("storm_rate", "handshakes a second meanwhile", more_is_better=True)


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    load: str                     # the generator's scenario; "storm" is two of them
    measures: tuple
    protocol: str = "imap"
    tls: str = "implicit"
    certificate: str = "ecdsa"
    together: int = 48            # clients; 0: as --idle says
    workers: int = 0              # 0: two, or what the program has
    is_fresh: bool = False        # a process of its own, that nothing was done with before
    is_quick: bool = True         # part of --quick


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much of it."""
    program: str                  # mail_load
    sink: int                     # its process that serves
    seconds: float = 2.0
    idle: int = 9000
    count: int = 0                # operations, in place of seconds
    message: int = 8 << 20        # octets of a message of the bulk scenarios


STORM_SESSIONS, STORM_PACE_MS, STORM_CLIENTS = 64, 50, 64

ALL = (
    Scenario("handshake-ecdsa", "new TLS 1.3 handshake, greeting, LOGOUT; P-256", "handshake", (CPU,)),
    Scenario("handshake-rsa", "the same with RSA-2048", "handshake", (CPU,), certificate="rsa"),
    Scenario("handshake-starttls", "the same behind STARTTLS; P-256", "handshake", (CPU,),
             tls="starttls"),
    Scenario("resume", "resumed handshake, greeting, LOGOUT", "resume", (CPU,)),
    Scenario("visit", "new handshake and greeting; the client leaves without a word", "visit", (CPU,)),
    *(Scenario(f"session-{protocol}-{tls}", "connect, TLS, login, NOOP, logout", "session", (CPU,),
               protocol, tls)
      for tls in ("implicit", "starttls") for protocol in ("imap", "smtp", "pop3")),
    Scenario("bulk-down", "IMAP FETCH of 8 MiB", "down", (BULK,), together=2),
    Scenario("bulk-up", "SMTP DATA of 8 MiB", "up", (BULK,), protocol="smtp", together=2),
    Scenario("noop-1", "NOOP round trips in one session", "noop", (CPU, P99), together=1),
    Scenario("noop-64", "the same in 64 sessions at once", "noop", (CPU, P99), together=64),
    Scenario("idle", "a session in IMAP IDLE", "idle", (KIB,), together=0, is_fresh=True),
    Scenario("storm", f"NOOP round trips of {STORM_SESSIONS} sessions, each {1000 // STORM_PACE_MS} a "
             "second, while RSA handshakes come as fast as they are taken", "storm", (P50, P99, STORM),
             certificate="rsa", together=STORM_SESSIONS),
    *(Scenario(f"growth-{sessions}", f"{sessions} sessions in IMAP IDLE", "idle", (KIB,),
               together=sessions, is_fresh=True, is_quick=False) for sessions in (100, 1000, 9000)),
    *(Scenario(f"workers-{workers}", f"new handshakes, P-256, {workers} worker{'s' * (workers > 1)}",
               "handshake", (CPU, RATE), workers=workers, is_fresh=True, is_quick=False)
      for workers in (1, 2)),
)


def chosen(names):
    """The scenarios of these names; "growth" stands for growth-100, growth-1000 and so on. Raises
    ValueError for a name of none."""
    found = []
    for name in names:
        matches = [each for each in ALL if each.name == name or each.name.startswith(f"{name}-")]
        if not matches:
            raise ValueError(f"no scenario is called {name}")
        found += [each for each in matches if each not in found]
    return found


def run(scenario, subject, extent):
    """{figure: value, "report": what the generator said}; None where the program has no such service.
    Raises LoadFailed."""
    port = subject.port(scenario.protocol, scenario.tls, scenario.certificate)
    if port is None:
        return None
    if scenario.load == "storm":
        return _storm(scenario, subject, port, extent)
    if scenario.load == "idle":
        return _idle(scenario, subject, port, extent)
    return _operations(scenario, subject, port, extent)


def _open(scenario, subject, port, extent, load=None, together=None, extra=()):
    return Load(extent.program, port, load or scenario.load, "--protocol", scenario.protocol, "--tls",
                scenario.tls, "--server-name", server_name(scenario.certificate), "--groups", subject.kind.groups, "--together",
                together or scenario.together, "--message", extent.message, *extra)


def _amount(extent):
    return ("--count", extent.count) if extent.count else ("--seconds", extent.seconds)


def _operations(scenario, subject, port, extent):
    with _open(scenario, subject, port, extent, extra=_amount(extent)) as load:
        opened = load.answer(within=120)
        if opened["operations"]:
            subject.settle()
        before = subject.cpu()
        load.go()
        report = load.answer(within=extent.seconds + 120)
        subject.settle()
        seconds = subject.cpu() - before
        load.close()
    report["errors"] += opened["errors"]
    report["reasons"].update(opened["reasons"])
    figures = {"report": report}
    if report["operations"]:
        figures.update(cpu_us=seconds * 1e6 / report["operations"],
                       rate=report["operations"] / report["seconds"], p50_ms=report["p50_us"] / 1000,
                       p99_ms=report["p99_us"] / 1000)
        if report["octets"] and seconds > 0:
            figures["mb_per_cpu_second"] = report["octets"] * 1e-6 / seconds
    return figures


def _idle(scenario, subject, port, extent):
    sessions = min(scenario.together or extent.idle, subject.kind.most_idle)
    # Caches and tables that come with the first sessions do not grow with their number.
    with _open(scenario, subject, port, extent, load="session", together=16,
               extra=("--count", 64)) as load:
        load.answer(within=120)
        load.go()
        load.answer(within=120)
        load.close()
    subject.settle()
    before = subject.pss_kib()
    with _open(scenario, subject, port, extent, together=sessions, extra=("--count", sessions)) as load:
        opened = load.answer(within=600)
        subject.settle()
        after = subject.pss_kib()
        load.go()  # each still answers
        report = load.answer(within=600)
        load.close(within=120)
    report["errors"] += opened["errors"]
    report["reasons"].update(opened["reasons"])
    report["sessions"] = opened["operations"]
    figures = {"report": report}
    if opened["operations"]:
        figures["kib"] = (after - before) / opened["operations"]
    return figures


@contextlib.contextmanager
def _first(pid):
    """A process comes before others meanwhile, where root asks."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, -15)
    yield
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, 0)


def _storm(scenario, subject, port, extent):
    with contextlib.ExitStack() as stack:
        steady = stack.enter_context(_open(
            scenario, subject, port, extent, load="noop",
            extra=("--pace", STORM_PACE_MS, *_amount(extent))))
        opened = steady.answer(within=120)
        # How long these two wait for a processor must not count as the proxy's time.
        stack.enter_context(_first(steady.process.pid))
        stack.enter_context(_first(extent.sink))
        storm = stack.enter_context(_open(
            scenario, subject, port, extent, load="handshake", together=STORM_CLIENTS,
            extra=("--count", extent.count) if extent.count else ("--seconds", extent.seconds + 1)))
        storm.answer(within=120)
        storm.go()
        time.sleep(0 if extent.count else 0.5)  # until it rages
        steady.go()
        report = steady.answer(within=extent.seconds + 120)
        raged = storm.answer(within=extent.seconds + 120)
        storm.close()
        steady.close()
    for other in (opened, raged):
        report["errors"] += other["errors"]
        report["reasons"].update(other["reasons"])
    return {"report": report, "storm": raged, "p50_ms": report["p50_us"] / 1000,
            "p99_ms": report["p99_us"] / 1000, "storm_rate": raged["operations"] / raged["seconds"]}
