#!/usr/bin/env python3
"""Logins without TLS, in every mechanism and in every form of a literal.

RFC 8314 4.1 and RFC 9051 11.1 want no password in clear; LOGINDISABLED alone does not keep a client
from sending one, nor a man in the middle from asking for it (STARTTLS stripping, RFC 3207 6;
credentials stolen before TLS in "Why TLS Is Better Without STARTTLS", USENIX Security 2021).
Expected: on `required`, and on `optional` that refuses clear logins, each gets its protocol's
refusal, none reaches a backend, not even its name, and the log tells each once: with which
mechanism, for whom as far as it was said, and whether the secret itself has crossed the wire
readable.
"""
import harness
from harness import b64

SECRET = "Secr3tPassw0rd"
PLAIN = b64(f"\0anna\0{SECRET}")
XOAUTH2 = b64(f"user=anna\1auth=Bearer {SECRET}\1\1")
BEARER = b64(f"n,a=anna,\1host=x\1auth=Bearer {SECRET}\1\1")
NTLM_1 = "TlRMTVNTUAABAAAAB4IIAgAAAAAoAAAAAAAAACgAAAAGAbEdAAAADw=="
SCRAM = b64("n,,n=anna,r=fyko")
N = len(SECRET)

# SASL: what stands behind AUTH or AUTHENTICATE, how the log names it, whom it names, whether the
# secret is exposed. What comes behind the first line is sent without waiting.
SASL = [
    (f"PLAIN {PLAIN}", "PLAIN", "anna", True),
    (f"plain {PLAIN}", "PLAIN", "anna", True),
    ("PLAIN", "PLAIN", "", False),
    (f"PLAIN\r\n{PLAIN}", "PLAIN", "", False),
    ("PLAIN =", "PLAIN", "", False),
    ("LOGIN", "AUTH-LOGIN", "", False),
    (f"LOGIN {b64('anna')}", "AUTH-LOGIN", "anna", False),
    (f"LOGIN\r\n{b64('anna')}\r\n{b64(SECRET)}", "AUTH-LOGIN", "", False),
    (f"LOGIN {b64('anna')}\r\n{b64(SECRET)}", "AUTH-LOGIN", "anna", False),
    ("CRAM-MD5", "CRAM-MD5", "", False),
    ("DIGEST-MD5", "DIGEST-MD5", "", False),
    ("NTLM", "NTLM", "", False),
    (f"NTLM {NTLM_1}", "NTLM", "", False),
    (f"XOAUTH2 {XOAUTH2}", "XOAUTH2", "anna", True),
    (f"XOAUTH2\r\n{XOAUTH2}", "XOAUTH2", "", False),
    (f"OAUTHBEARER {BEARER}", "OAUTHBEARER", "anna", True),
    ("OAUTHBEARER", "OAUTHBEARER", "", False),
    (f"SCRAM-SHA-256 {SCRAM}", "SCRAM-SHA-256", "anna", False),
    ("GSSAPI YIIB", "GSSAPI", "", False),
    (f"EXTERNAL {b64('anna')}", "EXTERNAL", "anna", False),
    ("X-UNHEARD-OF", "X-UNHEARD-OF", "", False),
]
LOGINS = {
    "imap": [
        (f"LOGIN anna {SECRET}", "LOGIN", "anna", True),
        (f"login anna {SECRET}", "LOGIN", "anna", True),
        (f'LOGIN "anna" "{SECRET}"', "LOGIN", "anna", True),
        (f'LOGIN anna "{SECRET}"', "LOGIN", "anna", True),
        (f"LOGIN {{4+}}\r\nanna {{{N}+}}\r\n{SECRET}", "LOGIN", "anna", True),
        (f"LOGIN {{4-}}\r\nanna {{{N}-}}\r\n{SECRET}", "LOGIN", "anna", True),
        (f"LOGIN ~{{4+}}\r\nanna ~{{{N}+}}\r\n{SECRET}", "LOGIN", "anna", True),
        (f"LOGIN {{4+}}\r\nanna {SECRET}", "LOGIN", "anna", True),
        (f"LOGIN anna {{{N}+}}\r\n{SECRET}", "LOGIN", "anna", True),
        (f"LOGIN anna {{{N}}}", "LOGIN", "anna", False),
        ("LOGIN {4}", "LOGIN", "", False),
        (f"LOGIN {{4+}}\r\nanna {{{N}}}", "LOGIN", "anna", False),
        # Sent although nobody said "+": the literal is a line that nobody can read.
        (f"LOGIN anna {{{N}}}\r\n{SECRET}", "LOGIN", "anna", False),
        (f"LOGIN {{4}}\r\nanna {{{N}}}\r\n{SECRET}", "LOGIN", "", False),
    ] + [(f"AUTHENTICATE {text}", *rest) for text, *rest in SASL],
    "pop3": [
        ("USER anna", "USER", "anna", False),
        (f"USER anna\r\nPASS {SECRET}", "USER", "anna", False),
        (f"PASS {SECRET}", "USER", "", True),
        (f"pass {SECRET}", "USER", "", True),
        (f"PASS\t{SECRET}", "USER", "", True),
        ("APOP anna c4c9334bac560ecc979e58001b3e22fb", "APOP", "anna", False),
    ] + [(f"AUTH {text}", *rest) for text, *rest in SASL],
    "submission": [(f"AUTH {text}", *rest) for text, *rest in SASL] + [
        (f"auth\tPLAIN {PLAIN}", "PLAIN", "anna", True),
        (f" AUTH  PLAIN  {PLAIN}", "PLAIN", "anna", True),
    ],
}
MARK = {"imap": ("z NOOP\r\n", "z OK"), "pop3": ("CAPA\r\n", "."),
        "submission": ("NOOP\r\n", "250 2")}
