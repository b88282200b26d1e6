#!/usr/bin/env python3
"""Floods of TLS records that cost the sender little and carry nothing.

Warning alerts: CVE-2016-8610 ("SSL Death Alert"). Records without content: RFC 5246 section 6.2.1
allows them, RFC 8446 section 5.1 forbids them for handshake messages. KeyUpdate: RFC 8446 section
4.6.3; each may ask for an answer. Hello messages cut into single octets, or announced as far
larger than they come. Expected: what carries nothing is taken a few dozen times in a row, then the
session ends with an alert; what is allowed, however odd, is served; nothing is buffered without
bound.
"""
import ssl

import harness
from harness import FakeImap, FakeSmtp, Postern, RecordWire, Wire, bodies, client_hello, record
from harness.records import ALERT, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE, smtp_starttls

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
NO_RENEGOTIATION, USER_CANCELED = b"\1\x64", b"\1\x5a"  # as warnings
MANY = 200
FATAL = 2
# On a port for TLS alone, first octets of no handshake are taken for clear text.
FAILED = {"handshake_failed", "clear_on_tls_port"}


class TlsFloods(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.imap, cls.smtp = cls.room.enter(FakeImap()), cls.room.enter(FakeSmtp())
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                       {"protocol": "submission", "tls": "required", "backend": "smtp"}],
            {"imap": cls.imap.port, "smtp": cls.smtp.port}))

    def secured(self, version, listener="imap-implicit"):
        wire = RecordWire(self.room, self.postern.port(listener), version,
                          begin=smtp_starttls if listener == "submission-required" else None)
        self.addCleanup(wire.close)
        # An answer: postern's side of the handshake is over too, so what comes next is no part of it.
        if listener == "submission-required":
            wire.smtp("EHLO attacker.example.test")
        else:
            wire.line()
        return wire

    def assert_ends(self, send, reasons):
        """What `send` sends ends its session, once, for one of these reasons."""
        wire = send()
        wire.rest_rudely()
        self.assertIn(self.leave(wire)["event.reason"], reasons)

    def assert_flood_ends(self, records, version):
        """`records(wire)`, sent behind a handshake on both listeners, are too many."""
        for listener in self.postern.ports:
            def send(listener=listener):
                wire = self.secured(version, listener)
                try:
                    return wire.send_raw(records(wire))
                except OSError:  # ended before all was sent
                    return wire
            with self.subTest(listener=listener, version=version):
                self.assert_ends(send, {"tls_error"})

    def test_warning_alerts(self):
        self.assert_flood_ends(
            lambda wire: b"".join(wire.sealed(ALERT, NO_RENEGOTIATION) for _ in range(MANY)), TLS12)
        self.assert_flood_ends(
            lambda wire: b"".join(wire.sealed(ALERT, USER_CANCELED) for _ in range(MANY)), TLS13)

    def test_many_alerts_in_one_record(self):
        """The form of CVE-2016-8610 that costs least."""
        for version in (TLS12, TLS13):
            self.assert_flood_ends(
                lambda wire: wire.sealed(ALERT, NO_RENEGOTIATION * 8000), version)

    def test_records_without_content(self):
        for version in (TLS12, TLS13):
            self.assert_flood_ends(
                lambda wire: b"".join(wire.sealed(DATA, b"") for _ in range(MANY)), version)

    def test_key_updates_in_a_row(self):
        for asks in (True, False):
            self.assert_flood_ends(
                lambda wire, asks=asks: b"".join(wire.key_update(asks) for _ in range(MANY)), TLS13)

    def test_key_updates_between_commands_are_served(self):
        """Even where the client reads nothing until it has sent all of them."""
        wire = self.secured(TLS13)
        for _ in range(20):
            wire.send_raw(b"".join(wire.key_update() + wire.sealed(DATA, b"k NOOP\r\n")
                                   for _ in range(50)))
        for _ in range(1000):
            self.assertEqual(wire.line(), "k OK done")

    def test_before_the_handshake(self):
        hello = client_hello(self.room.client_tls())[1]
        floods = {
            "warnings": record(ALERT, NO_RENEGOTIATION) * MANY,
            "warnings in one record": record(ALERT, NO_RENEGOTIATION * 8000),
            "empty handshake records": record(HANDSHAKE, b"") * MANY,
            "empty data records": record(DATA, b"") * MANY,
            "ChangeCipherSpec": record(CHANGE_CIPHER_SPEC, b"\1") * MANY,
            "warnings behind the hello": hello + record(ALERT, NO_RENEGOTIATION) * MANY,
            "ChangeCipherSpec behind the hello": hello + record(CHANGE_CIPHER_SPEC, b"\1") * MANY,
            "empty records behind the hello": hello + record(HANDSHAKE, b"") * MANY,
        }
        for name, flood in floods.items():
            for listener in self.postern.ports:
                def send(flood=flood, listener=listener):
                    wire = Wire(self.postern.port(listener))
                    if listener == "submission-required":
                        smtp_starttls(wire)
                    try:
                        return wire.send(flood)
                    except OSError:
                        return wire
                with self.subTest(flood=name, listener=listener):
                    self.assert_ends(send, FAILED)

    def test_hello_in_records_of_one_octet_is_served(self):
        for version in (TLS12, TLS13):
            with self.subTest(version=version):
                context = self.room.client_tls()
                context.minimum_version = context.maximum_version = version
                tls, hello, incoming, outgoing = client_hello(context)
                with Wire(self.postern.port("imap-implicit")) as wire:
                    cut = b"".join(record(HANDSHAKE, bytes([octet])) for octet in hello[5:])
                    for at in range(0, len(cut), 7):
                        wire.send(cut[at:at + 7])
                    greeting = None
                    while not greeting:
                        data = wire.socket.recv(65536)
                        self.assertTrue(data, "closed")
                        incoming.write(data)
                        try:
                            tls.do_handshake()
                            wire.send(outgoing.read())
                            greeting = tls.read(1000)
                        except ssl.SSLWantReadError:
                            wire.send(outgoing.read())
                    self.assertTrue(greeting.startswith(b"* OK"), greeting)
                    self.leave(wire)

    def test_hellos_larger_than_allowed(self):
        hello = client_hello(self.room.client_tls())[1]
        announced = {
            "a record of 65535 octets": b"\x16\3\1\xff\xff" + b"\1" * 65535,
            "a hello of 16 MiB": record(HANDSHAKE, b"\1\xff\xff\xff" + b"\0" * 1000)
                                 + record(HANDSHAKE, b"\0" * 16000) * 100,
            "a hello of 20,000 octets": record(HANDSHAKE, b"\1\0\x4e\x20" + hello[9:])
                                        + record(HANDSHAKE, b"\0" * 10000) * 2,
            "a hello shorter than announced": record(HANDSHAKE, b"\1\0\0\1" + hello[9:]),
        }
        for name, sent in announced.items():
            with self.subTest(name):
                def send(sent=sent):
                    wire = Wire(self.postern.port("imap-implicit"))
                    try:
                        return wire.send(sent)
                    except OSError:
                        return wire
                self.assert_ends(send, FAILED)

    def test_a_hello_full_of_protocol_names(self):
        """60 KiB of ALPN: more than a ClientHello may be here."""
        context = self.room.client_tls()
        context.set_alpn_protocols([f"{n:0>250}" for n in range(240)])
        hello = client_hello(context)[1]
        self.assertGreater(len(hello), 60_000)

        def send():
            wire = Wire(self.postern.port("imap-implicit"))
            try:
                return wire.send(hello)
            except OSError:
                return wire
        self.assert_ends(send, FAILED)

    def test_the_last_record_is_a_fatal_alert(self):
        """A client is told in TLS's own words that it went too far."""
        wire = Wire(self.postern.port("imap-implicit"))
        self.addCleanup(wire.close)
        wire.send(record(HANDSHAKE, b"") * MANY)
        kind, body = list(bodies(wire.rest_rudely().encode("latin-1")))[-1]
        self.assertEqual((kind, body[0]), (ALERT, FATAL))
        self.leave(wire)


if __name__ == "__main__":
    harness.main()
