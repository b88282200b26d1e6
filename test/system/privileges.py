#!/usr/bin/env python3
"""Started as root with `user:`, postern keeps nothing of root once its ports are bound; keys that
only root may read still work, and its files belong to that user, who must go on with them."""
import grp
import os
import pwd

import harness
from harness import FakeImap, Postern, Wire

USER = "nobody"


class Privileges(harness.TestCase):
    @classmethod
    def arrange(cls):
        harness.need_root("only root can become another user")
        cls.fake = cls.room.enter(FakeImap())

    def postern(self, **top):
        return Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
                       {"old": self.fake.port}, **top)

    def status(self, postern):
        """/proc/PID/status of every thread, as dicts."""
        for task in os.listdir(f"/proc/{postern.pid}/task"):
            with open(f"/proc/{postern.pid}/task/{task}/status", encoding="ascii") as lines:
                yield dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)

    def test_root_is_given_up_for_good_in_every_thread(self):
        private = self.room.folder("private")
        private.chmod(0o700)
        chain, key = self.room.certificate()
        hidden = private / "key.pem"
        hidden.write_bytes(key.read_bytes())
        hidden.chmod(0o600)
        me = pwd.getpwnam(USER)
        logs = self.room.folder("logs")
        os.chown(logs, me.pw_uid, me.pw_gid)
        trail = logs / "audit.jsonl"
        postern = self.room.enter(self.postern(user=USER, certificates=[(chain, hidden)],
                                               audit={"log": [f"file:{trail}"]}))
        with Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as wire:
            wire.line()
            self.assertRegex(wire.imap("a LOGIN anna secret")[-1], "^a OK")
            harness.until(lambda: '"login"' in trail.read_text(), "the login is in the file")
            threads = list(self.status(postern))
            self.assertGreaterEqual(len(threads), 3)
            for thread in threads:
                with self.subTest(thread=thread["Name"]):
                    self.assertEqual(thread["Uid"].split(), [str(me.pw_uid)] * 4)
                    self.assertEqual(thread["Gid"].split(), [str(me.pw_gid)] * 4)
                    allowed = {str(group.gr_gid) for group in grp.getgrall()
                               if USER in group.gr_mem} | {str(me.pw_gid)}
                    self.assertLessEqual(set(thread["Groups"].split()), allowed)
                    for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                        self.assertEqual(int(thread[kind], 16), 0, kind)
        self.assertEqual(trail.stat().st_uid, me.pw_uid)
        self.assertEqual(trail.stat().st_mode & 0o007, 0)

    def test_without_a_user_it_says_that_it_stays_root(self):
        try:
            pwd.getpwnam("postern")
        except KeyError:
            with self.postern() as postern:
                postern.says("warn .*runs as root")

    def test_a_user_that_does_not_exist_stops_the_start(self):
        postern = self.postern(user="nobody-of-that-name")
        postern.start(wait=False)
        self.assertEqual(postern.wait(), 1)
        self.assertRegex(postern.stderr(), r"postern.yaml:\d+:\d+: .*nobody-of-that-name")


if __name__ == "__main__":
    harness.main()
