#!/usr/bin/env python3
"""A client of another protocol: a browser's HTTPS, a resolver's DNS, a telephone's SIP.

ALPACA (Brinkmann, Dresen, Merget, Poddebniak, Müller, Somorovsky, Schwenk, Schinzel; USENIX
Security 2021): TLS does not say which protocol it carries, so an attacker on the way brings a
browser's request to a mail server with the same certificate. Its elder in clear text: the HTML form
protocol attack (Jochen Topf, 2001). Both need a server that forgives an HTTP request's lines until
the commands in its body come. Expected: with `alpn: strict` no handshake with a client that offers
only known other protocols; an HTTP request ends the session at its first line, and of other
nonsense a bounded number of lines is answered, by whatever backend.
"""
import re
import ssl

import harness
from harness import Fake, Postern, Wire

FOREIGN = [["http/1.1"], ["h2"], ["h2", "http/1.1"], ["h3"], ["spdy/3.1", "h2"], ["http/1.0"],
           ["h2c"], ["webrtc"], ["c-webrtc", "webrtc"], ["ftp"], ["xmpp-client"], ["xmpp-server"],
           ["managesieve"], ["nntp"], ["dot"], ["mqtt"], ["sip/2"], ["irc"], ["postgresql"],
           ["acme-tls/1"], ["smb"], ["tds/8.0"], ["coap"], ["stun.turn"], ["h2"] * 30]
OTHER = {"imap": "pop3", "pop3": "imap"}
# What goes on: the own name, none, and names that nobody knows.
OWN = {"imap": [["imap"], ["h2", "imap"], ["x-unknown"], ["h2", "x-unknown"]],
       "pop3": [["pop3"], ["h2", "pop3"], ["x-unknown"], ["http/1.1", "x"]],
       "submission": [["x-unknown"], ["h2", "x-unknown"]]}
POST = ("POST /{path} HTTP/1.1\r\nHost: mail.example.test\r\nUser-Agent: browser\r\n"
        "Content-Type: text/plain\r\nContent-Length: 200\r\nOrigin: https://evil.example\r\n"
        "Cookie: session=of-the-victim\r\n\r\n")
BODY = {"imap": "x1 LOGIN injected injected\r\nx2 LOGOUT\r\n",
        "pop3": "USER injected\r\nPASS injected\r\nQUIT\r\n",
        "submission": "EHLO injected\r\nMAIL FROM:<injected@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
                      "injected\r\n.\r\nQUIT\r\n"}
WORDS = {"imap": r"(?m)^\* BYE ", "pop3": "(?m)^-ERR ", "submission": "(?m)^[45]\\d\\d "}
ERROR = {"imap": r"(?m)^\S+ BAD ", "pop3": "(?m)^-ERR ", "submission": "(?m)^[45]\\d\\d "}
# 20 bad commands are forgiven; the next one's answer, and the words at the end. In POP3 64 commands
# may already be on their way.
MOST_ERRORS = {"imap": 22, "pop3": 22 + 64, "submission": 22}


def patient(greeting, error, good):
    """A backend that answers each unknown line with an error, and never ends for it."""
    def serve(peer):
        peer.send(greeting)
        while (line := peer.line()) is not None:
            words = line.split(" ")
            answer = next((text for verb, text in good.items()
                           if verb in (word.upper() for word in words[:2])), error)
            peer.send(answer.replace("TAG", words[0] or "*"))
            if answer.startswith("334"):
                for text in ("334 \r\n", "235 2.7.0 in\r\n"):
                    peer.line()
                    peer.send(text)
            if "LOGOUT" in line.upper() or line.upper() == "QUIT":
                return
    return serve


BACKENDS = {
    "imap": patient("* OK [CAPABILITY IMAP4rev1] patient\r\n", "TAG BAD what\r\n",
                    {"LOGIN": "TAG OK in\r\n", "NOOP": "TAG OK done\r\n",
                     "LOGOUT": "* BYE ends\r\nTAG OK out\r\n"}),
    "pop3": patient("+OK patient\r\n", "-ERR what\r\n",
                    {"USER": "+OK\r\n", "PASS": "+OK in\r\n", "NOOP": "+OK\r\n",
                     "QUIT": "+OK bye\r\n"}),
    "submission": patient("220 patient ESMTP\r\n", "500 5.5.1 what\r\n",
                          {"EHLO": "250-patient\r\n250 AUTH LOGIN\r\n", "AUTH": "334 \r\n",
                           "NOOP": "250 fine\r\n", "QUIT": "221 bye\r\n"}),
}


