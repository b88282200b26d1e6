#!/usr/bin/env python3
"""Everything larger than it has any right to be, from the client and from the backend.

CWE-120, CWE-400, CWE-770: lines, names, passwords, SASL responses, tags and literals without end;
thousands of commands in one segment, whose answers nobody reads; greetings, replies and capability
lists without end. Expected: whatever passes a bound gets the protocol's error, or its words and the
end; what is within them is served; and memory stays bounded meanwhile.
"""
import base64
import threading

import harness
from harness import Fake, FakeImap, FakePop3, FakeSmtp, Postern, Wire
from harness.crowd import Crowd

FAKES = {"imap": FakeImap, "pop3": FakePop3, "submission": FakeSmtp}
MODES = ("required", "optional", "implicit")
HUGE = 1 << 20
LIMIT = 64 * 1024
MANY = 10_000
# What a session may hold while its client does not read: see kQueueHigh in session_advance.cc.
CLOGGED_KIB = 300
# Says no to each, in the protocol's words: an error, or the end.
NO = {"imap": r"^(\* BYE|\* BAD|\S+ BAD|\S+ NO|$)", "pop3": "^(-ERR|$)",
      "submission": r"^([45]\d\d|$)"}
# The last one where the client leaves in mid-exchange: FakeSmtp takes that for a response.
ENDS = {"line_too_long", "bad_syntax", "too_many_errors", "client_closed", "client_quit",
        "client_reset", "backend_closed", "response_injection"}


