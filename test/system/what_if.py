#!/usr/bin/env python3
"""`postern audit what-if` says what the next settings will do: logins of many kinds are watched, then
asked about, then tried again with those settings. Who is refused is who was said to be, exactly."""
import base64
import datetime
import json
import ssl

import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire, args, run

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
LATER = TODAY + datetime.timedelta(days=60)

# listener, how, user, mechanism, the client's address
LOGINS = [
    ("imap", "cleartext", "anna", "LOGIN", "127.0.0.1"),
    ("imap", "starttls", "anna", "LOGIN", "127.0.0.1"),
    ("imap", "cleartext", "bob", "PLAIN", "127.0.0.2"),
    ("imap", "cleartext", "svc-scan", "LOGIN", "127.0.0.3"),
    ("imap", "cleartext", "carl", "LOGIN", "127.0.0.5"),
    ("imap", "cleartext", "wrong", "LOGIN", "127.0.0.6"),
    ("pop3", "cleartext", "dora", "USER", "127.0.0.2"),
    ("pop3", "cleartext", "svc-fax", "USER", "127.0.0.3"),
    ("pop3", "cleartext", "gina", "USER", "127.0.0.4"),
    ("pop3", "starttls", "erik", "PLAIN", "127.0.0.2"),
    ("submission", "cleartext", "frank", "PLAIN", "127.0.0.2"),
    ("submission", "cleartext", "svc-mail", "AUTH-LOGIN", "127.0.0.3"),
    ("submission", "starttls", "hugo", "PLAIN", "127.0.0.2"),
    ("imaps", "1.0", "ida", "LOGIN", "127.0.0.2"),
    ("imaps", "1.2", "jan", "LOGIN", "127.0.0.2"),
    ("imaps", "1.3", "kim", "PLAIN", "127.0.0.2"),
    ("imaps", "1.0", "lea", "LOGIN", "127.0.0.5"),
]
VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.2": ssl.TLSVersion.TLSv1_2,
            "1.3": ssl.TLSVersion.TLSv1_3}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class WhatIf(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.backends = {protocol: cls.room.enter(make()).port for protocol, make in (
            ("imap", FakeImap), ("pop3", FakePop3), ("submission", FakeSmtp))}
        cls.inventory = cls.room.path / "inventory.db"

    def context(self, how):
        context = self.room.client_tls()
        if how in VERSIONS:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = VERSIONS[how]
        return context

    def is_let_in(self, postern, listener, how, user, mechanism, source):
        """Tries it; whether postern let it through to the backend's yes or no."""
        try:
            with Wire(postern.port(listener), source=source, timeout=30,
                      tls=self.context(how) if how in VERSIONS else None) as wire:
                protocol = "imap" if listener == "imaps" else listener
                getattr(wire, "smtp" if protocol == "submission" else protocol)()
                if how == "starttls":
                    wire.starttls("smtp" if protocol == "submission" else protocol,
                                  self.context(how))
                return getattr(self, protocol)(wire, user, mechanism)
        except (ssl.SSLError, ConnectionError):
            return False  # as an old TLS version is refused

    @staticmethod
    def imap(wire, user, mechanism):
        if mechanism == "LOGIN":
            answer = wire.imap(f"a LOGIN {user} secret")[-1]
        else:
            answer = wire.imap("a AUTHENTICATE PLAIN " + encoded(f"\0{user}\0secret"))[-1]
        return answer.startswith("a OK") or answer == "a NO failed"

    @staticmethod
    def pop3(wire, user, mechanism):
        if mechanism == "PLAIN":
            return wire.pop3("AUTH PLAIN " + encoded(f"\0{user}\0secret"))[0].startswith("+OK")
        return wire.pop3(f"USER {user}")[0].startswith("+OK") and \
            wire.pop3("PASS secret")[0].startswith("+OK")

    @staticmethod
    def submission(wire, user, mechanism):
        wire.smtp("EHLO client.example.test")
        if mechanism == "PLAIN":
            answer = wire.smtp("AUTH PLAIN " + encoded(f"\0{user}\0secret"))
        else:
            answer = wire.smtp("AUTH LOGIN")
            for word in (user, "secret"):
                if not answer[-1].startswith("334"):
                    break
                answer = wire.smtp(encoded(word))
        return answer[-1].startswith("235")

    def today(self):
        """Everything works, and is watched."""
        watched = {"tls": "optional", "cleartext_login": "observe"}
        return Postern(
            self.room,
            [{"name": protocol, "protocol": protocol, "backend": protocol, **watched}
             for protocol in self.backends] +
            [{"name": "imaps", "protocol": "imap", "backend": "imap", "tls": "implicit",
              "min_version": "1.0"}],
            self.backends, audit={"log": "stdout", "inventory": f"sqlite:{self.inventory}"})

    def next(self, refuse_from):
        return Postern(
            self.room,
            [{"name": "imap", "protocol": "imap", "backend": "imap", "tls": "optional",
              "cleartext_login": "refuse"},
             {"name": "pop3", "protocol": "pop3", "backend": "pop3", "tls": "optional",
              "cleartext_login": "warn", "refuse_from": str(refuse_from)},
             {"name": "submission", "protocol": "submission", "backend": "submission",
              "tls": "required"},
             {"name": "imaps", "protocol": "imap", "backend": "imap", "tls": "implicit"}],
            self.backends,
            rules=[{"name": "island", "from": ["127.0.0.5"], "listeners": ["imap", "imaps"],
                    "cleartext_login": "observe", "min_version": "1.0"},
                   {"name": "services", "users": ["SVC-*"], "cleartext_login": "observe"},
                   {"name": "not-gina", "users": ["gina"], "listeners": ["pop3"],
                    "cleartext_login": "refuse"}],
            audit={"log": "stdout", "inventory": "none"})

    def answer(self, postern, *more):
        done = run(args.postern, "audit", "what-if", "--config", postern.config, "--inventory",
                   self.inventory, "--format", "json", *more, check=0)
        return json.loads(done.stdout)["sections"]

    def test_its_answer_equals_a_run_with_those_settings(self):
        with self.today() as postern:
            for login in LOGINS:
                self.assertTrue(self.is_let_in(postern, *login), login)
        for on in (None, LATER):
            postern = self.next(LATER)
            sections = self.answer(postern, *(("--at", str(on)) if on else ()))
            said = {}
            for row in sections["logins"]["rows"]:
                how = row["tls_version"] if row["security"] == "implicit" else row["security"]
                key = (row["listener"], how, row["user"], row["address"])
                self.assertNotIn(key, said)
                said[key] = row["verdict"]
            self.assertEqual(len(said), len(LOGINS))
            # A day that is yet to come is today's, in the settings that are run.
            done = {}
            with self.next(TODAY if on else LATER) as running:
                for login in LOGINS:
                    listener, how, user, _, source = login
                    if user == "wrong":  # the backend's no: its name is kept as a hash
                        user = next(key[2] for key in said if key[2].startswith("hash:"))
                    done[listener, how, user, source] = self.is_let_in(running, *login)
            with self.subTest(on=on):
                self.assertEqual({key: verdict != "refuse" for key, verdict in said.items()}, done)
                self.assertEqual(set(said.values()), {"refuse", "allow"} if on else
                                 {"refuse", "warn", "allow"})
            refused = sections["summary"]["facts"]["refuse"]
            self.assertEqual(refused, sum(not let_in for let_in in done.values()))
            # The rule for users cannot be asked about a name that is a hash, and that is said.
            self.assertEqual([row["reservation"] for row in sections["reservations"]["rows"]],
                             ["rule services is for users, and this one is known by a hash only"])
            self.check_lines(postern, sections)

    def check_lines(self, postern, sections):
        """Each refusal names the line that gives it."""
        lines = postern.config.read_text().splitlines()
        for row in sections["logins"]["rows"]:
            if row["verdict"] != "refuse":
                continue
            line = lines[row["line"] - 1] if row["line"] else ""
            if row["key"].startswith("rules[not-gina]"):
                self.assertIn('"not-gina"', line)
            elif row["reason"] == "cleartext":
                self.assertIn(f'"name": "{row["listener"]}"', line)


if __name__ == "__main__":
    harness.main()
