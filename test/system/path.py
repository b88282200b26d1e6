#!/usr/bin/env python3
"""The path of an administrator, end to end in front of a real Dovecot and Postfix: observe, ask,
warn, except, enforce, prove. One inventory all the way, one program start for each step."""
import imaplib
import json
import poplib
import smtplib

import harness
from harness import (Dovecot, Postern, Postfix, Wire, args, free_port, login_imap, login_pop3,
                     open_imap, run)
from harness.dovecot import USERS

OTHER = "bert"
SCANNER = "127.0.0.9"  # the address of a device that cannot do better
LISTENERS = ("imap", "imaps", "pop3", "submission")
HELP = "https://help.example.test/tls"
RULE = {"name": "hall-scanner", "from": [SCANNER], "listeners": ["submission"], "tls": "optional",
        "cleartext_login": "observe", "until": "2199-12-31", "owner": "facilities@example.test",
        "reason": "firmware knows no TLS"}


class Path(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.postfix = cls.room.enter(Postfix(cls.room, cls.dovecot))
        cls.ports = {name: free_port() for name in LISTENERS}
        cls.inventory = cls.room.folder("inventory") / "inventory.db"

    def postern(self, tls, rules=(), **logins):
        """The program with this mode and these keys on all its clear listeners."""
        def clear(name, protocol, backend):
            return {"name": name, "protocol": protocol, "tls": tls, "backend": backend,
                    "port": self.ports[name], **logins}

        return Postern(
            self.room,
            [clear("imap", "imap", "old-imap"), clear("pop3", "pop3", "old-pop3"),
             clear("submission", "submission", "old-smtp"),
             {"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "old-imap",
              "port": self.ports["imaps"]}],
            {"old-imap": self.dovecot.imap_port, "old-pop3": self.dovecot.pop3_port,
             "old-smtp": self.postfix.port},
            audit={"inventory": f"sqlite:{self.inventory}"},
            refusal={"text": "Ask the help desk.", "help_url": HELP},
            **({"rules": list(rules)} if rules else {}))

    def scanner(self):
        """A device that sends by submission, in clear, from its own address."""
        client = smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=60,
                              local_hostname="scanner-3", source_address=(SCANNER, 0))
        self.addCleanup(client.close)
        client.ehlo()
        return client

    def audit(self, command, postern, *words):
        """The sections of what an audit command says."""
        done = run(args.postern, "audit", command, "--config", postern.config, "--format", "json",
                   *words, check=0)
        return json.loads(done.stdout)["sections"]

    def test_the_whole_path(self):
        harness.clear_of_midnight(300)  # warned once a day
        self.observe()
        self.ask()
        self.warn()
        self.make_exception()
        self.enforce()
        self.prove()

    def observe(self):
        """All works as before; who logs in, and how, is known."""
        with self.postern("optional", cleartext_login="observe") as postern:
            login_imap(self.room, self.ports["imap"], "none").logout()
            login_imap(self.room, self.ports["imaps"], "implicit").logout()
            login_pop3(self.room, self.ports["pop3"], "none", OTHER, USERS[OTHER]).quit()
            scanner = self.scanner()
            scanner.login(OTHER, USERS[OTHER])
            scanner.quit()
            postern.wait_events(4, "session-end")
        report = self.audit("report", postern)
        clear = {row["user"]: row for row in report["cleartext"]["rows"]}
        self.assertEqual(clear.keys(), {"anna", OTHER})
        self.assertEqual((clear["anna"]["logins"], clear["anna"]["secrets_exposed"]), (1, 1))
        self.assertEqual(clear[OTHER]["logins"], 2)
        self.assertEqual([row["user"] for row in report["both"]["rows"]], ["anna"])
        devices = {(row["address"], row["software"]) for row in report["devices"]["rows"]}
        self.assertIn((SCANNER, "scanner-3"), devices)

    def ask(self):
        """Whom would the next settings refuse, and by which line?"""
        next_settings = self.postern("required")
        found = self.audit("what-if", next_settings)["logins"]["rows"]
        verdicts = {(row["user"], row["listener"], row["how"]): row for row in found}
        for key in (("anna", "imap", "cleartext"), (OTHER, "pop3", "cleartext"),
                    (OTHER, "submission", "cleartext")):
            row = verdicts.pop(key)
            self.assertEqual(row["verdict"], "refuse")
            line = next_settings.text().splitlines()[row["line"] - 1]
            self.assertIn(f'"name": "{key[1]}"', line)
            self.assertIn('"tls": "required"', line)
        self.assertEqual([row["verdict"] for row in verdicts.values()], ["allow"])

    def warn(self):
        """It still works, and the people are told."""
        with self.postern("optional", cleartext_login="warn") as postern:
            for told in (True, False):  # once a day
                wire = Wire(self.ports["imap"])
                self.addCleanup(wire.close)
                wire.imap()
                answer = wire.imap(f'a LOGIN anna "{USERS["anna"]}"')
                self.assertRegex(answer[-1], "^a OK ")
                alerts = [line for line in answer if line.startswith("* OK [ALERT] ")]
                self.assertEqual(bool(alerts), told, answer)
                if told:
                    self.assertIn(HELP, alerts[0])
                wire.imap("z LOGOUT")
            client = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=60)
            client.user(OTHER)
            self.assertIn(HELP.encode(), client.pass_(USERS[OTHER]))
            client.quit()
            for event in postern.wait_events(3, "login"):
                self.assertEqual(event["postern.policy.verdict"], "warn")

    def make_exception(self):
        """The device that cannot do better is let in by a rule; `explain` says so."""
        postern = self.postern("required", [RULE])
        for source, verdict in ((SCANNER, "allow"), ("127.0.0.1", "refuse")):
            done = run(args.postern, "explain", "--config", postern.config, "--listener",
                       "submission", "--from", source, "--user", OTHER, "--json", check=0)
            self.assertEqual(json.loads(done.stdout)["verdict"], verdict)
        found = self.audit("what-if", postern)["logins"]["rows"]
        self.assertEqual({(row["user"], row["listener"]) for row in found
                          if row["verdict"] == "refuse"}, {("anna", "imap"), (OTHER, "pop3")})

    def enforce(self):
        """Nobody else gets in without TLS, and no password is asked for."""
        with self.postern("required", [RULE]) as postern:
            self.assertIn("LOGINDISABLED",
                          open_imap(self.room, self.ports["imap"], "none").capabilities)
            with self.assertRaisesRegex(imaplib.IMAP4.error, HELP):
                login_imap(self.room, self.ports["imap"], "none")
            with self.assertRaisesRegex(poplib.error_proto, HELP):
                login_pop3(self.room, self.ports["pop3"], "none", OTHER, USERS[OTHER])
            login_imap(self.room, self.ports["imap"], "starttls").logout()
            login_pop3(self.room, self.ports["pop3"], "starttls", OTHER, USERS[OTHER]).quit()
            scanner = self.scanner()
            scanner.login(OTHER, USERS[OTHER])
            scanner.sendmail("scanner@example.test", ["anna@example.test"],
                             "Subject: scanned\r\n\r\nA page.\r\n")
            scanner.quit()
            refused = postern.wait_events(2, "login-refused")
            self.assertEqual({event["postern.listener"] for event in refused}, {"imap", "pop3"})
            for event in postern.events(postern__listener="submission"):
                self.assertEqual(event["postern.policy.rule"], RULE["name"])
            self.assertTrue(postern.wait_events(1, "session-abandoned"))
        self.settings = postern

    def prove(self):
        """The report names what is left: one device, by a rule that somebody owns."""
        report = self.audit("report", self.settings)
        rules = report["exceptions"]["rows"]
        self.assertEqual([(row["rule"], row["owner"], row["state"], row["cleartext_logins"])
                          for row in rules],
                         [(RULE["name"], RULE["owner"], "holds", 1)])
        facts = {row["user"]: row for row in report["cleartext"]["rows"]}
        self.assertEqual(facts["anna"]["refused"], 1)
        self.assertEqual(facts["anna"]["warned"], 2)
        self.assertEqual({row["version"] for row in report["versions"]["rows"]}, {"1.3", "none"})
        for form in ("table", "csv", "html"):
            done = run(args.postern, "audit", "report", "--config", self.settings.config,
                       "--format", form, check=0)
            self.assertIn(SCANNER, done.stdout)
            for secret in USERS.values():
                self.assertNotIn(secret, done.stdout)


if __name__ == "__main__":
    harness.main()
