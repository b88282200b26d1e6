#!/usr/bin/env python3
"""What somebody on the wire sees: a login in clear shows name and password, one over TLS neither.

A capture of the clients' side alone, by tcpdump on loopback. The first half of each test shows that
the capture would find a password; the second that TLS leaves none to find.
"""
import getpass
import signal
import struct
import subprocess
import time
import unittest

import harness
from harness import Postern, open_imap, open_pop3, open_smtp, shapes

NAME, PASSWORD = "sniffed.anna", "sniffed-secret-7781"


PCAP_HEADER, PACKET_HEADER = 24, 16


def streams(capture):
    """The TCP payload of each direction of each connection, in order, out of a capture file."""
    data = capture.read_bytes()
    magic, link = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
    assert magic == 0xA1B2C3D4 and link == 1, (hex(magic), link)
    found, at = {}, PCAP_HEADER
    while at + PACKET_HEADER <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        packet = data[at + PACKET_HEADER:at + PACKET_HEADER + length]
        at += PACKET_HEADER + length
        if packet[12:14] != b"\x08\x00":
            continue
        ip = packet[14:]
        head = (ip[0] & 15) * 4
        total = struct.unpack_from(">H", ip, 2)[0]
        tcp = ip[head:total]
        source, destination, sequence = struct.unpack_from(">HHI", tcp)
        payload = tcp[(tcp[12] >> 4) * 4:]
        if payload:
            found.setdefault((source, destination), {})[sequence] = payload
    return [b"".join(parts[key] for key in sorted(parts)) for parts in found.values()]


class Sniffer(harness.TestCase):
    @classmethod
    def arrange(cls):
        harness.need("tcpdump")
        cls.end_capture(cls.begin_capture([harness.free_port()]))

    def setUp(self):
        self.imap = self.room.enter(harness.FakeImap())
        self.pop3 = self.room.enter(harness.FakePop3())
        self.smtp = self.room.enter(harness.FakeSmtp())

    @classmethod
    def begin_capture(cls, ports):
        """tcpdump at work on these ports of the loopback interface; skips where it may not."""
        words = [harness.tool("tcpdump"), "-i", "lo", "-U", "--immediate-mode", "-s", "0", "-n",
                 "-w", str(cls.room.path / "capture.pcap"), "-Z", getpass.getuser(),
                 " or ".join(f"tcp port {port}" for port in ports)]
        tcpdump = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        said = ""
        while "listening on" not in said:
            line = tcpdump.stderr.readline()
            if not line:
                cls.end_capture(tcpdump)
                raise unittest.SkipTest(f"no capture is permitted here: {said.strip()}")
            said += line
        return tcpdump

    @staticmethod
    def end_capture(tcpdump):
        if tcpdump.poll() is None:
            tcpdump.send_signal(signal.SIGINT)
        tcpdump.wait(10)
        tcpdump.stderr.close()

    def capture(self, ports, action):
        """The streams seen on these ports while `action` runs."""
        tcpdump = self.begin_capture(ports)
        try:
            action()
            harness.until(lambda: self._settled(self.room.path / "capture.pcap"),
                          "the capture is written")
        finally:
            self.end_capture(tcpdump)
        return streams(self.room.path / "capture.pcap")

    def _settled(self, path):
        """The file has stopped growing."""
        before = path.stat().st_size
        time.sleep(0.3)
        return before > PCAP_HEADER and path.stat().st_size == before

    def listeners(self, protocol, backend):
        return self.room.enter(Postern(self.room, [
            {"name": "observe", "protocol": protocol, "tls": "optional", "backend": "old",
             "cleartext_login": "observe"},
            {"name": "required", "protocol": protocol, "tls": "required", "backend": "old"},
            {"name": "implicit", "protocol": protocol, "tls": "implicit", "backend": "old"}],
            {"old": backend.port}))

    def compare(self, protocol, backend, logins):
        """Each of `logins` (functions of port and kind of TLS), in clear and over TLS."""
        postern = self.listeners(protocol, backend)
        ports = list(postern.ports.values())
        for login in logins:
            for listener, tls in (("observe", "none"), ("observe", "starttls"),
                                  ("required", "starttls"), ("implicit", "implicit")):
                with self.subTest(login=login.__name__, listener=listener, tls=tls):
                    seen = self.capture(ports, lambda: login(postern.port(listener), tls))
                    self.assertGreaterEqual(len(seen), 2)
                    everything = b"\n".join(seen)
                    for secret in (NAME, PASSWORD):
                        visible = any(shape in everything for shape in shapes(secret))
                        self.assertEqual(visible, tls == "none", (secret, everything[:2000]))
        # The backend's side, which is clear by design, did see each login.
        self.assertTrue(any(shape in backend.everything() for shape in shapes(PASSWORD)))

    def test_imap(self):
        def login_command(port, tls):
            client = open_imap(self.room, port, tls)
            client.login(NAME, PASSWORD)
            client.logout()

        def authenticate_plain(port, tls):
            client = open_imap(self.room, port, tls)
            client.authenticate("PLAIN", lambda _: f"\0{NAME}\0{PASSWORD}".encode())
            client.logout()

        self.compare("imap", self.imap, [login_command, authenticate_plain])

    def test_pop3(self):
        def user_and_pass(port, tls):
            client = open_pop3(self.room, port, tls)
            client.user(NAME)
            client.pass_(PASSWORD)
            client.quit()

        self.compare("pop3", self.pop3, [user_and_pass])

    def test_smtp(self):
        def auth_plain(port, tls):
            client = open_smtp(self.room, port, tls)
            client.ehlo()
            client.user, client.password = NAME, PASSWORD
            client.auth("PLAIN", client.auth_plain)
            client.quit()

        self.compare("submission", self.smtp, [auth_plain])


if __name__ == "__main__":
    harness.main()
