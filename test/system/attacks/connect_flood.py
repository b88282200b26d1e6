#!/usr/bin/env python3
"""A flood of 20,000 connects: closed at once, reset at once, with half a handshake, and held.

CWE-770; RFC 4987 describes the floods below TCP's handshake, which are the kernel's to bear: these
are whole connections. Expected: `limits.connections` holds, and says so in the protocol's words;
whoever connects afterwards is served; memory after the second flood is what it was after the first.
"""
import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire, client_hello, until
from harness.crowd import Crowd, most_clients

CONNECTIONS = most_clients(1500)
WORDS = {"imap-required": r"^\* BYE ", "pop3-required": "^-ERR ", "submission-required": "^421 ",
         "imap-optional": r"^\* BYE ", "imap-implicit": "^$"}
# Of a second flood: tables keep their buckets, allocators their arenas.
GROWTH_KIB = 4096


class ConnectFlood(harness.Attack):
    # What stays of the first flood: the sockets' table of each loop, the allocator's free lists.
    spare_kib = 32 * 1024

    @classmethod
    def arrange(cls):
        cls.fakes = {"imap": cls.room.enter(FakeImap()), "pop3": cls.room.enter(FakePop3()),
                     "submission": cls.room.enter(FakeSmtp())}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": name.split("-")[0], "tls": name.split("-")[1],
                        "backend": name.split("-")[0]} for name in WORDS],
            {protocol: fake.port for protocol, fake in cls.fakes.items()},
            limits={"connections": CONNECTIONS, "handshake_timeout": "5m",
                    "login_timeout": "5m"}))
        cls.listening = len(WORDS) * cls.postern.settings["workers"]

    def rush(self, listener, count, does, first=b""):
        with Crowd(self.postern.port(listener), count, does, [first]) as crowd:
            self.assertEqual(crowd.wait_up(), count)
            crowd.wait_gone()

    def hold(self, listener):
        """More than are allowed stay, some having said something; who comes next is told so."""
        self.settle(self.postern)  # nobody of before is in the way, or leaves meanwhile
        with Crowd(self.postern.port(listener), CONNECTIONS, "hold") as crowd:
            crowd.wait_up()
            full = CONNECTIONS + self.listening
            until(lambda: self.postern.sockets() >= full, "all are in")
            for name, words in WORDS.items():
                with self.subTest(full=name), Wire(self.postern.port(name)) as wire:
                    self.assertRegex(wire.rest_rudely(), words)
            with Crowd(self.postern.port(listener), CONNECTIONS, "hold") as more:
                more.wait_up()
                gone = more.wait_gone()
                self.assertEqual(gone["ended"], CONNECTIONS)
                for line in gone["said"]:
                    self.assertRegex(line, WORDS[listener] + "|^$")
            # Each worker may have one in its hands that it is about to refuse.
            most = full + self.postern.settings["workers"]
            until(lambda: self.postern.sockets() <= most, "no more are in than may be")
            crowd.leave()
        self.settle(self.postern)

    def flood(self):
        hello = client_hello(self.room.client_tls())[1]
        self.rush("imap-required", 4000, "close")
        self.rush("submission-required", 4000, "reset")
        self.rush("imap-implicit", 1500, "close", hello)
        self.rush("imap-implicit", 1500, "reset", hello)
        self.rush("imap-implicit", 2000, "reset", hello[:100])
        self.rush("imap-optional", 500, "close")  # each is a connect to the backend too
        self.rush("imap-optional", 500, "reset")
        self.hold("pop3-required")
        self.hold("imap-implicit")
        self.settle(self.postern)
        self.serve_all(self.postern)
        self.settle(self.postern)

    def test_twenty_thousand_connects_twice(self):
        self.assert_comes_to_rest(self.flood, GROWTH_KIB)


if __name__ == "__main__":
    harness.main()
