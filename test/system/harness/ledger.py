"""Who was promised what: messages that can tell whether they are whole, clients that deliver and read
them for as long as they are told to, and the count at both ends afterwards."""
import base64
import collections
import hashlib
import imaplib
import os
import poplib
import random
import re
import smtplib
import threading

from . import clients
from .dovecot import PASSWORD, USER
from .postfix import DOMAIN

# How a session may break when a server or postern goes: in the words of its protocol, or cut.
PROPER_WORDS = (r"\b4\d\d\b.*4\.\d\.\d|\[UNAVAILABLE\]|\[SYS/TEMP\]|BYE|Disconnected|EOF|closed|reset|"
                r"refused|timed out|Broken pipe|not supported by server")

# What a library makes of a connection that breaks, or of an answer that is no success.
BROKEN = (OSError, smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto)


def message(name, size):
    """A message that names itself and carries the digest of its body; some lines begin with dots."""
    text = base64.encodebytes(os.urandom(size)).replace(b"\nA", b"\n..A")
    head = f"From: a@{DOMAIN}\nSubject: {name}\nX-Digest: {hashlib.sha256(text).hexdigest()}\n\n"
    return (head.encode() + text).replace(b"\n", b"\r\n")


def name_of(data):
    """The name of a message that is whole; else an AssertionError."""
    head, gap, text = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    digest = re.search(rb"^X-Digest: (\w+)$", head, re.M)
    name = re.search(rb"^Subject: (\S+)$", head, re.M)
    if not gap or not digest or not name:
        raise AssertionError(f"a message without its head: {data[:300]!r}")
    if hashlib.sha256(text).hexdigest() != digest.group(1).decode():
        raise AssertionError(f"{name.group(1)!r} is not whole: {len(text)} octets of its body")
    return name.group(1).decode()


class Ledger:
    """What clients were told. They try each message once, so that none may be there twice."""

    def __init__(self):
        self._lock = threading.Lock()
        self.tried, self.accepted = set(), set()
        self.read = 0          # messages read whole
        self.broken = collections.Counter()  # how sessions broke
        self.faults = []       # what must never happen

    def begin(self):
        with self._lock:
            name = f"m{len(self.tried)}-{random.getrandbits(32):08x}"
            self.tried.add(name)
            return name

    def accept(self, name):
        with self._lock:
            self.accepted.add(name)

    def saw(self, count):
        with self._lock:
            self.read += count

    def note(self, error):
        with self._lock:
            if isinstance(error, AssertionError):
                self.faults.append(str(error))
            else:
                self.broken[f"{type(error).__name__}: {error}"[:160]] += 1

    def check(self, test, found):
        """Holds the ledger against what is there: `found` lists a name for each time that a server
        has taken the message."""
        count = collections.Counter(found)
        test.assertEqual(self.faults, [])
        for words in self.broken:
            test.assertRegex(words, PROPER_WORDS)
        test.assertEqual(self.accepted - set(count), set(), f"accepted, but lost; {self.broken}")
        doubles = {name: times for name, times in count.items() if times > 1}
        test.assertEqual(doubles, {}, "there more than once")
        test.assertEqual(set(count) - self.tried, set(), "there, though nobody sent it")


class Crowd:
    """Clients in threads of their own, until `stop()`. Each kind is a method that plays one session;
    whatever breaks it is noted, and another begins."""

    def __init__(self, room, ledger, appended, ports):
        """`ledger` is for mail that is submitted, `appended` for what comes by IMAP APPEND; `ports`
        maps submission (STARTTLS), imap and pop3 (implicit TLS) to ports."""
        self.room, self.ledger, self.appended, self.ports = room, ledger, appended, ports
        self._end = threading.Event()
        self._threads = []
        self._tls = room.client_tls()

    def start(self, **kinds):
        """So many threads of each kind: submit, append, read_imap, read_pop3."""
        for kind, count in kinds.items():
            for _ in range(count):
                thread = threading.Thread(target=self._play, args=(getattr(self, kind),),
                                          daemon=True)
                self._threads.append(thread)
                thread.start()
        return self

    def stop(self, within=120):
        self._end.set()
        for thread in self._threads:
            thread.join(within)
            if thread.is_alive():
                raise AssertionError("a client hangs")

    def _play(self, session):
        while not self._end.is_set():
            try:
                session()
            except AssertionError as fault:
                self.ledger.note(fault)
            except BROKEN as broken:
                self.ledger.note(broken)
                self._end.wait(0.1)  # as whoever tries again

    def submit(self):
        with smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=clients.TIMEOUT,
                          local_hostname="client.example.test") as client:
            client.starttls(context=self._tls)
            client.login(USER, PASSWORD)
            for _ in range(3):
                if self._end.is_set():
                    return
                name = self.ledger.begin()
                client.sendmail(f"a@{DOMAIN}", f"{USER}@{DOMAIN}", message(name, some_size()))
                self.ledger.accept(name)

    def append(self):
        client = self._imap("bert", "battery staple")
        try:
            for _ in range(3):
                if self._end.is_set():
                    return
                name = self.appended.begin()
                if client.append("INBOX", None, None, message(name, some_size()))[0] == "OK":
                    self.appended.accept(name)
        finally:
            client.shutdown()

    def read_imap(self):
        client = self._imap(USER, PASSWORD)
        try:
            count = int(client.select(readonly=True)[1][0])
            for number in range(max(1, count - 4), count + 1):
                kind, data = client.fetch(str(number), "(BODY.PEEK[])")
                if kind == "OK" and isinstance(data[0], tuple):
                    name_of(data[0][1])
                    self.ledger.saw(1)
        finally:
            client.shutdown()

    def read_pop3(self):
        client = poplib.POP3_SSL("127.0.0.1", self.ports["pop3"], context=self._tls,
                                 timeout=clients.TIMEOUT)
        try:
            client.user(USER)
            client.pass_(PASSWORD)
            count = client.stat()[0]
            for number in range(max(1, count - 4), count + 1):
                name_of(b"\n".join(client.retr(number)[1]) + b"\n")
                self.ledger.saw(1)
        finally:
            client.close()

    def _imap(self, user, password):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imap"], ssl_context=self._tls,
                                   timeout=clients.TIMEOUT)
        try:
            client.login(user, password)
        except BaseException:
            client.shutdown()
            raise
        return client


def some_size():
    """Mostly small; some need many writes."""
    return random.choice((300, 1000, 3000, 200_000))
