#!/usr/bin/env python3
"""A backend that cannot be reached, refuses, dies or stalls: the client always gets its protocol's
words, never silence, and the session's end says which it was."""
import re
import time

import harness
from harness import Fake, FakeImap, FakePop3, FakeSmtp, Postern, Wire, free_port

FAKES = {"imap": FakeImap, "pop3": FakePop3, "smtp": FakeSmtp}
UNREACHABLE = {"imap": r"^\* BYE ", "pop3": r"^-ERR \[SYS/TEMP\] ", "smtp": r"^421 4\.3\.2 "}
GREETING = {"imap": "* OK hello\r\n", "pop3": "+OK hello\r\n", "smtp": "220 hello\r\n"}
REFUSAL = {"imap": "* BYE closed for today\r\n", "pop3": "-ERR closed for today\r\n",
           "smtp": "421 4.3.2 closed for today\r\n"}
NOOP = {"imap": "n NOOP\r\n", "pop3": "CAPA\r\n", "smtp": "NOOP\r\n"}
GOOD = {"imap": "(?m)^n OK", "pop3": r"^\+OK", "smtp": "^250 "}


def refusing(protocol):
    def script(peer):
        peer.send(REFUSAL[protocol])
    return Fake(script)


def dying(protocol, after):
    """Greets, then reads `after` lines and closes without an answer to the last."""
    answers = iter(())

    def script(peer):
        nonlocal answers
        peer.send(GREETING[protocol])
        for _ in range(after):
            peer.line()
    return Fake(script)


