#!/usr/bin/env python3
"""Clear text between the go-ahead and the ClientHello, or within the handshake.

The same injection as behind STARTTLS in one segment, in a later one: servers that were mended by
emptying their buffer at STARTTLS still took what came afterwards (a race that Apache James had,
JAMES-1862; "Why TLS Is Better Without STARTTLS", USENIX Security 2021, section on command
injection). Expected: it is fed to TLS alone, fails the handshake however it is cut, is named in the
log, and is never a command.
"""
import harness
from harness import GO_AHEAD, UPGRADE, client_hello

COMMANDS = {"imap": b"i LOGIN injected secret\r\n", "pop3": b"USER injected\r\nPASS secret\r\n",
            "submission": b"EHLO injected\r\nMAIL FROM:<injected@example.test>\r\n"}


class PlaintextBeforeClientHello(harness.Front):
    def upgrading(self, protocol, mode):
        wire = self.clear(protocol, mode)
        wire.send(UPGRADE[protocol])
        self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
        return wire

    def assert_never_run(self, wire, *reasons):
        self.assert_only_tls(wire.rest_rudely())
        self.assert_ended(wire, *reasons)
        self.assert_no_backend_saw("injected")

    def test_in_a_later_segment(self):
        for protocol, mode in self.listeners():
            hello = client_hello(self.room.client_tls())[1]
            for injected in (COMMANDS[protocol], COMMANDS[protocol] + hello, b"\r\n", b"x" + hello):
                with self.subTest(protocol=protocol, mode=mode, injected=injected[:30]):
                    wire = self.upgrading(protocol, mode)
                    wire.send(injected)
                    self.assert_never_run(wire, "starttls_injection")
                    self.assertEqual(len(self.events_of(wire, "starttls-injection")), 1)

    def test_byte_by_byte(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.upgrading(protocol, mode)
                for byte in COMMANDS[protocol]:
                    try:
                        wire.send(bytes([byte]))
                    except OSError:
                        break
                self.assert_never_run(wire, "starttls_injection")

    def test_behind_a_part_of_a_client_hello(self):
        """What begins as TLS and goes on as something else is a broken handshake."""
        for protocol, mode in self.listeners():
            hello = client_hello(self.room.client_tls())[1]
            for part in (2, 5, 9, 60, len(hello) - 1):
                with self.subTest(protocol=protocol, mode=mode, part=part):
                    wire = self.upgrading(protocol, mode)
                    # Enough to fill the record that the part announces.
                    wire.send(hello[:part])
                    wire.send(COMMANDS[protocol] * 400)
                    self.assert_never_run(wire, "handshake_failed", "client_reset")
                    self.assertEqual(len(self.events_of(wire, "tls-handshake")), 1)

    def test_behind_a_whole_client_hello(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.upgrading(protocol, mode)
                wire.send(client_hello(self.room.client_tls())[1] + COMMANDS[protocol])
                self.assert_never_run(wire, "handshake_failed")

    def test_a_backend_is_not_dialled_for_it(self):
        for protocol in self.protocols:
            with self.subTest(protocol=protocol):
                accepted = self.fakes[protocol].accepted
                wire = self.upgrading(protocol, "required")
                wire.send(COMMANDS[protocol])
                self.assert_never_run(wire, "starttls_injection")
                self.assertEqual(self.fakes[protocol].accepted, accepted)


if __name__ == "__main__":
    harness.main()
