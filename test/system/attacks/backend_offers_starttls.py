#!/usr/bin/env python3
"""A backend that itself offers STARTTLS, or says LOGINDISABLED, wherever a list can stand.

A client behind TLS that is offered STARTTLS again may try it, and one that reads LOGINDISABLED
never logs in; a client in clear that misses postern's own offer stays there (STARTTLS stripping,
RFC 3207 6; "Why TLS Is Better Without STARTTLS", USENIX Security 2021). IMAP has four places for
its list: the greeting, the untagged response, the tagged OK, and unasked (RFC 9051 7.1, 7.2.2).
Expected: under TLS neither word is ever seen; in clear STARTTLS stands in each list exactly once,
and LOGINDISABLED with no mechanism where clear logins are refused.
"""
import harness

LIST = "IMAP4rev1 STARTTLS LOGINDISABLED AUTH=PLAIN starttls AUTH=SCRAM-SHA-1-PLUS LOGIN-REFERRALS"

CAPA = "+OK\r\nTOP\r\nSTLS\r\nUSER\r\nSASL PLAIN EXTERNAL\r\nstls\r\n.\r\n"
EHLO = ("250-x\r\n250-STARTTLS\r\n250-starttls\r\n250-X-ANONYMOUSTLS\r\n250-REQUIRETLS\r\n"
        "250-AUTH PLAIN EXTERNAL\r\n250 STARTTLS\r\n")


def imap(peer):
    peer.send(f"* OK [CAPABILITY {LIST}] hello\r\n* CAPABILITY {LIST}\r\n")
    while (line := peer.line()) is not None:
        tag, _, rest = line.partition(" ")
        peer.send(f"* CAPABILITY {LIST}\r\n* OK [CAPABILITY {LIST}] x\r\n"
                  f"{tag} {'NO' if 'wrong' in rest else 'OK'} [CAPABILITY {LIST}] done\r\n")


def pop3(peer):
    peer.send("+OK hello <1.2@old>\r\n")
    while (line := peer.line()) is not None:
        peer.send(CAPA if line == "CAPA" else "+OK\r\n")


def smtp(peer):
    peer.send("220 hello\r\n")
    while (line := peer.line()) is not None:
        peer.send(EHLO if line.startswith("EHLO") else "250 x\r\n")


class BackendOffersStarttls(harness.Front):
    protocols = ("imap", "pop3", "smtp")
    modes = ("required", "optional", "observe", "implicit")

    def check_imap_lists(self, text, mode, count):
        lists = [line for line in text.splitlines() if "CAPABILITY" in line]
        self.assertEqual(len(lists), count, text)
        for line in lists:
            words = line.upper().replace("]", " ").split(" ")
            clear = mode in ("optional", "observe")
            self.assertEqual("STARTTLS" in words, clear, line)
            self.assertEqual("LOGINDISABLED" in words, clear, line)
            self.assertEqual("AUTH=PLAIN" in words, mode != "optional", line)
            self.assertNotIn("-PLUS", line)
            self.assertNotIn("REFERRALS", line)

    def test_imap(self):
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("imap", imap):
                wire = self.connect(f"imap-{mode}",
                                    self.room.client_tls() if mode == "implicit" else None)
                text = wire.line() + "\n"
                shown = mode
                if mode == "required":  # postern's own list; then no greeting, but the untagged one
                    self.check_imap_lists(text.replace("LOGINDISABLED", "LOGINDISABLED AUTH=PLAIN"),
                                          "observe", 1)
                    wire.starttls("imap", self.room.client_tls())
                    text = ""
                text += "\n".join(wire.imap("a CAPABILITY"))
                self.check_imap_lists(text, shown, 4 if mode == "required" else 5)
                if mode != "optional":
                    self.check_imap_lists("\n".join(wire.imap("b LOGIN anna wrong")), shown, 3)
                if mode in ("required", "implicit"):
                    self.check_imap_lists("\n".join(wire.imap("c LOGIN anna s3cret")[:3]), shown, 3)

    def test_imap_behind_the_upgrade(self):
        for mode in ("optional", "observe"):
            with self.subTest(mode=mode), self.lying("imap", imap):
                wire = self.connect(f"imap-{mode}")
                wire.line()
                wire.line()
                wire.starttls("imap", self.room.client_tls())
                self.check_imap_lists("\n".join(wire.imap("a CAPABILITY")), "implicit", 4)

    def test_pop3(self):
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("pop3", pop3):
                wire = self.begun("pop3", mode)
                lines = wire.pop3("CAPA", many=True)
                clear = mode in ("optional", "observe")
                self.assertEqual([line.upper() for line in lines].count("STLS"), int(clear))
                self.assertEqual("USER" in lines, mode != "optional")
                self.assertEqual("SASL PLAIN" in lines, mode != "optional")
                if clear:
                    wire.starttls("pop3", self.room.client_tls())
                    self.assertNotIn("STLS", wire.pop3("CAPA", many=True))

    def test_smtp(self):
        for mode in self.modes:
            with self.subTest(mode=mode), self.lying("smtp", smtp):
                wire = self.begun("smtp", mode)
                lines = [line[4:].upper() for line in wire.smtp("EHLO x")]
                clear = mode in ("optional", "observe")
                self.assertEqual(lines.count("STARTTLS"), int(clear))
                self.assertEqual("AUTH PLAIN" in lines, mode != "optional")
                self.assertNotIn("X-ANONYMOUSTLS", lines)
                self.assertNotIn("REQUIRETLS", lines)
                if clear:
                    self.assertTrue(wire.smtp("STARTTLS")[0].startswith("220"))
                    wire.wrap(self.room.client_tls())
                    lines = [line[4:].upper() for line in wire.smtp("EHLO x")]
                    self.assertEqual(lines, ["X", "AUTH PLAIN"])


if __name__ == "__main__":
    harness.main()
