#!/usr/bin/env python3
"""SIGTERM lets sessions finish and ends the rest politely at shutdown_grace; a second ends at once.

The exit status is 0 each time: a service manager must not take a stop for a failure.
"""
import signal
import time

import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire

FAKES = {"imap": FakeImap, "pop3": FakePop3, "smtp": FakeSmtp}


class Drain(harness.TestCase):
    def begin(self, grace):
        """A postern with two clients a protocol: one in the gate, one logged in over TLS."""
        room = self.own_room()
        fakes = {protocol: room.enter(make()) for protocol, make in FAKES.items()}
        postern = room.enter(Postern(
            room, [{"protocol": protocol, "tls": tls, "backend": protocol}
                   for protocol in FAKES for tls in ("required", "implicit")],
            {protocol: fake.port for protocol, fake in fakes.items()}, shutdown_grace=grace))
        clients = {}
        for protocol in FAKES:
            clients[protocol, "gate"] = Wire(postern.port(f"{protocol}-required"))
            clients[protocol, "gate"].line()
            wire = Wire(postern.port(f"{protocol}-implicit"), tls=room.client_tls())
            wire.line()
            clients[protocol, "in"] = wire
        for wire in clients.values():
            self.addCleanup(wire.close)
        self.assertRegex(clients["imap", "in"].imap("a LOGIN anna x")[-1], "^a OK")
        for command in ("USER anna", "PASS x"):
            self.assertRegex(clients["pop3", "in"].pop3(command)[0], r"^\+OK")
        self.assertRegex(clients["smtp", "in"].smtp("EHLO c")[0], "^250")
        self.assertRegex(clients["smtp", "in"].smtp("AUTH PLAIN AGEAYg==")[0], "^235")
        return postern, clients

    def test_sessions_finish_and_then_it_ends_by_itself(self):
        postern, clients = self.begin("30s")
        began = time.monotonic()
        postern.signal()
        harness.until(lambda: not any(map(harness.listens, postern.ports.values())),
                      "it stops listening")
        for port in postern.ports.values():
            with self.assertRaises(ConnectionRefusedError):
                Wire(port)
        time.sleep(0.5)
        self.assertRegex(clients["imap", "in"].imap("b NOOP")[-1], "^b OK")
        self.assertRegex(clients["imap", "in"].imap("c LOGOUT")[-1], "^c OK")
        self.assertRegex(clients["pop3", "in"].pop3("QUIT")[0], r"^\+OK")
        self.assertRegex(clients["smtp", "in"].smtp("MAIL FROM:<a@b>")[0], "^250")
        self.assertRegex(clients["smtp", "in"].smtp("QUIT")[0], "^221")
        for (protocol, where), wire in clients.items():
            if where == "gate":
                wire.send("a LOGOUT\r\n" if protocol == "imap" else "QUIT\r\n")
                self.assertTrue(wire.rest())
            else:
                self.assertEqual(wire.rest(), "")
            wire.close()
        self.assertEqual(postern.wait(), 0, postern.stderr())
        self.assertLess(time.monotonic() - began, 28)
        reasons = {event["event.reason"] for event in postern.events("session-end")}
        self.assertLessEqual(reasons, harness.PROPER_ENDS)
        self.assertEqual(len(postern.events("session-end")), 6)
        self.assertEqual(postern.events()[-1]["event.action"], "stop")

    def ended_politely(self, clients):
        """What everybody is told; IMAP and SMTP have words in each state, POP3 before login."""
        for (protocol, where), wire in clients.items():
            with self.subTest(protocol=protocol, where=where):
                words = {"imap": r"^\* BYE [^\r\n]+\r\n$", "smtp": r"^421 [^\r\n]+\r\n$",
                         "pop3": r"^-ERR [^\r\n]+\r\n$" if where == "gate" else "^$"}
                self.assertRegex(wire.rest_rudely(), words[protocol])

    def test_who_stays_is_ended_politely_at_the_end_of_the_grace(self):
        postern, clients = self.begin("1s")
        began = time.monotonic()
        postern.signal()
        self.ended_politely(clients)
        self.assertGreater(time.monotonic() - began, 0.8)
        self.assertEqual(postern.wait(), 0, postern.stderr())
        self.assertLess(time.monotonic() - began, 40)
        ends = postern.events("session-end")
        self.assertEqual([event["event.reason"] for event in ends], ["shutdown"] * 6)

    def test_a_second_signal_ends_at_once(self):
        postern, clients = self.begin("60s")
        postern.signal()
        time.sleep(0.5)
        self.assertIsNone(postern.process.poll())
        began = time.monotonic()
        postern.signal()
        self.assertEqual(postern.wait(), 0, postern.stderr())
        self.assertLess(time.monotonic() - began, 40)
        for wire in clients.values():
            wire.rest_rudely()
        self.assertEqual(len(postern.events("session-end")), 6)

    def test_an_interrupt_from_the_keyboard_does_the_same(self):
        postern, clients = self.begin("1s")
        postern.signal(signal.SIGINT)
        self.ended_politely(clients)
        self.assertEqual(postern.wait(), 0, postern.stderr())

    def test_without_sessions_it_ends_at_once(self):
        room = self.own_room()
        postern = room.enter(Postern(
            room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
            {"old": harness.free_port()}, shutdown_grace="60s"))
        began = time.monotonic()
        postern.stop()
        self.assertLess(time.monotonic() - began, 40)
        self.assertEqual([event["event.action"] for event in postern.events()],
                         ["start", "stop"])


if __name__ == "__main__":
    harness.main()
