#!/usr/bin/env python3
"""TLS on a port for clear text, and clear text on a port for TLS, are recognised, named in the log,
and ended in the protocol's own words, so that whoever set up a client wrongly can find out."""
import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire, client_hello

FAKES = {"imap": FakeImap, "pop3": FakePop3, "smtp": FakeSmtp, "submission": FakeSmtp}
WORDS = {"imap": r"^\* BYE ", "pop3": "^-ERR ", "smtp": r"^(421|5\d\d) ",
         "submission": r"^(421|5\d\d) "}
CLEAR = {"imap": "a CAPABILITY\r\n", "pop3": "CAPA\r\n", "smtp": "EHLO client.example.test\r\n",
         "submission": "EHLO client.example.test\r\n"}
# A hello in the format of SSLv2, as old devices and Java send it: length, type 1, version 3.1.
SSL2_HELLO = (bytes.fromhex("802e 01 0301 0015 0000 0010")
              + bytes.fromhex("000039 000038 000035 000016 000013 00000a 000005")
              + bytes(range(16)))


class Misuse(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.fakes = {protocol: cls.room.enter(make()) for protocol, make in FAKES.items()}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": protocol, "tls": mode, "backend": protocol,
                        "cleartext_login": "observe"}
                       for protocol in FAKES for mode in ("required", "optional", "none",
                                                          "implicit")],
            {protocol: fake.port for protocol, fake in cls.fakes.items()}))

    def named(self, listener, action, count):
        self.postern.wait_events(count, action, postern__listener=listener)
        ends = self.postern.wait_events(count, "session-end", postern__listener=listener,
                                        event__reason=action.replace("-", "_"))
        self.assertEqual(len(ends), count)

    def test_tls_on_a_clear_port(self):
        for protocol in FAKES:
            for mode in ("required", "optional", "none"):
                listener = f"{protocol}-{mode}"
                with self.subTest(listener=listener):
                    with Wire(self.postern.port(listener)) as wire:
                        wire.line()
                        wire.send(client_hello(self.room.client_tls())[1])
                        self.assertRegex(wire.rest(), WORDS[protocol])
                    self.named(listener, "tls-on-clear-port", 1)

    def test_tls_before_the_greeting_was_read(self):
        """As a real client does it: it sends its hello at once, and waits for the server's."""
        for protocol in FAKES:
            listener = f"{protocol}-required"
            with self.subTest(listener=listener):
                before = len(self.postern.events("tls-on-clear-port", postern__listener=listener))
                with Wire(self.postern.port(listener)) as wire:
                    wire.send(client_hello(self.room.client_tls())[1])
                    lines = wire.rest().splitlines()
                    self.assertRegex(lines[-1], WORDS[protocol])
                self.named(listener, "tls-on-clear-port", before + 1)

    def test_an_old_hello_behind_ehlo(self):
        """A multifunction printer was seen doing so when STARTTLS was not in the list."""
        with Wire(self.postern.port("smtp-none")) as wire:
            wire.smtp()
            wire.smtp("EHLO printer")
            before = len(self.postern.events("tls-on-clear-port", postern__listener="smtp-none"))
            wire.send(SSL2_HELLO)
            self.assertRegex(wire.rest(), WORDS["smtp"])
        self.named("smtp-none", "tls-on-clear-port", before + 1)
        self.assertNotIn(SSL2_HELLO[:8], self.fakes["smtp"].everything())

    def test_clear_text_on_a_tls_port(self):
        for protocol in FAKES:
            listener = f"{protocol}-implicit"
            with self.subTest(listener=listener):
                accepted = self.fakes[protocol].accepted
                with Wire(self.postern.port(listener)) as wire:
                    self.assertEqual(wire.quiet(0.2), "")
                    wire.send(CLEAR[protocol])
                    self.assertRegex(wire.rest(), WORDS[protocol])
                self.named(listener, "clear-on-tls-port", 1)
                self.assertEqual(self.fakes[protocol].accepted, accepted)

    def test_garbage_is_a_failed_handshake(self):
        with Wire(self.postern.port("imap-implicit")) as wire:
            wire.send(bytes([0, 1, 2, 3, 255]) * 20)
            wire.rest_rudely()
        harness.until(lambda: len(self.postern.events(
            "session-end", postern__listener="imap-implicit")) >= 1, "the session ends")
        for event in self.postern.events("session-end", postern__listener="imap-implicit"):
            self.assertIn(event["event.reason"], ("handshake_failed", "clear_on_tls_port"))


if __name__ == "__main__":
    harness.main()
