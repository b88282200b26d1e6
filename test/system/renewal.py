#!/usr/bin/env python3
"""Renewed certificates are taken while sessions run: whichever way their files change, or when
somebody asks. A bad one is not taken, the one from before is served on, and that is said."""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import harness
from harness import HOSTNAME, FakeImap, Postern, Wire

SERVED_ON = "those from before are served on"


class Certificates(harness.TestCase):
    """What both kinds of test share."""
    made = 0

    @classmethod
    def arrange(cls):
        cls.backend = cls.room.enter(FakeImap()).port

    def issue(self, **how):
        """(chain, key, serial) of a certificate that nobody has yet."""
        Certificates.made += 1
        chain, key = self.room.certificate(stem=f"made-{self.made}", **how)
        shown = harness.run("openssl", "x509", "-in", chain, "-noout", "-serial").stdout
        return chain, key, shown.split("=")[1].strip().lstrip("0")

    def begin(self, lay=None, **top):
        """(postern, its folder, serial): its certificate lies there as chain.pem and key.pem, or
        as `lay(folder, chain, key)` has laid it and says."""
        folder = self.room.folder(f"live-{self.made}")
        chain, key, serial = self.issue()
        paths = (lay or self.copy)(folder, chain, key)
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"},
                        {"protocol": "imap", "tls": "required", "backend": "imap"}],
            {"imap": self.backend}, certificates=[paths], **top))
        self.assertEqual(self.served(postern), serial)
        return postern, folder, serial

    @staticmethod
    def copy(folder, chain, key):
        shutil.copy(chain, folder / "chain.pem")
        shutil.copy(key, folder / "key.pem")
        return folder / "chain.pem", folder / "key.pem"

    @staticmethod
    def replace(folder, chain, key):
        """By rename, as careful programs do."""
        for source, name in ((key, "key.pem"), (chain, "chain.pem")):
            shutil.copy(source, folder / "new")
            os.replace(folder / "new", folder / name)

    def served(self, postern):
        """The serial number of the certificate that a new client gets."""
        with Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as wire:
            return wire.socket.getpeercert()["serialNumber"].lstrip("0")


