#!/usr/bin/env python3
"""Dovecot and Postfix are killed, stopped and started again under load, while clients deliver and
read through postern: nothing that was accepted is lost, nothing is doubled or cut, and who is left
without a server is told so in the words of its protocol."""
import collections
import re
import time

import harness
from harness import Crowd, Dovecot, Ledger, Postern, Postfix, Wire, listens, name_of, until

# Of Postfix, what makes it slow to try again.
SOON = "".join(f"{key} = {value}\n" for key, value in {
    "minimal_backoff_time": "5s", "maximal_backoff_time": "5s", "queue_run_delay": "5s",
    "transport_retry_time": "2s", "service_throttle_time": "2s"}.items())
GREETING_TIMEOUT = 3
# A process that waits for servers that stand still; the seconds are those of the clock.
IDLE_SECONDS, IDLE_SHARE = 3, 0.15


class Servers(harness.TestCase):
    def begin(self):
        room = self.own_room()
        self.dovecot = room.enter(Dovecot(room))
        self.postfix = room.enter(Postfix(room, self.dovecot, more=SOON))
        self.postern = room.enter(Postern(
            room, [{"protocol": "submission", "tls": "required", "backend": "post"},
                   {"protocol": "imap", "tls": "implicit", "backend": "mail"},
                   {"protocol": "pop3", "tls": "implicit", "backend": "box"}],
            {"post": self.backend(self.postfix.port), "mail": self.backend(self.dovecot.imap_port),
             "box": self.backend(self.dovecot.pop3_port)}))
        self.ports = {"submission": self.postern.port("submission-required"),
                      "imap": self.postern.port("imap-implicit"),
                      "pop3": self.postern.port("pop3-implicit")}
        self.submitted, self.appended = Ledger(), Ledger()
        self.crowd = Crowd(room, self.submitted, self.appended, self.ports)
        self.addCleanup(self.crowd.stop)
        self.tls = room.client_tls()
        self.crowd.start(submit=3, append=1, read_imap=1, read_pop3=1)

    @staticmethod
    def backend(port):
        return {"servers": [f"127.0.0.1:{port}"], "greeting_timeout": f"{GREETING_TIMEOUT}s"}

    def goes_on(self):
        """All kinds of clients get further."""
        marks = len(self.submitted.accepted), len(self.appended.accepted), self.submitted.read
        until(lambda: all(now > before + 2 for now, before in zip(
            (len(self.submitted.accepted), len(self.appended.accepted), self.submitted.read),
            marks)), f"all go on: {self.submitted.broken} {self.appended.broken}", within=90)

    def count(self):
        """Both ends agree. Postfix itself may deliver a message twice when it was killed meanwhile: so
        how often it was handed over is told by its queue's names."""
        self.crowd.stop()
        self.postfix.flush()
        handed = collections.defaultdict(set)
        for path in self.dovecot.messages("anna"):
            data = path.read_bytes()
            handed[name_of(data)].add(re.search(rb"Postfix\)[^;]*\bid (\w+)", data).group(1))
        self.submitted.check(self, [name for name, ids in handed.items() for _ in ids])
        self.appended.check(self, [name_of(path.read_bytes())
                                   for path in self.dovecot.messages("bert")])
        print(f"accepted {len(self.submitted.accepted)} of {len(self.submitted.tried)} and "
              f"{len(self.appended.accepted)} of {len(self.appended.tried)}, "
              f"read {self.submitted.read}; broken: {dict(self.submitted.broken)}")
        self.assertEqual(self.postern.process.poll(), None)

    def test_killed_and_started_again(self):
        self.begin()
        for _ in range(2):
            for server in (self.postfix, self.dovecot):
                self.goes_on()
                server.kill()
                self.words_without(server)
                server.__enter__()
        self.goes_on()
        self.count()

    def words_without(self, server):
        """What a new client is told meanwhile: the protocol's words, or those of the servers' own."""
        if server is self.postfix:
            until(lambda: not listens(server.port), "postfix is gone")
            with Wire(self.ports["submission"]) as wire:
                wire.line()
                wire.starttls("smtp", self.tls)
                self.assertRegex(wire.smtp("EHLO c")[0], r"^421 4\.3\.2 ")
                self.assertEqual(wire.rest(), "")
            return
        until(lambda: not listens(server.imap_port), "dovecot is gone")
        with Wire(self.ports["imap"], tls=self.tls) as wire:
            self.assertRegex(wire.rest(), r"^\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n$")
        with Wire(self.ports["pop3"], tls=self.tls) as wire:
            self.assertRegex(wire.rest(), r"^-ERR \[SYS/TEMP\] [^\r\n]+\r\n$")

    def test_stopped_and_let_go_on(self):
        self.begin()
        self.goes_on()
        with Wire(self.ports["imap"], tls=self.tls) as waiting:
            self.assertRegex(waiting.line(), r"^\* OK")
            self.assertRegex(waiting.imap("a LOGIN anna \"correct horse\"")[-1], "^a OK")
            with harness.stopped(self.postfix.pid, self.dovecot.pid):
                waiting.send("b NOOP\r\n")
                # New ones are told so when the greeting does not come.
                for protocol, words in (("imap", r"^\* BYE \[UNAVAILABLE\] "),
                                        ("pop3", r"^-ERR \[SYS/TEMP\] ")):
                    with Wire(self.ports[protocol], tls=self.tls) as wire:
                        self.assertRegex(wire.rest(), words + r"[^\r\n]+\r\n$")
                with Wire(self.ports["submission"]) as wire:
                    wire.line()
                    wire.starttls("smtp", self.tls)
                    self.assertRegex(wire.smtp("EHLO c")[0], r"^421 ")
                # The crowd's own come back again and again; what each costs is little.
                busy = harness.busy_share(self.postern.pid, IDLE_SECONDS)
                self.assertLess(busy, IDLE_SHARE, "it waits, and that costs nothing")
                self.assertEqual(waiting.quiet(0.1), "")
            self.assertRegex(waiting.imap(tag="b")[-1], "^b OK")
        self.goes_on()
        self.count()

    def test_one_after_the_other_stands_still_for_a_moment(self):
        self.begin()
        for _ in range(2):
            for server in (self.postfix, self.dovecot):
                with harness.stopped(server.pid):
                    time.sleep(0.3)
                self.goes_on()
        self.count()


if __name__ == "__main__":
    harness.main()