REFUSAL = {"imap": r"(?m)^a NO \[PRIVACYREQUIRED\]", "pop3": r"(?m)^-ERR \[AUTH\]",
           "submission": r"(?m)^53[08] 5\.7\."}


class CredentialsBeforeTls(harness.Front):
    def try_one(self, protocol, mode, text):
        """All of it at once, with a command behind it; (what came back, the client's address)."""
        wire = self.clear(protocol, mode)
        command, mark = MARK[protocol]
        wire.send(("a " if protocol == "imap" else "") + text + "\r\n" + command)
        got = []
        while not (got and got[-1].startswith(mark)):
            got.append(wire.line())
            self.assertTrue(got[-1], got)
        wire.close()
        return "\n".join(got), wire.source

    def test_each_is_refused_and_told_once(self):
        for protocol, mode in self.listeners():
            wanted = []
            for text, mechanism, user, exposed in LOGINS[protocol]:
                with self.subTest(protocol=protocol, mode=mode, login=text):
                    got, source = self.try_one(protocol, mode, text)
                    self.assertRegex(got, REFUSAL[protocol])
                    if protocol == "imap":  # the person is told, where it was exposed
                        self.assertEqual("[ALERT]" in got, exposed)
                    wanted.append((mechanism, user, exposed, "cleartext", source))
            with self.subTest(protocol=protocol, mode=mode):
                self.assert_told(f"{protocol}-{mode}", wanted)
        for secret in (*harness.shapes(SECRET), b"anna"):
            self.assert_no_backend_saw(secret)
        self.assertNotIn(SECRET, self.postern.stdout() + self.postern.stderr())

    def assert_told(self, listener, wanted):
        """Each of these sessions has one login-refused, and no login."""
        sources = {one[-1] for one in wanted}

        def told(action):
            return [event for event in self.postern.events(action, postern__listener=listener)
                    if event["source.ip"] in sources]
        harness.until(lambda: len(told("session-end")) == len(wanted), "all sessions end")
        self.assertEqual(told("login"), [])
        self.assertEqual(sorted(
            (event["postern.auth.mechanism"], event.get("user.name", ""),
             event["postern.auth.secret_exposed"], event["event.reason"], event["source.ip"])
            for event in told("login-refused")), sorted(wanted))

    def test_a_gate_never_asks_for_a_secret(self):
        """No "+", no 334: a client that waits has nothing
to send.
"""
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                for text, *_ in LOGINS[protocol]:
                    if "\r\n" in text:
                        continue
                    wire = self.clear(protocol, mode)
                    wire.send(("a " if protocol == "imap" else "") + text + "\r\n")
                    self.assertNotRegex(wire.line(), r"^(\+ |\+$|334|\+OK)")
                    wire.close()

    def test_the_same_client_logs_in_under_tls_afterwards(self):
        for protocol, mode in self.listeners():
            with self.subTest(protocol=protocol, mode=mode):
                wire = self.clear(protocol, mode)
                wire.send({"imap": "a LOGIN anna x\r\n", "pop3": "APOP anna x\r\n",
                           "submission": f"AUTH PLAIN {PLAIN}\r\n"}[protocol])
                self.assertNotRegex(wire.line(), r"^(\+OK|2\d\d)")
                if protocol == "imap":
                    wire.line()
                wire.starttls(protocol, self.room.client_tls())
                good = {"imap": "b LOGIN bert right", "pop3": "AUTH PLAIN AGJlcnQAcmlnaHQ=",
                        "submission": "AUTH PLAIN AGJlcnQAcmlnaHQ="}[protocol]
                wire.send(good + "\r\n")
                self.assertRegex(wire.line(), r"^(b OK|\+OK|235)")


if __name__ == "__main__":
    harness.main()