class FailingBackends(harness.TestCase):
    def postern(self, protocol, port, backend=None, **top):
        """One postern with an implicit, an optional and a required listener before `port`."""
        room = self.own_room()
        made = room.enter(Postern(room, [
            {"name": tls, "protocol": protocol, "tls": tls, "backend": "old"}
            for tls in ("implicit", "optional", "required")],
            {"old": backend or port}, **top))
        made.client_tls = room.client_tls()
        return made

    def end(self, postern, listener, reason):
        ends = postern.wait_events(1, "session-end", postern__listener=listener)
        self.assertEqual([end["event.reason"] for end in ends], [reason])

    def words_at_once(self, postern, protocol, pattern, reason, within=30):
        """Over implicit TLS and on `optional`, the words stand where the greeting would."""
        for listener in ("implicit", "optional"):
            with self.subTest(protocol=protocol, listener=listener):
                began = time.monotonic()
                with Wire(postern.port(listener),
                          tls=postern.client_tls if listener == "implicit" else None) as wire:
                    self.assertRegex(wire.rest(), pattern)
                self.assertLess(time.monotonic() - began, within)
                self.end(postern, listener, reason)

    def words_after_starttls(self, postern, protocol, pattern, reason):
        """Behind STARTTLS they answer the next command; IMAP can say them unasked."""
        with self.subTest(protocol=protocol, listener="required"), \
                Wire(postern.port("required")) as wire:
            wire.line()
            wire.starttls("submission" if protocol == "smtp" else protocol, postern.client_tls)
            if protocol != "imap":
                wire.send(NOOP[protocol])
            self.assertRegex(wire.rest(), pattern)
            self.end(postern, "required", reason)

    def test_nobody_listens(self):
        for protocol in FAKES:
            postern = self.postern(protocol, free_port())
            self.words_at_once(postern, protocol, UNREACHABLE[protocol], "backend_unreachable")
            self.words_after_starttls(postern, protocol, UNREACHABLE[protocol],
                                      "backend_unreachable")

    def test_the_greeting_is_a_refusal(self):
        patterns = {"imap": r"^\* BYE ", "pop3": "^-ERR ", "smtp": "^421 "}
        for protocol in FAKES:
            with refusing(protocol) as fake:
                postern = self.postern(protocol, fake.port)
                self.words_at_once(postern, protocol, patterns[protocol], "backend_refused")
                self.words_after_starttls(postern, protocol, patterns[protocol],
                                          "backend_refused")

    def test_preauth_reaches_no_client(self):
        def script(peer):
            peer.send("* PREAUTH you are in\r\n")
            peer.wait_for_end()
        with Fake(script) as fake:
            postern = self.postern("imap", fake.port)
            self.words_at_once(postern, "imap", r"^\* BYE (?!.*PREAUTH)", "backend_preauth")
            self.words_after_starttls(postern, "imap", r"^\* BYE (?!.*PREAUTH)",
                                      "backend_preauth")

    def test_it_closes_without_a_greeting(self):
        for protocol in FAKES:
            with Fake(lambda peer: None) as fake:
                postern = self.postern(protocol, fake.port)
                for listener in ("implicit", "optional"):
                    with self.subTest(protocol=protocol, listener=listener), \
                            Wire(postern.port(listener), tls=postern.client_tls
                                 if listener == "implicit" else None) as wire:
                        self.assertRegex(wire.rest(), {"imap": r"^\* BYE ", "pop3": "^-ERR ",
                                                       "smtp": "^421 "}[protocol])

    def test_it_never_greets(self):
        def script(peer):
            peer.wait_for_end()
        for protocol in FAKES:
            with Fake(script) as fake:
                postern = self.postern(protocol, None, backend={
                    "servers": [f"127.0.0.1:{fake.port}"], "greeting_timeout": "1s"})
                self.words_at_once(postern, protocol, UNREACHABLE[protocol], "backend_timeout")
                self.words_after_starttls(postern, protocol, UNREACHABLE[protocol],
                                          "backend_timeout")

    def test_it_dies_before_login(self):
        patterns = {"imap": r"(?m)^\* BYE ", "pop3": "(?m)^-ERR ", "smtp": "(?m)^421 "}
        for protocol in FAKES:
            with dying(protocol, 1) as fake:
                postern = self.postern(protocol, fake.port)
                for listener in ("implicit", "optional"):
                    with self.subTest(protocol=protocol, listener=listener):
                        with Wire(postern.port(listener), tls=postern.client_tls
                                  if listener == "implicit" else None) as wire:
                            self.assertTrue(wire.line())
                            wire.send(NOOP[protocol])
                            self.assertRegex(wire.rest(), patterns[protocol])
                        self.end(postern, listener, "backend_closed")

    def after_login(self, protocol, script, login):
        """What a logged-in client gets when its backend closes; (text, whether it was cut)."""
        with Fake(script) as fake:
            postern = self.postern(protocol, fake.port)
            with Wire(postern.port("implicit"), tls=postern.client_tls) as wire:
                wire.line()
                wire.send(login)
                got = wire.rest_rudely()
            self.end(postern, "implicit", "backend_closed")
            return got

    def test_it_dies_after_an_imap_login(self):
        def between_lines(peer):
            peer.send("* OK x\r\n")
            peer.line()
            peer.send("a OK in\r\n")
            time.sleep(0.2)

        def within_a_literal(peer):
            between_lines(peer)
            peer.send("* 1 FETCH (BODY[] {100}\r\nonly this much\r\n")
        login = "a LOGIN anna secret\r\n"
        self.assertRegex(self.after_login("imap", between_lines, login),
                         r"^a OK in\r\n\* BYE [^\r\n]+\r\n$")
        self.assertEqual(self.after_login("imap", within_a_literal, login),
                         "a OK in\r\n* 1 FETCH (BODY[] {100}\r\nonly this much\r\n")

    def test_it_dies_after_a_pop3_login(self):
        def script(peer):
            peer.send("+OK x\r\n")
            for answer in ("+OK\r\n", "+OK in\r\n"):
                peer.line()
                peer.send(answer)
            time.sleep(0.2)
        self.assertEqual(self.after_login("pop3", script, "USER anna\r\nPASS secret\r\n"),
                         "+OK\r\n+OK in\r\n")

    def test_it_dies_in_an_smtp_session(self):
        def script(peer):
            peer.send("220 x\r\n")
            peer.line()
            peer.send("250 fine\r\n")
            time.sleep(0.2)
        got = self.after_login("smtp", script, "EHLO client.example.test\r\n")
        self.assertTrue(re.match(r"^250.*\r\n421 [^\r\n]+\r\n$", got, re.S), got)

    def test_the_second_server_serves_when_the_first_refuses(self):
        for protocol, make in FAKES.items():
            with make() as good, refusing(protocol) as bad:
                for first in (free_port(), bad.port):
                    postern = self.postern(protocol, [first, good.port])
                    for listener in ("implicit", "optional"):
                        with self.subTest(protocol=protocol, listener=listener), \
                                Wire(postern.port(listener), tls=postern.client_tls
                                     if listener == "implicit" else None) as wire:
                            self.assertNotIn("closed for today", wire.line())
                            wire.send(NOOP[protocol])
                            self.assertRegex(wire.line(), GOOD[protocol])
                    with self.subTest(protocol=protocol, listener="required"), \
                            Wire(postern.port("required")) as wire:
                        wire.line()
                        wire.starttls("submission" if protocol == "smtp" else protocol,
                                      postern.client_tls)
                        wire.send(NOOP[protocol])
                        self.assertRegex(wire.line(), GOOD[protocol])


if __name__ == "__main__":
    harness.main()
