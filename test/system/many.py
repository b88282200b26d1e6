#!/usr/bin/env python3
"""10,000 sessions, with logins, in every protocol and mode, leave nothing behind in postern:
no descriptor, and no memory that grows from the 5,000th session to the 10,000th."""
import asyncio
import multiprocessing
import random
import time

import harness
from harness import Postern, free_port

SESSIONS = 10_000
AT_ONCE = 40
# What the allocator may move by; a leak of 100 octets a session is more.
ALLOWED_KIB = 500

GREETINGS = {"imap": b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n", "pop3": b"+OK hello\r\n",
             "smtp": b"220 fake\r\n"}
EHLO = b"250-fake\r\n250 AUTH PLAIN\r\n"


def answer(protocol, line):
    """What the cheap backend says to a line."""
    word = line.split(b" ")[0].strip().upper()
    if protocol == "imap":
        tag, verb = (line.split(b" ") + [b""])[:2]
        if verb.strip().upper() == b"LOGOUT":
            return b"* BYE\r\n" + tag + b" OK bye\r\n", True
        return tag + b" OK done\r\n", False
    if protocol == "pop3":
        return b"+OK\r\n", word == b"QUIT"
    code = {b"EHLO": EHLO, b"AUTH": b"235 2.7.0 in\r\n", b"QUIT": b"221 bye\r\n"}
    return code.get(word, b"250 fine\r\n"), word == b"QUIT"


async def serve(ports):
    def make(protocol):
        async def one(reader, writer):
            try:
                writer.write(GREETINGS[protocol])
                while line := await reader.readline():
                    text, ends = answer(protocol, line)
                    writer.write(text)
                    if ends:
                        break
            except ConnectionError:
                pass
            finally:
                writer.close()
        return one
    for protocol, port in ports.items():
        await asyncio.start_server(make(protocol), "127.0.0.1", port, backlog=512)
    await asyncio.Event().wait()


def run_backend(ports):
    asyncio.run(serve(ports))


async def talk(reader, writer, *exchange):
    """Sends each line and reads until a line begins with the expected text."""
    for line, expected in exchange:
        if line:
            writer.write(line + b"\r\n")
        while True:
            got = await reader.readline()
            if got.startswith(expected):
                break
            if not got:
                raise AssertionError(f"closed while waiting for {expected!r} after {line!r}")


LOGIN = {
    "imap": [(b"a LOGIN anna secret", b"a OK"), (b"b NOOP", b"b OK")],
    "pop3": [(b"USER anna", b"+OK"), (b"PASS secret", b"+OK")],
    "smtp": [(b"EHLO c", b"250 "), (b"AUTH PLAIN AGFubmEAc2VjcmV0", b"235"),
             (b"MAIL FROM:<a@b>", b"250")],
}
FIRST = {"imap": b"* OK", "pop3": b"+OK", "smtp": b"220"}
LAST = {"imap": (b"z LOGOUT", b"z OK"), "pop3": (b"QUIT", b"+OK"), "smtp": (b"QUIT", b"221")}
UPGRADE = {"imap": [(b"s STARTTLS", b"s OK")], "pop3": [(b"STLS", b"+OK")],
           "smtp": [(b"EHLO c", b"250 "), (b"STARTTLS", b"220")]}


async def session(context, port, protocol, tls, rude):
    """One session; a rude one leaves without a farewell, some of them in the middle."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context if tls == "implicit" else None)
    try:
        await talk(reader, writer, (b"", FIRST[protocol]))
        if tls == "starttls":
            await talk(reader, writer, *UPGRADE[protocol])
            if rude == 1:
                return
            await writer.start_tls(context)
        await talk(reader, writer, *LOGIN[protocol])
        if not rude:
            await talk(reader, writer, LAST[protocol])
    finally:
        if rude == 2:
            writer.transport.abort()
        writer.close()


class Many(harness.TestCase):
    @classmethod
    def arrange(cls):
        ports = {protocol: free_port() for protocol in GREETINGS}
        cls.backend = multiprocessing.get_context("fork").Process(
            target=run_backend, args=(ports,), daemon=True)
        cls.backend.start()
        cls.addClassCleanup(cls.backend.kill)
        harness.until(lambda: all(map(harness.listens, ports.values())), "the backend listens")
        cls.ways = []
        listeners = []
        for protocol in ports:
            for mode, tls in (("required", "starttls"), ("implicit", "implicit"),
                              ("optional", "starttls"), ("none", "none"), ("none", "none")):
                cls.ways.append((protocol, mode, tls))
                if mode != "none" or not any(known["name"] == f"{protocol}-none"
                                             for known in listeners):
                    listeners.append({"name": f"{protocol}-{mode}", "protocol": protocol,
                                      "tls": mode, "backend": protocol,
                                      "cleartext_login": "observe"})
        cls.postern = cls.room.enter(Postern(cls.room, listeners, ports))

    async def drive(self, numbers):
        context = self.room.client_tls()
        context.check_hostname = False
        pending = iter(numbers)
        failures = []

        async def one_after_the_other():
            for number in pending:
                protocol, mode, tls = self.ways[number % len(self.ways)]
                rude = random.Random(number).choice((0, 0, 0, 0, 1, 2, 3))
                try:
                    await asyncio.wait_for(session(
                        context, self.postern.port(f"{protocol}-{mode}"), protocol, tls, rude), 30)
                except Exception as error:  # pylint: disable=broad-except
                    failures.append(f"{number} {protocol} {mode} rude={rude}: {error!r}")
                    if len(failures) > 20:
                        return

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
        self.assertEqual(failures, [])

    def at_rest(self):
        """Waits until all sessions have ended; gives (descriptors, memory in KiB)."""
        harness.until(lambda: self.postern.sockets() <= self.idle,
                      f"the sockets go back to {self.idle}", within=60)
        time.sleep(0.3)
        return self.postern.descriptors(), self.postern.memory_kib()

    def test_ten_thousand_sessions_leave_nothing_behind(self):
        self.idle = self.postern.sockets()
        asyncio.run(self.drive(range(SESSIONS // 2)))
        half = self.at_rest()
        asyncio.run(self.drive(range(SESSIONS // 2, SESSIONS)))
        full = self.at_rest()
        print(f"descriptors, memory in KiB: after {SESSIONS // 2} sessions {half}, "
              f"after {SESSIONS} {full}")
        self.assertEqual(full[0], half[0])
        if self.postern.memory_says_something():
            self.assertLess(full[1] - half[1], ALLOWED_KIB)
        self.postern.wait_events(SESSIONS, "session-end")
        self.assertEqual(len(self.postern.events("session-end")), SESSIONS)


if __name__ == "__main__":
    harness.main()
