#!/usr/bin/env python3
"""30 MB through DATA, APPEND, FETCH and RETR over TLS arrive byte for byte.

Flow control and large transfers are where a relay loses, doubles or reorders bytes.
"""
import hashlib
import random

import harness
from harness import Dovecot, Postern, Postfix, login_imap, login_pop3, login_smtp, until

SIZE = 30 * 1000 * 1000
HEAD = b"From: bert@example.test\r\nTo: anna@example.test\r\nSubject: bulk\r\n\r\n"


def message(seed):
    """About 30 MB of lines, some of them with dots in front, so that stuffing has work to do."""
    pieces, size = [HEAD], len(HEAD)
    generator = random.Random(seed)
    while size < SIZE:
        line = (b"." * generator.choice((0, 0, 0, 1, 2))
                + generator.randbytes(36).hex().encode() + b"\r\n")
        pieces.append(line)
        size += len(line)
    return b"".join(pieces)


def digest(data):
    """Of the body alone: servers add lines of their own at the top. CRLF counts as LF."""
    body = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
    return hashlib.sha256(body).hexdigest()


class Bulk(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        cls.postern = cls.room.enter(Postern(
            cls.room,
            [{"name": "imap", "protocol": "imap", "tls": "required", "backend": "imap"},
             {"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "imap"},
             {"name": "pop3s", "protocol": "pop3", "tls": "implicit", "backend": "pop3"}],
            {"imap": cls.dovecot.imap_port, "pop3": cls.dovecot.pop3_port}))
        cls.data = message(7)

    def setUp(self):
        self.dovecot.empty()

    def test_append_and_fetch(self):
        for name, tls in (("imaps", "implicit"), ("imap", "starttls")):
            with self.subTest(listener=name):
                self.dovecot.empty()
                client = login_imap(self.room, self.postern.port(name), tls)
                client.select()
                self.assertEqual(client.append("INBOX", None, None, self.data)[0], "OK")
                client.noop()
                fetched = client.fetch("*", "(BODY.PEEK[])")[1][0][1]
                client.logout()
                self.assertEqual(len(fetched), len(self.data))
                self.assertEqual(hashlib.sha256(fetched).hexdigest(),
                                 hashlib.sha256(self.data).hexdigest())

    def test_retr(self):
        self.dovecot.deliver("bulk", self.data)
        client = login_pop3(self.room, self.postern.port("pop3s"), "implicit")
        lines = client.retr(1)[1]
        client.quit()
        got = b"\r\n".join(lines) + b"\r\n"
        self.assertEqual(hashlib.sha256(got).hexdigest(), hashlib.sha256(self.data).hexdigest())

    def test_data(self):
        postfix = self.room.enter(Postfix(self.room, self.dovecot))
        postern = self.room.enter(Postern(
            self.room,
            [{"name": "required", "protocol": "submission", "tls": "required",
              "backend": "smtp"},
             {"name": "implicit", "protocol": "submission", "tls": "implicit",
              "backend": "smtp"}], {"smtp": postfix.port}))
        for name, tls in (("required", "starttls"), ("implicit", "implicit")):
            with self.subTest(listener=name):
                self.dovecot.empty()
                client = login_smtp(self.room, postern.port(name), tls)
                client.sendmail("bert@example.test", ["anna@example.test"], self.data)
                client.quit()
                until(lambda: any("/new/" in str(path) for path in self.dovecot.messages()),
                      "the mail arrives", within=60)
                self.assertEqual(digest(self.dovecot.messages()[0].read_bytes()),
                                 digest(self.data))


if __name__ == "__main__":
    harness.main()
