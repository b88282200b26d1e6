#!/usr/bin/env python3
"""STARTTLS within an IMAP literal.

A literal holds any octets (RFC 9051 4.3); with {n+} (RFC 7888) they come without being asked for.
Who does not count them takes a password or a message for commands, STARTTLS among them; the parser
differential of JAMES-1862 (Apache James) was of this kind. Expected: the octets are data, whoever
refuses the command swallows them whole, and towards the backend every literal is asked for first.
"""
import harness

INSIDE = "s STARTTLS\r\n"


class StarttlsInsideLiteral(harness.Front):
    protocols = ("imap",)
    modes = ("required", "optional", "observe", "implicit")

    def test_a_refused_command_swallows_it(self):
        for mode in ("required", "optional"):
            for command in ("LOGIN {%d+}", "LOGIN anna {%d+}", "AUTHENTICATE PLAIN {%d+}",
                            "LOGIN ~{%d+}", "login \"anna\" {%d+}", "STARTTLS {%d+}"):
                with self.subTest(mode=mode, command=command):
                    wire = self.clear("imap", mode)
                    wire.send("a " + command % len(INSIDE) + "\r\n" + INSIDE + "\r\n")
                    lines = wire.imap(tag="a")
                    self.assertRegex(lines[-1], "^a (NO|BAD) ")
                    self.assertNotIn("s OK", "".join(lines))
                    wire.starttls("imap", self.room.client_tls())

    def test_a_command_that_passes_keeps_it_as_data(self):
        """What may come before a login passes with its literal, which the backend is asked for."""
        for mode in ("optional", "observe", "implicit"):
            for command in ("SELECT {%d+}", "ID (\"name\" {%d+}", "APPEND x {%d+}"):
                with self.subTest(mode=mode, command=command):
                    wire = self.begun("imap", mode)
                    wire.send("a " + command % len(INSIDE) + "\r\n" + INSIDE
                              + (")" if "(" in command else "") + "\r\n")
                    self.assertTrue(wire.imap(tag="a")[-1].startswith("a OK"))
                    self.assert_goes_on("imap", wire)
                    self.assertIn((command % len(INSIDE)).replace("+", "").encode() + b"\r\n"
                                  + INSIDE.encode(), self.fakes["imap"].received[-1])

    def test_a_synchronising_one_too(self):
        for mode in ("observe", "implicit"):
            with self.subTest(mode=mode):
                wire = self.begun("imap", mode)
                self.assertTrue(wire.imap(f"a LOGIN {{{len(INSIDE)}}}")[-1].startswith("+"))
                wire.send(INSIDE)
                # The name is complete; the password is one again.
                self.assertTrue(wire.imap(f" {{{len(INSIDE)}}}", tag="a")[-1].startswith("+"))
                wire.send(INSIDE + "\r\n")
                self.assertTrue(wire.imap(tag="a")[-1].startswith("a OK"))
                count = str(len(INSIDE)).encode()
                self.assertEqual(bytes(self.fakes["imap"].received[-1]),
                                 b"a LOGIN {" + count + b"}\r\n" + INSIDE.encode() + b" {" + count
                                 + b"}\r\n" + INSIDE.encode() + b"\r\n")

    def test_behind_a_refused_synchronising_one_nothing_of_it_passes(self):
        """A client that does not wait for "+": what it sends are lines, none of which passes."""
        for mode in ("required", "optional"):
            with self.subTest(mode=mode):
                wire = self.clear("imap", mode)
                wire.send("a LOGIN anna {22}\r\ns3cret STARTTLS pass\r\n\r\n")
                self.assertTrue(wire.imap(tag="a")[-1].startswith("a NO "))
                self.assertTrue(wire.line().startswith(("* BAD ", "s3cret BAD ")))
                wire.line()
                wire.starttls("imap", self.room.client_tls())
        self.assert_no_backend_saw("s3cret")


if __name__ == "__main__":
    harness.main()
