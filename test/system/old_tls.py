#!/usr/bin/env python3
"""Clients of every age, with openssl's and GnuTLS's own programs: TLS 1.0 to 1.3, CBC, RSA key exchange
and 3DES, from a rule's addresses (the island) and from others. What is refused says in its event what it
would need; every event of the island names its rule."""
import socket
import threading

import harness
from harness import FakeImap, FakeSmtp, Postern, run

INSIDE, OUTSIDE = "127.0.0.2", "127.0.0.3"
ALL = "ALL:@SECLEVEL=0"
CBC = "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"
RSA = "AES128-SHA:AES256-SHA:@SECLEVEL=0"
RSA_GCM = "AES128-GCM-SHA256:@SECLEVEL=0"
# From inside and outside: the suite that is used, or what the event says is needed.
BY_OPENSSL = [
    (("-tls1_3",), "TLS_AES_", "TLS_AES_"),
    (("-tls1_2",), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (("-tls1_2", "-cipher", CBC), "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "needs profile: legacy"),
    (("-tls1_2", "-cipher", RSA), "TLS_RSA_WITH_AES_128_CBC_SHA",
     "needs profile: legacy by a rule"),
    (("-tls1_2", "-cipher", RSA_GCM), "TLS_RSA_WITH_AES_128_GCM_SHA256",
     "needs profile: legacy by a rule"),
    (("-tls1_2", "-cipher", "DHE-RSA-AES128-SHA:@SECLEVEL=0"),
     "needs legacy_tls: splice, on an implicit listener",
     "needs legacy_tls: splice, on an implicit listener"),
    (("-tls1_1", "-cipher", ALL), "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
     "needs min_version: 1.1 by a rule"),
    (("-tls1_1", "-cipher", RSA), "TLS_RSA_WITH_AES_128_CBC_SHA",
     "needs profile: legacy and min_version: 1.1 by a rule"),
    (("-tls1", "-cipher", ALL), "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
     "needs min_version: 1.0 by a rule"),
    (("-tls1", "-cipher", RSA), "TLS_RSA_WITH_AES_128_CBC_SHA",
     "needs profile: legacy and min_version: 1.0 by a rule"),
]
OLD_RSA = "NORMAL:-VERS-ALL:+VERS-TLS1.{}:-KX-ALL:+RSA:-CIPHER-ALL:+{}:%COMPAT"
BY_GNUTLS = [
    ("NORMAL:-VERS-ALL:+VERS-TLS1.3", "TLS_AES_", "TLS_AES_"),
    ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLS_ECDHE_", "TLS_ECDHE_"),
    (OLD_RSA.format(2, "3DES-CBC"), "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
     "needs profile: legacy by a rule"),
    (OLD_RSA.format(1, "AES-256-CBC"), "TLS_RSA_WITH_AES_256_CBC_SHA",
     "needs profile: legacy and min_version: 1.1 by a rule"),
    (OLD_RSA.format(0, "3DES-CBC"), "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
     "needs profile: legacy and min_version: 1.0 by a rule"),
    (OLD_RSA.format(0, "ARCFOUR-128"), "needs legacy_tls: splice, on an implicit listener",
     "needs legacy_tls: splice, on an implicit listener"),
]


class Way:
    """A port whose connections reach `port` from `source`: for clients that cannot choose theirs."""

    def __init__(self, port, source):
        self.port, self.source = port, source
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.own = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self.own

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port),
                                              source_address=(self.source, 0))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    @staticmethod
    def carry(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class OldTls(harness.TestCase):
    @classmethod
    def arrange(cls):
        usage = ("keyUsage=critical,digitalSignature,keyEncipherment",)
        cls.postern = cls.room.enter(Postern(
            cls.room,
            [{"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "imap"},
             {"name": "smtp", "protocol": "submission", "tls": "required", "backend": "smtp"}],
            {"imap": cls.room.enter(FakeImap()).port, "smtp": cls.room.enter(FakeSmtp()).port},
            certificates=[cls.room.certificate("rsa", more=usage),
                          cls.room.certificate("ecdsa", more=usage[:0])],
            rules=[{"name": "museum", "from": [INSIDE], "profile": "legacy", "min_version": "1.0"}]))

    def expect(self, source, seen, wanted):
        """The event of the one handshake since `seen` events, or what it is that it would need."""
        end = self.postern.wait_events(seen + 1, "session-end", source__ip=source)[seen]
        self.assertEqual(end.get("postern.policy.rule"), "museum" if source == INSIDE else None)
        if not wanted.startswith("needs "):
            self.assertTrue(end["tls.cipher"].startswith(wanted), end)
            self.assertEqual("tls.curve" in end, not wanted.startswith("TLS_RSA_"))
            return
        self.assertEqual(end["event.reason"], "handshake_failed")
        failed = self.postern.events("tls-handshake",
                                     postern__session_id=end["postern.session_id"])
        self.assertEqual([f"needs {event.get('postern.tls.needs')}" for event in failed], [wanted])

    def each(self, table, connect):
        """connect(client, source) of each row, from inside and outside."""
        for client, inside, outside in table:
            for source, wanted in ((INSIDE, inside), (OUTSIDE, outside)):
                with self.subTest(client=client, source=source):
                    seen = len(self.postern.events("session-end", source__ip=source))
                    done = connect(client, source)
                    self.assertEqual(done.returncode == 0, not wanted.startswith("needs "),
                                     done.stdout + done.stderr)
                    self.expect(source, seen, wanted)

    def test_openssl(self):
        for listener, starttls in (("imaps", ()), ("smtp", ("-starttls", "smtp"))):
            port = self.postern.port(listener)
            self.each(BY_OPENSSL, lambda client, source: run(
                "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-bind", f"{source}:0",
                "-CAfile", self.room.ca(), *client, *starttls))

    def test_gnutls(self):
        harness.need("gnutls-cli")

        def connect(client, source):
            with Way(self.postern.port("imaps"), source) as port:
                return run("gnutls-cli", "--x509cafile", self.room.ca(), "--priority", client,
                           "--verify-hostname", harness.HOSTNAME, "--port", port, "127.0.0.1")
        self.each(BY_GNUTLS, connect)


if __name__ == "__main__":
    harness.main()
