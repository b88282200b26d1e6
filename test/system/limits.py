#!/usr/bin/env python3
"""Every wait and every number has its limit: connections in all and by address, handshake, login
and idle time, the length of a line. Who runs into one is told so in the protocol's words."""
import contextlib
import time

import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire, until

FAKES = {"imap": FakeImap, "pop3": FakePop3, "smtp": FakeSmtp}
BYE = {"imap": r"(?m)^\* BYE ", "pop3": "(?m)^-ERR ", "smtp": "(?m)^421 "}


class Limits(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.fakes = {protocol: cls.room.enter(make()) for protocol, make in FAKES.items()}

    def postern(self, modes=("required", "optional", "implicit"), rules=None, **limits):
        room = self.own_room()
        made = room.enter(Postern(
            room, [{"protocol": protocol, "tls": tls, "backend": protocol,
                    "cleartext_login": "observe"} for protocol in FAKES for tls in modes],
            {protocol: fake.port for protocol, fake in self.fakes.items()}, limits=limits,
            **({"rules": rules} if rules else {})))
        made.client_tls = room.client_tls()
        return made

    def each(self, postern, check, modes=("required", "optional", "implicit"), begin=None):
        """Calls check(protocol, listener, wire) with a greeted client of every listener, all of which
        are there before, so that they wait side by side; each has begun with begin(protocol, wire)."""
        with contextlib.ExitStack() as stack:
            wires = []
            for protocol in FAKES:
                for mode in modes:
                    listener = f"{protocol}-{mode}"
                    wire = stack.enter_context(Wire(postern.port(listener), tls=postern.client_tls
                                                    if mode == "implicit" else None))
                    self.assertTrue(wire.line(), listener)
                    if begin:
                        begin(protocol, wire)
                    wires.append((protocol, listener, wire))
            for protocol, listener, wire in wires:
                with self.subTest(listener=listener):
                    check(protocol, listener, wire)

    def reasons(self, postern, listener, count=1):
        ends = postern.wait_events(count, "session-end", postern__listener=listener)
        return [end["event.reason"] for end in ends]

    def ends(self, postern, listener, reason, seconds):
        """Its session has ended for this reason, and not before its time, by postern's clock: this
        process may have been asleep. Less than a second is for clocks that are not the same."""
        end = postern.wait_events(1, "session-end", postern__listener=listener)[0]
        self.assertEqual(end["event.reason"], reason)
        self.assertGreater(end["event.duration"], (seconds - 0.2) * 1e9)

    def test_connections(self):
        postern = self.postern(connections=3)
        held = [Wire(postern.port("imap-required")) for _ in range(3)]
        for wire in held:
            self.addCleanup(wire.close)
            wire.line()
        for protocol in FAKES:
            with self.subTest(protocol=protocol), \
                    Wire(postern.port(f"{protocol}-required")) as wire:
                self.assertRegex(wire.rest(), BYE[protocol])
        with Wire(postern.port("imap-implicit")) as wire:
            wire.rest_rudely()
        self.assertEqual(len(postern.wait_events(4, "limit")), 4)
        held[0].close()

        def enters():
            with Wire(postern.port("imap-required")) as wire:
                return wire.line().startswith("* OK")
        until(enters, "there is room again")

    def test_connections_per_ip(self):
        postern = self.postern(connections_per_ip=2)
        port = postern.port("imap-required")
        for source in ("127.0.0.1", "127.0.0.2"):
            held = [Wire(port, source=source) for _ in range(2)]
            for wire in held:
                self.addCleanup(wire.close)
                self.assertRegex(wire.line(), r"^\* OK")
            with Wire(port, source=source) as wire:
                self.assertRegex(wire.rest(), BYE["imap"])
        events = postern.wait_events(2, "limit")
        self.assertEqual([event["source.ip"] for event in events], ["127.0.0.1", "127.0.0.2"])

    def test_limit_event_names_the_rule_that_opens(self):
        postern = self.postern(modes=("required",), rules=[
            {"name": "scanners", "from": ["127.0.0.2"], "tls": "optional"}], connections_per_ip=1)
        for source, rule in (("127.0.0.1", None), ("127.0.0.2", "scanners")):
            with self.subTest(source=source), \
                    Wire(postern.port("imap-required"), source=source) as held:
                held.line()
                with Wire(postern.port("imap-required"), source=source) as wire:
                    wire.rest()
                event = postern.wait_events(1, "limit", source__ip=source)[0]
                self.assertEqual(event.get("postern.policy.rule"), rule)

    def test_handshake_timeout(self):
        postern = self.postern(modes=("implicit", "required"), handshake_timeout="1s")
        for protocol in FAKES:
            listener = f"{protocol}-implicit"
            with self.subTest(listener=listener), Wire(postern.port(listener)) as wire:
                wire.rest_rudely()
                self.ends(postern, listener, "handshake_timeout", 1)
        with Wire(postern.port("pop3-required")) as wire:
            wire.line()
            self.assertRegex(wire.pop3("STLS")[0], r"^\+OK")
            wire.rest_rudely()
        self.assertEqual(self.reasons(postern, "pop3-required"), ["handshake_timeout"])

    def test_login_timeout(self):
        postern = self.postern(login_timeout="4s")

        def check(protocol, listener, wire):
            self.assertRegex(wire.rest(), BYE[protocol])
            self.ends(postern, listener, "login_timeout", 4)
        self.each(postern, check)

    def test_commands_do_not_put_the_login_timeout_off(self):
        postern = self.postern(modes=("implicit",), login_timeout="3s")
        with Wire(postern.port("imap-implicit"), tls=postern.client_tls) as wire:
            wire.line()
            began, line = time.monotonic(), ""
            while "BYE" not in line and time.monotonic() - began < 40:
                wire.send("n NOOP\r\n")
                line = wire.line()
                time.sleep(0.1)
        self.assertIn("BYE", line)
        self.assertEqual(self.reasons(postern, "imap-implicit"), ["login_timeout"])

    def test_idle_timeout(self):
        logins = {"imap": ["a LOGIN anna secret\r\n"], "pop3": ["USER anna\r\n", "PASS x\r\n"],
                  "smtp": ["EHLO c\r\n", "AUTH PLAIN AGFubmEAc2VjcmV0\r\n"]}
        postern = self.postern(modes=("implicit", "optional"), login_timeout="4s",
                               idle_timeout="5s")

        def begin(protocol, wire):
            for line in logins[protocol]:
                wire.send(line)
                if protocol == "smtp":
                    wire.smtp()
                else:
                    wire.line()

        def check(protocol, listener, wire):
            got = wire.rest_rudely()
            if protocol != "pop3":
                self.assertRegex(got, BYE[protocol])
            self.ends(postern, listener, "idle_timeout", 5)
        self.each(postern, check, ("implicit", "optional"), begin)

    def test_line_length(self):
        errors = {"imap": r"(?m)^(\* BYE|\* BAD|\S+ BAD) ", "pop3": "(?m)^-ERR ",
                  "smtp": "(?m)^(500|421) "}
        postern = self.postern(line_length="4KiB")

        def check(protocol, listener, wire):
            for _ in range(8):
                try:
                    wire.send("x" * 1024)
                except OSError:
                    break
            self.assertRegex(wire.rest(), errors[protocol])
            self.assertEqual(self.reasons(postern, listener), ["line_too_long"])
        self.each(postern, check)
        for protocol, fake in self.fakes.items():
            self.assertNotIn(b"x" * 4097, fake.everything())


if __name__ == "__main__":
    harness.main()
