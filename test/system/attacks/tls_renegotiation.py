#!/usr/bin/env python3
"""A client that begins another handshake within its TLS session.

CVE-2009-3555 (RFC 5746): an attacker speaks first, then splices a victim's whole session in as a
renegotiation, and the server takes both for one client. CVE-2011-1473: many renegotiations cost the
server far more than the client. RFC 8446 section 4.1.2 forbids it in TLS 1.3. Expected: the first
attempt ends the session with an alert, what was said before it stays without an end, and nothing of
it is done.
"""
import ssl

import harness
from harness import FakeImap, FakeSmtp, Postern, RecordWire, client_hello
from harness.records import HANDSHAKE, smtp_starttls

HEADER = 5


class TlsRenegotiation(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.imap, cls.smtp = cls.room.enter(FakeImap()), cls.room.enter(FakeSmtp())
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                       {"protocol": "submission", "tls": "required", "backend": "smtp"}],
            {"imap": cls.imap.port, "smtp": cls.smtp.port}))

    def secured(self, listener, version):
        wire = RecordWire(self.room, self.postern.port(listener), version,
                          begin=smtp_starttls if listener == "submission-required" else None)
        self.addCleanup(wire.close)
        # An answer: postern's side of the handshake is over too, so what comes next is no part of it.
        if listener == "submission-required":
            wire.smtp("EHLO attacker.example.test")
        else:
            wire.line()
        return wire

    def hello(self, version):
        """A ClientHello without its record's header."""
        context = self.room.client_tls()
        context.minimum_version = context.maximum_version = version
        return client_hello(context)[1][HEADER:]

    def test_a_second_hello_ends_the_session(self):
        for listener in self.postern.ports:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                for many in (1, 100):
                    with self.subTest(listener=listener, version=version, many=many), \
                            self.one_event("session-end", event__reason="tls_error",
                                           postern__listener=listener):
                        wire = self.secured(listener, version)
                        hello = self.hello(version)
                        try:
                            for _ in range(many):
                                wire.send_raw(wire.sealed(HANDSHAKE, hello))
                        except OSError:
                            pass  # ended at the first
                        wire.rest_rudely()

    def test_what_an_attacker_began_is_not_ended_by_a_victim(self):
        """The line is open when the victim's handshake comes."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                wire = self.secured("imap-implicit", version)
                with self.one_event("session-end", event__reason="tls_error"):
                    wire.send("p NOOP spliced-by-an-attacker ")
                    wire.send_raw(wire.sealed(HANDSHAKE, self.hello(version)))
                    try:
                        wire.send("v LOGIN victim secret\r\n")
                    except OSError:
                        pass
                    self.assertNotIn("v OK", wire.rest_rudely())
        self.assertNotIn(b"spliced", self.imap.everything())
        self.assertEqual(self.postern.events("login", user__name="victim"), [])


if __name__ == "__main__":
    harness.main()
