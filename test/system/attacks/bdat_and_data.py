#!/usr/bin/env python3
"""BDAT (RFC 3030) and DATA in one conversation, and chunks whose size is a lie.

Where two servers count differently, or one reads as commands what the other reads as a message, a
message can hold commands. RFC 3030 section 2: DATA behind BDAT in one transaction is an error; a
chunk's octets are the message's, whatever they say. Expected: postern and the backend always agree,
so that no line of a message is ever a command, nor the other way round; what the backend refuses,
and what it never offered, takes its octets with it.
"""
import harness
from harness import Fake, Postern, Wire

HIDDEN = b"XCLIENT ADDR=192.0.2.1\r\nSTARTTLS\r\nVRFY smuggled\r\n"


class Server:
    """A backend that obeys RFC 3030 to the letter, and keeps what were commands, what messages."""

    def __init__(self, offers_chunking=True):
        self.commands, self.messages = [], []
        self.offers_chunking = offers_chunking

    def serve(self, peer):
        peer.send("220 strict ESMTP\r\n")
        mail, text, chunked = False, b"", False
        while (line := peer.line()) is not None:
            self.commands.append(line)
            words = line.upper().split(" ")
            if words[0] == "EHLO":
                peer.send("250-strict\r\n250-PIPELINING\r\n250-AUTH LOGIN\r\n"
                          + "250-CHUNKING\r\n" * self.offers_chunking + "250 8BITMIME\r\n")
            elif words[0] == "AUTH":
                for _ in range(2):
                    peer.send("334 \r\n")
                    peer.line()
                peer.send("235 2.7.0 welcome\r\n")
            elif words[0] == "BDAT":
                chunk = peer.exactly(int(words[1]))
                if len(chunk) < int(words[1]):
                    return
                text += chunk
                if not mail:
                    text = b""
                    peer.send("503 5.5.1 no transaction\r\n")
                    continue
                chunked = True
                if words[-1] == "LAST":
                    self.messages.append(text)
                    mail, text, chunked = False, b"", False
                peer.send("250 2.0.0 chunk\r\n")
            elif words[0] == "DATA":
                if chunked or not mail:
                    peer.send("503 5.5.1 not now\r\n")
                    continue
                peer.send("354 go on\r\n")
                while (part := peer.line()) is not None and part != ".":
                    text += part.encode("latin-1") + b"\r\n"
                self.messages.append(text)
                mail, text = False, b""
                peer.send("250 2.0.0 taken\r\n")
            elif words[0] == "QUIT":
                peer.send("221 2.0.0 bye\r\n")
                return
            else:
                if words[0] in ("MAIL", "RSET"):
                    mail, text, chunked = words[0] == "MAIL", b"", False
                peer.send("250 2.0.0 fine\r\n")


