#!/usr/bin/env python3
"""Workers share what must be shared: a TLS session resumes on any of them, and a second postern on
the same address is refused instead of taking half of its clients in silence."""
import harness
from harness import FakeImap, FakeSmtp, Postern, Wire, args, run, s_client

TURNS = 12  # with two workers, all on one of them by chance: 1 in 2,000


class Workers(harness.TestCase):
    @classmethod
    def arrange(cls):
        fakes = {"imap": cls.room.enter(FakeImap()), "smtp": cls.room.enter(FakeSmtp())}
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                       {"protocol": "imap", "tls": "required", "backend": "imap"},
                       {"protocol": "smtp", "tls": "implicit", "backend": "smtp"}],
            {name: fake.port for name, fake in fakes.items()}, workers=2))

    def connect(self, listener, version, *more, starttls=None, stdin="a NOOP\nb LOGOUT\n"):
        done = s_client(self.room, self.postern.port(listener), starttls, stdin=stdin,
                        more=(version, *more))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_tls_session_resumes_on_any_worker(self):
        for listener, starttls in (("imap-implicit", None), ("imap-required", "imap")):
            for version in ("-tls1_2", "-tls1_3"):
                with self.subTest(listener=listener, version=version):
                    kept = self.room.path / f"session{version}{listener}"
                    first = self.connect(listener, version, "-sess_out", kept, starttls=starttls)
                    self.assertRegex(first, "(?m)^New, TLS")
                    for _ in range(TURNS):
                        again = self.connect(listener, version, "-sess_in", kept,
                                             starttls=starttls)
                        self.assertRegex(again, "(?m)^Reused, TLS")
        harness.until(lambda: len(self.postern.events("session-end", tls__resumed=True)) == 4 * TURNS,
                      "each of them is told of")

    def test_a_session_of_imap_does_not_resume_for_smtp(self):
        kept = self.room.path / "session-foreign"
        self.connect("imap-implicit", "-tls1_3", "-sess_out", kept)
        text = self.connect("smtp-implicit", "-tls1_3", "-sess_in", kept,
                            stdin="EHLO c\nQUIT\n")
        self.assertRegex(text, "(?m)^New, TLS")

    def test_a_second_postern_on_the_same_address_fails(self):
        done = run(args.postern, "run", "--config", self.postern.config)
        self.assertEqual(done.returncode, 1, done.stderr)
        port = self.postern.port("imap-implicit")
        self.assertRegex(done.stderr, rf"127\.0\.0\.1 port {port}: .*in use")
        for _ in range(6):
            with Wire(self.postern.port("imap-required")) as wire:
                self.assertRegex(wire.line(), r"^\* OK")

    def test_both_workers_serve(self):
        """Seen from outside: the kernel has two sockets that listen on each port."""
        port = self.postern.port("imap-implicit")
        with open("/proc/net/tcp", encoding="ascii") as lines:
            listening = [line for line in lines
                         if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")]
        self.assertEqual(len(listening), 2)


if __name__ == "__main__":
    harness.main()
