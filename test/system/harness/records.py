"""TLS records made by hand, behind a proper handshake of Python's own TLS: what no library sends.

Python does the handshake and goes on to read; the client's way to write is taken over with the keys
that it exported. For the suites with AES-GCM, which every client and server have.
"""
import ctypes
import hashlib
import hmac
import pathlib
import ssl
import struct
import unittest

from .wire import Wire, client_hello

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
SUITE_12 = "ECDHE-ECDSA-AES128-GCM-SHA256"
# Octets of the key, and the hash, by suite.
SUITES = {SUITE_12: (16, "sha256"), "TLS_AES_128_GCM_SHA256": (16, "sha256"),
          "TLS_AES_256_GCM_SHA384": (32, "sha384")}
TAG = 16


def record(kind, body, version=0x0303):
    """A record in clear."""
    return struct.pack("!BHH", kind, version, len(body)) + body


def bodies(stream):
    """(kind, body) of each whole record in `stream`."""
    at = 0
    while at + 5 <= len(stream):
        kind, _, size = struct.unpack_from("!BHH", stream, at)
        yield kind, stream[at + 5:at + 5 + size]
        at += 5 + size


def _libcrypto():
    for name in ("libcrypto.so.3", "libcrypto.so.1.1"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
        library.EVP_aes_128_gcm.restype = ctypes.c_void_p
        library.EVP_aes_256_gcm.restype = ctypes.c_void_p
        return library
    raise unittest.SkipTest("OpenSSL's libcrypto is not installed")


def _seal(key, nonce, plain, extra):
    """AES-GCM (NIST SP 800-38D): the ciphertext, then its tag."""
    library = _libcrypto()
    cipher = library.EVP_aes_128_gcm() if len(key) == 16 else library.EVP_aes_256_gcm()
    context = ctypes.c_void_p(library.EVP_CIPHER_CTX_new())
    out, size = ctypes.create_string_buffer(len(plain) + TAG), ctypes.c_int()
    tag, get_tag = ctypes.create_string_buffer(TAG), 0x10
    try:
        good = library.EVP_EncryptInit_ex(context, ctypes.c_void_p(cipher), None, key, nonce)
        good &= library.EVP_EncryptUpdate(context, None, ctypes.byref(size), extra, len(extra))
        if plain:
            good &= library.EVP_EncryptUpdate(context, out, ctypes.byref(size), plain, len(plain))
        good &= library.EVP_EncryptFinal_ex(context, ctypes.create_string_buffer(TAG),
                                            ctypes.byref(size))
        good &= library.EVP_CIPHER_CTX_ctrl(context, get_tag, TAG, tag)
    finally:
        library.EVP_CIPHER_CTX_free(context)
    if good != 1:
        raise AssertionError("libcrypto did not encrypt")
    return out.raw[:len(plain)] + tag.raw


def _expand(secret, label, size, digest):
    """HKDF-Expand-Label of RFC 8446 section 7.1, with no context; one block is enough here."""
    name = b"tls13 " + label
    info = struct.pack("!HB", size, len(name)) + name + b"\0"
    return hmac.digest(secret, info + b"\1", digest)[:size]


def _prf(secret, label, seed, size):
    """P_SHA256 of RFC 5246 section 5."""
    seed, out, block = label + seed, b"", label + seed
    while len(out) < size:
        block = hmac.digest(secret, block, "sha256")
        out += hmac.digest(secret, block + seed, "sha256")
    return out[:size]


def smtp_starttls(wire):
    """SMTP's way to the handshake, for RecordWire's `begin`."""
    wire.smtp()
    wire.smtp("EHLO attacker.example.test")
    wire.smtp("STARTTLS")


class RecordWire(Wire):
    """A client whose TLS handshake is done, and whose records are the test's own from then on.

    `begin(wire)` runs in clear before the handshake (STARTTLS). What comes is read as in Wire.
    """

    def __init__(self, room, port, version, begin=None, **options):
        super().__init__(port, **options)
        self.tls = None
        try:
            if begin:
                begin(self)
            self._shake_hands(room, version)
        except BaseException:
            self.close()
            raise

    def _shake_hands(self, room, version):
        context = room.client_tls()
        context.minimum_version = context.maximum_version = version
        if version == ssl.TLSVersion.TLSv1_2:
            context.set_ciphers(SUITE_12)
        log = room.path / f"keys-{id(self)}"
        context.keylog_filename = str(log)
        self.is_13 = version == ssl.TLSVersion.TLSv1_3
        self.tls, self.hello, self._incoming, self._outgoing = client_hello(context)
        self.socket.sendall(self.hello)
        server = b""
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError("closed in the handshake")
            server += data
            self._incoming.write(data)
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(self._outgoing.read())
        self.socket.sendall(self._outgoing.read())
        self._take_keys(server, log)

    def _take_keys(self, server, log):
        name = self.tls.cipher()[0]
        if name not in SUITES:
            raise unittest.SkipTest(f"the suite is {name}")
        self._key_size, self._digest = SUITES[name]
        secrets = {}
        for line in pathlib.Path(log).read_text(encoding="ascii").splitlines():
            if not line.startswith("#"):
                kind, _, secret = line.split(" ")
                secrets[kind] = bytes.fromhex(secret)
        log.unlink()
        if self.is_13:
            self._secret = secrets["CLIENT_TRAFFIC_SECRET_0"]
            self._use_secret()
            return
        # Both randoms stand behind a record's header (5), a message's (4) and the version (2).
        client, other = self.hello[11:43], server[11:43]
        block = _prf(secrets["CLIENT_RANDOM"], b"key expansion", other + client, 40)
        self._key, self._iv, self._count = block[:16], block[32:36], 1  # 0 was Finished

    def _use_secret(self):
        self._key = _expand(self._secret, b"key", self._key_size, self._digest)
        self._iv = _expand(self._secret, b"iv", 12, self._digest)
        self._count = 0

    def sealed(self, kind, plain):
        """One encrypted record."""
        count = struct.pack("!Q", self._count)
        self._count += 1
        if self.is_13:
            head = struct.pack("!BHH", DATA, 0x0303, len(plain) + 1 + TAG)
            nonce = bytes(a ^ b for a, b in zip(self._iv, b"\0" * 4 + count))
            return head + _seal(self._key, nonce, plain + bytes([kind]), head)
        extra = count + struct.pack("!BHH", kind, 0x0303, len(plain))
        body = count + _seal(self._key, self._iv + count, plain, extra)
        return record(kind, body)

    def send(self, data):
        """Application data, encrypted; in clear before the handshake."""
        if self.tls is None:
            return super().send(data)
        return self.send_raw(self.sealed(DATA, data.encode() if isinstance(data, str) else data))

    def send_raw(self, data):
        self.socket.sendall(data)
        return self

    def key_update(self, asks=True):
        """A KeyUpdate (RFC 8446 section 4.6.3) as a record; what is sealed next has the new key."""
        sent = self.sealed(HANDSHAKE, b"\x18\0\0\1" + bytes([asks]))
        self._secret = _expand(self._secret, b"traffic upd",
                               hashlib.new(self._digest).digest_size, self._digest)
        self._use_secret()
        return sent

    def _more(self):
        """Reads plain text; False at any end: close_notify, an alert, a cut."""
        if self.tls is None:
            return super()._more()
        while True:
            try:
                data = self.tls.read(65536)
                self.buffer += data
                return bool(data)
            except ssl.SSLWantReadError:
                got = self.socket.recv(65536)
                if not got:
                    return False
                self._incoming.write(got)
