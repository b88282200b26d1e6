#!/usr/bin/env python3
"""STARTTLS within a message, by DATA and by BDAT, and right behind one.

A server that finds the word in a message begins TLS in the midst of it, and one that does not find
the end of the message takes its text for commands: the ground of SMTP smuggling (SEC Consult, 2023)
and of the injections of "Why TLS Is Better Without STARTTLS" (USENIX Security 2021). RFC 5321
4.1.1.4 ends DATA by CRLF.CRLF alone, RFC 3030 counts the octets of a BDAT. Expected: within, it is
text and passes unchanged; behind, it is a command that waits for the message's answer.
"""
import re

import harness

TEXT = b"Subject: x\r\n\r\nSTARTTLS\r\nEHLO injected\r\n..\r\nSTARTTLS\r\n"


def with_chunks(peer):
    """An SMTP server that counts its chunks."""
    peer.send("220 chunks\r\n")
    while (line := peer.line()) is not None:
        if size := re.match(r"BDAT (\d+)", line):
            peer.exactly(int(size.group(1)))
            peer.send("250 2.0.0 chunk\r\n")
        elif line.startswith("EHLO"):
            peer.send("250-chunks\r\n250 CHUNKING\r\n")
        elif line == "DATA":
            peer.send("354 go on\r\n")
            while peer.line() not in (".", None):
                pass
            peer.send("250 2.0.0 message\r\n")
        else:
            peer.send("250 2.0.0 fine\r\n")


class StarttlsInsideMessage(harness.Front):
    protocols = ("smtp", "submission")
    modes = ("required", "optional", "observe", "implicit")

    def envelope(self, protocol, mode):
        wire = self.begun(protocol, mode)
        for command in ("MAIL FROM:<bert@example.test>", "RCPT TO:<anna@example.test>"):
            self.assertTrue(wire.smtp(command)[0].startswith("250"))
        return wire

    def test_in_data_it_is_text(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                with self.lying(protocol, with_chunks) as fake:
                    wire = self.envelope(protocol, mode)
                    self.assertTrue(wire.smtp("DATA")[0].startswith("354"))
                    wire.send(TEXT + b".\r\n")
                    self.assertEqual(wire.line(), "250 2.0.0 message")
                    self.assert_goes_on(protocol, wire)
                    self.assertIn(b"DATA\r\n" + TEXT + b".\r\nNOOP\r\n", fake.received[-1])

    def test_in_a_chunk_it_is_text(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                with self.lying(protocol, with_chunks) as fake:
                    wire = self.envelope(protocol, mode)
                    head = f"BDAT {len(TEXT)}\r\n".encode()
                    tail = b"BDAT 10 LAST\r\nSTARTTLS\r\n"
                    wire.send(head + TEXT + tail)
                    self.assertEqual(wire.line(), "250 2.0.0 chunk")
                    self.assertEqual(wire.line(), "250 2.0.0 chunk")
                    self.assert_goes_on(protocol, wire)
                    self.assertIn(head + TEXT + tail + b"NOOP\r\n", fake.received[-1])

    def test_right_behind_it_waits_for_the_answer(self):
        ends = {"DATA": (b"DATA\r\n", TEXT + b".\r\n", ["354 go on", "250 2.0.0 message"]),
                "BDAT": (b"", b"BDAT %d LAST\r\n" % len(TEXT) + TEXT, ["250 2.0.0 chunk"])}
        for protocol, mode in self.listeners(modes=("observe",)):
            for name, (begin, message, answers) in ends.items():
                with self.subTest(protocol=protocol, mode=mode, by=name):
                    with self.lying(protocol, with_chunks) as fake:
                        wire = self.envelope(protocol, mode)
                        wire.send(begin + message + b"STARTTLS\r\n")
                        for answer in answers:
                            self.assertEqual(wire.line(), answer)
                        self.assertTrue(wire.line().startswith("220 "))
                        wire.wrap(self.room.client_tls())
                        self.assert_goes_on(protocol, wire)
                        self.assertEqual(bytes(fake.received[-1]), b"NOOP\r\n")


if __name__ == "__main__":
    harness.main()