class Renewal(Certificates):
    def taken(self, postern, serial, count=1):
        """Waits until the certificate is the one served, and gives the event of that."""
        found = postern.wait_events(count, "certificate-change", event__outcome="success")[-1]
        self.assertEqual(found["tls.server.x509.serial_number"].lstrip("0"), serial.lower())
        self.assertEqual(found["tls.server.x509.alternative_names"], [HOSTNAME, "localhost"])
        self.assertEqual(self.served(postern), serial)
        return found

    def refused(self, postern, words):
        """Waits until a renewal has failed for good with these words, in the audit and on stderr."""
        def found():
            return [event for event in postern.events("certificate-change", event__outcome="failure")
                    if re.search(rf"^\S+/postern\.yaml:\d+:\d+: .*{words}", event["message"])]
        harness.until(found, f"a renewal fails: {words}")
        self.assertEqual(found()[0]["log.level"], "error")
        postern.says(rf"(?s) error .*{words}.* error .*{SERVED_ON}")

    def test_files_renamed_over_the_old_ones(self):
        postern, folder, _ = self.begin()
        for count in (1, 2):
            chain, key, serial = self.issue()
            self.replace(folder, chain, key)
            self.assertEqual(self.taken(postern, serial, count)["file.path"],
                             str(folder / "chain.pem"))

    def test_files_written_in_place(self):
        postern, folder, _ = self.begin()
        chain, key, serial = self.issue()
        self.copy(folder, chain, key)
        self.taken(postern, serial)

    def test_links_swapped_as_certbot_does(self):
        """live/NAME/fullchain.pem -> ../../archive/NAME/fullchain1.pem"""
        def lay(folder, chain, key):
            for name in ("archive/mail", "live/mail"):
                (folder / name).mkdir(parents=True)
            self.renew(folder, 1, chain, key)
            return folder / "live/mail/fullchain.pem", folder / "live/mail/privkey.pem"

        postern, folder, _ = self.begin(lay)
        for number in (2, 3):
            chain, key, serial = self.issue()
            self.renew(folder, number, chain, key)
            self.taken(postern, serial, number - 1)

    @staticmethod
    def renew(folder, number, chain, key):
        for source, name in ((chain, "fullchain"), (key, "privkey")):
            shutil.copy(source, folder / f"archive/mail/{name}{number}.pem")
            link = folder / f"live/mail/{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../archive/mail/{name}{number}.pem")

    def test_a_folder_swapped_as_kubernetes_does(self):
        """tls.crt -> ..data/tls.crt, ..data -> ..1, in one folder; ..data is renamed over."""
        def publish(folder, number, chain, key):
            (folder / f"..{number}").mkdir()
            shutil.copy(chain, folder / f"..{number}/tls.crt")
            shutil.copy(key, folder / f"..{number}/tls.key")
            (folder / "..new").symlink_to(f"..{number}")
            os.replace(folder / "..new", folder / "..data")
            if number > 1:
                shutil.rmtree(folder / f"..{number - 1}")

        def lay(folder, chain, key):
            publish(folder, 1, chain, key)
            for name in ("tls.crt", "tls.key"):
                (folder / name).symlink_to(f"..data/{name}")
            return folder / "tls.crt", folder / "tls.key"

        postern, folder, _ = self.begin(lay)
        for number in (2, 3):
            chain, key, serial = self.issue()
            publish(folder, number, chain, key)
            self.taken(postern, serial, number - 1)

    def test_a_folder_removed_and_made_again(self):
        postern, folder, old = self.begin()
        shutil.rmtree(folder)
        self.refused(postern, "cannot read .*chain.pem: No such file")
        self.assertEqual(self.served(postern), old)
        folder.mkdir()
        chain, key, serial = self.issue()
        self.copy(folder, chain, key)
        self.taken(postern, serial)
        chain, key, serial = self.issue()
        self.replace(folder, chain, key)
        self.taken(postern, serial, 2)

    def test_sighup(self):
        postern, folder, serial = self.begin()
        postern.signal(signal.SIGHUP)
        postern.says("all certificates are as before")
        self.assertEqual(self.served(postern), serial)
        self.assertFalse(postern.events("certificate-change"))
        (folder / "key.pem").write_text("garbage")
        postern.signal(signal.SIGHUP)
        self.refused(postern, "no private key in .*key.pem")
        self.assertEqual(self.served(postern), serial)

    def test_bad_ones_are_not_taken(self):
        postern, folder, old = self.begin()
        expired = self.issue(days=-1)
        other = self.issue()
        cases = (
            ("garbage", "no certificate in .*chain.pem",
             lambda: (folder / "chain.pem").write_text("garbage\n")),
            ("of another key", "does not belong to the first certificate",
             lambda: shutil.copy(other[0], folder / "chain.pem")),
            ("expired", "the new certificate has expired on",
             lambda: self.replace(folder, *expired[:2])))
        for name, words, change in cases:
            with self.subTest(name):
                change()
                self.refused(postern, words)
                self.assertEqual(self.served(postern), old)
        self.assertFalse(postern.events("certificate-change", event__outcome="success"))
        chain, key, serial = self.issue()
        self.replace(folder, chain, key)
        self.taken(postern, serial)

    def test_half_a_renewal_waits_for_the_other_half(self):
        postern, folder, old = self.begin()
        chain, key, serial = self.issue()
        shutil.copy(chain, folder / "chain.pem")
        postern.says("trying again")
        self.assertEqual(self.served(postern), old)
        shutil.copy(key, folder / "key.pem")
        self.taken(postern, serial)

    def test_sessions_go_on(self):
        postern, folder, _ = self.begin()
        with Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as new, \
                Wire(postern.port("imap-implicit"), tls=self.room.client_tls()) as inside, \
                Wire(postern.port("imap-required")) as gate:
            for wire in (new, inside, gate):
                wire.line()
            self.assertRegex(inside.imap("a LOGIN anna secret")[-1], "^a OK")
            chain, key, serial = self.issue()
            self.replace(folder, chain, key)
            self.taken(postern, serial)
            self.assertRegex(new.imap("a LOGIN berta secret")[-1], "^a OK")
            self.assertRegex(inside.imap("b NOOP")[-1], "^b OK")
            gate.starttls("imap", self.room.client_tls())
            self.assertEqual(gate.socket.getpeercert()["serialNumber"].lstrip("0"), serial)
            self.assertRegex(gate.imap("a LOGIN clara secret")[-1], "^a OK")
            for wire in (new, inside, gate):
                self.assertRegex(wire.imap("z LOGOUT")[-1], "^z OK")
                wire.rest()
        ends = postern.wait_events(3, "session-end")
        # A client that leaves with something unread resets its connection.
        self.assertLessEqual({end["event.reason"] for end in ends},
                             harness.PROPER_ENDS | {"client_reset"})

    def test_an_expired_one_stays_beside_another_that_is_renewed(self):
        """At start it is served; it must not keep the others from being renewed."""
        chain, key, _ = self.issue(names=("old.example.test",), days=-1)
        folder = self.room.folder("beside")
        first = self.issue()
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"}],
            {"imap": self.backend},
            certificates=[self.copy(folder, *first[:2]), (chain, key)]))
        second = self.issue()
        self.replace(folder, *second[:2])
        self.taken(postern, second[2])

    def test_an_end_that_comes_is_told_once_a_certificate(self):
        folder = self.room.folder("soon")
        soon = self.issue(days=10)
        postern = self.room.enter(Postern(
            self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"}],
            {"imap": self.backend}, certificates=[self.copy(folder, *soon[:2])]))
        told = postern.wait_events(1, "certificate-expiry")[0]
        self.assertEqual(told["event.reason"], "expires")
        self.assertRegex(told["message"], r": it expires in (9|10) days, on \d{4}-\d\d-\d\d ")
        self.assertEqual(told["file.path"], str(folder / "chain.pem"))
        postern.says(r" warn the certificate of .*: it expires in (9|10) days")
        postern.signal(signal.SIGHUP)
        postern.says("all certificates are as before")
        sooner = self.issue(days=2)
        self.replace(folder, *sooner[:2])
        self.assertRegex(postern.wait_events(2, "certificate-expiry")[1]["message"],
                         ": it expires in (1 day|2 days), on ")
        self.assertEqual(len(postern.events("certificate-expiry")), 2)


    def test_signals_of_a_service_do_not_end_one_that_still_starts(self):
        """Its settings come by a FIFO, so the start is as long as the test wants."""
        postern = Postern(self.room, [{"protocol": "imap", "tls": "implicit", "backend": "imap"}],
                          {"imap": self.backend})
        text = postern.config.read_text()
        postern.config.unlink()
        os.mkfifo(postern.config)
        postern.start(wait=False)
        self.addCleanup(postern.__exit__)

        def holds(number):
            status = pathlib.Path(f"/proc/{postern.pid}/status").read_text(encoding="ascii")
            return int(re.search(r"SigBlk:\s*(\w+)", status)[1], 16) >> (number - 1) & 1
        for number in (signal.SIGHUP, signal.SIGUSR1):
            harness.until(lambda n=number: holds(n), f"signal {number} is held")
            postern.signal(number)
        postern.config.write_text(text)
        postern.says("SIGHUP: reading the certificates anew")
        postern.says("ready, 2 workers")


