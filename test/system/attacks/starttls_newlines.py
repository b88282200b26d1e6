#!/usr/bin/env python3
"""STARTTLS whose line ends in something else than CRLF, or is cut in the midst of it.

Two readers that differ about where the line ends differ about what stands behind it, and that is
where commands are hidden: the parser differential of JAMES-1862 (Apache James), the bare LF and NUL
variants of SMTP smuggling (SEC Consult, 2023; RFC 5321 2.3.8: CR and LF only as CRLF), NUL within a
line (CVE-2019-11500, Dovecot, before the login). Expected: cut anywhere, CRLF is one; a bare CR, a
bare LF or a NUL gives the protocol's error, no go-ahead, and ends the session.
"""
import harness
from harness import GO_AHEAD, UPGRADE

ERROR = {"imap": r"^\* BYE ", "pop3": "^-ERR ", "submission": "^500 "}
INJECTED = {"imap": b"i LOGIN injected secret\r\n", "pop3": b"USER injected\r\n",
            "submission": b"MAIL FROM:<injected@example.test>\r\n"}


def malformed(protocol):
    """Lines that some servers take for STARTTLS, with a command behind them."""
    word = UPGRADE[protocol].strip().encode()
    hidden = INJECTED[protocol]
    return {"bare LF": word + b"\n" + hidden, "bare CR": word + b"\r" + hidden,
            "NUL at the end": word + b"\0\r\n" + hidden,
            "NUL in the newline": word + b"\r\0\n" + hidden,
            "NUL before it": b"\0" + word + b"\r\n",
            "CRCRLF": word + b"\r\r\n" + hidden, "LFCR": word + b"\n\r" + hidden,
            "NUL inside": word[:-2] + b"\0" + word[-2:] + b"\r\n",
            "NUL and more": word + b"\0" + hidden}


class StarttlsNewlines(harness.Front):
    def test_each_is_an_error_and_the_end(self):
        for protocol, mode in self.listeners():
            for name, line in malformed(protocol).items():
                with self.subTest(protocol=protocol, mode=mode, variant=name):
                    wire = self.clear(protocol, mode)
                    wire.send(line)
                    got = wire.rest()
                    self.assertRegex(got, ERROR[protocol])
                    self.assertNotIn(GO_AHEAD[protocol], got)
                    self.assert_ended(wire, "bad_syntax")
        self.assert_no_backend_saw("injected", "STARTTLS", "STLS")

    def test_a_line_cut_anywhere_is_one_line(self):
        for protocol, mode in self.listeners():
            line = UPGRADE[protocol].encode()
            for cut in (1, len(line) // 2, len(line) - 2, len(line) - 1):
                with self.subTest(protocol=protocol, mode=mode, cut=cut):
                    wire = self.clear(protocol, mode)
                    wire.send(line[:cut])
                    self.assertEqual(wire.quiet(0.01), "")
                    wire.send(line[cut:])
                    self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
                    wire.wrap(self.room.client_tls())
                    self.assert_goes_on(protocol, wire)

    def test_a_command_behind_a_cut_newline_is_an_injection(self):
        for protocol, mode in self.listeners():
            line = UPGRADE[protocol].encode()
            for cut in (1, 2):
                with self.subTest(protocol=protocol, mode=mode, cut=cut):
                    wire = self.clear(protocol, mode)
                    wire.send(line[:-cut])
                    wire.send(line[-cut:] + INJECTED[protocol])
                    self.assertTrue(wire.line().startswith(GO_AHEAD[protocol]))
                    self.assert_only_tls(wire.rest_rudely())
                    self.assert_ended(wire, "starttls_injection")
        self.assert_no_backend_saw("injected")


if __name__ == "__main__":
    harness.main()
