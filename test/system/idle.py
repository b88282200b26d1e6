#!/usr/bin/env python3
"""IDLE: a client that waits is told of a delivery at once, and can leave IDLE again."""
import time

import harness
from harness import PASSWORD, USER, Dovecot, Postern, Wire


def news(wire):
    """The next line that is news: Dovecot says now and then that it is still there."""
    for _ in range(5):
        line = wire.line()
        if not line.startswith("* OK Still here"):
            break
    return line


class Idle(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": mode, "backend": "imap"}
                       for mode in ("implicit", "required")], {"imap": cls.dovecot.imap_port}))

    def idle(self, wire, name):
        self.assertRegex(wire.imap(f'a LOGIN {USER} "{PASSWORD}"')[-1], "^a OK")
        self.assertRegex(wire.imap("b SELECT INBOX")[-1], "^b OK")
        wire.send("c IDLE\r\n")
        self.assertRegex(wire.line(), r"^\+ ")
        self.assertIn(wire.quiet(0.5), ("", "* OK Still here\r\n"))
        began = time.monotonic()
        self.dovecot.deliver(name, b"Subject: wake up\r\n\r\nnow\r\n")
        self.assertRegex(news(wire), r"^\* \d+ EXISTS")
        self.assertLess(time.monotonic() - began, 25)
        self.assertRegex(news(wire), r"^\* \d+ RECENT")
        wire.send("DONE\r\n")
        self.assertRegex(news(wire), "^c OK")
        self.assertRegex(wire.imap("d LOGOUT")[-1], "^d OK")

    def test_over_implicit_tls(self):
        with Wire(self.postern.port("imap-implicit"), tls=self.room.client_tls()) as wire:
            wire.imap()
            self.idle(wire, "one")

    def test_over_starttls(self):
        with Wire(self.postern.port("imap-required")) as wire:
            wire.imap()
            wire.starttls("imap", self.room.client_tls())
            self.idle(wire, "two")


if __name__ == "__main__":
    harness.main()
