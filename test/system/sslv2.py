#!/usr/bin/env python3
"""A ClientHello in SSLv2's format, as Java 6 and OpenSSL 0.9 send it, and the TLS 1.0 behind it: to the
island's networks a session like any other, to others a refusal whose event says what it needs."""
import hashlib
import hmac
import os
import re
import subprocess

import harness
from harness import PASSWORD, USER, FakeImap, Postern, Wire

INSIDE, OUTSIDE = "127.0.0.2", "127.0.0.3"
VERSION = b"\3\1"
CHANGE, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
AES_128 = b"\0\0\x2f"  # TLS_RSA_WITH_AES_128_CBC_SHA, in three octets


def stretch(name, secret, seed, size):
    """P_hash (RFC 2246 section 5)."""
    out, a = b"", seed
    while len(out) < size:
        a = hmac.new(secret, a, name).digest()
        out += hmac.new(secret, a + seed, name).digest()
    return out[:size]


def prf(secret, label, seed, size):
    half = (len(secret) + 1) // 2
    return bytes(x ^ y for x, y in zip(stretch("md5", secret[:half], label + seed, size),
                                       stretch("sha1", secret[-half:], label + seed, size)))


class Chain:
    """AES in CBC, whose next IV is the last block (TLS 1.0), with openssl's own program."""

    def __init__(self, key, iv):
        self.key, self.iv = key, iv

    def turn(self, way, text):
        done = subprocess.run(["openssl", "enc", "-aes-128-cbc", way, "-nopad", "-K", self.key.hex(), "-iv",
                               self.iv.hex()], input=text, stdout=subprocess.PIPE, check=True).stdout
        self.iv = (done if way == "-e" else text)[-16:]
        return done


class OldClient:
    """TLS 1.0 with RSA key exchange over `wire`, begun in SSLv2's format."""

    def __init__(self, wire):
        self.socket = wire.socket
        self.challenge = os.urandom(32)
        self.sequence = 0
        self.heard = b""  # of the handshake, all of it

    def hello(self):
        body = b"\1" + VERSION + len(AES_128).to_bytes(2, "big") + b"\0\0\0\x20" + AES_128 + self.challenge
        self.heard = body
        return (0x8000 | len(body)).to_bytes(2, "big") + body

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, f"postern has closed behind {data!r}"
            data += more
        return data

    def record(self):
        head = self.exactly(5)
        return head[0], self.exactly(int.from_bytes(head[3:], "big"))

    def send(self, kind, body):
        self.socket.sendall(bytes([kind]) + VERSION + len(body).to_bytes(2, "big") + body)

    def seal(self, kind, text):
        head = bytes([kind]) + VERSION + len(text).to_bytes(2, "big")
        text += hmac.new(self.mac, self.sequence.to_bytes(8, "big") + head + text, "sha1").digest()
        self.sequence += 1
        padding = 15 - len(text) % 16
        self.send(kind, self.out.turn("-e", text + bytes([padding]) * (padding + 1)))

    def open(self):
        kind, body = self.record()
        if kind == CHANGE:
            return kind, body
        text = self.into.turn("-d", body)
        return kind, text[:-1 - text[-1] - 20]

    def messages(self):
        """The server's first flight, by type."""
        found, rest = {}, b""
        while 14 not in found:
            kind, body = self.record()
            assert kind == HANDSHAKE, (kind, body)
            rest += body
            while len(rest) >= 4 and len(rest) >= (size := 4 + int.from_bytes(rest[1:4], "big")):
                found[rest[0]], rest = rest[4:size], rest[size:]
            self.heard += body
        return found

    def shake_hands(self, pieces):
        hello = self.hello()
        for at in range(pieces):
            self.socket.sendall(hello[at:at + 1] if at + 1 < pieces else hello[at:])
        told = self.messages()
        server = told[2]
        assert server[:2] == VERSION, server
        leaf = told[11][6:6 + int.from_bytes(told[11][3:6], "big")]
        words = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-modulus"], input=leaf,
                               stdout=subprocess.PIPE, check=True).stdout.decode()
        modulus = int(re.fullmatch(r"Modulus=([0-9A-F]+)\s*", words)[1], 16)
        size = (modulus.bit_length() + 7) // 8
        secret = VERSION + os.urandom(46)
        filling = bytes(1 + octet % 255 for octet in os.urandom(size - 3 - len(secret)))
        padded = b"\0\2" + filling + b"\0" + secret
        sealed = pow(int.from_bytes(padded, "big"), 65537, modulus).to_bytes(size, "big")
        message = b"\x10" + (size + 2).to_bytes(3, "big") + size.to_bytes(2, "big") + sealed
        self.heard += message
        self.send(HANDSHAKE, message)
        self.send(CHANGE, b"\1")
        randoms = self.challenge, server[2:34]
        master = prf(secret, b"master secret", b"".join(randoms), 48)
        keys = prf(master, b"key expansion", b"".join(randoms[::-1]), 104)
        self.mac = keys[:20]
        self.out, self.into = Chain(keys[40:56], keys[72:88]), Chain(keys[56:72], keys[88:])
        finished = b"\x14\0\0\x0c" + self.digest(master, b"client finished")
        self.seal(HANDSHAKE, finished)
        self.heard += finished
        while True:
            kind, body = self.open() if hasattr(self, "changed") else self.record()
            if kind == CHANGE:
                self.changed = True
            elif body[0] == 4:  # a ticket, which comes in clear
                self.heard += body
            else:
                break
        assert body == b"\x14\0\0\x0c" + self.digest(master, b"server finished"), body

    def digest(self, master, label):
        return prf(master, label, hashlib.md5(self.heard).digest() + hashlib.sha1(self.heard).digest(), 12)

    def until(self, words):
        text = b""
        while words not in text:
            kind, body = self.open()
            assert kind == DATA, (kind, body)
            text += body
        return text


