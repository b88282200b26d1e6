#!/usr/bin/env python3
"""Tables filled from many addresses and under many names: what postern remembers of its clients.

CWE-770, CWE-400; for proxies known from tables of login tries and of rates by address, which grow
with whoever asks. Here: the count of connections by address (one entry for each address that is
connected), the users warned today (65,536 at most, then a part of it is forgotten), and
fingerprints of ClientHellos (16,384). Expected: another wave of other addresses and names finds the
process as large as the first left it, and each table still does its work.
"""
import base64
import itertools
import socket

import harness
from harness import Fake, Postern, Wire, client_hello
from harness.crowd import Crowd, most_clients

WARNED_MOST = 65_536
NAMES = WARNED_MOST * 5 // 4  # so that every part of the table has been full
AT_ONCE = 500
GROWTH_KIB = 1024
# From the first wave of names to the third. The parts of the table are emptied at different times,
# so it goes up and down by up to its whole size, 2.5 MiB; were nobody forgotten, it would be 6.
NAMES_GROWTH_KIB = 4096
ADDRESSES = most_clients(2000)
PREFIX = "user-with-a-name-that-is-long-enough-to-be-seen-in-the-memory-of-whoever-keeps-it-"


def agreeable(peer):
    """An SMTP server that lets everybody in, as often as they like."""
    peer.send("220 agreeable ESMTP\r\n")
    while (line := peer.line()) is not None:
        words = line.split(" ")
        if words[0] == "EHLO":
            peer.send("250-agreeable\r\n250 AUTH PLAIN LOGIN\r\n")
        elif words[0] == "AUTH" and words[1] == "LOGIN":
            for _ in range(2):
                peer.send("334 \r\n")
                peer.line()
            peer.send("235 2.7.0 in\r\n")
        elif words[0] == "AUTH":
            peer.send("235 2.7.0 in\r\n")
        elif words[0] == "QUIT":
            peer.send("221 2.0.0 bye\r\n")
            return
        else:
            peer.send("250 2.0.0 fine\r\n")


class StateExhaustion(harness.Attack):
    spare_kib = 48 * 1024  # the tables themselves, once; see the second waves below

    @classmethod
    def arrange(cls):
        fake = cls.room.enter(Fake(agreeable))
        # So many events that lines of them may be lost: they are not looked at.
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "submission", "tls": "optional", "backend": "smtp",
                        "cleartext_login": "warn"},
                       {"protocol": "submission", "tls": "required", "backend": "smtp"}],
            {"smtp": fake.port}, audit={"log": f"file:{cls.room.path / 'audit'}"},
            limits={"connections_per_ip": 20}))

    def log_in(self, names):
        """All of these on one connection; gives how many were warned."""
        warned = 0
        with Wire(self.postern.port("submission-optional")) as wire:
            wire.smtp()
            wire.smtp("EHLO crowd.example.test")
            for at in range(0, len(names), AT_ONCE):
                some = names[at:at + AT_ONCE]
                wire.send("".join(
                    "AUTH PLAIN " + base64.b64encode(f"\0{name}\0secret".encode()).decode() + "\r\n"
                    for name in some))
                for name in some:
                    line = wire.line()
                    self.assertRegex(line, "^235 ", name)
                    warned += "2.7.0 in" != line[4:]
        return warned

    def test_users_warned(self):
        harness.clear_of_midnight()
        after = []
        for wave in range(3):
            names = [f"{PREFIX}{wave}-{number}" for number in range(NAMES)]
            self.assertEqual(self.log_in(names), NAMES)  # each is told, the first time
            self.settle(self.postern)
            after.append(self.memory())
        print(f"KiB grown after {NAMES} names, thrice: {after}", end=" ", flush=True)
        self.assertLessEqual(after[2] - after[0], NAMES_GROWTH_KIB)
        # The table still works: whoever was warned today is let in without a word.
        harness.clear_of_midnight(20)
        self.assertEqual(self.log_in(["somebody"] * 3), 1)

    def test_addresses(self):
        def wave():
            with Crowd(self.postern.port("submission-required"), ADDRESSES, "hold") as crowd:
                self.assertEqual(crowd.wait_up(), ADDRESSES)
                # The count by address works within the crowd: the limit is everybody's own.
                held = [Wire(self.postern.port("submission-required"), source="127.200.0.1")
                        for _ in range(20)]
                for wire in held:
                    self.assertRegex(wire.smtp()[0], "^220 ")
                with Wire(self.postern.port("submission-required"), source="127.200.0.1") as wire:
                    self.assertRegex(wire.rest(), "^421 ")
                for wire in held:
                    wire.close()
                crowd.leave()
        self.assert_comes_to_rest(wave, GROWTH_KIB)

    def test_fingerprints(self):
        """Failed handshakes, each with another ClientHello: nothing is kept of them."""
        context = self.room.client_tls()
        names = itertools.count()

        def wave():
            for _ in range(2000):
                context.set_alpn_protocols([f"x-{next(names)}", "h2"])
                with socket.create_connection(
                        ("127.0.0.1", self.postern.port("submission-required")), 60) as plain:
                    plain.sendall(b"STARTTLS\r\n" + client_hello(context)[1])
                    plain.recv(4096)
        self.assert_comes_to_rest(wave, GROWTH_KIB)


if __name__ == "__main__":
    harness.main()
