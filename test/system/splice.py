#!/usr/bin/env python3
"""`legacy_tls: splice`: a client that shares nothing with postern's TLS goes on, untouched, to the old
server's own: here a Dovecot with DHE suites alone, an `openssl s_server` with the same, and scripted ones for hellos that no library
of today sends. All others are served as ever."""
import imaplib
import socket
import ssl
import subprocess

import harness
from harness import (PASSWORD, USER, Dovecot, Fake, FakeImap, Postern, Wire, base, login_imap,
                     record, run)
from harness.records import ALERT, HANDSHAKE

OLD_SUITES = "DHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA:@SECLEVEL=0"
OLD_NAME = "old.example.test"
# RC4 and DHE, of SSLv3.
SSL3_SUITES = bytes.fromhex("0005 0039")


def ssl3_hello(more=b""):
    body = b"\3\0" + b"r" * 32 + b"\0" + len(SSL3_SUITES).to_bytes(2, "big") + SSL3_SUITES + b"\1\0" + more
    return record(HANDSHAKE, b"\1" + len(body).to_bytes(3, "big") + body, 0x0300)


def ssl2_hello(version):
    body = (b"\1" + version.to_bytes(2, "big") + bytes.fromhex("0006 0000 0010 010080 000005") + b"c" * 16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def old_client():
    """A client of DHE alone, which knows the old server's name and trusts what it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(OLD_SUITES)
    return context


class OldDovecot(Dovecot):
    """With a TLS port of DHE suites alone."""

    def __init__(self, room):
        super().__init__(room)
        self.imaps_port = base.free_port()
        chain, key = room.certificate("rsa", names=(OLD_NAME,))
        parameters = self.folder / "dh.pem"
        run("openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048",
            "-out", parameters, check=0)
        text = self.config.read_text()
        for was, now in (
                ("ssl = no\n", f"ssl = yes\nssl_cert = <{chain}\nssl_key = <{key}\nssl_dh = <{parameters}\n"
                               f"ssl_min_protocol = TLSv1\nssl_cipher_list = {OLD_SUITES}\n"),
                ("inet_listener imaps {\n    port = 0", f"inet_listener imaps {{\n    port = {self.imaps_port}")):
            assert was in text, was
            text = text.replace(was, now, 1)
        self.config.write_text(text)

    def __enter__(self):
        super().__enter__()
        base.until(lambda: base.listens(self.imaps_port), "dovecot listens for TLS")
        return self


def echo(peer):
    """Answers whatever comes, and says the end."""
    while data := peer.socket.recv(65536):
        peer.send(b"<" + data + b">")
    peer.send(b"end")


class Splice(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.imap = cls.room.enter(FakeImap())

    def postern(self, ports, room=None, backend=None, audit=None, **keys):
        room = room or self.own_room()
        listener = {"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "old",
                    "legacy_tls": "splice", "legacy_servers": [f"127.0.0.1:{port}" for port in ports]}
        listener.update(keys)
        listener = {key: value for key, value in listener.items() if value is not None}
        made = room.enter(Postern(room, [listener], {"old": backend or self.imap.port}, audit=audit or {}))
        made.tls = room.client_tls()
        return made

    def test_a_client_of_dhe_alone_logs_in_at_the_old_dovecot(self):
        room = self.own_room()
        dovecot = room.enter(OldDovecot(room))
        postern = self.postern([dovecot.imaps_port], room, dovecot.imap_port)
        client = imaplib.IMAP4_SSL("127.0.0.1", postern.port("imaps"), ssl_context=old_client(), timeout=60)
        self.assertTrue(client.sock.cipher()[0].startswith("DHE-RSA-"))
        self.assertEqual(client.login(USER, PASSWORD)[0], "OK")
        self.assertEqual(client.select()[0], "OK")
        client.logout()
        hello = postern.wait_events(1, "tls-handshake", event__reason="spliced")[0]
        self.assertEqual((hello["event.outcome"], hello["postern.security"], hello["log.level"]),
                         ("unknown", "passthrough", "info"))
        self.assertIn("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", hello["tls.client.supported_ciphers"])
        end = postern.wait_events(1, "session-end")[0]
        self.assertEqual((end["postern.security"], end["postern.backend.port"], end["postern.backend.name"]),
                         ("passthrough", dovecot.imaps_port, "old"))
        self.assertGreater(end["bytes.out"], 1000)
        self.assertEqual(postern.events("login") + postern.events("session-abandoned"), [])
        # Beside it today's clients, whom postern serves.
        client = login_imap(room, postern.port("imaps"), "implicit")
        self.assertEqual(client.sock.version(), "TLSv1.3")
        client.logout()
        self.assertEqual(postern.wait_events(1, "login")[0]["postern.security"], "implicit")

    def test_openssl_old_and_new(self):
        room = self.own_room()
        chain, key = room.certificate("rsa", names=(OLD_NAME,))
        port = base.free_port()
        with subprocess.Popen(
                ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", chain, "-key", key,
                 "-tls1_2", "-cipher", OLD_SUITES, "-rev", "-quiet"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                base.until(lambda: base.listens(port), "openssl listens")
                postern = self.postern([port], room)
                words = ["openssl", "s_client", "-connect", f"127.0.0.1:{postern.port('imaps')}", "-CAfile",
                         room.ca()]
                old = run(*words, "-tls1_2", "-cipher", OLD_SUITES).stdout
                self.assertRegex(old, rf"subject=CN *= *{OLD_NAME}")
                self.assertIn("Cipher is DHE-RSA-", old)
                new = run(*words).stdout
                self.assertRegex(new, rf"subject=CN *= *{harness.HOSTNAME}")
                self.assertIn("TLSv1.3", new)
            finally:
                server.terminate()
        self.assertEqual(len(postern.wait_events(2, "session-end")), 2)

    def test_hellos_of_sslv3_and_in_sslv2s_format_arrive_octet_by_octet(self):
        fake = self.room.enter(Fake(echo))
        postern = self.postern([fake.port])
        for number, hello in enumerate((ssl3_hello(), ssl2_hello(0x0300), ssl2_hello(0x0301))):
            for pieces in ([hello], [hello[:1], hello[1:]], [bytes([octet]) for octet in hello]):
                with self.subTest(hello=number, pieces=len(pieces)):
                    with Wire(postern.port("imaps")) as wire:
                        for piece in pieces:
                            wire.send(piece)
                        got = b""
                        while len(got) < len(hello) + 2:
                            got += wire.socket.recv(65536)
                        self.assertEqual(got, b"<" + hello + b">")
                        wire.send(b"\x16\x03\0 and what not\n")
                        wire.socket.shutdown(socket.SHUT_WR)
                        self.assertTrue(wire.rest().endswith("end"))
        ends = postern.wait_events(9, "session-end")
        self.assertEqual({end["postern.security"] for end in ends}, {"passthrough"})
        told = postern.events("tls-handshake", event__reason="spliced")
        self.assertEqual({tuple(event["tls.client.supported_versions"]) for event in told},
                         {("SSLv3",), ("1.0",)})

    def test_the_servers_are_tried_in_their_order(self):
        fake = self.room.enter(Fake(echo))
        postern = self.postern([base.free_port(), fake.port])
        with Wire(postern.port("imaps")) as wire:
            wire.send(ssl3_hello())
            self.assertEqual(wire.socket.recv(1), b"<")
        self.assertEqual(postern.wait_events(1, "session-end")[0]["postern.backend.port"], fake.port)

    def test_one_that_accepts_and_hangs_up_is_followed_by_the_next(self):
        def reset(peer):
            peer.exactly(1)  # and the rest is unread
        silent, resetting, good = (self.room.enter(Fake(script)) for script in (
            lambda peer: peer.exactly(len(ssl3_hello())), reset, echo))
        postern = self.postern([silent.port, resetting.port, good.port])
        with Wire(postern.port("imaps")) as wire:
            wire.send(ssl3_hello())
            self.assertEqual(wire.socket.recv(1), b"<")
        end, = postern.wait_events(1, "session-end")
        self.assertEqual(end["postern.backend.port"], good.port)
        self.assertEqual((silent.accepted, resetting.accepted), (1, 1))

    def test_without_a_server_the_session_ends_in_silence(self):
        postern = self.postern([base.free_port()])
        with Wire(postern.port("imaps")) as wire:
            wire.send(ssl3_hello())
            self.assertEqual(wire.rest(), "")
        self.assertEqual(postern.wait_events(1, "session-end")[0]["event.reason"], "backend_unreachable")

    def test_while_the_audit_fails_nobody_is_handed_on_where_it_must_not(self):
        fake = self.room.enter(Fake(echo))
        for on_failure in ("continue", "refuse"):
            with self.subTest(on_failure=on_failure):
                postern = self.postern([fake.port], audit={"log": ["stdout", "file:/dev/full"], "on_failure": on_failure})
                self.assertTrue(postern.says(r"/dev/full cannot be written"))
                with Wire(postern.port("imaps")) as wire:
                    wire.send(ssl3_hello())
                    first = wire.socket.recv(1)
                event = postern.wait_events(1, "tls-handshake")[0]
                if on_failure == "continue":
                    self.assertEqual((first, event["event.reason"]), (b"<", "spliced"))
                else:
                    self.assertEqual((first[0], event["event.reason"]), (ALERT, "no_shared_version"))

    def test_refuse_is_the_default(self):
        postern = self.postern([], legacy_tls=None, legacy_servers=None)
        with Wire(postern.port("imaps")) as wire:
            wire.send(ssl3_hello())
            self.assertEqual(wire.rest().encode("latin-1")[0], ALERT)
        event = postern.wait_events(1, "tls-handshake")[0]
        self.assertEqual((event["event.outcome"], event["event.reason"]), ("failure", "no_shared_version"))

    def test_check_says_who_is_handed_on_and_where_to(self):
        postern = self.postern([base.free_port(), base.free_port()])
        servers = ", ".join(postern.settings["listeners"][0]["legacy_servers"])
        said = run(harness.args.postern, "check", "-v", "--config", postern.config).stdout
        self.assertIn(f"\n  who shares none of it, untouched (legacy_tls: splice): to {servers}\n", said)

    def test_a_hello_in_sslv2s_format_is_refused_with_what_it_needs(self):
        postern = self.postern([], legacy_tls=None, legacy_servers=None)
        for pieces in (1, 2, 40):
            hello = ssl2_hello(0x0300)
            with self.subTest(pieces=pieces), Wire(postern.port("imaps")) as wire:
                for at in range(pieces):
                    wire.send(hello[at:at + 1] if at + 1 < pieces else hello[at:])
                self.assertEqual(wire.rest().encode("latin-1"), b"\x15\3\0\0\2\2\x28")
        for event in postern.wait_events(3, "tls-handshake", event__reason="not_tls"):
            self.assertEqual(event["postern.tls.needs"], "legacy_tls: splice, on an implicit listener")
            self.assertEqual(event["tls.client.supported_versions"], ["SSLv3"])


if __name__ == "__main__":
    harness.main()
