#!/usr/bin/env python3
"""`tls: auto`: clear text, STARTTLS and TLS from the first byte on one port, with Python's mail clients in
front of a real Dovecot and a real Postfix. A client on a port for something else is served and named."""
import harness
from harness import (Dovecot, FakeImap, Postern, Postfix, Wire, login_imap, login_pop3, login_smtp)

BALANCER = "127.0.0.2"
LOGINS = {"imap": login_imap, "pop3": login_pop3, "submission": login_smtp}
SECURITY = {"none": "cleartext", "starttls": "starttls", "implicit": "implicit"}
# Far longer than a client on a busy machine takes for its first bytes.
WAIT = 8


class Auto(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.backends = {"imap": cls.dovecot.imap_port, "pop3": cls.dovecot.pop3_port}

    def postern(self, protocols, auto_wait=f"{WAIT}s", **keys):
        room = self.own_room()
        return room, room.enter(Postern(room, [
            {"name": protocol, "protocol": protocol, "tls": "auto", "auto_wait": auto_wait,
             "cleartext_login": "observe", "backend": protocol, **keys} for protocol in protocols],
            self.backends))

    def all_three_ways(self, protocol, goodbye, **keys):
        """A silent client waits a little here; one with TLS has all the time that it may need."""
        for way, wait in (("implicit", f"{WAIT}s"), ("none", "200ms"), ("starttls", "200ms")):
            with self.subTest(protocol=protocol, way=way):
                room, postern = self.postern([protocol], wait, **keys)
                client = LOGINS[protocol](room, postern.port(protocol), way)
                getattr(client, goodbye)()
                login = postern.wait_events(1, "login", event__outcome="success")[0]
                self.assertEqual(login["postern.security"], SECURITY[way])
                postern.wait_events(1, "session-end", postern__security=SECURITY[way])

    def test_imap(self):
        self.all_three_ways("imap", "logout")

    def test_pop3(self):
        self.all_three_ways("pop3", "quit")

    def test_submission(self):
        postfix = self.room.enter(Postfix(self.room, self.dovecot))
        self.backends["submission"] = postfix.port
        self.all_three_ways("submission", "quit")

    def test_what_a_client_says_first_in_clear_is_not_lost(self):
        _, postern = self.postern(["imap"], "10s")
        with Wire(postern.port("imap")) as wire:
            wire.send("a CAPABILITY\r\n")
            self.assertIn("* OK", wire.line())
            self.assertTrue(wire.imap(tag="a")[-1].startswith("a OK"))

    def test_no_backend_is_dialled_for_a_client_that_begins_with_tls(self):
        room = self.own_room()
        fake = room.enter(FakeImap())
        postern = room.enter(Postern(room, [
            {"name": "imap", "protocol": "imap", "tls": "auto", "auto_wait": "10s",
             "backend": "imap"}], {"imap": fake.port}))
        hello = harness.client_hello(room.client_tls())[1]
        with Wire(postern.port("imap")) as wire:
            for octet in hello[:-1]:
                wire.send(bytes([octet]))
            self.assertEqual(wire.quiet(0.3), "")
            self.assertEqual(fake.accepted, 0)
        postern.wait_events(1, "session-end", event__reason="client_closed")
        with Wire(postern.port("imap"), tls=room.client_tls()) as wire:
            self.assertTrue(wire.line().startswith("* OK"))
        self.assertEqual(fake.accepted, 1)

    def test_a_client_hello_behind_the_greeting_is_refused(self):
        room, postern = self.postern(["imap"], "1ms")
        with Wire(postern.port("imap")) as wire:
            self.assertTrue(wire.line().startswith("* OK"))
            wire.send(harness.client_hello(room.client_tls())[1])
            self.assertTrue(wire.rest().startswith("* BYE"))
        event = postern.wait_events(1, "tls-on-clear-port")[0]
        self.assertEqual(event["event.outcome"], "failure")

    def test_who_is_on_a_port_for_something_else_is_named_once_a_day(self):
        harness.clear_of_midnight()
        room, postern = self.postern(["imap"], "10s", accept_proxy=[BALANCER])

        def come(client, port, tls):
            with Wire(postern.port("imap"), source=BALANCER) as wire:
                wire.send(f"PROXY TCP4 {client} 198.51.100.1 50007 {port}\r\n")
                if tls:
                    wire.wrap(room.client_tls())
                    wire.line()
                wire.send("a LOGOUT\r\n")
                self.assertIn("a OK", wire.rest_rudely())

        for client, port, tls in (("192.0.2.7", 143, True), ("192.0.2.7", 143, True),
                                  ("192.0.2.8", 143, True), ("192.0.2.8", 993, True),
                                  ("192.0.2.9", 993, False), ("192.0.2.9", 993, False),
                                  ("192.0.2.9", 143, False)):
            come(client, port, tls)
        postern.wait_events(7, "session-end")
        for action, clients in (("tls-on-clear-port", ["192.0.2.7", "192.0.2.8"]),
                                ("clear-on-tls-port", ["192.0.2.9"])):
            events = postern.events(action)
            self.assertEqual([event["source.ip"] for event in events], clients)
            for event in events:
                self.assertEqual((event["event.outcome"], event["log.level"]), ("success", "info"))
                self.assertTrue(event["event.reason"].startswith("served: "))


if __name__ == "__main__":
    harness.main()
