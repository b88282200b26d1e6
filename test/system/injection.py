#!/usr/bin/env python3
"""Bytes behind STARTTLS belong to TLS alone, and replies that nobody asked for reach nobody.

The attacks of nostarttls.secvuln.info against servers: command injection and its relatives.
"""
import ssl

import harness
from harness import Fake, FakeImap, FakePop3, FakeSmtp, Postern, Wire, client_hello

UPGRADE = {"imap": "s STARTTLS\r\n", "pop3": "STLS\r\n", "submission": "STARTTLS\r\n"}
GO_AHEAD = {"imap": "s OK ", "pop3": "+OK", "submission": "220 "}
INJECTED = {"imap": "i LOGIN injected secret\r\n", "pop3": "USER injected\r\nPASS secret\r\n",
            "submission": "EHLO injected\r\nMAIL FROM:<injected@example.test>\r\n"}
AFTER = {"imap": ("n NOOP\r\n", "n OK"), "pop3": ("NOOP\r\n", "+OK"),
         "submission": ("NOOP\r\n", "250 ")}
FAKES = {"imap": FakeImap, "pop3": FakePop3, "submission": FakeSmtp}


class Injection(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.fakes = {protocol: cls.room.enter(make()) for protocol, make in FAKES.items()}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": protocol, "tls": mode, "backend": protocol,
                        **({"cleartext_login": "observe"} if mode == "optional" else {})}
                       for protocol in FAKES for mode in ("required", "optional")],
            {protocol: fake.port for protocol, fake in cls.fakes.items()}))

    def each(self, check):
        """Calls check(protocol, listener, wire) with a greeted client in every mode."""
        for protocol in FAKES:
            for mode in ("required", "optional"):
                with self.subTest(protocol=protocol, mode=mode), \
                        Wire(self.postern.port(f"{protocol}-{mode}")) as wire:
                    wire.line()
                    if protocol == "submission":
                        wire.smtp("EHLO client.example.test")
                    check(protocol, f"{protocol}-{mode}", wire)

    def assert_injection_named(self, listener, before):
        """One starttls-injection event more than before, and the session's end says the same."""
        self.postern.wait_events(before + 1, "starttls-injection", postern__listener=listener)
        self.postern.wait_events(before + 1, "session-end", postern__listener=listener,
                                 event__reason="starttls_injection")

    def count(self, listener):
        return len(self.postern.events("starttls-injection", postern__listener=listener))

    def test_a_command_behind_starttls_fails_the_handshake_and_is_never_run(self):
        def check(protocol, listener, wire):
            before = self.count(listener)
            wire.send(UPGRADE[protocol] + INJECTED[protocol])
            self.assertRegex(wire.line(), "^" + GO_AHEAD[protocol].replace("+", r"\+"))
            rest = wire.rest_rudely()
            self.assertNotRegex(rest, "(?m)^(i |250|\\+OK|235)")
            self.assert_injection_named(listener, before)
            self.assertNotIn(b"injected", self.fakes[protocol].everything())
        self.each(check)

    def test_a_client_hello_behind_an_injected_command_changes_nothing(self):
        def check(protocol, listener, wire):
            before = self.count(listener)
            _, hello, _, _ = client_hello(self.room.client_tls())
            wire.send((UPGRADE[protocol] + INJECTED[protocol]).encode() + hello)
            wire.line()
            wire.rest_rudely()
            self.assert_injection_named(listener, before)
            self.assertNotIn(b"injected", self.fakes[protocol].everything())
        self.each(check)

    def test_a_client_hello_behind_starttls_in_the_same_segment_works(self):
        def check(protocol, listener, wire):
            before = self.count(listener)
            tls, hello, incoming, outgoing = client_hello(self.room.client_tls())
            wire.send(UPGRADE[protocol].encode() + hello)
            self.assertRegex(wire.line(), "^" + GO_AHEAD[protocol].replace("+", r"\+"))
            data, wire.buffer = wire.buffer, b""
            while True:
                if data:
                    incoming.write(data)
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    wire.send(outgoing.read())
                    data = wire.socket.recv(65536)
                    self.assertTrue(data, "closed during the handshake")
            command, expected = AFTER[protocol]
            tls.write(command.encode())
            wire.send(outgoing.read())
            got = b""
            while not got.startswith(expected.encode()):
                data = wire.socket.recv(65536)
                self.assertTrue(data, f"closed, got {got!r}")
                incoming.write(data)
                try:
                    while True:
                        got += tls.read(65536)
                except ssl.SSLWantReadError:
                    pass
            self.assertEqual(self.count(listener), before)
        self.each(check)

    def test_what_was_said_in_clear_is_unknown_after_the_upgrade(self):
        with Wire(self.postern.port("submission-optional")) as wire:
            wire.smtp()
            wire.smtp("EHLO clear.example.test")
            wire.smtp("MAIL FROM:<clear@example.test>")
            before = self.fakes["submission"].accepted
            self.assertRegex(wire.smtp("STARTTLS")[0], "^220 ")
            wire.wrap(self.room.client_tls())
            self.assertRegex(wire.smtp("NOOP")[0], "^250 ")
            self.assertEqual(self.fakes["submission"].accepted, before + 1)
            self.assertEqual(bytes(self.fakes["submission"].received[-1]), b"NOOP\r\n")

    def test_nothing_follows_the_go_ahead_in_clear(self):
        def check(protocol, _, wire):
            wire.send(UPGRADE[protocol])
            wire.line()
            self.assertEqual(wire.quiet(0.3), "")
        self.each(check)


class ResponseInjection(harness.TestCase):
    def end_of(self, protocol, script, command, tls="implicit"):
        """What the client got, and the session's end reason."""
        room = self.own_room()
        fake = room.enter(Fake(script))
        postern = room.enter(Postern(room, [
            {"name": "l", "protocol": protocol, "tls": tls, "backend": "old",
             **({"cleartext_login": "observe"} if tls == "optional" else {})}],
            {"old": fake.port}))
        with Wire(postern.port("l"), tls=room.client_tls() if tls == "implicit" else None) as wire:
            wire.line()
            wire.send(command)
            got = wire.rest_rudely()
        end = postern.wait_events(1, "session-end")[0]
        return got, end["event.reason"], postern.events("response-injection")

    def test_a_second_reply_ends_the_session(self):
        for protocol, greeting, command, reply in (
                ("smtp", "220 x\r\n", "NOOP\r\n", "250 a\r\n250 forged\r\n"),
                ("pop3", "+OK x\r\n", "NOOP\r\n", "+OK a\r\n+OK forged\r\n")):
            for tls in ("implicit", "optional"):
                with self.subTest(protocol=protocol, tls=tls):
                    def script(peer, greeting=greeting, reply=reply):
                        peer.send(greeting)
                        peer.line()
                        peer.send(reply)
                        peer.wait_for_end()
                    got, reason, events = self.end_of(protocol, script, command, tls)
                    self.assertNotIn("forged", got)
                    self.assertEqual(reason, "response_injection")
                    self.assertEqual(len(events), 1)


if __name__ == "__main__":
    harness.main()
