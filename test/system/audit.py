#!/usr/bin/env python3
"""The audit lines: their keys, the order of these, their values; one line a login that the backend
answered or postern refused, and one a session's end."""
import hashlib
import json
import pathlib
import re
import signal
import smtplib
import socket

import harness
from harness import (HOSTNAME, Fake, FakeImap, FakePop3, FakeSmtp, Postern, Wire, client_hello,
                     every_mode)


def talkative_pop3(peer):
    """Answers each command twice."""
    peer.send("+OK fake\r\n")
    while peer.line() is not None:
        peer.send("+OK one\r\n+OK two\r\n")


HEAD = "@timestamp log.level event.action event.category".split()
SEQUENCE = "event.sequence observer.name observer.version".split()
SESSION = """postern.session_id postern.listener network.protocol source.ip source.port
destination.ip destination.port""".split()
BACKEND = """postern.backend.name postern.backend.ip postern.backend.port
postern.backend.source_port""".split()
SECURITY = "postern.security postern.starttls.offered postern.starttls.used".split()
TLS = "tls.version tls.cipher tls.curve tls.resumed".split()
OFFER = """tls.client.ja4 tls.client.supported_versions tls.client.supported_ciphers
tls.client.supported_groups tls.client.signature_algorithms""".split()
LOGIN = """postern.auth.mechanism postern.auth.secret_exposed postern.policy.verdict
postern.policy.rule""".split()
BYTES = ["bytes.in", "bytes.out"]