class BdatAndData(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.strict, cls.old = Server(), Server(offers_chunking=False)
        cls.fakes = {"strict": cls.room.enter(Fake(cls.strict.serve)),
                     "old": cls.room.enter(Fake(cls.old.serve))}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"name": name, "protocol": "submission", "tls": "implicit", "backend": name}
                       for name in cls.fakes],
            {name: fake.port for name, fake in cls.fakes.items()}))

    def begin(self, name="strict", mail=True):
        """A client within a transaction; what its server has seen is forgotten."""
        wire = Wire(self.postern.port(name), tls=self.room.client_tls())
        self.addCleanup(wire.close)
        wire.smtp()
        wire.smtp("EHLO attacker.example.test")
        if mail:
            wire.smtp("MAIL FROM:<a@example.test>")
            self.assertRegex(wire.smtp("RCPT TO:<b@example.test>")[-1], "^250")
        server = {"strict": self.strict, "old": self.old}[name]
        server.commands.clear()
        server.messages.clear()
        return wire

    def ends_with_quit(self, wire):
        """Reads the replies up to QUIT's."""
        wire.send(b"QUIT\r\n")
        return [line[:3] for line in wire.rest().splitlines()]

    def test_data_behind_a_chunk(self):
        """DATA is refused, and with it all that its sender took for a message."""
        wire = self.begin()
        wire.send(b"BDAT 5\r\nHELLODATA\r\nsmuggled text\r\nsmuggled\r\n.\r\nRSET\r\n")
        self.assertEqual([line[:3] for line in wire.rest().splitlines()], ["250", "503", "503"])
        self.assertEqual(self.strict.commands, ["BDAT 5", "DATA"])
        self.assertEqual(self.strict.messages, [])

    def test_data_within_a_chunk_is_text(self):
        text = b"DATA\r\n.\r\nMAIL FROM:<smuggled@x>\r\n" + HIDDEN
        for pieces in (len(text), 7, 1):
            with self.subTest(pieces=pieces):
                wire = self.begin()
                wire.send(b"BDAT %d LAST\r\n" % len(text))
                for at in range(0, len(text), pieces):
                    wire.send(text[at:at + pieces])
                self.assertEqual(self.ends_with_quit(wire), ["250", "221"])
                self.assertEqual(self.strict.messages, [text])
                self.assertEqual(self.strict.commands, [f"BDAT {len(text)} LAST", "QUIT"])

    def test_bdat_within_data_is_text(self):
        wire = self.begin()
        self.assertRegex(wire.smtp("DATA")[0], "^354")
        wire.send(b"BDAT 1000 LAST\r\nBDAT 5\r\n.\r\nNOOP\r\n")
        self.assertEqual(self.ends_with_quit(wire), ["250", "250", "221"])
        self.assertEqual(self.strict.messages, [b"BDAT 1000 LAST\r\nBDAT 5\r\n"])
        self.assertEqual(self.strict.commands, ["DATA", "NOOP", "QUIT"])

    def test_bdat_behind_data_in_one_segment(self):
        """What stands behind DATA waits for the go-ahead, then it is text."""
        wire = self.begin()
        wire.send(b"DATA\r\nBDAT 3 LAST\r\nabc\r\n.\r\n")
        self.assertEqual(self.ends_with_quit(wire), ["354", "250", "221"])
        self.assertEqual(self.strict.messages, [b"BDAT 3 LAST\r\nabc\r\n"])

    def test_a_chunk_smaller_than_what_comes(self):
        """The rest are commands, for both; and those are judged as commands."""
        wire = self.begin()
        wire.send(b"BDAT 5 LAST\r\nHELLO" + HIDDEN)
        self.assertEqual(self.ends_with_quit(wire), ["250", "502", "503", "502", "221"])
        self.assertEqual(self.strict.commands, ["BDAT 5 LAST", "QUIT"])
        self.assertEqual(self.strict.messages, [b"HELLO"])

    def test_a_chunk_larger_than_what_comes(self):
        """Commands behind it are its octets, and an end of the stream makes no message of them."""
        wire = self.begin()
        wire.send(b"BDAT 1000 LAST\r\nHELLO\r\n.\r\nQUIT\r\n")
        self.assertEqual(wire.quiet(0.3), "")
        wire.close()
        self.settle(self.postern)
        self.assertEqual(self.strict.commands, ["BDAT 1000 LAST"])
        self.assertEqual(self.strict.messages, [])

    def test_pipelined_behind_the_last_chunk(self):
        wire = self.begin()
        wire.send(b"BDAT 3\r\nabcBDAT 0\r\nBDAT 3 LAST\r\ndefMAIL FROM:<a@x>\r\n"
                  b"RCPT TO:<b@x>\r\nBDAT 0 LAST\r\nDATA\r\nsmuggled\r\n.\r\n")
        self.assertEqual([line[:3] for line in wire.rest().splitlines()], ["250"] * 6 + ["503"] * 2)
        self.assertEqual(self.strict.messages, [b"abcdef", b""])
        self.assertNotIn("smuggled", self.strict.commands)

    def test_without_a_transaction_the_octets_are_swallowed(self):
        """RFC 3030 section 2: the server must read the chunk all the same."""
        wire = self.begin(mail=False)
        wire.send(b"BDAT %d LAST\r\n" % len(HIDDEN) + HIDDEN)
        self.assertEqual(self.ends_with_quit(wire), ["503", "221"])
        self.assertEqual(self.strict.commands, [f"BDAT {len(HIDDEN)} LAST", "QUIT"])

    def test_a_server_that_never_offered_it_hears_nothing(self):
        """It would take the octets for commands."""
        wire = self.begin("old")
        wire.send(b"BDAT %d\r\n" % len(HIDDEN) + HIDDEN + b"BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n")
        replies = self.ends_with_quit(wire)
        self.assertEqual(replies[-2:], ["250", "221"])
        self.assertTrue(all(reply[0] == "5" for reply in replies[:-2]), replies)
        self.assertEqual(self.old.commands, ["NOOP", "QUIT"])

    def test_odd_words(self):
        """Unclear how many octets follow: the session ends, and no octet reaches the backend."""
        for words in ("", " LAST", " 5 FIRST", " 5 LAST LAST", " 5LAST", " 5,LAST", " 5\tLAST",
                      " 5 5 LAST", "\t5 LAST", " LAST 5", " five", " 5 LAST\0", " 05", " 5."):
            with self.subTest(words=words):
                wire = self.begin()
                wire.send(f"BDAT{words}\r\nRSET\r\n")
                self.assertRegex(wire.rest(), r"^50[01] [^\r\n]+\r\n$")
                wire.close()
                self.assertEqual(self.strict.commands, [])


if __name__ == "__main__":
    harness.main()
