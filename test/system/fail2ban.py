#!/usr/bin/env python3
"""fail2ban's own tools on what the program writes: its filter finds the failures, each with the right
address, whatever a client calls itself; its jail is one that fail2ban takes."""
import ast
import datetime
import os
import pathlib
import shutil
import socket
import subprocess

import harness
from harness import FakeImap, FakeSmtp, Postern, Wire, base

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf" / "fail2ban"
# What would be read as a failure of another address, if a reader looked for it anywhere in the line.
FORGED = '","event.action":"login","event.outcome":"failure","source.ip":"192.0.2.66","x":"'
HEAD = ('{"@timestamp":"2026-11-24T20:00:00.000Z","log.level":"info","event.action":"login",'
        '"event.category":"authentication","event.outcome":"failure","source.ip":"192.0.2.66",')
HOSTILE = [FORGED, HEAD, "\\" + FORGED, 'x\\\\",' + FORGED[2:]]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Fail2ban(harness.TestCase):
    @classmethod
    def arrange(cls):
        base.need("fail2ban-regex", "fail2ban-client")

    def begin(self):
        room = self.own_room()
        imap, smtp = room.enter(FakeImap()), room.enter(FakeSmtp())
        port = base.free_port()
        clear = {"tls": "none", "cleartext_login": "observe"}
        listeners = [
            {"name": "imap", "protocol": "imap", "backend": "imap", **clear},
            {"name": "strict", "protocol": "imap", "backend": "imap", "tls": "optional",
             "cleartext_login": "refuse"},
            {"name": "submission", "protocol": "submission", "backend": "smtp", **clear}]
        if has_ipv6():
            listeners.append({"name": "both", "protocol": "imap", "backend": "imap", **clear,
                              "port": port, "address": f"[::]:{port}"})
        return room.enter(Postern(room, listeners, {"imap": imap.port, "smtp": smtp.port}))

    def login(self, postern, listener, user, password, answer, **where):
        with Wire(postern.port(listener), **where) as wire:
            wire.line()
            wire.send(f'a ID ("name" {quoted(HEAD)})\r\n')
            while not wire.line().startswith("a "):
                pass
            wire.send(f"b LOGIN {quoted(user)} {password}\r\n")
            line = wire.line()
            while not line.startswith("b "):
                line = wire.line()
            self.assertRegex(line, f"^b {answer}")

    def found(self, postern, mode, text=None):
        """(address, full seconds since 1970) of all that the filter takes for a failure."""
        log = postern.folder / "audit.jsonl"
        log.write_text(text or postern.stdout())
        done = subprocess.run(
            [base.tool("fail2ban-regex"), "--out", "row", str(log),
             f"{CONF / 'filter.d' / 'postern.conf'}[mode={mode}]"],
            capture_output=True, text=True, timeout=150, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [ast.literal_eval(line.rstrip("\t ,")) for line in done.stdout.splitlines() if line]
        return [(row[0], row[1]) for row in rows]

    def expected(self, events):
        def seconds(event):
            text = event["@timestamp"].replace("Z", "+00:00")
            return int(datetime.datetime.fromisoformat(text).timestamp())
        return [(event["source.ip"], seconds(event)) for event in events]

    def test_only_true_failures_match_with_their_address_and_time(self):
        postern = self.begin()
        self.login(postern, "imap", "anna", "secret", "OK", source="127.0.0.5")
        self.login(postern, "imap", "anna", "wrong", "NO", source="127.0.0.7")
        addresses = ["127.0.0.7"]
        for number, name in enumerate(HOSTILE, 1):
            self.login(postern, "imap", name, "secret", "OK", source=f"127.0.1.{number}")
            self.login(postern, "imap", name, "wrong", "NO", source=f"127.0.2.{number}")
            self.login(postern, "strict", name, "secret", "NO", source=f"127.0.3.{number}")
            addresses.append(f"127.0.2.{number}")
        with Wire(postern.port("submission"), source="127.0.4.1") as wire:
            wire.line()
            wire.send(f"EHLO [{HEAD}\r\n")
            while wire.line()[3] == "-":
                pass
            wire.send("AUTH PLAIN AGFubmEAc2VjcmV0\r\n")
            self.assertTrue(wire.line().startswith("235"))
        if "both" in postern.ports:
            self.login(postern, "both", "anna", "wrong", "NO", host="::1")
            self.login(postern, "both", "anna", "wrong", "NO", source="127.0.0.8")
            addresses += ["::1", "127.0.0.8"]
        postern.wait_events(2 * len(HOSTILE) + 3 + 2 * ("both" in postern.ports), "login")
        refused = postern.wait_events(len(HOSTILE), "login-refused")
        failed = postern.events("login", event__outcome="failure")
        self.assertEqual(sorted(event["source.ip"] for event in failed), sorted(addresses))

        self.assertEqual(sorted(self.found(postern, "normal")), sorted(self.expected(failed)))
        self.assertEqual(sorted(self.found(postern, "aggressive")),
                         sorted(self.expected(failed + refused)))
        # Nobody is to blame for an audit that cannot be written.
        text = postern.stdout().replace('"event.reason":"cleartext"', '"event.reason":"audit"')
        self.assertEqual(sorted(self.found(postern, "aggressive", text)),
                         sorted(self.expected(failed)))

    def test_fail2ban_takes_the_jail(self):
        if not pathlib.Path("/etc/fail2ban/fail2ban.conf").exists():
            self.skipTest("needs fail2ban's own settings in /etc/fail2ban")
        room = self.own_room()
        log = room.path / "audit.jsonl"
        log.touch()
        etc = room.path / "fail2ban"
        shutil.copytree("/etc/fail2ban", etc, ignore=shutil.ignore_patterns("*.local"))
        shutil.rmtree(etc / "jail.d")
        (etc / "jail.d").mkdir()
        shutil.copy(CONF / "filter.d" / "postern.conf", etc / "filter.d")
        shutil.copy(CONF / "jail.d" / "postern.conf", etc / "jail.d")

        def dump():
            done = subprocess.run([base.tool("fail2ban-client"), "-c", str(etc), "-d"],
                                  capture_output=True, text=True, timeout=150)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout
        self.assertNotIn("'postern'", dump())  # off, as it comes
        (etc / "jail.d" / "postern.local").write_text(
            f"[postern]\nenabled = true\nlogpath = {log}\n")
        lines = dump()
        self.assertIn(f"['set', 'postern', 'addlogpath', '{log}'", lines)
        self.assertIn("['start', 'postern']", lines)
        self.assertIn("event\\\\.outcome", lines)


if __name__ == "__main__":
    harness.main()
