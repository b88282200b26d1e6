#!/usr/bin/env python3
"""The login inventory: rows that logins through postern become, one writer, and what is left of it
when postern is killed at any moment."""
import contextlib
import random
import signal
import socket
import sqlite3
import threading
import time

import harness
from harness import HOSTNAME, FakeImap, Postern, Wire, every_mode, until

MARK = "Marked-Secret-71204"
ROUNDS = 20
CLIENTS = 4


def rows(path, sql):
    """What a reader sees, while postern runs or not; a list of tuples."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    with contextlib.closing(database):
        return database.execute(sql).fetchall()


class Inventory(harness.TestCase):
    def begin(self, listeners=None):
        """Postern before a fake IMAP server, with an inventory of its own; not started."""
        self.own = self.own_room()
        self.fake = self.own.enter(FakeImap())
        self.path = self.own.path / "inventory.db"
        return Postern(self.own, listeners or every_mode("imap", "old"), {"old": self.fake.port},
                       audit={"log": "stdout", "inventory": f"sqlite:{self.path}"})

    def started(self):
        postern = self.begin()
        return self.own.enter(postern)

    def login(self, postern, listener, words, tls=None):
        with Wire(postern.port(listener), tls=tls, server_name=HOSTNAME) as wire:
            wire.line()
            wire.imap(words)
            wire.imap("z LOGOUT")

    def test_logins_become_rows(self):
        harness.clear_of_midnight()  # a row is a day's
        postern = self.started()
        tls = self.own.client_tls()
        for _ in range(3):
            self.login(postern, "implicit", f"a LOGIN anna {MARK}", tls)
        self.login(postern, "observe", f"a LOGIN anna {MARK}")
        self.login(postern, "observe", f"a LOGIN anna {MARK}-wrong")
        self.login(postern, "optional", f"a LOGIN bert {MARK}")
        postern.wait_events(6, "session-end")
        # Soon, while it runs.
        until(lambda: rows(self.path, "SELECT sum(successes + failures + refused) FROM login")
              == [(6,)], "all six logins are in the inventory")
        postern.stop()
        self.assertEqual(
            rows(self.path, """SELECT user, listener, address, protocol, security, tls_version,
                 mechanism, successes, failures, refused, exposed
                 FROM login WHERE user_is_hash = 0 ORDER BY user, listener"""),
            [("anna", "implicit", "127.0.0.1", "imap", "implicit", "1.3", "LOGIN", 3, 0, 0, 0),
             ("anna", "observe", "127.0.0.1", "imap", "cleartext", "", "LOGIN", 1, 0, 0, 1),
             ("bert", "optional", "127.0.0.1", "imap", "cleartext", "", "LOGIN", 0, 0, 1, 1)])
        hashed = rows(self.path, "SELECT user, failures, exposed FROM login WHERE user_is_hash = 1")
        self.assertEqual([row[1:] for row in hashed], [(1, 1)])
        self.assertNotIn("anna", hashed[0][0])
        runs = rows(self.path, "SELECT node, started, stopped FROM run")
        self.assertEqual([run[0] for run in runs], [HOSTNAME])
        self.assertLessEqual(runs[0][1], runs[0][2])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
        for file in self.own.path.glob("inventory.db*"):
            self.assertNotIn(MARK.encode(), file.read_bytes())

    def test_a_second_postern_on_the_same_inventory_does_not_start(self):
        first = self.started()
        second = Postern(self.own, every_mode("imap", "old"), {"old": self.fake.port},
                         audit={"log": "stdout", "inventory": f"sqlite:{self.path}"})
        second.start(wait=False)
        self.assertEqual(second.wait(within=60), 1)
        self.assertRegex(second.stderr(), rf"postern\.yaml:\d+:\d+: audit\.inventory: .*{self.path}"
                                          r".*in use by another postern")
        first.stop()

    def test_an_inventory_that_was_asked_for_and_cannot_be_is_an_error(self):
        postern = self.begin()
        postern.settings["audit"]["inventory"] = f"sqlite:{self.own.path}/none/inventory.db"
        postern.config.write_text(postern.text())
        postern.start(wait=False)
        self.assertEqual(postern.wait(within=60), 1)
        self.assertRegex(postern.stderr(), r"postern\.yaml:\d+:\d+: audit\.inventory: .*"
                                           r"No such file or directory")

    def load(self, port, stem, end):
        """Logs in again and again, each time as somebody else, until told or cut off."""
        for number in range(100_000):
            if end.is_set():
                return
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
                answers = wire.makefile("rb")
                answers.readline()
                wire.sendall(f"a LOGIN {stem}-{number} secret\r\n".encode())
                answers.readline()

    def test_killed_at_any_moment_it_is_whole_and_says_so(self):
        postern = self.begin([{"name": "clear", "protocol": "imap", "tls": "none",
                               "cleartext_login": "observe", "backend": "old"}])
        moment = random.Random(4)
        logged, held = set(), set()
        for number in range(ROUNDS):
            postern.start()
            if number:
                gaps = postern.wait_events(1, "audit-gap", event__reason="unclean_stop")
                self.assertEqual(gaps[0]["observer.name"], HOSTNAME)
            end = threading.Event()
            clients = [threading.Thread(target=self.load, args=(
                postern.port("clear"), f"r{number}c{client}", end)) for client in range(CLIENTS)]
            for client in clients:
                client.start()
            try:
                postern.wait_events(1, "login")
                # Every other time there is something in the database at least.
                if number % 2:
                    until(lambda: rows(self.path, "SELECT count(*) FROM login WHERE user LIKE "
                                                  f"'r{number}c%'")[0][0] > 0, "rows")
                time.sleep(moment.random() * 0.7)
                postern.signal(signal.SIGKILL)
                postern.process.wait(30)
            finally:
                end.set()
                for client in clients:
                    client.join()
            logged |= {event["user.name"] for event in postern.events("login")}
            held = self.check_whole(logged, held)
            if number % 2:
                self.assertTrue(any(user.startswith(f"r{number}c") for user in held))
        # An end that is none of violence is no gap.
        for _ in range(2):
            postern.start()
            postern.wait_events(1, "start")
            postern.stop()
        self.assertEqual(postern.events("audit-gap"), [])
        self.assertEqual(rows(self.path, "SELECT reason, count(*) FROM gap GROUP BY reason"),
                         [("unclean_stop", self.count_gaps())])
        self.assertEqual(rows(self.path, "SELECT count(*), sum(stopped = 0) FROM run"),
                         [(ROUNDS + 2, ROUNDS)])

    def count_gaps(self):
        """Of the gaps some were in the queue when postern was killed again."""
        count = rows(self.path, "SELECT count(*) FROM gap")[0][0]
        self.assertGreater(count, 0)
        self.assertLessEqual(count, ROUNDS)
        return count

    def check_whole(self, logged, before):
        """Users in the inventory; `logged`: those in the log; `before`: held at the last look."""
        # As postern finds it: with the WAL that the killed one left.
        copy = self.own.folder("copy")
        for old in copy.iterdir():
            old.unlink()
        for file in self.path.parent.glob("inventory.db*"):
            (copy / file.name).write_bytes(file.read_bytes())
        database = sqlite3.connect(copy / "inventory.db")
        with contextlib.closing(database):
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            held = {row[0] for row in database.execute("SELECT user FROM login")}
        # Events reach the inventory when their line is written; what was there stays.
        self.assertEqual(held - logged, set())
        self.assertEqual(before - held, set())
        return held


if __name__ == "__main__":
    harness.main()