class CrossProtocol(harness.Attack):
    @classmethod
    def arrange(cls):
        cls.fakes = {name: cls.room.enter(Fake(serve)) for name, serve in BACKENDS.items()}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": protocol, "tls": mode, "backend": protocol,
                        "cleartext_login": "observe"}
                       for protocol in BACKENDS for mode in ("implicit", "required", "none")],
            {name: fake.port for name, fake in cls.fakes.items()}))

    def setUp(self):
        super().setUp()
        for fake in self.fakes.values():
            fake.received.clear()

    def open(self, protocol, mode, alpn=()):
        """A client after its handshake, or after the greeting in clear."""
        context = self.room.client_tls()
        context.set_alpn_protocols(list(alpn))
        wire = Wire(self.postern.port(f"{protocol}-{mode}"),
                    tls=context if mode == "implicit" else None)
        self.addCleanup(wire.close)
        if mode == "required" and alpn:
            wire.line()
            wire.starttls(protocol, context)
        return wire

    def test_foreign_protocols_get_no_handshake(self):
        for protocol in BACKENDS:
            foreign = FOREIGN + [[OTHER[protocol]] if protocol in OTHER else ["imap", "pop3"]]
            for mode in ("implicit", "required"):
                for alpn in foreign:
                    with self.subTest(protocol=protocol, mode=mode, alpn=alpn[:3]):
                        with self.assertRaisesRegex(ssl.SSLError, "(?i)no.application.protocol"):
                            self.open(protocol, mode, alpn)
        self.assertEqual([name for name, fake in self.fakes.items() if fake.everything()], [])
        self.postern.wait_events(len(BACKENDS) * 2 * (len(FOREIGN) + 1), "tls-handshake",
                                 event__reason="alpn_refused")

    def test_own_and_unknown_protocols_are_served(self):
        for protocol, lists in OWN.items():
            for mode in ("implicit", "required"):
                for alpn in lists:
                    with self.subTest(protocol=protocol, mode=mode, alpn=alpn):
                        wire = self.open(protocol, mode, alpn)
                        self.assertEqual(wire.socket.selected_alpn_protocol(),
                                         protocol if protocol in alpn else None)
                        wire.close()

    def test_http_request_ends_at_its_first_line(self):
        for protocol in BACKENDS:
            for mode in ("implicit", "required", "none"):
                for method in ("POST", "GET", "CONNECT"):
                    with self.subTest(protocol=protocol, mode=mode, method=method), \
                            self.one_event("session-end", event__reason="bad_syntax"):
                        wire = self.open(protocol, mode)
                        request = POST.replace("POST", method).format(path="x") + BODY[protocol]
                        try:
                            wire.send(request)
                        except OSError:
                            pass
                        lines = wire.rest_rudely().splitlines()
                        self.assertLessEqual(len(lines), 2, lines)
                        self.assertRegex(lines[-1], WORDS[protocol])
                        wire.close()
        for fake in self.fakes.values():
            self.assertEqual(fake.everything(), b"")

    def test_nonsense_is_forgiven_a_bounded_number_of_times(self):
        """The lines of a SIP call, or of a form's fields, as many as its sender likes."""
        for protocol in BACKENDS:
            for mode in ("implicit", "required", "none"):
                with self.subTest(protocol=protocol, mode=mode), \
                        self.one_event("session-end", event__reason="too_many_errors"):
                    wire = self.open(protocol, mode)
                    try:
                        wire.send("Via: SIP/2.0/TLS victim.example.test\r\n" * 2000
                                  + BODY[protocol])
                    except OSError:
                        pass
                    text = wire.rest_rudely()
                    errors = [line for line in text.splitlines()
                              if re.match(ERROR[protocol], line)]
                    self.assertLessEqual(len(errors), MOST_ERRORS[protocol])
                    self.assertRegex(text.splitlines()[-1], WORDS[protocol])
                    wire.close()
        for fake in self.fakes.values():
            self.assertNotIn(b"injected", fake.everything())


if __name__ == "__main__":
    harness.main()
