#!/usr/bin/env python3
"""Clients by the thousand that keep a connection busy with next to nothing.

Slowloris (Robert "RSnake" Hansen, 2009; CVE-2007-6750 in Apache), and its relative that reads
slowly (Sergey Shekyan, 2012). Here: a ClientHello, an EHLO line, a command, and a literal of IMAP
that come octet by octet, and clients that ask for a long answer and do not read it. Expected:
honest clients are served all the while, each attacker is gone when its time is over, however much
it sends, and a second wave finds as much memory as the first.
"""
import time

import harness
from harness import Fake, FakeImap, FakePop3, FakeSmtp, Postern, client_hello
from harness.crowd import Crowd, most_clients

TIME = "10s"
# Of a wave over the one before: the allocator does not come to rest at once. A leak of 2 KiB a
# session would be more.
GROWTH_KIB = 6144
# A session that is clogged: see MOST_KIB in gigabyte.py; the system's own buffers are not counted.
CLOGGED_KIB = 256


# More than two sockets' buffers and postern's own take.
LONG = b"* X-LONG 0123456789\r\n" * 800_000


def answers_at_length(peer):
    """An IMAP server whose answer to PULL is long."""
    peer.send("* OK [CAPABILITY IMAP4rev1] long\r\n")
    while (line := peer.line()) is not None:
        tag, _, rest = line.partition(" ")
        if rest == "PULL":
            peer.send(LONG)
        peer.send(f"{tag} OK done\r\n")
        if rest == "LOGOUT":
            return


class Slowloris(harness.Attack):
    spare_kib = 64 * 1024  # the allocator's; what counts is that a second wave adds nothing

    @classmethod
    def arrange(cls):
        imap, pop3 = cls.room.enter(FakeImap()), cls.room.enter(FakePop3())
        smtp = cls.room.enter(FakeSmtp())
        cls.long = cls.room.enter(Fake(answers_at_length, backlog=1024))
        cls.postern = cls.room.enter(Postern(
            cls.room,
            [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
             {"protocol": "submission", "tls": "required", "backend": "smtp"},
             {"protocol": "pop3", "tls": "required", "backend": "pop3"},
             {"protocol": "imap", "tls": "optional", "backend": "imap"},
             {"name": "long", "protocol": "imap", "tls": "none", "backend": "long",
              "cleartext_login": "observe"}],
            {"imap": imap.port, "smtp": smtp.port, "pop3": pop3.port, "long": cls.long.port},
            limits={"handshake_timeout": TIME, "login_timeout": TIME, "idle_timeout": TIME}))

    def honest_until(self, is_over, what):
        """Serves honest clients on every listener, again and again; gives how many rounds."""
        rounds, end = 0, time.monotonic() + 240
        while not is_over() or rounds == 0:
            self.assertLess(time.monotonic(), end, what)
            self.serve_all(self.postern)
            rounds += 1
            time.sleep(0.2)
        return rounds

    def ended(self, reason):
        return self.postern.stdout().count(f'"event.reason":"{reason}"')

    def dribble(self, count):
        hello = client_hello(self.room.client_tls())[1]
        crowds = {
            "a ClientHello": ("imap-implicit", count, [hello[:20]], hello[20:]),
            "an EHLO line": ("submission-required", count, [b"EHLO "], b"a"),
            "a command, behind others": ("pop3-required", count, [b"CAPA\r\nUS"], b"E"),
            "a literal, before login": ("imap-optional", count // 4,
                                        [b'a ID ("name" {60000}\r\n'], b"x"),
        }
        before = {reason: self.ended(reason) for reason in ("handshake_timeout", "login_timeout")}
        opened = []
        try:
            for listener, many, first, then in crowds.values():
                opened.append(Crowd(self.postern.port(listener), many, "hold", first, then))
            for crowd in opened:
                self.assertEqual(crowd.wait_up(), crowd.count)
            most = self.memory()
            in_all = sum(crowd.count for crowd in opened)
            gone = 0

            def all_are_gone():
                nonlocal gone
                gone = sum(self.ended(reason) - count for reason, count in before.items())
                return gone >= in_all
            rounds = self.honest_until(all_are_gone, f"{gone} of {in_all} are gone")
            for crowd in opened:
                self.assertEqual(crowd.wait_gone()["ended"], crowd.count)
        finally:
            for crowd in opened:
                crowd.__exit__()
        self.settle(self.postern)
        print(f"{in_all} attackers, {rounds} honest rounds meanwhile, {most} KiB", end=" ",
              flush=True)

    def test_octet_by_octet(self):
        count = most_clients(1200, share=0.06)
        self.assert_comes_to_rest(lambda: self.dribble(count), GROWTH_KIB)

    def test_long_answers_that_nobody_reads(self):
        """Each of them fills its queue; they are ended by the time that nothing has moved."""
        count, most = most_clients(100, share=0.01), []

        def wave():
            ended = self.ended("idle_timeout")
            with Crowd(self.postern.port("long"), count, "hold", [b"a LOGIN x y\r\nb PULL\r\n"],
                       reads=False, small_window=True) as crowd:
                self.assertEqual(crowd.wait_up(), count)
                highest = 0

                def all_are_gone():
                    nonlocal highest
                    highest = max(highest, self.memory())
                    return self.ended("idle_timeout") - ended >= count
                rounds = self.honest_until(all_are_gone, "they are still there")
                most.append(highest)
                crowd.leave()
            print(f"{count} readers, {rounds} honest rounds, {highest} KiB", end=" ", flush=True)
        self.assert_comes_to_rest(wave, GROWTH_KIB)
        self.assertLessEqual(most[1], count * CLOGGED_KIB + GROWTH_KIB)


if __name__ == "__main__":
    harness.main()