class Audit(harness.TestCase):
    def begin(self, protocol, make):
        room = self.own_room()
        self.fake = room.enter(make())
        postern = room.enter(Postern(room, every_mode(protocol, "old"), {"old": self.fake.port}))
        self.tls = room.client_tls()
        return postern

    def wire(self, postern, listener, tls=None):
        wire = Wire(postern.port(listener), tls=self.tls if tls == "implicit" else None,
                    server_name=HOSTNAME)
        self.addCleanup(wire.close)
        wire.line()
        return wire

    def check_common(self, postern):
        """What holds for every line."""
        self.assertEqual(harness.faults(postern.stdout()), [])
        events = postern.events()
        self.assertEqual({event["observer.name"] for event in events}, {HOSTNAME})
        self.assertEqual(events[0]["event.action"], "start")

    def test_a_login_over_implicit_tls(self):
        postern = self.begin("imap", FakeImap)
        wire = self.wire(postern, "implicit", "implicit")
        wire.imap("a LOGIN anna secret")
        wire.imap("z LOGOUT")
        source = wire.socket.getsockname()[1]
        wire.rest()  # closing with unread bytes would be a reset
        wire.close()
        end = postern.wait_events(1, "session-end")[0]
        login = postern.events("login")[0]
        self.assertEqual(list(login), HEAD + ["event.outcome", "event.duration"] + SEQUENCE
                         + SESSION + BACKEND + SECURITY + TLS + OFFER + LOGIN
                         + ["tls.client.server_name", "user.name"])
        self.assertEqual(list(end), HEAD + ["event.reason", "event.duration"] + SEQUENCE + SESSION
                         + BACKEND + SECURITY + TLS + BYTES + ["tls.client.server_name"])
        common = {
            "log.level": "info", "postern.listener": "implicit", "network.protocol": "imap",
            "source.ip": "127.0.0.1", "source.port": source, "destination.ip": "127.0.0.1",
            "destination.port": postern.port("implicit"), "postern.backend.name": "old",
            "postern.backend.ip": "127.0.0.1", "postern.backend.port": self.fake.port,
            "postern.security": "implicit", "postern.starttls.offered": False,
            "postern.starttls.used": False, "tls.version": "1.3", "tls.resumed": False,
            "tls.client.server_name": HOSTNAME}
        for event in (login, end):
            self.assertEqual({key: event[key] for key in common}, common)
            self.assertIn(event["tls.cipher"], ("TLS_AES_128_GCM_SHA256",
                                                "TLS_AES_256_GCM_SHA384",
                                                "TLS_CHACHA20_POLY1305_SHA256"))
        self.assertEqual(login["postern.session_id"], end["postern.session_id"])
        wanted = {"event.category": "authentication", "event.outcome": "success",
                  "postern.auth.mechanism": "LOGIN", "postern.auth.secret_exposed": False,
                  "postern.policy.verdict": "allow", "postern.policy.rule": "listener",
                  "user.name": "anna"}
        self.assertEqual({key: login[key] for key in wanted}, wanted)
        self.assertEqual(end["event.category"], "session")
        self.assertIn(end["event.reason"], harness.PROPER_ENDS)
        sent = b"a LOGIN anna secret\r\nz LOGOUT\r\n"
        self.assertEqual(end["bytes.in"], len(sent))
        self.assertGreater(end["bytes.out"], 50)
        self.assertTrue(10_000 < end["event.duration"] < 60e9)
        self.assertTrue(0 < login["event.duration"] <= end["event.duration"])
        self.check_common(postern)

    def test_each_mechanism_has_its_name(self):
        plain = "AGFubmEAc2VjcmV0"  # \0anna\0secret
        ways = {
            ("imap", "LOGIN"): ["a LOGIN anna secret"],
            ("imap", "PLAIN"): [f"a AUTHENTICATE PLAIN {plain}"],
            ("imap", "AUTH-LOGIN"): ["a AUTHENTICATE LOGIN", "YW5uYQ==", "c2VjcmV0"],
            ("pop3", "USER"): ["USER anna", "PASS secret"],
            ("pop3", "PLAIN"): ["AUTH PLAIN", plain],
            ("submission", "PLAIN"): [f"AUTH PLAIN {plain}"],
            ("submission", "AUTH-LOGIN"): ["AUTH LOGIN", "YW5uYQ==", "c2VjcmV0"],
        }
        makes = {"imap": FakeImap, "pop3": FakePop3, "submission": FakeSmtp}
        for protocol, make in makes.items():
            postern = self.begin(protocol, make)
            for (of, mechanism), lines in ways.items():
                if of != protocol:
                    continue
                for listener in ("observe", "implicit"):
                    with self.subTest(protocol=protocol, mechanism=mechanism, listener=listener):
                        before = len(postern.events("login"))
                        wire = self.wire(postern, listener, listener)
                        if protocol == "submission":
                            wire.smtp("EHLO client.example.test")
                        for line in lines:
                            wire.send(line + "\r\n")
                            wire.line()
                        wire.close()
                        login = postern.wait_events(before + 1, "login")[-1]
                        clear = listener == "observe"
                        self.assertEqual(
                            (login["postern.auth.mechanism"], login.get("user.name"),
                             login["postern.auth.secret_exposed"], login["postern.security"],
                             login["event.outcome"], login["postern.starttls.offered"]),
                            (mechanism, "anna", clear, "cleartext" if clear else "implicit",
                             "success", clear))
                        self.assertEqual("tls.version" in login, not clear)
            self.check_common(postern)

    def test_starttls_and_the_ehlo_name(self):
        postern = self.begin("submission", FakeSmtp)
        client = smtplib.SMTP("127.0.0.1", postern.port("required"), timeout=60,
                              local_hostname="scanner.example.test")
        client.starttls(context=self.tls)
        client.login("anna", "secret")
        client.quit()
        login = postern.wait_events(1, "login")[0]
        self.assertEqual(login["postern.security"], "starttls")
        self.assertTrue(login["postern.starttls.offered"] and login["postern.starttls.used"])
        self.assertEqual(login["user_agent.original"], "scanner.example.test")
        self.assertEqual(login["postern.client.source"], "ehlo")

    def test_the_imap_id_is_the_client(self):
        postern = self.begin("imap", FakeImap)
        wire = self.wire(postern, "implicit", "implicit")
        wire.imap('a ID ("name" "Thunder" "version" "1.5")')
        wire.imap("b LOGIN anna secret")
        login = postern.wait_events(1, "login")[0]
        self.assertEqual((login["user_agent.original"], login["postern.client.source"]),
                         ("Thunder 1.5", "imap_id"))

    def test_one_line_for_each_answered_login_and_one_end(self):
        postern = self.begin("imap", FakeImap)
        wire = self.wire(postern, "implicit", "implicit")
        for secret in ("wrong", "wrong", "right"):
            wire.imap(f"a LOGIN anna {secret}")
        wire.imap("z LOGOUT")
        wire.close()
        postern.wait_events(1, "session-end")
        logins = postern.events("login")
        self.assertEqual([login["event.outcome"] for login in logins],
                         ["failure", "failure", "success"])
        # People type passwords where the name belongs: of a failed login only a hash is kept.
        self.assertNotIn("user.name", logins[0])
        self.assertIn("user.hash", logins[0])
        self.assertEqual(logins[0]["user.hash"], logins[1]["user.hash"])
        self.assertEqual(len(postern.events("session-end")), 1)
        self.check_common(postern)

    def test_a_refused_login_is_one_line_without_a_backend(self):
        postern = self.begin("pop3", FakePop3)
        for listener in ("required", "optional"):
            with self.subTest(listener=listener):
                wire = self.wire(postern, listener)
                for line in ("USER anna", "PASS secret", "QUIT"):
                    wire.pop3(line)
                wire.close()
                postern.wait_events(1, "session-end", postern__listener=listener)
                refused = postern.events("login-refused", postern__listener=listener)
                self.assertEqual(len(refused), 1)
                wanted = {"log.level": "warn", "event.outcome": "failure",
                          "event.reason": "cleartext", "postern.auth.mechanism": "USER",
                          "postern.policy.verdict": "refuse", "postern.policy.rule": "listener"}
                self.assertEqual({key: refused[0].get(key) for key in wanted}, wanted)
                self.assertEqual("postern.backend.name" in refused[0], listener == "optional")
        self.assertEqual(postern.events("login"), [])
        self.check_common(postern)

    def test_a_session_without_a_login_ends_with_its_last_command(self):
        postern = self.begin("submission", FakeSmtp)
        wire = self.wire(postern, "required")
        wire.smtp("ehlo scanner")
        wire.close()
        end = postern.wait_events(1, "session-end")[0]
        self.assertEqual(end["postern.last_command"], "EHLO")
        self.assertEqual(end["event.reason"], "client_closed")

    def test_a_failed_handshake_says_what_the_client_offered(self):
        postern = self.begin("imap", FakeImap)
        done = harness.run("openssl", "s_client", "-connect",
                           f"127.0.0.1:{postern.port('implicit')}", "-tls1_1", "-cipher",
                           "ALL:@SECLEVEL=0", "-servername", "old.example.test")
        self.assertNotEqual(done.returncode, 0)
        failed = postern.wait_events(1, "tls-handshake")[0]
        self.assertEqual(failed["event.outcome"], "failure")
        self.assertIn("1.1", str(failed["tls.client.supported_versions"]))
        self.assertTrue(any("TLS_" in name for name in failed["tls.client.supported_ciphers"]))
        self.assertEqual(failed["tls.client.server_name"], "old.example.test")
        end = postern.wait_events(1, "session-end")[0]
        self.assertEqual(end["event.reason"], "handshake_failed")
        self.check_common(postern)

    def test_a_name_forges_nothing(self):
        postern = self.begin("imap", FakeImap)
        evil = b'x\\","event.outcome":"success\\\\\xff\xe2\x80\xa8\x07' + b"y" * 200
        wire = self.wire(postern, "implicit", "implicit")
        wire.send(b"a LOGIN {%d+}\r\n" % len(evil) + evil + b" secret\r\n")
        wire.imap(tag="a")
        wire.send(b'b LOGIN "CORP\\\\anna" secret\r\n')
        wire.close()
        postern.wait_events(1, "session-end")
        for line in postern.stdout().split("\n")[:-1]:
            self.assertTrue(line.isascii())
            self.assertIsNone(re.search(r"[\x00-\x1f\x7f]", line))
        login = postern.events("login")[0]
        shown = login.get("user.name", "") + login.get("user.domain", "")
        self.assertLessEqual(len(shown.encode()), 2 * 256)
        self.check_common(postern)

    def test_a_log_that_cannot_be_written_stops_nobody(self):
        room = self.own_room()
        fake = room.enter(FakeImap())
        postern = room.enter(Postern(room, every_mode("imap", "old"), {"old": fake.port},
                                     audit={"log": ["file:/dev/full", "stdout"]}))
        for number in range(20):
            with Wire(postern.port("clear")) as wire:
                wire.line()
                self.assertRegex(wire.imap("a LOGIN anna secret")[-1], "^a OK")
            postern.wait_events(number + 1, "login")
        postern.says("/dev/full")
        about = [line for line in postern.stderr().splitlines() if "/dev/full" in line]
        self.assertEqual(len(about), 1, "said once, not for each event\n" + postern.stderr())

    def test_what_a_real_program_writes_is_as_the_contract_says(self):
        room = self.own_room()
        makes = {"imap": FakeImap(), "submission": FakeSmtp(), "pop3": Fake(talkative_pop3)}
        ports = {name: room.enter(fake).port for name, fake in makes.items()}
        listeners = [{**listener, "name": f"{name}-{listener['name']}"}
                     for name in makes for listener in every_mode(name, name)]
        postern = room.enter(Postern(room, listeners, ports))
        self.tls = room.client_tls()

        def say(listener, data, tls=None, stay=False):
            with Wire(postern.port(listener), tls=tls, server_name=HOSTNAME) as wire:
                if not listener.endswith("implicit") or tls:
                    wire.line()
                wire.send(data)
                if not tls and not stay:
                    wire.socket.shutdown(socket.SHUT_WR)
                wire.rest_rudely()

        say("imap-implicit", "a LOGIN anna secret\r\nb LOGOUT\r\n", self.tls)
        say("imap-clear", 'a ID ("name" "X\x7f")\r\nb LOGIN "CORP\\\\anna" wrong\r\nc LOGOUT\r\n')
        say("imap-optional", "a LOGIN anna secret\r\nb LOGOUT\r\n")
        say("imap-implicit", "a LOGIN anna secret\r\n")
        say("imap-clear", client_hello(self.tls)[1])
        say("imap-required", "a STARTTLS\r\nb LOGIN anna secret\r\n")
        say("pop3-clear", "NOOP\r\n", stay=True)
        say("submission-clear", "EHLO x\r\nVRFY anna\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"
            "one\ntwo\r\n.\r\n")
        harness.run("openssl", "s_client", "-connect", f"127.0.0.1:{postern.port('imap-implicit')}",
                    "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        wanted = {"start", "login", "login-refused", "session-end", "tls-handshake",
                  "starttls-injection", "response-injection", "smuggling", "tls-on-clear-port",
                  "clear-on-tls-port", "limit"}

        def seen():
            return {event["event.action"] for event in postern.events()}
        for action in sorted(wanted):
            postern.wait_events(1, action)
        postern.stop()
        self.assertIn("stop", seen())
        self.check_common(postern)

    def test_files_are_opened_anew_and_go_on_where_they_were_torn(self):
        room = self.own_room()
        fake = room.enter(FakeImap())
        file = room.path / "audit.jsonl"
        file.write_text('{"@timestamp":"2026-11', encoding="ascii")
        postern = room.enter(Postern(room, every_mode("imap", "old"), {"old": fake.port},
                                     audit={"log": [f"file:{file}", "stdout"]}))

        def log_in():
            with Wire(postern.port("clear")) as wire:
                wire.line()
                self.assertRegex(wire.imap("a LOGIN anna secret")[-1], "^a OK")

        log_in()
        harness.until(lambda: '"session-end"' in file.read_text("ascii"), "the first session's end")
        file.rename(f"{file}.1")
        postern.signal(signal.SIGUSR1)
        harness.until(file.exists, "the file is made anew")
        log_in()
        harness.until(lambda: '"session-end"' in file.read_text("ascii"), "the second session's end")
        postern.stop()
        torn, *old = pathlib.Path(f"{file}.1").read_text("ascii").splitlines(keepends=True)
        self.assertEqual(torn, '{"@timestamp":"2026-11\n')
        self.assertEqual("".join(old) + file.read_text("ascii"), postern.stdout())
        self.check_common(postern)
        gaps = [event["event.reason"] for event in postern.events("audit-gap")]
        self.assertEqual(gaps, ["unclean_stop"])

    def test_the_chain_goes_on_after_a_kill_and_a_torn_line(self):
        room = self.own_room()
        fake = room.enter(FakeImap())
        file = room.path / "audit.jsonl"
        postern = Postern(room, every_mode("imap", "old"), {"old": fake.port},
                          audit={"log": f"file:{file}", "chain": "on", "inventory": "none"})
        for run in range(3):
            postern.start()
            with Wire(postern.port("clear")) as wire:
                wire.line()
                wire.imap("a LOGIN anna secret")
            count = run + 1
            harness.until(lambda: file.read_text("ascii").count('"session-end"') == count, "end")
            if run == 0:
                postern.stop()
            else:
                postern.process.kill()
                postern.process.wait()
                if run == 1:
                    with open(file, "a", encoding="ascii") as log:
                        log.write('{"@timestamp":"20')
        lines = file.read_text("ascii").splitlines()
        before = "0" * 64
        for line in lines:
            if line.endswith("}"):
                self.assertEqual(json.loads(line)["postern.chain"], before)
            before = hashlib.sha256(line.encode()).hexdigest()
        reasons = [event.get("event.reason") for event in map(
            json.loads, filter(lambda line: line.endswith("}"), lines))
            if event["event.action"] == "audit-gap"]
        self.assertEqual(reasons, ["unclean_stop"])
        whole = [line + "\n" for line in lines if line.endswith("}")]
        self.assertEqual(harness.faults("".join(whole)), [])

    def test_a_domain_stands_apart(self):
        postern = self.begin("imap", FakeImap)
        wire = self.wire(postern, "implicit", "implicit")
        wire.imap(r'b LOGIN "CORP\\anna" secret')
        login = postern.wait_events(1, "login")[0]
        self.assertEqual((login["user.domain"], login["user.name"]), ("CORP", "anna"))


if __name__ == "__main__":
    harness.main()
