#!/usr/bin/env python3
"""mbsync fetches 200 messages, by imaps and by STARTTLS: a client that pipelines for real."""
import harness
from harness import PASSWORD, USER, Dovecot, Postern, run

COUNT = 200

CONFIG = """\
IMAPAccount old
Host localhost
Port {port}
User {user}
Pass "{password}"
{type_key} {type}
CertificateFile {ca}
SystemCertificates no

IMAPStore far
Account old

MaildirStore near
Path {near}/
Inbox {near}/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState *
"""


def type_words(way):
    """isync 1.5 renamed the key and its values."""
    version = run("mbsync", "--version").stdout.split()[-1]
    if tuple(int(part) for part in version.split(".")[:2]) >= (1, 5):
        return "TLSType", "IMAPS" if way == "implicit" else "STARTTLS"
    return "SSLType", "IMAPS" if way == "implicit" else "STARTTLS"


class Sync(harness.TestCase):
    @classmethod
    def arrange(cls):
        harness.need("mbsync")
        cls.dovecot = cls.room.enter(Dovecot(cls.room))
        for number in range(COUNT):
            cls.dovecot.deliver(f"m{number}", f"Subject: {number}\r\n\r\nbody {number}\r\n"
                                .encode() + b"x" * (number * 37 % 3000) + b"\r\n")
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": mode, "backend": "imap"}
                       for mode in ("implicit", "required", "optional")],
            {"imap": cls.dovecot.imap_port}))

    def sync(self, mode, way):
        near = self.room.folder(f"near-{mode}")
        key, kind = type_words(way)
        config = self.room.path / f"mbsyncrc-{mode}"
        config.write_text(CONFIG.format(
            port=self.postern.port(f"imap-{mode}"), user=USER, password=PASSWORD, type_key=key,
            type=kind, ca=self.room.ca(), near=near))
        run("mbsync", "-c", config, "all", check=0)
        bodies = set()
        for part in ("new", "cur"):
            for path in (near / "INBOX" / part).iterdir():
                data = path.read_text()
                bodies.add(data.split("Subject: ", 1)[1].split("\n", 1)[0])
        self.assertEqual(bodies, {str(number) for number in range(COUNT)})

    def test_imaps(self):
        self.sync("implicit", "implicit")

    def test_starttls_on_required(self):
        self.sync("required", "starttls")

    def test_starttls_on_optional(self):
        self.sync("optional", "starttls")


if __name__ == "__main__":
    harness.main()