def oversized(size):
    """(protocol, before, what) of each: lines and literals of this size."""
    x = "x" * size
    coded = base64.b64encode(b"\0" + b"u" * size + b"\0p").decode()
    return [
        ("imap", [], f"a {x}\r\n"), ("imap", [], f"{x} NOOP\r\n"), ("imap", [], f"a NOOP{x}\r\n"),
        ("imap", [], f"a LOGIN {x} y\r\n"), ("imap", [], f"a LOGIN y {x}\r\n"),
        ("imap", [], f"a LOGIN \"{x}\" \"{x}\"\r\n"),
        ("imap", [], f"a LOGIN {{{size}+}}\r\n{x} y\r\n"),
        ("imap", [], f"a ID (\"name\" \"{x}\")\r\n"),
        ("imap", [], f"a ID ({'NIL ' * (size // 4)})\r\n"),
        ("imap", [], f"a ID {'(' * size}\r\n"), ("imap", [], f"a AUTHENTICATE {x}\r\n"),
        ("imap", [], f"a AUTHENTICATE PLAIN {coded}\r\n"),
        ("imap", [], f"a STARTTLS {x}\r\n"), ("imap", [], f"a CREATE {{{size}+}}\r\n{x}\r\n"),
        ("imap", [], "a CREATE " + "{1+}\r\nx " * (size // 8) + "\r\n"),
        ("pop3", [], f"USER {x}\r\n"), ("pop3", [], f"{x}\r\n"), ("pop3", [], f"CAPA {x}\r\n"),
        ("pop3", [], f"APOP {x} y\r\n"), ("pop3", [], f"AUTH PLAIN {coded}\r\n"),
        ("pop3", [], f"AUTH {x}\r\n"), ("pop3", [], f"STLS {x}\r\n"),
        ("submission", [], f"EHLO {x}\r\n"), ("submission", [], f"HELO {x}\r\n"),
        ("submission", ["EHLO a"], f"AUTH PLAIN {coded}\r\n"),
        ("submission", ["EHLO a"], f"AUTH {x}\r\n"),
        ("submission", ["EHLO a"], f"MAIL FROM:<{x}@x>\r\n"),
        ("submission", ["EHLO a"], f"RCPT TO:<{x}@x>\r\n"),
        ("submission", ["EHLO a"], f"X-Header: {x}\r\n"),
        ("submission", ["EHLO a"], f"STARTTLS {x}\r\n"),
        ("submission", ["EHLO a"], f"BDAT {'9' * size}\r\n"),
        ("submission", ["EHLO a"], f"NOOP{' ' * size}\r\n"),
    ]


class Oversized(harness.Attack):
    # Thousands of odd sessions, some of which fill postern's shared buffers: once.
    spare_kib = 16 * 1024

    @classmethod
    def arrange(cls):
        cls.fakes = {protocol: cls.room.enter(make()) for protocol, make in FAKES.items()}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": protocol, "tls": mode, "backend": protocol}
                       for protocol in FAKES for mode in MODES],
            {name: fake.port for name, fake in cls.fakes.items()}))

    def open(self, protocol, mode, postern=None):
        wire = Wire((postern or self.postern).port(f"{protocol}-{mode}"),
                    tls=self.room.client_tls() if mode == "implicit" else None)
        self.addCleanup(wire.close)
        return wire

    def test_lines_and_literals(self):
        for size in (HUGE, LIMIT - 30):
            for protocol, before, what in oversized(size):
                for mode in MODES:
                    with self.subTest(size=size, what=what[:25], protocol=protocol, mode=mode):
                        wire = self.open(protocol, mode)
                        wire.line()
                        for line in before:
                            wire.smtp(line)
                        try:
                            wire.send(what)
                        except OSError:
                            pass
                        answer = ""
                        try:
                            answer = wire.line()
                        except OSError:
                            pass  # its end was too hasty for TLS
                        if size == HUGE:
                            self.assertRegex(answer, NO[protocol])
                        wire.close()
        for name, fake in self.fakes.items():
            self.assertLess(max(len(line) for line in fake.everything().split(b"\n")), LIMIT, name)
        self.settle(self.postern)
        reasons = {event["event.reason"] for event in self.postern.events("session-end")}
        self.assertLessEqual(reasons, ENDS)
        for event in self.postern.events():
            texts = {key: value for key, value in event.items() if isinstance(value, str)}
            self.assertLessEqual(max(map(len, texts.values())), 256, texts)

    def test_names_of_a_password_s_size(self):
        """As long as a line may be, and let in by the backend. Servers cut such a name at different
        lengths, so whose login it was is not said."""
        name = "n" * 60_000
        with self.open("imap", "implicit") as wire:
            wire.line()
            self.assertRegex(wire.imap(f"a LOGIN {name} secret")[-1], "^a OK")
        event = self.postern.wait_events(1, "login", postern__listener="imap-implicit",
                                         user__name=None)[0]
        self.assertEqual(event["event.outcome"], "success")
        self.assertIn(name.encode(), self.fakes["imap"].everything())

    def test_commands_in_one_segment(self):
        """In the gate so many are too many; else all are answered, in order."""
        lines = {"imap": [f"t{n} NOOP" for n in range(MANY)], "pop3": ["NOOP"] * MANY,
                 "submission": ["NOOP"] * MANY}
        good = {"imap": "t{} OK done", "pop3": "+OK", "submission": "250 2.0.0 fine"}
        for protocol, commands in lines.items():
            for mode in ("optional", "implicit"):
                with self.subTest(protocol=protocol, mode=mode):
                    wire = self.open(protocol, mode)
                    wire.line()
                    # Python's TLS has one lock for both ways: what is sent must fit all buffers.
                    count = MANY if mode == "optional" else MANY // 5
                    data = "".join(command + "\r\n" for command in commands[:count])
                    sender = threading.Thread(target=wire.send, args=(data,))
                    sender.start()
                    if mode == "implicit":
                        sender.join()
                    for number in range(count):
                        self.assertEqual(wire.line(), good[protocol].format(number))
                    sender.join()
                    wire.close()
            with self.subTest(protocol=protocol, mode="required"), \
                    self.one_event("session-end", event__reason="too_many_errors",
                                   postern__listener=f"{protocol}-required"):
                wire = self.open(protocol, "required")
                wire.line()
                wire.send("".join(command + "\r\n" for command in commands[:2000]))
                answers = wire.rest_rudely().splitlines()
                self.assertLessEqual(len(answers), 101)
                self.assertIn("Too many commands", answers[-1])
                wire.close()

    def test_answers_that_nobody_reads_do_not_pile_up(self):
        """The shortest commands with the longest answers, at once; and the backend's answers."""
        shortest = {"imap": b"a CAPABILITY\r\n", "pop3": b"CAPA\r\n", "submission": b"EHLO a\r\n"}
        count = 40
        for protocol, line in shortest.items():
            for mode in ("required", "optional"):
                with self.subTest(protocol=protocol, mode=mode), \
                        Crowd(self.postern.port(f"{protocol}-{mode}"), count, "hold",
                              [line * (4 * LIMIT // len(line))], then=line, every=0.1, reads=False,
                              small_window=True) as crowd:
                    self.assertEqual(crowd.wait_up(), count)
                    if self.postern.memory_says_something():
                        before, most = self.before[1] or 0, 0
                        for _ in range(25):
                            most = max(most, self.postern.memory_kib() - before)
                            threading.Event().wait(0.02)
                        print(f"{protocol} {mode}: {most // count} KiB each", end=" ", flush=True)
                        self.assertLessEqual(most, count * CLOGGED_KIB + 4096)
                    crowd.leave()
                self.settle(self.postern)

    def test_errors(self):
        """One command of postern's own refusing after another."""
        lines = {"imap": "a STARTTLS x\r\n", "pop3": "STLS x\r\n", "submission": "STARTTLS x\r\n"}
        for protocol, line in lines.items():
            for mode in MODES:
                with self.subTest(protocol=protocol, mode=mode), \
                        self.one_event("session-end", event__reason="too_many_errors",
                                       postern__listener=f"{protocol}-{mode}"):
                    wire = self.open(protocol, mode)
                    wire.line()
                    wire.send(line * 300)
                    self.assertLessEqual(len(wire.rest_rudely().splitlines()), 22)
                    wire.close()

    def test_backends_without_end(self):
        """Greetings, replies and lists that go on and on: words, and the end."""
        long_line = b"x" * HUGE
        greetings = {
            "imap": [b"* OK " + long_line, long_line, b"* OK [CAPABILITY " + b"A " * HUGE],
            "pop3": [b"+OK " + long_line, long_line],
            "submission": [b"220 " + long_line, long_line],
        }
        later = {
            "imap": [b"* CAPABILITY " + b"AUTH=X " * (HUGE // 7), b"* " + long_line,
                     b"* OK " + long_line],
            "pop3": [b"+OK list\r\n" + b"LINE\r\n" * MANY * 20, b"+OK " + long_line,
                     b"+OK list\r\n" + long_line],
            "submission": [b"250-fake\r\n" * MANY * 20, b"250 " + long_line, b"250-" + long_line],
        }
        good = {"imap": b"* OK fake\r\n", "pop3": b"+OK fake\r\n", "submission": b"220 fake\r\n"}
        asks = {"imap": "a CAPABILITY\r\n", "pop3": "CAPA\r\n", "submission": "EHLO a\r\n"}
        for protocol, greeting in good.items():
            scripts = [(b"", sent) for sent in greetings[protocol]]
            scripts += [(greeting, sent) for sent in later[protocol]]
            for first, sent in scripts:
                def serve(peer, first=first, sent=sent):
                    peer.send(first)
                    if first and not peer.line():
                        return
                    peer.send(sent)
                    peer.wait_for_end()
                room = self.own_room()
                fake = room.enter(Fake(serve))
                postern = room.enter(Postern(
                    room, [{"protocol": protocol, "tls": mode, "backend": "endless"}
                           for mode in MODES], {"endless": fake.port},
                    certificates=[self.room.certificate()]))
                for mode in MODES:
                    with self.subTest(protocol=protocol, mode=mode, sent=(first + sent)[:30]):
                        measures = postern.memory_says_something()
                        before = postern.memory_kib() if measures else 0
                        wire = self.open(protocol, mode, postern)
                        if mode == "required":
                            wire.line()
                            wire.starttls(protocol, self.room.client_tls())
                            wire.send(asks[protocol])
                        elif first:
                            wire.line()
                            wire.send(asks[protocol])
                        self.assertLess(len(wire.rest_rudely()), 3 * HUGE)
                        wire.close()
                        end = postern.wait_events(1, "session-end",
                                                  postern__listener=f"{protocol}-{mode}")[0]
                        self.assertEqual(end["event.reason"], "backend_protocol")
                        if measures:
                            self.assertLess(postern.memory_kib() - before, self.spare_kib)


if __name__ == "__main__":
    harness.main()
