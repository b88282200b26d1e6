#!/usr/bin/env python3
"""STARTTLS with something behind it on its line.

RFC 3207 4 gives STARTTLS no parameter. A server that looks at the first word alone begins TLS for
"STARTTLS; MAIL FROM:<…>", and one that keeps the rest of the line has a command injected before
TLS. Published as one of the command injections of "Why TLS Is Better Without STARTTLS" (Poddebniak,
Ising, Boeck, Schinzel; USENIX Security 2021). Expected: the protocol's syntax error, no go-ahead,
and the line as good as never said.
"""
import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire

FAKES = {"imap": FakeImap, "pop3": FakePop3, "submission": FakeSmtp, "smtp": FakeSmtp}
LINES = {
    "imap": ["s STARTTLS now", "s STARTTLS \"\"", "s STARTTLS s LOGIN in jected"],
    "pop3": ["STLS now", "STLS USER injected", "STLS =", "STLS\tinjected"],
    "smtp": ["STARTTLS now", "STARTTLS MAIL FROM:<injected@x>", "STARTTLS =",
             "STARTTLS\tinjected"],
}
LINES["submission"] = LINES["smtp"]
ERROR = {"imap": "s BAD", "pop3": "-ERR", "smtp": "50", "submission": "50"}


class StarttlsWithArguments(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.fakes = {protocol: cls.room.enter(make()) for protocol, make in FAKES.items()}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": protocol, "tls": mode, "backend": protocol}
                       for protocol in FAKES for mode in ("required", "optional")],
            {protocol: fake.port for protocol, fake in cls.fakes.items()}))

    def test_it_is_an_error_and_no_tls_follows(self):
        for protocol, lines in LINES.items():
            for mode in ("required", "optional"):
                for line in lines:
                    with self.subTest(protocol=protocol, mode=mode, line=line), \
                            Wire(self.postern.port(f"{protocol}-{mode}")) as wire:
                        wire.line()
                        if protocol in ("smtp", "submission"):
                            wire.smtp("EHLO client.example.test")
                        wire.send(line + "\r\n")
                        self.assertTrue(wire.line().startswith(ERROR[protocol]))
                        # Still the clear conversation, and a proper upgrade works in it.
                        wire.starttls(protocol, self.room.client_tls())
        for fake in self.fakes.values():
            self.assertNotIn(b"injected", fake.everything())


if __name__ == "__main__":
    harness.main()
