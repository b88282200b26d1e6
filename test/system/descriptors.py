#!/usr/bin/env python3
"""Out of descriptors: accepting pauses, postern says so, nobody is lost, and it goes on when there
is room. The sessions that are there do not notice."""
import pathlib

import harness
from harness import FakeImap, Postern, Wire, args

# Enough for the program itself with two workers, and for some of the clients below.
DESCRIPTORS = 64
CLIENTS = 60


class Descriptors(harness.TestCase):
    def begin(self):
        """Postern with few descriptors; not more sockets than `idle` while nobody is there."""
        harness.need("prlimit")
        if b"__ubsan_handle_dynamic_type_cache_miss" in pathlib.Path(args.postern).read_bytes():
            self.skipTest("this sanitizer opens a pipe to see whether memory can be read, and takes"
                          " a lack of descriptors for a broken object")
        room = self.own_room()
        fake = room.enter(FakeImap())
        postern = Postern(room, [{"protocol": "imap", "tls": "required", "backend": "old"},
                                 {"protocol": "imap", "tls": "optional", "backend": "old"}],
                          {"old": fake.port})
        postern.start(prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"))
        self.addCleanup(postern.__exit__)
        self.assertLess(postern.descriptors(), DESCRIPTORS - 10)
        return postern, postern.sockets()

    def test_accepting_pauses_and_goes_on(self):
        postern, idle = self.begin()
        first = Wire(postern.port("imap-optional"))
        self.addCleanup(first.close)
        self.assertRegex(first.line(), r"^\* OK")

        clients = [Wire(postern.port("imap-required")) for _ in range(CLIENTS)]
        for client in clients:
            self.addCleanup(client.close)
        postern.says("accepting pauses: too many open files")
        greeted, waiting = [], []
        for client in clients:
            (greeted if client.quiet(0.05).startswith("* OK") else waiting).append(client)
        self.assertTrue(greeted)
        self.assertTrue(waiting)
        self.assertRegex(first.imap("a NOOP")[-1], "^a OK")

        # Those who wait are let in as the others leave; nobody of them was closed.
        while waiting:
            self.assertTrue(greeted)
            for client in greeted:
                client.send("z LOGOUT\r\n")
                self.assertIn("z OK", client.rest())
                client.close()
            greeted = []

            def somebody_is_greeted():
                greeted.extend(c for c in waiting if c.quiet(0.02).startswith("* OK"))
                return greeted
            harness.until(somebody_is_greeted, f"{len(waiting)} still wait", within=60)
            waiting = [client for client in waiting if client not in greeted]
        for client in greeted:
            client.close()
        self.assertRegex(first.imap("b LOGOUT")[-1], "^b OK")
        first.close()
        harness.until(lambda: postern.sockets() <= idle, "the sockets are closed")
        self.assertLess(postern.stderr().count("\n"), 40, "said once, not for each client")

    def test_who_is_let_in_gets_a_server_too(self):
        """A session needs two descriptors, so nobody is let in for whom the second would be missing."""
        postern, idle = self.begin()
        waiting = [Wire(postern.port("imap-optional")) for _ in range(CLIENTS)]
        for client in waiting:
            self.addCleanup(client.close)
        rounds = 0
        while waiting:
            greeted = []

            def somebody_is_greeted(greeted=greeted, waiting=tuple(waiting)):
                for client in waiting:
                    words = client.quiet(0.02)
                    if words:
                        self.assertRegex(words, r"^\* OK ")
                        greeted.append(client)
                return greeted
            harness.until(somebody_is_greeted, f"{len(waiting)} still wait", within=60)
            for client in greeted:
                self.assertRegex(client.imap("a NOOP")[-1], "^a OK")
                self.assertRegex(client.imap("z LOGOUT")[-1], "^z OK")
                client.close()
            waiting = [client for client in waiting if client not in greeted]
            rounds += 1
        self.assertGreater(rounds, 1, "all were let in at once: the limit does not bite")
        harness.until(lambda: postern.sockets() <= idle, "the sockets are closed")
        self.assertEqual(len(postern.wait_events(CLIENTS, "session-end")), CLIENTS)


if __name__ == "__main__":
    harness.main()
