"""Scripted backends: each connection runs a function in a thread of its own."""
import re
import socket
import threading

from . import base


class Peer:
    """One accepted connection of a fake backend."""

    def __init__(self, connection):
        self.socket = connection
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def line(self):
        """The next line without its CRLF, None at the end of the stream."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def exactly(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                break
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def wait_for_end(self):
        """Reads until the other side closes; gives what came."""
        data, self.buffer = self.buffer, b""
        while more := self.socket.recv(65536):
            data += more
        return data


class Fake:
    """A backend on a free port; `script(peer)` is run for each connection.

    `accepted` counts connections; `received` holds all bytes that came, a bytearray a connection.
    """

    def __init__(self, script, backlog=128):
        self.script = script
        self.accepted = 0
        self.received = []
        self.port = base.free_port()
        self._open = set()
        self._socket = socket.create_server(("127.0.0.1", self.port), backlog=backlog)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(60)
            self.accepted += 1
            record = bytearray()
            self.received.append(record)
            threading.Thread(target=self._serve, args=(connection, record), daemon=True).start()

    def _serve(self, connection, record):
        self._open.add(connection)
        peer = Peer(_Recorder(connection, record))
        try:
            self.script(peer)
        except (OSError, ValueError):
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def everything(self):
        """All bytes of all connections, joined."""
        return b"".join(bytes(record) for record in self.received)


class _Recorder:
    """A socket that keeps what it received."""

    def __init__(self, connection, record):
        self._connection, self._record = connection, record

    def recv(self, size):
        data = self._connection.recv(size)
        self._record += data
        return data

    def __getattr__(self, name):
        return getattr(self._connection, name)


def _exchange(peer, challenges):
    """Plays a SASL exchange; whether the client went through with it and did not cancel it."""
    for challenge in challenges:
        peer.send(challenge)
        if peer.line() == "*":
            return False
    return True


def _imap(peer):
    peer.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN LITERAL+ SASL-IR] fake\r\n")
    while (line := peer.line()) is not None:
        while literal := re.search(r"\{(\d+)(\+?)\}$", line):
            if not literal.group(2):
                peer.send("+ go on\r\n")
            line = line[:literal.start()] + peer.exactly(int(literal.group(1))).decode("latin-1")
            line += peer.line() or ""
        tag, _, rest = line.partition(" ")
        verb = rest.split(" ")[0].upper()
        if verb == "CAPABILITY":
            peer.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN LITERAL+ SASL-IR\r\n")
        elif verb == "AUTHENTICATE" and len(rest.split(" ")) == 2:
            if not _exchange(peer, ["+ \r\n"] * (2 if rest.upper().endswith("LOGIN") else 1)):
                peer.send(f"{tag} BAD cancelled\r\n")
                continue
        elif verb == "LOGOUT":
            peer.send(f"* BYE fake ends\r\n{tag} OK bye\r\n")
            return
        bad = verb in ("LOGIN", "AUTHENTICATE") and "wrong" in line
        peer.send(f"{tag} {'NO failed' if bad else 'OK done'}\r\n")


def _pop3(peer):
    peer.send("+OK fake\r\n")
    while (line := peer.line()) is not None:
        verb = line.split(" ")[0].upper()
        if verb == "CAPA":
            peer.send("+OK list\r\nUSER\r\nSASL PLAIN LOGIN\r\nTOP\r\n.\r\n")
            continue
        if verb == "AUTH" and len(line.split(" ")) == 2:
            if not _exchange(peer, ["+ \r\n"] * (2 if line.upper().endswith("LOGIN") else 1)):
                peer.send("-ERR cancelled\r\n")
                continue
        peer.send("-ERR wrong\r\n" if verb == "PASS" and "wrong" in line else "+OK\r\n")
        if verb == "QUIT":
            return


def _smtp(peer):
    peer.send("220 fake ESMTP\r\n")
    while (line := peer.line()) is not None:
        words = line.upper().split(" ")
        if words[0] == "EHLO":
            peer.send("250-fake\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-AUTH PLAIN LOGIN\r\n"
                      "250 8BITMIME\r\n")
        elif words[0] == "AUTH":
            asked = ["334 \r\n"] * (len(words) == 2)
            asked += ["334 UGFzc3dvcmQ6\r\n"] * (words[1] == "LOGIN")
            peer.send("235 2.7.0 welcome\r\n" if _exchange(peer, asked)
                      else "501 5.7.0 cancelled\r\n")
        elif words[0] == "DATA":
            peer.send("354 go on\r\n")
            while (text := peer.line()) is not None and text != ".":
                pass
            peer.send("250 2.0.0 taken\r\n")
        elif words[0] == "QUIT":
            peer.send("221 2.0.0 bye\r\n")
            return
        else:
            peer.send("250 2.0.0 fine\r\n")


def FakeImap():
    """A small obedient IMAP server: any login succeeds that has no `wrong` in its line."""
    return Fake(_imap)


def FakePop3():
    return Fake(_pop3)


def FakeSmtp():
    return Fake(_smtp)
