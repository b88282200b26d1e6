"""A client in raw lines: what is sent is what the test says, byte for byte."""
import base64
import datetime
import re
import socket
import ssl


def shapes(text):
    """A text as it may stand on a wire: itself, and in base64 at each of the three offsets."""
    found = {text.encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + text.encode())
        # The first and the last group also hold bits of the neighbours.
        found.add(coded[4 if shift else 0:-4])
    return found


def client_hello(context, server_name="127.0.0.1"):
    """(tls object, its first bytes, in, out): TLS in memory, for a ClientHello sent by hand."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return tls, outgoing.read(), incoming, outgoing


class Wire:
    """One connection to a port of this machine; every wait is bounded by `timeout`."""

    def __init__(self, port, tls=None, timeout=60, server_name="127.0.0.1", source=None,
                 host="127.0.0.1", session=None):
        self.timeout = timeout
        self.server_name = server_name
        self.socket = socket.create_connection(
            (host, port), timeout, source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What an event names it by, also once it is closed; a port alone is soon another client's.
        self.source, self.port = self.socket.getsockname()[:2], port
        self.opened_at = datetime.datetime.now(datetime.timezone.utc)
        self.buffer = b""
        if tls:
            self.wrap(tls, session)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def wrap(self, context, session=None):
        """Begins TLS; nothing may have been received beyond the go-ahead. `session`: to resume."""
        if self.buffer:
            raise AssertionError(f"clear bytes before TLS: {self.buffer!r}")
        self.socket = context.wrap_socket(self.socket, server_hostname=self.server_name,
                                          session=session)
        return self

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def line(self):
        """The next line without its CRLF; "" at the end of the stream."""
        while b"\n" not in self.buffer:
            if not self._more():
                rest, self.buffer = self.buffer, b""
                return rest.decode("latin-1")
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def rest(self, limit=1 << 24):
        """All that comes until the other side closes; a reset is an AssertionError."""
        try:
            while len(self.buffer) < limit and self._more():
                pass
        except ConnectionResetError as reset:
            raise AssertionError(f"reset after {self.buffer!r}") from reset
        except (socket.timeout, TimeoutError) as late:
            raise AssertionError(f"not closed; got {self.buffer!r}") from late
        rest, self.buffer = self.buffer, b""
        return rest.decode("latin-1")

    def rest_rudely(self):
        """As rest(), but a reset or a cut TLS stream counts as an end too."""
        try:
            while self._more():
                pass
        except (ConnectionResetError, ssl.SSLError):
            pass
        rest, self.buffer = self.buffer, b""
        return rest.decode("latin-1")

    def quiet(self, seconds):
        """What comes within `seconds`: "" where nothing does."""
        self.socket.settimeout(seconds)
        try:
            while self._more():
                pass
        except (socket.timeout, TimeoutError, ssl.SSLWantReadError):
            pass
        finally:
            self.socket.settimeout(self.timeout)
        rest, self.buffer = self.buffer, b""
        return rest.decode("latin-1")

    # One reply of each protocol, as a list of lines.
    def smtp(self, command=None):
        if command is not None:
            self.send(command + "\r\n")
        lines = [self.line()]
        while re.match(r"\d{3}-", lines[-1]):
            lines.append(self.line())
        return lines

    def imap(self, command=None, tag=None):
        """Up to and including the tagged reply (tag: the command's first word) or a `+`."""
        if command is not None:
            self.send(command + "\r\n")
            tag = tag or command.split(" ")[0]
        lines = [self.line()]
        while tag and lines[-1] and not lines[-1].startswith((tag + " ", "+")):
            lines.append(self.line())
        return lines

    def pop3(self, command=None, many=False):
        if command is not None:
            self.send(command + "\r\n")
        lines = [self.line()]
        if many and lines[0].startswith("+OK"):
            while lines[-1] not in (".", ""):
                lines.append(self.line())
        return lines

    def starttls(self, protocol, context):
        """The protocol's upgrade, from after the greeting."""
        if protocol == "imap":
            answer = self.imap("s STARTTLS")[-1]
            good = answer.startswith("s OK")
        elif protocol == "pop3":
            answer = self.pop3("STLS")[-1]
            good = answer.startswith("+OK")
        else:
            self.smtp("EHLO client.example.test")
            answer = self.smtp("STARTTLS")[-1]
            good = answer.startswith("220")
        if not good:
            raise AssertionError(f"no go-ahead for TLS: {answer!r}")
        return self.wrap(context)
