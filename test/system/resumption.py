#!/usr/bin/env python3
"""TLS sessions on several nodes: with the same secret any node resumes any session, with nothing
exchanged, also one that was started anew; and what is no secret stops the start."""
import os
import pathlib
import signal
import ssl
import time

import harness
from harness import FakeImap, Postern, Wire, run

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Resumption(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.fake = cls.room.enter(FakeImap())
        cls.secret = cls.make_secret("fleet.secret", os.urandom(64))

    @classmethod
    def make_secret(cls, name, octets, mode=0o600):
        path = pathlib.Path(cls.room.path) / name
        path.write_bytes(octets)
        path.chmod(mode)
        return path

    def node(self, secret=None, rotate="12h", **keys):
        tickets = {"secret_file": str(secret or self.secret), "rotate": rotate}
        return Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old", **keys}],
                       {"old": self.fake.port}, tls={"tickets": tickets})

    def context(self, version):
        context = self.room.client_tls()
        context.minimum_version = context.maximum_version = VERSIONS[version]
        return context

    @staticmethod
    def visit(node, context, session=None):
        """One session up to the greeting, behind which TLS 1.3 has sent its ticket: whether it was
        resumed, and what can be resumed of it."""
        with Wire(node.port("imap-implicit"), tls=context, session=session) as wire:
            wire.line()
            return wire.socket.session_reused, wire.socket.session

    def test_a_session_of_one_node_resumes_on_another(self):
        with self.node() as here, self.node() as there:
            for version in VERSIONS:
                with self.subTest(version=version):
                    context = self.context(version)
                    resumed, session = self.visit(here, context)
                    self.assertFalse(resumed)
                    resumed, session = self.visit(there, context, session)
                    self.assertTrue(resumed)
                    self.assertTrue(self.visit(here, context, session)[0])
            # The events say so, too.
            self.assertEqual([event["tls.resumed"]
                              for event in there.wait_events(2, "session-end")], [True, True])

    def test_a_node_that_was_started_anew_resumes(self):
        context = self.context("1.3")
        with self.node() as before:
            session = self.visit(before, context)[1]
        with self.node() as after:
            self.assertTrue(self.visit(after, context, session)[0])

    def test_a_new_secret_is_taken_while_it_runs(self):
        secret = self.make_secret("renewed.secret", os.urandom(64))
        context = self.context("1.3")
        with self.node(secret=secret) as node:
            session = self.visit(node, context)[1]
            self.make_secret("next", os.urandom(64)).rename(secret)
            node.says(f"what is now in {secret} is taken")
            self.assertFalse(self.visit(node, context, session)[0])
            with self.node(secret=secret) as other:
                session = self.visit(node, context)[1]
                self.assertTrue(self.visit(other, context, session)[0])

    def test_certificates_read_anew_leave_random_keys_as_they_are(self):
        context = self.context("1.3")
        with Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": "old"}],
                     {"old": self.fake.port}) as node:
            session = self.visit(node, context)[1]
            node.signal(signal.SIGHUP)
            node.says("read anew")
            self.assertTrue(self.visit(node, context, session)[0])

    def test_another_secret_another_rotation_and_another_demand_do_not(self):
        other = self.make_secret("other.secret", os.urandom(64))
        ca = str(self.room.ca())
        with self.node() as here, self.node(secret=other) as second, \
                self.node(rotate="6h") as third, \
                self.node(client_certificates="request", client_ca=ca) as fourth:
            for version in VERSIONS:
                context = self.context(version)
                session = self.visit(here, context)[1]
                for node in (second, third, fourth):
                    with self.subTest(version=version, node=node.text()):
                        self.assertFalse(self.visit(node, context, session)[0])
                self.assertTrue(self.visit(here, context, session)[0])

    def test_a_ticket_is_refused_once_its_slots_are_over(self):
        """openssl s_client offers a session of TLS 1.2 however old it is."""
        file = pathlib.Path(self.room.path) / "old.session"
        with self.node(rotate="1s") as node:
            words = ["openssl", "s_client", "-connect", f"127.0.0.1:{node.port('imap-implicit')}",
                     "-CAfile", self.room.ca(), "-tls1_2"]
            run(*words, "-sess_out", file, check=0)
            time.sleep(2.1)  # two slots: be the machine as slow as it may, it only gets later
            again = run(*words, "-sess_in", file, check=0)
            self.assertIn("\nNew, TLSv1.2", again.stdout)
            self.assertNotIn("\nReused, ", again.stdout)

    def test_what_is_no_secret_stops_the_start(self):
        for name, octets, mode, words in (
                ("short", b"x" * 31, 0o600, "holds 31 octets, and a secret has 32 at least"),
                ("loose", b"x" * 32, 0o644, "the tickets' secret in .*/loose may be read by everybody"),
                ("large", b"x" * 65537, 0o600, "is too large for a secret"),
                ("missing", None, 0, "cannot read .*/missing: No such file")):
            with self.subTest(name):
                path = self.make_secret(name, octets, mode) if octets else self.room.path / name
                node = self.node(secret=path)
                node.start(wait=False)
                self.assertEqual(node.wait(), 1)
                self.assertRegex(node.stderr(), rf"postern.yaml:\d+:\d+: .*{words}")
                self.assertNotIn("key_permissions", node.stderr())


if __name__ == "__main__":
    harness.main()
