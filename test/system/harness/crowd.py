"""Thousands of clients at once, in a process of their own: `Crowd` starts this file as a program.

Each client is a socket of one epoll loop. It connects from an address of 127.0.0.0/8 of its own,
so that neither the limit by address nor the ports of one address end it first.
"""
import errno
import json
import pathlib
import resource
import select
import socket
import struct
import subprocess
import sys
import time

CONNECTS_AT_ONCE = 500
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
ENOUGH = 1 << 16
PATIENCE = 150


def most_clients(wanted, share=0.4):
    """So many as one process's descriptors allow, `wanted` at most; postern needs two for each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, int(hard * share))


class Crowd:
    """Clients of one kind against one port; a context manager that ends them.

    `does`: "close" or "reset" at once when connected; "hold" until told to leave, or until the
    other side ends it. Each begins with one of `first`, a list, in turn; those that hold send the
    octets of `then` one by one, one each `every` seconds, over and over, and read where `reads` is
    true.
    """

    def __init__(self, port, count, does="hold", first=(b"",), then=b"", every=1.0, reads=True,
                 small_window=False):
        self.count = count
        given = {"port": port, "count": count, "does": does, "first": [one.hex() for one in first],
                 "then": then.hex(), "every": every, "reads": reads, "small_window": small_window}
        self.process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).resolve())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0)
        self.process.stdin.write(json.dumps(given).encode() + b"\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _report(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise AssertionError("the crowd has failed" if ready else "the crowd does not get on")
        return json.loads(line)

    def wait_up(self):
        """Until all have connected, or tried to; gives how many were."""
        return self._report()["connected"]

    def leave(self):
        """All that are left close; gives what wait_gone() gives."""
        self.process.stdin.close()
        return self._report()

    def wait_gone(self):
        """Until the other side has ended each: {"ended": number, "said": {last line: number}}."""
        return self._report()


class _Client:
    __slots__ = ("socket", "left", "got", "sent_at")

    def __init__(self, connection, first):
        self.socket, self.left, self.got, self.sent_at = connection, first, b"", 0


def _report(**what):
    print(json.dumps(what), flush=True)


class _Loop:
    def __init__(self, given):
        self.given = given
        self.first = [bytes.fromhex(one) for one in given["first"]]
        self.then = bytes.fromhex(given["then"])
        self.poll = select.epoll()
        self.clients = {}
        self.connecting = 0
        self.begun = self.connected = self.ended = 0
        self.said = {}
        self.at = 0

    def begin(self):
        number = self.begun
        self.begun += 1
        connection = socket.socket()
        connection.setblocking(False)
        if self.given["small_window"]:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.bind((f"127.{1 + number // 60000 % 250}.{number // 250 % 240}."
                         f"{1 + number % 250}", 0))
        try:
            connection.connect(("127.0.0.1", self.given["port"]))
        except BlockingIOError:
            pass
        self.clients[connection.fileno()] = _Client(connection,
                                                    self.first[number % len(self.first)])
        self.poll.register(connection.fileno(), select.EPOLLOUT)
        self.connecting += 1

    def end(self, client):
        self.poll.unregister(client.socket.fileno())
        del self.clients[client.socket.fileno()]
        client.socket.close()
        line = client.got.rstrip(b"\r\n").split(b"\n")[-1].decode("latin-1")[:80]
        self.said[line] = self.said.get(line, 0) + 1
        self.ended += 1

    def is_up(self, client):
        """The connection is there, or was refused."""
        self.connecting -= 1
        failure = client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.connected += failure == 0
        does = self.given["does"]
        if failure == 0 and does == "hold":
            self.poll.modify(client.socket.fileno(), select.EPOLLRDHUP
                             | (select.EPOLLIN if self.given["reads"] else 0))
            client.sent_at = time.monotonic()
            if client.left:
                client.socket.send(client.left)
            return
        if failure == 0 and client.left:
            client.socket.send(client.left)
        if does == "reset":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.end(client)

    def on_event(self, descriptor, events, connecting):
        client = self.clients[descriptor]
        try:
            if connecting:
                self.is_up(client)
            elif events & select.EPOLLIN:
                data = client.socket.recv(65536)
                client.got = (client.got + data)[-ENOUGH:]
                if not data:
                    self.end(client)
            elif events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                self.end(client)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                self.end(client)

    def dribble(self):
        """Whose turn it is sends the next octet of `then`."""
        if not self.then:
            return
        now = time.monotonic()
        for client in list(self.clients.values()):
            if client.sent_at and now - client.sent_at >= self.given["every"]:
                client.sent_at = now
                try:
                    client.socket.send(self.then[self.at:self.at + 1])
                except OSError as error:
                    if error.errno != errno.EAGAIN:
                        self.end(client)
        self.at = (self.at + 1) % len(self.then)

    def run(self):
        up, leaving, last = False, False, 0.0
        self.poll.register(0, select.EPOLLIN | select.EPOLLHUP)
        while not leaving and (self.clients or self.begun < self.given["count"]):
            while self.begun < self.given["count"] and self.connecting < CONNECTS_AT_ONCE:
                self.begin()
            for descriptor, events in self.poll.poll(0.2):
                if descriptor == 0:
                    leaving = True
                elif descriptor in self.clients:
                    self.on_event(descriptor, events,
                                  self.clients[descriptor].sent_at == 0)
            if not up and self.begun == self.given["count"] and self.connecting == 0:
                up = True
                _report(connected=self.connected)
            if time.monotonic() - last > 0.2:
                last = time.monotonic()
                self.dribble()
        if not up:
            _report(connected=self.connected)
        ended = self.ended
        for client in list(self.clients.values()):
            client.socket.close()
        _report(ended=ended, said=self.said)


def _main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The first line says what to do; the end of the file, that it is time to leave.
    _Loop(json.loads(sys.stdin.readline())).run()


if __name__ == "__main__":
    _main()