class Sslv2(harness.TestCase):
    @classmethod
    def arrange(cls):
        usage = ("keyUsage=critical,digitalSignature,keyEncipherment",)
        cls.imap = cls.room.enter(FakeImap())
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"name": "imaps", "protocol": "imap", "tls": "implicit", "backend": "imap"},
                       {"name": "imap", "protocol": "imap", "tls": "required", "backend": "imap"}],
            {"imap": cls.imap.port}, certificates=[cls.room.certificate("rsa", more=usage)],
            rules=[{"name": "museum", "from": [INSIDE], "profile": "legacy", "min_version": "1.0"}]))

    def wire(self, listener, source):
        wire = Wire(self.postern.port(listener), source=source)
        if listener == "imap":
            wire.line()
            wire.send(b"s STARTTLS\r\n")
            self.assertTrue(wire.line().startswith("s OK"))
        return wire

    def test_the_island_logs_it_in(self):
        for listener in ("imaps", "imap"):
            for pieces in (1, 2, 30):
                with self.subTest(listener=listener, pieces=pieces), self.wire(listener, INSIDE) as wire:
                    client = OldClient(wire)
                    client.shake_hands(pieces)
                    if listener == "imaps":
                        client.until(b"* OK")
                    client.seal(DATA, f"a LOGIN {USER} {PASSWORD}\r\n".encode())
                    client.until(b"a OK")
        for login in self.postern.wait_events(6, "login"):
            self.assertEqual((login["tls.version"], login["tls.cipher"], login["postern.policy.rule"]),
                             ("1.0", "TLS_RSA_WITH_AES_128_CBC_SHA", "museum"))

    def test_outside_it_is_refused_with_what_it_needs(self):
        for number, listener in enumerate(("imaps", "imap")):
            with self.subTest(listener=listener), self.wire(listener, OUTSIDE) as wire:
                wire.send(OldClient(wire).hello())
                self.assertEqual(wire.rest().encode("latin-1"), bytes([ALERT]) + VERSION + b"\0\2\2\x28")
                event = self.postern.wait_events(number + 1, "tls-handshake")[number]
                self.assertEqual(event["event.reason"], "not_tls")
                self.assertEqual(event["tls.client.supported_versions"], ["1.0"])
                self.assertEqual(event["tls.client.supported_ciphers"], ["TLS_RSA_WITH_AES_128_CBC_SHA"])
                self.assertEqual(event["postern.tls.needs"], "profile: legacy and min_version: 1.0 by a rule")
        self.assertEqual(self.postern.events("starttls-injection"), [])


if __name__ == "__main__":
    harness.main()