class Load(Certificates):
    """Swapped again and again while clients come without end: none of them may see it."""
    SWAPS = 20
    SECONDS = 10  # that the other clients take, where they are built

    @classmethod
    def arrange(cls):
        super().arrange()
        program = pathlib.Path(harness.args.postern).parent / "test/mail_load"
        cls.program = program if program.exists() else None
        if cls.program:  # its server keeps up with its clients
            cls.backend = harness.free_port()
            ports = [f"--imap={cls.backend}"]
            ports += [f"--{name}={harness.free_port()}" for name in ("smtp", "pop3")]
            sink = subprocess.Popen([cls.program, "sink", *ports], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL)
            cls.addClassCleanup(sink.wait, 60)
            cls.addClassCleanup(sink.stdin.close)
            harness.until(lambda: harness.listens(cls.backend), "the sink listens")

    def test_no_handshake_fails_while_certificates_are_swapped(self):
        control = self.room.folder("control") / "admin.sock"
        postern, folder, first = self.begin(admin={"socket": str(control)})
        pair = [self.issue(), self.issue()]
        ended = threading.Event()
        seen, failures = collections.Counter({first: 0}), []
        threads = [threading.Thread(target=self.visit, args=(postern, ended, seen, failures))
                   for _ in range(2)]
        load = self.program and subprocess.Popen(
            [self.program, "run", "--port", str(postern.port("imap-implicit")), "--scenario", "visit",
             "--together", "16", "--seconds", str(self.SECONDS)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        if load:
            self.addCleanup(load.kill)
            load.stdout.readline()
            load.stdin.write("\n")
            load.stdin.flush()
        for thread in threads:
            thread.start()
        began = time.monotonic()
        try:
            for swap in range(self.SWAPS):
                self.replace(folder, *pair[swap % 2][:2])
                harness.run(harness.args.postern, "certificates", "reload", "--socket", control,
                            check=0)
                at = sum(seen.values())
                pause = swap * self.SECONDS / self.SWAPS if load else 0
                harness.until(lambda: failures or (sum(seen.values()) > at + 2 and
                                                   time.monotonic() >= began + pause), "clients come")
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(min(seen[serial] for _, _, serial in pair), 0, seen)
        self.assertLessEqual(set(seen), {first, pair[0][2], pair[1][2]})
        if load:
            report = json.loads(load.stdout.readline())
            load.communicate("\n", timeout=60)
            self.assertEqual(report["errors"], 0, report["reasons"])
            print(f"{report['handshakes'] / report['seconds']:.0f} handshakes a second for "
                  f"{report['seconds']:.0f} s,", end=" ")
        print(f"{self.SWAPS} swaps", end=" ", flush=True)
        self.assertFalse(postern.events("certificate-change", event__outcome="failure"))
        self.assertFalse(postern.events("tls-handshake"))

    def visit(self, postern, ended, seen, failures):
        context = self.room.client_tls()
        while not ended.is_set():
            try:
                with Wire(postern.port("imap-implicit"), tls=context) as wire:
                    serial = wire.socket.getpeercert()["serialNumber"].lstrip("0")
                    if not wire.line():
                        raise AssertionError("no greeting")
                seen[serial] += 1
            except Exception as error:  # whatever it is, a client has seen it
                failures.append(repr(error))
                return


if __name__ == "__main__":
    harness.main()
