#!/usr/bin/env python3
"""A SASL security layer behind SMTP's login: what follows is no text any more.

GSSAPI (RFC 4752 3.1), DIGEST-MD5 with auth-int or auth-conf (RFC 2831 2.3) and GSS-SPNEGO can agree
on a layer: each buffer begins with four octets of length (RFC 4422 3.7), and holds commands that
nobody on the way can read. A guard that goes on reading lines there takes ciphertext for commands,
and a client that only pretends to a layer gets what it likes past the guard. Expected: the first
octet shows it; postern, which must see SMTP to the end, ends the session with sasl_security_layer
and passes none of it; without a layer all goes on, and no other mechanism begins one. IMAP and POP3
are bytes only by then.
"""
import harness
from harness import b64

BUFFERS = {"small": b"\0\0\0\x20MAIL FROM:<injected@x.test>\r\n\r\n\r\n",
           "large": b"\0\x10\0\0" + b"injected" * 8, "16 MiB": b"\x01\0\0\0injected",
           "first octet alone": b"\0"}


class SaslSecurityLayer(harness.Front):
    protocols = ("imap", "pop3", "submission", "smtp")
    modes = ("required", "observe", "implicit")

    def login(self, protocol, mode, mechanism):
        """One response, then the fake lets in whoever it is.
"""
        wire = self.begun(protocol, mode)
        start = {"imap": f"a AUTHENTICATE {mechanism}", "pop3": f"AUTH {mechanism}"}
        wire.send(start.get(protocol, f"AUTH {mechanism}") + "\r\n")
        self.assertRegex(wire.line(), r"^(\+ |334 )")
        wire.send(b64("anna\0response") + "\r\n")
        self.assertRegex(wire.line(), r"^(a OK|\+OK|235)")
        return wire

    def test_in_smtp_it_ends_the_session_unpassed(self):
        for protocol, mode in self.listeners(protocols=("submission", "smtp")):
            for mechanism in ("GSSAPI", "DIGEST-MD5", "GSS-SPNEGO", "NTLM", "gssapi"):
                for name, octets in BUFFERS.items():
                    with self.subTest(protocol=protocol, mode=mode, by=mechanism, buffer=name):
                        wire = self.login(protocol, mode, mechanism)
                        wire.send(octets)
                        self.assertEqual(wire.rest_rudely(), "")
                        self.assert_ended(wire, "sasl_security_layer")
                        self.assertNotIn(b"\0", bytes(self.fakes[protocol].received[-1]))
        self.assert_no_backend_saw("injected")

    def test_in_smtp_without_a_layer_all_goes_on(self):
        for protocol, mode in self.listeners(protocols=("submission",)):
            for mechanism in ("GSSAPI", "DIGEST-MD5", "NTLM", "PLAIN"):
                with self.subTest(protocol=protocol, mode=mode, mechanism=mechanism):
                    wire = self.login(protocol, mode, mechanism)
                    self.assert_goes_on(protocol, wire)
                    # Later than directly behind the login it is a NUL in a command.
                    wire.send(BUFFERS["small"])
                    self.assertRegex(wire.rest_rudely(), r"^500 5\.5\.2 ")
                    self.assert_ended(wire, "bad_syntax")

    def test_in_smtp_a_mechanism_without_layers_begins_none(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "SCRAM-SHA-256"):
            with self.subTest(mechanism=mechanism):
                wire = self.begun("submission", "implicit")
                wire.send(f"AUTH {mechanism}\r\n")
                self.assertTrue(wire.line().startswith("334"))
                wire.send(b64("anna\0response") + "\r\n")
                if wire.line().startswith("334"):
                    wire.send(b64("anna\0response") + "\r\n")
                    self.assertTrue(wire.line().startswith("235"))
                wire.send(BUFFERS["small"])
                self.assertRegex(wire.rest_rudely(), r"^500 5\.5\.2 ")
                self.assert_ended(wire, "bad_syntax")
        self.assert_no_backend_saw("injected")

    def test_in_imap_and_pop3_the_bytes_pass(self):
        for protocol, mode in self.listeners(protocols=("imap", "pop3")):
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.login(protocol, mode, "GSSAPI")
                octets = b"\0\0\0\x04\0\r\n\xff"
                wire.send(octets)
                record = self.fakes[protocol].received[-1]
                harness.until(lambda record=record: record.endswith(octets), "bytes pass",
                              every=0.005)

    def test_a_backend_that_begins_one_is_no_smtp_server(self):
        def script(peer):
            peer.send("220 x\r\n")
            while (line := peer.line()) is not None:
                peer.send(b"235 in\r\n\0\0\0\x04wrap\r\n" if line.startswith("AUTH") else
                          "250 x\r\n")
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("submission", script):
                wire = self.begun("submission", mode)
                wire.send("AUTH GSSAPI YIIB\r\n")
                self.assertRegex(wire.rest_rudely(), r"^235 in\r\n421 4\.3\.0 [^\r\n]+\r\n$")
                self.assert_ended(wire, "backend_protocol")


if __name__ == "__main__":
    harness.main()
