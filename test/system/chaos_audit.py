#!/usr/bin/env python3
"""The disk of the audit log or of the inventory is full: logins go on, or stop, as audit.on_failure
says, until there is room again; what is lost is counted, and the count is right."""
import contextlib
import ctypes
import json
import re
import sqlite3
import subprocess
import unittest

import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire, until

CLONE_NEWNS = 0x00020000
SECRET = "Unpassed-Secret-5521"
# More than fit into what is left of a page.
MOST_LOGINS = 200
MAKES = {"imap": FakeImap, "pop3": FakePop3, "submission": FakeSmtp, "smtp": FakeSmtp}
WORDS = {"imap": r"^a NO \[UNAVAILABLE\] ", "pop3": r"^-ERR \[SYS/TEMP\] ",
         "submission": r"^454 4\.7\.0 "}
GOOD = {"imap": r"^a OK", "pop3": r"^\+OK", "submission": r"^235"}


def own_mounts():
    """Mounts that nobody else sees, and that end with this process and its children."""
    harness.need_root("it mounts a small file system, in a namespace of its own")
    harness.need("mount")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise unittest.SkipTest("no mount namespace of its own is permitted")
    if harness.run("mount", "--make-rprivate", "/").returncode != 0:
        raise unittest.SkipTest("mounts cannot be made private")


class Disk:
    """A small file system on a folder of the room."""

    def __init__(self, room, kib):
        self.path = room.folder("disk")
        self.ballast = self.path / "ballast"
        done = harness.run("mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", self.path)
        if done.returncode != 0:
            raise unittest.SkipTest(f"no file system can be mounted: {done.stderr}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.path)], check=False, timeout=60)

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as file:
            for piece in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * piece) == piece:
                        pass

    def make_room(self):
        self.ballast.unlink()


def whole_lines(path):
    """The events of a log file, and how many of its lines are torn."""
    events, torn = [], 0
    for line in path.read_text("ascii").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            torn += 1
    return events, torn


