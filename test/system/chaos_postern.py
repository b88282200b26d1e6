#!/usr/bin/env python3
"""Postern itself is killed, stopped and ended while mail is delivered through it: what a client was
told 250 for is there, once; the next postern serves at once on the same ports, and its log says that
the run before was killed."""
import random
import re
import time

import harness
from harness import (Crowd, Dovecot, Ledger, Postern, Postfix, Wire, message, name_of, stopped,
                     until)

ROUNDS = 5


class Killed(harness.TestCase):
    def begin(self, grace="2s"):
        room = self.own_room()
        self.dovecot = room.enter(Dovecot(room))
        self.postfix = room.enter(Postfix(room, self.dovecot))
        self.log = room.path / "audit.jsonl"
        self.postern = room.enter(Postern(
            room, [{"protocol": "submission", "tls": "required", "backend": "post"},
                   {"protocol": "imap", "tls": "implicit", "backend": "mail"},
                   {"protocol": "pop3", "tls": "implicit", "backend": "box"}],
            {"post": self.postfix.port, "mail": self.dovecot.imap_port,
             "box": self.dovecot.pop3_port},
            audit={"log": f"file:{self.log}"}, shutdown_grace=grace))
        self.ports = {"submission": self.postern.port("submission-required"),
                      "imap": self.postern.port("imap-implicit"),
                      "pop3": self.postern.port("pop3-implicit")}
        self.tls = room.client_tls()
        self.submitted, self.appended = Ledger(), Ledger()
        self.crowd = Crowd(room, self.submitted, self.appended, self.ports)
        self.addCleanup(self.crowd.stop)

    def kill(self):
        self.postern.process.kill()
        self.postern.process.wait()

    def goes_on(self):
        marks = len(self.submitted.accepted), len(self.appended.accepted), self.submitted.read
        until(lambda: all(now > before + 2 for now, before in zip(
            (len(self.submitted.accepted), len(self.appended.accepted), self.submitted.read),
            marks)), f"all go on: {self.submitted.broken} {self.appended.broken}", within=90)

    def count(self):
        """Both ends agree: each message that was accepted is there once."""
        self.crowd.stop()
        self.postfix.flush()
        self.submitted.check(self, self.found("anna"))
        self.appended.check(self, self.found("bert"))
        print(f"accepted {len(self.submitted.accepted)} of {len(self.submitted.tried)} and "
              f"{len(self.appended.accepted)} of {len(self.appended.tried)}, "
              f"read {self.submitted.read}; broken: {dict(self.submitted.broken)}")

    def logins(self):
        return self.log.read_text("ascii").count('"event.action":"login"')

    def found(self, user):
        return [name_of(path.read_bytes()) for path in self.dovecot.messages(user)]

    def submit(self, until_where):
        """A client on its way: the mail stands before DATA, within its text, at its end, or is
        accepted. Gives the message's name."""
        wire = Wire(self.ports["submission"])
        self.addCleanup(wire.close)
        wire.line()
        wire.starttls("smtp", self.tls)
        wire.smtp("EHLO c")
        logins = self.logins()
        self.assertRegex(wire.smtp("AUTH PLAIN AGFubmEAY29ycmVjdCBob3JzZQ==")[0], "^235")
        # Written a little later. With the line of a gap at its end the run would not look killed.
        until(lambda: self.logins() > logins, "its login is in the log")
        name = self.submitted.begin()
        text = re.sub(rb"(?m)^\.", b"..", message(name, 50_000))
        for command in ("MAIL FROM:<a@example.test>", "RCPT TO:<anna@example.test>"):
            self.assertRegex(wire.smtp(command)[0], "^250")
        if until_where == "before DATA":
            return name
        self.assertRegex(wire.smtp("DATA")[0], "^354")
        wire.send(text[:len(text) // 2])
        if until_where == "within the text":
            return name
        if until_where == "at its end":
            # The server stands still, so that its 250 cannot come.
            with stopped(self.postfix.pid):
                wire.send(text[len(text) // 2:] + b".\r\n")
                self.assertEqual(wire.quiet(0.3), "")
                self.kill()
            return name
        wire.send(text[len(text) // 2:])
        self.assertRegex(wire.smtp(".")[0], "^250")
        self.submitted.accept(name)
        return name

    def test_a_delivery_is_cut_at_each_point(self):
        self.begin()
        names = {}
        for where in ("before DATA", "within the text", "at its end", "accepted"):
            names[where] = self.submit(where)
            if where != "at its end":
                self.kill()
            self.postern.start()
            with Wire(self.ports["submission"]) as wire:
                self.assertRegex(wire.line(), "^220", "it serves at once")
        self.count()
        found = self.found("anna")
        self.assertNotIn(names["before DATA"], found)
        self.assertNotIn(names["within the text"], found)
        self.assertIn(names["accepted"], found)
        self.postern.stop()
        text = self.log.read_text("ascii")
        self.assertEqual(text.count('"event.reason":"unclean_stop"'), 4)
        self.assertEqual(text.count('"event.action":"start"'), 5)

    def test_killed_again_and_again_under_load(self):
        self.begin()
        self.crowd.start(submit=4, append=2, read_imap=1, read_pop3=1)
        for _ in range(ROUNDS):
            self.goes_on()
            time.sleep(random.random() / 3)
            self.kill()
            self.postern.start()
        self.goes_on()
        self.count()

    def test_stopped_for_a_while_it_loses_no_session(self):
        self.begin()
        self.crowd.start(submit=3, append=1, read_imap=1, read_pop3=1)
        for _ in range(3):
            self.goes_on()
            with stopped(self.postern.pid):
                time.sleep(0.5)
        self.goes_on()
        self.count()
        self.assertEqual(dict(self.submitted.broken), {})
        self.assertEqual(dict(self.appended.broken), {})

    def test_ended_under_load_it_loses_nothing(self):
        self.begin()
        self.crowd.start(submit=4, append=2, read_imap=1, read_pop3=1)
        for _ in range(3):
            self.goes_on()
            self.postern.stop()
            self.postern.start()
        self.goes_on()
        self.count()
        self.assertNotIn("unclean_stop", self.log.read_text("ascii"))


if __name__ == "__main__":
    harness.main()
