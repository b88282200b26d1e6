#!/usr/bin/env python3
"""What a man in the middle can see and gain before TLS.

Who holds the wire can take STARTTLS out of a list, answer in the server's place, or keep a client
in clear (RFC 3207 6, RFC 2595 2.4; "Why TLS Is Better Without STARTTLS", USENIX Security 2021).
Against tampering with what a client receives no server can do a thing, so it is not tested here: to
insist on TLS is the client's part, and RFC 8314's advice is implicit TLS. What a server can do is
to have nothing for whoever comes without it. Expected: before TLS a `required` listener says fixed
words only, the same to all, whatever the backend, its users and the past are; no backend is
dialled, a client kept in clear gets no further, and STARTTLS opens no other TLS than the one that
is set.
"""
import harness

TRIED = {
    "imap": ["a CAPABILITY", "b NOOP", "c SELECT INBOX", "d LIST \"\" *", "e LOGIN anna s3cret",
             "f AUTHENTICATE PLAIN", "g ENABLE CONDSTORE", "h NAMESPACE",
             "i STATUS INBOX (MESSAGES)", "j ID NIL", "k UNAUTHENTICATE", "l COMPRESS DEFLATE",
             "m LOGOUT"],
    "pop3": ["CAPA", "NOOP", "STAT", "LIST", "USER anna", "PASS s3cret", "UIDL", "RETR 1", "UTF8",
             "LANG", "QUIT"],
    "submission": ["EHLO x", "HELO x", "NOOP", "RSET", "HELP", "VRFY anna", "MAIL FROM:<a@x>",
                   "RCPT TO:<anna@x>", "DATA", "BDAT 0 LAST", "ETRN x",
                   "AUTH PLAIN AGFubmEAczNjcmV0", "EXPN anna", "XYZZY", "QUIT"],
}
FIXED = {
    "imap": [f"* OK [CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS] {harness.HOSTNAME} ready",
             "* CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS", "a OK CAPABILITY completed",
             "b OK NOOP completed", "c BAD No such command before STARTTLS and login",
             "d BAD No such command before STARTTLS and login"],
    "pop3": [f"+OK POP3 {harness.HOSTNAME} ready", "+OK Capability list follows", "STLS",
             "RESP-CODES", ".", "+OK"],
    "submission": [f"220 {harness.HOSTNAME} ESMTP", f"250-{harness.HOSTNAME}",
                   "250-ENHANCEDSTATUSCODES", "250 STARTTLS", f"250 {harness.HOSTNAME}",
                   "250 2.0.0 OK", "250 2.0.0 OK"],
}
# What no gate may say: a command that works without TLS.
GOOD = {"imap": "(?m)^[c-i] OK|^[kl] OK", "pop3": r"(?m)^\+OK (?!POP3|Capability|Goodbye)",
        "submission": "(?m)^(235|334|354|25[12])"}
# A ClientHello of TLS 1.0 with one suite.
OLD_HELLO = (bytes.fromhex("160301002d 01000029 0301") + bytes(range(32))
             + bytes.fromhex("00 0002 002f 01 00"))


class Downgrade(harness.Front):
    modes = ("required",)

    def transcript(self, protocol, pipelined=True):
        wire = self.connect(f"{protocol}-required")
        lines = [line + "\r\n" for line in TRIED[protocol]]
        for piece in ["".join(lines)] if pipelined else lines:
            wire.send(piece)
        return wire.rest()

    def test_fixed_words_the_same_to_all_and_no_backend(self):
        def gone_bad(peer):
            peer.send("* PREAUTH \r\n421 evil\r\n-ERR evil\r\n")
        for protocol in self.protocols:
            with self.subTest(protocol=protocol):
                fake = self.fakes[protocol]
                accepted = fake.accepted
                text = self.transcript(protocol)
                self.assertEqual(text.splitlines()[:len(FIXED[protocol])], FIXED[protocol])
                self.assertNotRegex(text, GOOD[protocol])
                self.assertEqual(self.transcript(protocol, pipelined=False), text)
                self.assertEqual(fake.accepted, accepted)
                # Somebody logs in, and the backend goes bad: nobody in clear can tell.
                harness.be_honest(self.postern, f"{protocol}-required", self.room.client_tls())
                with self.lying(protocol, gone_bad):
                    self.assertEqual(self.transcript(protocol), text)

    def test_no_version_below_the_one_that_is_set_behind_starttls(self):
        for protocol in self.protocols:
            with self.subTest(protocol=protocol):
                wire = self.clear(protocol, "required")
                wire.send(harness.UPGRADE[protocol])
                wire.line()
                wire.send(OLD_HELLO)
                wire.rest_rudely()
                self.assert_ended(wire, "handshake_failed")
                self.assertEqual(self.events_of(wire, "tls-handshake")[0]["event.reason"],
                                 "no_shared_version")


if __name__ == "__main__":
    harness.main()