class AuditDisk(harness.TestCase):
    @classmethod
    def arrange(cls):
        own_mounts()

    def begin(self, kib=128, **audit):
        """Postern with every protocol in clear and under TLS, before obedient servers."""
        self.own = self.own_room()
        self.disk = self.own.enter(Disk(self.own, kib))
        self.fakes = {name: self.own.enter(make()) for name, make in MAKES.items()}
        self.log = self.disk.path / "audit.jsonl"
        self.inventory = self.disk.path / "inventory.db"
        modes = {"none": {"cleartext_login": "observe"}, "implicit": {}}
        self.postern = self.own.enter(Postern(
            self.own, [{"protocol": protocol, "tls": tls, "backend": protocol, **keys}
                       for protocol in MAKES for tls, keys in modes.items()],
            {name: fake.port for name, fake in self.fakes.items()},
            audit={key: value.format(log=self.log, inventory=self.inventory)
                   if isinstance(value, str) else [one.format(log=self.log) for one in value]
                   for key, value in audit.items()}))
        self.tls = self.own.client_tls()

    def wire(self, protocol, tls):
        wire = Wire(self.postern.port(f"{protocol}-{tls}"),
                    tls=self.tls if tls == "implicit" else None)
        self.addCleanup(wire.close)
        wire.line()
        return wire

    def try_login(self, wire, protocol, secret="fine"):
        """The answer to a login."""
        if protocol == "imap":
            return wire.imap(f"a LOGIN anna {secret}")[-1]
        if protocol == "pop3":
            answer = wire.pop3("USER anna")[0]
            return wire.pop3(f"PASS {secret}")[0] if answer.startswith("+OK") else answer
        wire.smtp("EHLO c")
        return wire.smtp("AUTH PLAIN AGFubmEAZmluZQ==")[0]

    def log_in(self, protocol="imap", tls="none"):
        wire = self.wire(protocol, tls)
        answer = self.try_login(wire, protocol)
        wire.close()
        return answer

    def stderr_has(self, words):
        return [line for line in self.postern.stderr().splitlines() if re.search(words, line)]

    def fill_until_it_fails(self, words):
        """Logs in on a full disk until postern says so; the number of tries."""
        self.disk.fill()
        for number in range(MOST_LOGINS):
            if self.stderr_has(words):
                return number
            self.log_in()
            ends = number + 1
            until(lambda: len(self.postern.events("session-end")) >= ends - 1, "it is recorded")
        raise AssertionError(f"the disk is full, and nothing is said\n{self.postern.stderr()}")

    def check_counts(self):
        """After the end: what the file lacks is what its gap events and the last line say."""
        events, torn = whole_lines(self.log)
        self.assertLessEqual(torn, 1)
        numbers = [event["event.sequence"] for event in events]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(events[-1]["event.action"], "stop")
        gaps = [event for event in events if event["event.action"] == "audit-gap"]
        self.assertEqual({gap["event.reason"] for gap in gaps}, {"log_failed"})
        missing = numbers[-1] - len(numbers)
        self.assertGreater(missing, 0)
        self.assertEqual(sum(gap["postern.lost"] for gap in gaps), missing)
        # The other target has them all.
        self.assertEqual([event["event.sequence"] for event in self.postern.events()],
                         list(range(1, numbers[-1] + 1)))
        self.assertRegex(self.postern.stderr().splitlines()[-1],
                         rf"ended; the audit has lost {missing} events in this run$")

    def test_logins_go_on_and_the_loss_is_counted(self):
        self.begin(log=["file:{log}", "stdout"], on_failure="continue")
        self.log_in()
        self.fill_until_it_fails("audit.jsonl cannot be written")
        before = len(self.postern.events("login"))
        for protocol, good in GOOD.items():
            for tls in ("none", "implicit"):
                self.assertRegex(self.log_in(protocol, tls), good)
        self.postern.wait_events(before + 2 * len(GOOD), "login")
        self.disk.make_room()
        # Nobody logs in, and it is known all the same.
        until(lambda: self.stderr_has("audit.jsonl can be written again"), "it works again")
        self.assertRegex(self.log_in(), GOOD["imap"])
        self.postern.wait_events(before + 2 * len(GOOD) + 1, "login")
        self.postern.stop()
        self.assertEqual(len(self.stderr_has("cannot be written")), 1)
        self.assertEqual(len(self.stderr_has("can be written again")), 1)
        self.check_counts()

    def test_logins_are_refused_until_there_is_room(self):
        self.begin(log=["file:{log}", "stdout"], on_failure="refuse")
        inside = self.wire("imap", "implicit")
        self.assertRegex(self.try_login(inside, "imap"), GOOD["imap"])
        self.fill_until_it_fails("cannot be written, events are lost and logins refused")
        waiting = {}
        for protocol, words in WORDS.items():
            for tls in ("none", "implicit"):
                with self.subTest(protocol=protocol, tls=tls):
                    wire = waiting[protocol, tls] = self.wire(protocol, tls)
                    self.assertRegex(self.try_login(wire, protocol, SECRET), words)
        for name, fake in self.fakes.items():
            self.assertNotIn(SECRET.encode(), fake.everything(), name)
            self.assertNotIn(b"AGFubmEAZmluZQ==", fake.everything(), name)
        refused = self.postern.wait_events(len(waiting), "login-refused", event__reason="audit")
        self.assertTrue(all(event["postern.policy.verdict"] == "refuse" for event in refused))
        # Who is in stays in, and mail without a login is none of its business.
        self.assertRegex(inside.imap("b NOOP")[-1], "^b OK")
        wire = self.wire("smtp", "none")
        for command, answer in (("EHLO c", "^250"), ("MAIL FROM:<a@b>", "^250"),
                                ("RCPT TO:<c@d>", "^250"), ("DATA", "^354"), ("x\r\n.", "^250"),
                                ("QUIT", "^221")):
            self.assertRegex(wire.smtp(command)[0], answer)
        self.disk.make_room()
        until(lambda: self.stderr_has("audit.jsonl can be written again"), "it works again")
        # In the sessions that were refused before, too.
        for (protocol, tls), wire in waiting.items():
            with self.subTest(protocol=protocol, tls=tls):
                until(lambda w=wire, p=protocol: re.match(GOOD[p], self.try_login(w, p)),
                      "logins pass again", within=30, every=0.5)
                wire.close()
        inside.close()
        self.postern.stop()
        self.check_counts()

    def inventory_case(self, on_failure):
        self.begin(kib=1024, log="stdout", inventory="sqlite:{inventory}", on_failure=on_failure)
        self.assertRegex(self.log_in(), GOOD["imap"])
        self.disk.fill()
        until(lambda: self.log_in() and self.stderr_has("inventory.db cannot be written"),
              "the inventory fails", every=0.3)
        answer = self.log_in()
        self.assertRegex(answer, GOOD["imap"] if on_failure == "continue" else WORDS["imap"])
        self.disk.make_room()
        until(lambda: self.stderr_has("inventory.db can be written again"), "it works again")
        self.assertRegex(self.log_in(), GOOD["imap"])
        self.postern.stop()
        logins = len(self.postern.events("login"))
        refused = len(self.postern.events("login-refused"))
        self.assertEqual(refused > 0, on_failure == "refuse")
        database = sqlite3.connect(f"file:{self.inventory}?mode=ro", uri=True)
        with contextlib.closing(database):
            rows = database.execute("SELECT sum(successes), sum(refused) FROM login").fetchall()
        self.assertEqual(rows, [(logins, refused)])

    def test_the_inventory_s_disk_is_full_and_logins_go_on(self):
        self.inventory_case("continue")

    def test_the_inventory_s_disk_is_full_and_logins_are_refused(self):
        self.inventory_case("refuse")


if __name__ == "__main__":
    harness.main()
