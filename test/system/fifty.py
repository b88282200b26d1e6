#!/usr/bin/env python3
"""50 sessions at once, of all protocols and modes mixed, each get their own answers.

All are open and logged in at the same time before the first one goes on.
"""
import os
import threading

import harness
from harness import Dovecot, Postern, Postfix, login_imap, login_pop3, login_smtp

SESSIONS = 50


class Fifty(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        backends = {"imap": cls.dovecot.imap_port, "pop3": cls.dovecot.pop3_port}
        if harness.tool("postfix") and os.geteuid() == 0:
            backends["submission"] = cls.room.enter(Postfix(cls.room, cls.dovecot)).port
        cls.ways = []
        listeners = []
        for protocol in backends:
            for mode, tls in (("required", "starttls"), ("implicit", "implicit"),
                              ("optional", "starttls"), ("none", "none")):
                listeners.append({"protocol": protocol, "tls": mode, "backend": protocol,
                                  "cleartext_login": "observe"})
                cls.ways.append((protocol, mode, tls))
        cls.postern = cls.room.enter(Postern(cls.room, listeners, backends))

    def session(self, number, barrier, failures):
        protocol, mode, tls = self.ways[number % len(self.ways)]
        port = self.postern.port(f"{protocol}-{mode}")
        user, password = (("anna", "correct horse") if number % 2 else ("bert", "battery staple"))
        try:
            login = {"imap": login_imap, "pop3": login_pop3, "submission": login_smtp}[protocol]
            client = login(self.room, port, tls, user, password)
            if protocol == "imap":
                client.create(f"box-{number}")
            barrier.wait(60)
            for turn in range(20):
                if protocol == "imap":
                    answer = client.status(f"box-{number}", "(MESSAGES)")
                    good = answer[0] == "OK" and f"box-{number} ".encode() in answer[1][0]
                elif protocol == "pop3":
                    good = client.noop().startswith(b"+OK")
                else:
                    good = client.mail(f"n{number}-{turn}@example.test")[0] == 250
                    good = good and client.rset()[0] == 250
                if not good:
                    raise AssertionError(f"turn {turn} went wrong")
            client.logout() if protocol == "imap" else client.quit()
        except Exception as error:  # pylint: disable=broad-except
            failures.append(f"{number} {protocol} {mode}: {error!r}")
            barrier.abort()

    def test_each_session_gets_its_own_answers(self):
        barrier, failures = threading.Barrier(SESSIONS), []
        threads = [threading.Thread(target=self.session, args=(number, barrier, failures))
                   for number in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertFalse([thread for thread in threads if thread.is_alive()])
        self.assertEqual(failures, [])
        ends = self.postern.wait_events(SESSIONS, "session-end")
        self.assertLessEqual({end["event.reason"] for end in ends}, harness.PROPER_ENDS)
        self.assertEqual(len(self.postern.events("login", event__outcome="success")), SESSIONS)


if __name__ == "__main__":
    harness.main()
