"""What the attacks share: the protocols' words for the same things, a postern with a listener of
each kind in front of obedient backends, and backends that lie when they are told to."""
import base64
import contextlib

from . import base
from .attack import Attack
from .fakes import FakeImap, FakePop3, FakeSmtp
from .postern import Postern
from .wire import Wire

FAKES = {"imap": FakeImap, "pop3": FakePop3, "submission": FakeSmtp, "smtp": FakeSmtp}
UPGRADE = {"imap": "s STARTTLS\r\n", "pop3": "STLS\r\n", "submission": "STARTTLS\r\n",
           "smtp": "STARTTLS\r\n"}
GO_AHEAD = {"imap": "s OK ", "pop3": "+OK ", "submission": "220 ", "smtp": "220 "}
# A command that changes nothing, and how its good answer begins.
NOOP = {"imap": ("n NOOP\r\n", "n OK"), "pop3": ("NOOP\r\n", "+OK"),
        "submission": ("NOOP\r\n", "250"), "smtp": ("NOOP\r\n", "250")}
GREETING = {"imap": "* OK hello\r\n", "pop3": "+OK hello\r\n", "submission": "220 hello\r\n",
            "smtp": "220 hello\r\n"}
MODES = {"required": {"tls": "required"}, "implicit": {"tls": "implicit"},
         "optional": {"tls": "optional", "cleartext_login": "refuse"},
         "observe": {"tls": "optional", "cleartext_login": "observe"}}


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def is_smtp(protocol):
    return protocol in ("smtp", "submission")


class Front(Attack):
    """`protocols` and `modes` say which listeners there are; each is named protocol-mode. Its fake
    backend is `fakes[protocol]`."""
    protocols = ("imap", "pop3", "submission")
    modes = ("required", "optional")
    clients = 0

    @classmethod
    def arrange(cls):
        cls.fakes = {protocol: cls.room.enter(FAKES[protocol]()) for protocol in cls.protocols}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"name": f"{protocol}-{mode}", "protocol": protocol, "backend": protocol,
                        **MODES[mode]} for protocol in cls.protocols for mode in cls.modes],
            {protocol: fake.port for protocol, fake in cls.fakes.items()}))

    def listeners(self, protocols=None, modes=None):
        """(protocol, mode) of each."""
        return [(protocol, mode) for protocol in protocols or self.protocols
                for mode in modes or self.modes]

    def connect(self, name, tls=None):
        """A client of a listener, from an address of its own, by which its events are found."""
        Front.clients += 1
        source = f"127.1.{Front.clients // 250}.{1 + Front.clients % 250}"
        wire = Wire(self.postern.port(name), tls=tls, source=source)
        wire.source = source
        self.addCleanup(wire.close)
        return wire

    def clear(self, protocol, mode):
        """A client without TLS that has read the greeting, and said EHLO in SMTP."""
        wire = self.connect(f"{protocol}-{mode}")
        wire.line()
        if is_smtp(protocol):
            wire.smtp("EHLO client.example.test")
        return wire

    def secured(self, protocol, mode):
        """The same under TLS, by STARTTLS or implicit. Its EHLO comes again."""
        tls = self.room.client_tls()
        wire = self.connect(f"{protocol}-{mode}", tls if mode == "implicit" else None)
        wire.line()
        if mode != "implicit":
            wire.starttls(protocol, tls)
        if is_smtp(protocol):
            wire.smtp("EHLO client.example.test")
        return wire

    def begun(self, protocol, mode):
        """In clear where a backend is there without TLS, else under TLS."""
        return (self.clear if mode in ("optional", "observe") else self.secured)(protocol, mode)

    def assert_goes_on(self, protocol, wire):
        """The session still takes a command."""
        command, good = NOOP[protocol]
        wire.send(command)
        self.assertRegex(wire.line(), "^" + good.replace("+", r"\+"))

    def assert_no_backend_saw(self, *secrets):
        for protocol, fake in self.fakes.items():
            everything = fake.everything()
            for secret in secrets:
                self.assertNotIn(secret if isinstance(secret, bytes) else secret.encode(),
                                 everything, protocol)

    def assert_only_tls(self, text):
        """Of what came behind a go-ahead: whole TLS records, and nothing else."""
        octets = text.encode("latin-1")
        while octets:
            self.assertIn(octets[0], range(20, 24), octets[:80])
            self.assertEqual(octets[1], 3, octets[:80])
            octets = octets[5 + int.from_bytes(octets[3:5], "big"):]

    def events_of(self, wire, action):
        """The events of this kind that this client's session has made so far."""
        return self.postern.events(action, source__ip=wire.source)

    def assert_ended(self, wire, *reasons):
        """Waits for the end of this client's session, for one of these reasons; gives its event."""
        base.until(lambda: self.events_of(wire, "session-end"), "the session ends", every=0.002)
        end = self.events_of(wire, "session-end")[0]
        self.assertIn(end["event.reason"], reasons)
        return end

    @contextlib.contextmanager
    def lying(self, protocol, script):
        """Within it each new connection to this backend is served by `script`."""
        fake = self.fakes[protocol]
        honest, fake.script = fake.script, script
        try:
            yield fake
        finally:
            fake.script = honest
