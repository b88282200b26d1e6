#!/usr/bin/env python3
"""Commands behind STARTTLS in the same segment.

A server that keeps its line buffer over the handshake runs them as if they had come under TLS: a
man in the middle puts words into the client's mouth, and makes it send its login as a message.
CVE-2011-0411 (Postfix, and the write-up "Plaintext command injection in multiple implementations of
STARTTLS", Wietse Venema, 2011), CVE-2021-33515 (Dovecot), CVE-2021-38084 (Courier, POP3); 15
servers in "Why TLS Is Better Without STARTTLS" (USENIX Security 2021). Expected: what stands behind
the line belongs to TLS alone. It fails the handshake, ends the session, is named in the log, and is
never a command; but a ClientHello there is the beginning of TLS (RFC 9051 6.2.1).
"""
import ssl

import harness
from harness import GO_AHEAD, NOOP, UPGRADE, client_hello

COMMANDS = {"imap": "i LOGIN injected secret\r\n", "pop3": "USER injected\r\nPASS secret\r\n",
            "smtp": "EHLO injected\r\nMAIL FROM:<injected@example.test>\r\n"}
COMMANDS["submission"] = COMMANDS["smtp"]


class PlaintextBehindStarttls(harness.Front):
    protocols = ("imap", "pop3", "submission", "smtp")

    def assert_failed(self, protocol, wire):
        """The go-ahead, then nothing that answers a command; one event, one end."""
        self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
        self.assert_only_tls(wire.rest_rudely())
        self.assert_ended(wire, "starttls_injection")
        self.assertEqual(len(self.events_of(wire, "starttls-injection")), 1)
        self.assert_no_backend_saw("injected")

    def test_commands_are_never_run(self):
        for protocol, mode in self.listeners():
            commands = COMMANDS[protocol]
            for injected in (commands, commands.rstrip("\r\n"), "\r\n", "i", "\0", "\n" + commands,
                             commands * 300):
                with self.subTest(protocol=protocol, mode=mode, injected=injected[:40]):
                    wire = self.clear(protocol, mode)
                    wire.send(UPGRADE[protocol] + injected)
                    self.assert_failed(protocol, wire)

    def test_a_client_hello_behind_them_changes_nothing(self):
        for protocol, mode in self.listeners():
            for injected in (COMMANDS[protocol], "\r\n", "i"):
                with self.subTest(protocol=protocol, mode=mode, injected=injected):
                    wire = self.clear(protocol, mode)
                    _, hello, _, _ = client_hello(self.room.client_tls())
                    wire.send((UPGRADE[protocol] + injected).encode() + hello)
                    self.assert_failed(protocol, wire)

    def test_a_client_hello_right_behind_the_line_works(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.clear(protocol, mode)
                tls, hello, incoming, outgoing = client_hello(self.room.client_tls())
                wire.send(UPGRADE[protocol].encode() + hello)
                self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
                self.shake_hands(wire, tls, incoming, outgoing)
                command, good = NOOP[protocol]
                tls.write(command.encode())
                wire.send(outgoing.read())
                self.assertTrue(self.read(wire, tls, incoming).startswith(good.encode()))
                self.assertEqual(self.events_of(wire, "starttls-injection"), [])

    def shake_hands(self, wire, tls, incoming, outgoing):
        incoming.write(wire.buffer)
        wire.buffer = b""
        while True:
            try:
                tls.do_handshake()
                return wire.send(outgoing.read())
            except ssl.SSLWantReadError:
                wire.send(outgoing.read())
                data = wire.socket.recv(65536)
                self.assertTrue(data, "closed during the handshake")
                incoming.write(data)

    def read(self, wire, tls, incoming):
        """The next line under TLS."""
        got = b""
        while b"\n" not in got:
            try:
                got += tls.read(65536)
            except ssl.SSLWantReadError:
                data = wire.socket.recv(65536)
                self.assertTrue(data, f"closed, got {got!r}")
                incoming.write(data)
        return got

    def test_nothing_follows_the_go_ahead_in_clear(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.clear(protocol, mode)
                wire.send(UPGRADE[protocol])
                wire.line()
                self.assertEqual(wire.quiet(0.05), "")


if __name__ == "__main__":
    harness.main()
