"""What no attack may leave behind: after each, every listener serves the next honest client, and the
process holds no more descriptors and no more memory than before."""
import base64
import contextlib

from . import base
from .wire import Wire

PASSWORD = "honest-secret"


def protocol_and_mode(postern, name):
    """("imap", "required") of a listener of this postern."""
    for listener in postern.settings["listeners"]:
        if listener["name"] == name:
            return listener["protocol"], listener["tls"]
    raise KeyError(name)


def greeted(postern, name, context, **options):
    """A client of a listener that has read the greeting, under TLS where that can be: by implicit
    TLS, or by STARTTLS. Has said EHLO where the protocol wants it."""
    protocol, mode = protocol_and_mode(postern, name)
    wire = Wire(postern.port(name), tls=context if mode == "implicit" else None, **options)
    try:
        wire.line()
        if mode in ("required", "optional"):
            wire.starttls(protocol, context)
        if protocol in ("smtp", "submission"):
            wire.smtp("EHLO honest.example.test")
    except BaseException:
        wire.close()
        raise
    return wire


def logged_in(postern, name, context, user="honest", password=PASSWORD, **options):
    """The same client, logged in. Raises AssertionError where it is not let in."""
    protocol, _ = protocol_and_mode(postern, name)
    wire = greeted(postern, name, context, **options)
    try:
        if protocol == "imap":
            answer, good = wire.imap(f"h1 LOGIN {user} {password}")[-1], "h1 OK"
        elif protocol == "pop3":
            wire.pop3(f"USER {user}")
            answer, good = wire.pop3(f"PASS {password}")[-1], "+OK"
        else:
            wire.smtp("AUTH LOGIN")
            wire.smtp(_base64(user))
            answer, good = wire.smtp(_base64(password))[-1], "235"
        if not answer.startswith(good):
            raise AssertionError(f"{name}: an honest client is not let in: {answer!r}")
    except BaseException:
        wire.close()
        raise
    return wire


def be_honest(postern, name, context):
    """A whole honest session: greeting, TLS, login, NOOP, farewell; until its end is told, too."""
    protocol, _ = protocol_and_mode(postern, name)
    with logged_in(postern, name, context) as wire:
        commands = {"imap": (("h2 NOOP", "h2 OK"), ("h3 LOGOUT", "h3 OK")),
                    "pop3": (("NOOP", "+OK"), ("QUIT", "+OK"))}
        for command, good in commands.get(protocol, (("NOOP", "250"), ("QUIT", "221"))):
            reply = getattr(wire, "smtp" if protocol == "submission" else protocol)(command)
            if not reply[-1].startswith(good):
                raise AssertionError(f"{name}: {command} of an honest client gives {reply}")
    if postern.tells_on_stdout:
        postern.end_of(wire)


def _base64(text):
    return base64.b64encode(text.encode()).decode()


class Attack(base.TestCase):
    """Tests of one attack. `arrange` sets `cls.postern`; what a test opens is closed by addCleanup
    or a with block. The check after each test is a cleanup too, and comes last."""

    # How much more memory (KiB) a test may leave: the allocator's own, which it keeps for the next.
    # A test of thousands of sessions states a bound of its own.
    spare_kib = 4096

    def setUp(self):
        self.before = self.state_of(self.postern)
        self.addCleanup(self.assert_unharmed, self.postern, self.before)

    def state_of(self, postern):
        """What the process holds once every listener has served somebody: (descriptors, KiB);
        None for what cannot be seen here (a sanitizer's memory, another user's process)."""
        self.serve_all(postern)
        self.settle(postern)
        memory = postern.memory_kib() if postern.memory_says_something() else None
        return postern.descriptors(), memory

    def serve_all(self, postern):
        for name in postern.ports:
            be_honest(postern, name, self.room.client_tls())

    def settle(self, postern):
        """Waits until no session is left: one descriptor a listening socket, and those that stay."""
        listening = len(postern.ports) * postern.settings["workers"]
        base.until(lambda: postern.sockets() <= listening, "no session is left")

    def assert_unharmed(self, postern, before):
        """The next honest client is served on every listener; descriptors and memory are back."""
        self.assertIsNone(postern.process.poll(), f"postern has ended:\n{postern.stderr()}")
        descriptors, memory = before
        self.serve_all(postern)
        try:
            base.until(lambda: postern.descriptors() <= descriptors, "descriptors are back")
        except AssertionError:
            self.fail(f"{descriptors} descriptors before, {postern.descriptors()} after")
        if memory is not None:
            grown = postern.memory_kib() - memory
            self.assertLessEqual(grown, self.spare_kib, "KiB of memory are not given back")

    @contextlib.contextmanager
    def one_event(self, action, **wanted):
        """The block makes exactly one more event of this kind; it is given as the list's last."""
        found = []
        count = len(self.postern.events(action, **wanted))
        yield found
        found.append(self.postern.wait_events(count + 1, action, **wanted)[-1])
        self.assertEqual(len(self.postern.events(action, **wanted)), count + 1)

    def memory(self):
        """KiB that the process has more than before the test; 0 where that cannot be seen."""
        if not self.postern.memory_says_something():
            return 0
        return self.postern.memory_kib() - self.before[1]

    def assert_comes_to_rest(self, wave, growth_kib, waves=5):
        """Calls `wave` until one adds no more than `growth_kib` to what the one before has left. An
        allocator comes to rest some time, where a leak grows with each wave."""
        after = []
        for _ in range(waves):
            wave()
            self.settle(self.postern)
            after.append(self.memory())
            if len(after) > 1 and after[-1] - after[-2] <= growth_kib:
                print(f"KiB grown, wave by wave: {after}", end=" ", flush=True)
                return
        self.fail(f"each wave takes memory: {after} KiB")

    def leave(self, wire):
        """Closes, and waits until its session's end is told, which it gives: what is counted later
        does not count it."""
        wire.close()
        return self.postern.end_of(wire)
