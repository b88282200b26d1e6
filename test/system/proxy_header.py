#!/usr/bin/env python3
"""The PROXY header of a balancer: from the addresses in accept_proxy it must come first, and names
the client for rules, limits and events; from anybody else none is taken, so that no client can name
another's address. What is missing, broken, endless or slow costs postern a place for seconds at most.
"""
import ipaddress
import os
import socket
import ssl
import struct
import time

import harness
from harness import FakeImap, FakePop3, FakeSmtp, Postern, Wire, run

BALANCER = "127.0.0.2"
CLIENT, REACHED = ("192.0.2.7", 50007), ("198.51.100.1", 993)
CLIENT6, REACHED6 = ("2001:db8::7", 50007), ("2001:db8::1", 993)
LISTENERS = [(protocol, mode) for protocol in ("imap", "pop3", "smtp")
             for mode in ("required", "implicit", "optional")]
GREETING = {"imap": "* OK", "pop3": "+OK", "smtp": "220"}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PATIENCE = 5  # seconds that postern waits for a header


def v1(client=CLIENT, reached=REACHED):
    family = "TCP6" if ":" in client[0] else "TCP4"
    return f"PROXY {family} {client[0]} {reached[0]} {client[1]} {reached[1]}\r\n".encode()


def v2(client=CLIENT, reached=REACHED, command=1, more=b""):
    """`client` None: without addresses."""
    body, family = more, 0
    if client:
        source, target = (ipaddress.ip_address(end[0]).packed for end in (client, reached))
        family = 0x11 if len(source) == 4 else 0x21
        body = source + target + struct.pack(">HH", client[1], reached[1]) + more
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(body)) + body


class ProxyHeader(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.backends = {"imap": cls.room.enter(FakeImap()).port,
                        "pop3": cls.room.enter(FakePop3()).port,
                        "smtp": cls.room.enter(FakeSmtp()).port}

    def postern(self, listeners=(("imap", "required"),), **top):
        room = self.own_room()
        made = room.enter(Postern(room, [
            {"protocol": protocol, "tls": mode, "backend": protocol, "cleartext_login": "refuse",
             "accept_proxy": [BALANCER, "127.0.0.16/28"]} for protocol, mode in listeners],
                                  self.backends, **top))
        made.tls = room.client_tls()
        return made

    def connect(self, postern, name, header=b"", source=BALANCER):
        """A connection that has sent `header`, under TLS where that is implicit."""
        wire = Wire(postern.port(name), source=source)
        self.addCleanup(wire.close)
        wire.send(header)
        return wire.wrap(postern.tls) if name.endswith("implicit") else wire

    def serves(self, postern, name="imap-required", **of):
        """The next honest client is greeted."""
        wire = self.connect(postern, name, v1(), **of)
        self.assertTrue(wire.line().startswith(GREETING[name.split("-", maxsplit=1)[0]]))
        wire.close()

    def ended(self, postern, name, **wanted):
        return postern.wait_events(1, "session-end", postern__listener=name, **wanted)[0]

    def assert_ends(self, event, client, reached, balancer):
        self.assertEqual((event["source.ip"], event["source.port"]), client)
        self.assertEqual((event["destination.ip"], event["destination.port"]), reached)
        self.assertEqual(event.get("network.forwarded_ip"), balancer)

    def test_the_header_names_the_client_on_every_listener(self):
        for number, (make, client, reached) in enumerate((
                (v1, CLIENT, REACHED), (v1, CLIENT6, REACHED6), (v2, CLIENT, REACHED),
                (v2, CLIENT6, REACHED6))):
            postern = self.postern(LISTENERS if number in (0, 3) else LISTENERS[:2])
            for listener in postern.ports:
                with self.subTest(listener=listener, header=make.__name__, client=client):
                    wire = self.connect(postern, listener, make(client, reached))
                    protocol = listener.split("-", maxsplit=1)[0]
                    self.assertTrue(wire.line().startswith(GREETING[protocol]))
                    wire.close()
                    self.assert_ends(self.ended(postern, listener), client, reached, BALANCER)

    def test_what_stands_behind_the_header_is_the_clients(self):
        """In one segment: a ClientHello, a command; and any cutting of the header."""
        postern = self.postern([("imap", "implicit"), ("imap", "required")])
        tls, hello, incoming, outgoing = harness.client_hello(postern.tls)
        wire = Wire(postern.port("imap-implicit"), source=BALANCER)
        self.addCleanup(wire.close)
        wire.send(v2(more=b"\x02\0\x04mail" + b"\xee" * 600) + hello)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                wire.send(outgoing.read())
                data = wire.socket.recv(65536)
                self.assertTrue(data, "cut in the handshake")
                incoming.write(data)
        wire = self.connect(postern, "imap-required", v1() + b"a NOOP\r\n")
        self.assertTrue(wire.line().startswith("* OK"))
        self.assertTrue(wire.line().startswith("a OK"))
        for header in (v1(), v2()):
            wire = self.connect(postern, "imap-required")
            for part in (header[:3], header[3:25], header[25:]):
                wire.send(part)
            self.assertTrue(wire.line().startswith("* OK"))

    def test_local_and_unknown_leave_the_connections_own_address(self):
        postern = self.postern()
        for header in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 any thing\r\n",
                       v2(None, command=0), v2(CLIENT, command=0), v2(None)):
            with self.subTest(header=header):
                count = len(postern.events("session-end"))
                wire = self.connect(postern, "imap-required", header)
                own = wire.socket.getsockname()
                self.assertTrue(wire.line().startswith("* OK"))
                wire.close()
                event = postern.wait_events(count + 1, "session-end")[-1]
                self.assert_ends(event, own, ("127.0.0.1", postern.port("imap-required")), None)

    def test_rules_and_limits_are_for_the_client(self):
        postern = self.postern(limits={"connections_per_ip": 2}, rules=[
            {"name": "hall", "from": ["192.0.2.64/28"], "tls": "optional",
             "cleartext_login": "observe"}])
        login = b"a LOGIN anna secret\r\n"
        wire = self.connect(postern, "imap-required", v1(("192.0.2.70", 1)))
        wire.line()
        self.assertTrue(wire.send(login).imap(tag="a")[-1].startswith("a OK"))
        event = postern.wait_events(1, "login")[0]
        self.assertEqual((event["source.ip"], event["postern.policy.rule"]), ("192.0.2.70", "hall"))
        wire = self.connect(postern, "imap-required", v1(("192.0.2.80", 1)))
        wire.line()
        self.assertTrue(wire.send(login).imap(tag="a")[-1].startswith("a NO"))
        # Two for each client, though all come from one balancer.
        for last in (1, 2, 3):
            for _ in range(2):
                wire = self.connect(postern, "imap-required", v2((f"192.0.2.{last}", 1)))
                self.assertTrue(wire.line().startswith("* OK"))
            wire = self.connect(postern, "imap-required", v2((f"192.0.2.{last}", 1)))
            self.assertTrue(wire.rest().startswith("* BYE"))
            event = postern.wait_events(last, "limit")[-1]
            self.assert_ends(event, (f"192.0.2.{last}", 1), REACHED, BALANCER)
            self.assertEqual(event["event.reason"], "connections_per_ip")

    def test_a_full_house_refuses_before_the_header(self):
        postern = self.postern(limits={"connections": 2, "connections_per_ip": 2})
        for source in ("127.0.0.3", "127.0.0.4"):
            self.connect(postern, "imap-required", source=source).line()
        wire = self.connect(postern, "imap-required")
        self.assertTrue(wire.rest().startswith("* BYE"))
        self.refused(postern, 1, "connections")

    def test_from_a_foreign_address_no_header_is_taken(self):
        modes = [(protocol, mode) for protocol, mode in LISTENERS if mode != "optional"]
        postern = self.postern(modes)
        for listener in postern.ports:
            protocol, mode = listener.split("-")
            for header in (v1(), v2()):
                with self.subTest(listener=listener, header=header):
                    if mode == "implicit":
                        with self.assertRaises((ssl.SSLError, ConnectionError)):
                            self.connect(postern, listener, header, source="127.0.0.3")
                        continue
                    wire = self.connect(postern, listener, header, source="127.0.0.3")
                    self.assertTrue(wire.line().startswith(GREETING[protocol]))
                    self.assertRegex(wire.line(), r"^(\S+ BAD|\* BAD|\* BYE|-ERR|5\d\d|421)")
                    wire.close()
            self.serves(postern, listener)
        ends = postern.wait_events(2 * len(modes), "session-end", source__ip="127.0.0.3")
        for event in ends:
            self.assertNotIn("network.forwarded_ip", event)

    def test_a_second_header_is_the_clients_own_and_no_command(self):
        postern = self.postern()
        wire = self.connect(postern, "imap-required", v1() + v1(("203.0.113.9", 9)))
        self.assertTrue(wire.line().startswith("* OK"))
        self.assertRegex(wire.line(), "^PROXY BAD")
        wire.close()
        self.assert_ends(self.ended(postern, "imap-required"), CLIENT, REACHED, BALANCER)

    def refused(self, postern, count, reason):
        event = postern.wait_events(count, "limit")[-1]
        self.assertEqual((event["event.reason"], event["source.ip"]), (reason, BALANCER))

    def test_what_is_no_header_closes_the_connection_at_once(self):
        postern = self.postern([("imap", "required"), ("imap", "implicit")])
        bad = [b"a LOGIN anna secret\r\n", b"EHLO client.example.test\r\n", b"\x16\x03\x01\x02\0",
               b"PROXY UNKNOWN" + b" " * 200, b"PROXY TCP4 " + b"1" * 5000, b"PROXY \r\n",
               b"PROXY TCP4 192.0.2.7 198.51.100.1 50007 993\n",
               SIGNATURE + b"\x21\x11\xff\xff", SIGNATURE + b"\x21\x11\0\x0b" + b"x" * 11,
               SIGNATURE + b"\x11\x11\0\x0c" + b"x" * 12]
        for count, data in enumerate(bad, 1):
            with self.subTest(data=data[:60]):
                wire = Wire(postern.port("imap-implicit" if count % 2 else "imap-required"),
                            source=BALANCER)
                self.addCleanup(wire.close)
                wire.send(data)
                self.assertEqual(wire.rest_rudely(), "")
                self.refused(postern, count, "accept_proxy: bad header")
        for name in postern.ports:
            self.serves(postern, name)
        self.assertEqual(len(postern.events("limit")), len(bad))

    def test_who_stalls_or_dribbles_is_closed_in_time(self):
        postern = self.postern()
        before = time.monotonic()
        held = [self.connect(postern, "imap-required", data)
                for data in (b"", v1()[:20], v2()[:14], v2(None, more=b"x" * 900)[:500])]
        for wire in held:
            self.assertEqual(wire.rest_rudely(), "")
        self.assertGreater(time.monotonic() - before, PATIENCE / 2)
        late = postern.wait_events(4, "limit", event__reason="accept_proxy: no header")
        self.assertEqual(len(late), 4)
        self.serves(postern)
        # An octet now and then earns no more time: by postern's clock, which events show.
        wire = self.connect(postern, "imap-required")
        for octet in v1()[:-2] * 20:
            try:
                wire.send(bytes([octet]))
            except OSError:
                break
            time.sleep(0.2)
        else:
            self.fail("still open")
        self.serves(postern)

    def test_a_probe_that_says_nothing_is_no_event(self):
        postern = self.postern()
        for reset in (False, True):
            wire = self.connect(postern, "imap-required")
            if reset:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.close()
        self.serves(postern)
        self.ended(postern, "imap-required")
        self.assertEqual(postern.events("limit"), [])

    def test_nothing_is_left_and_the_end_waits_for_nobody(self):
        postern = self.postern([("imap", "required")])
        self.serves(postern)
        if os.geteuid() == 0:
            harness.until(lambda: postern.sockets() <= 2, "no session is left")
            before = postern.descriptors()
        for _ in range(50):
            self.serves(postern)
        for wire in [self.connect(postern, "imap-required", v1()[:-2]) for _ in range(50)]:
            wire.close()
        if os.geteuid() == 0:
            harness.until(lambda: postern.descriptors() <= before, "descriptors are back")
        waiting = self.connect(postern, "imap-required", v1()[:20])
        postern.stop()
        self.assertEqual(waiting.rest_rudely(), "")

    def test_curl_as_a_balancer(self):
        harness.need("curl")
        postern = self.postern([("imap", "implicit")])
        run("curl", "-sS", "--haproxy-protocol", "--interface", BALANCER, "--cacert",
            postern.room.ca(), "-u", "anna:secret", "--max-time", "60",
            f"imaps://127.0.0.1:{postern.port('imap-implicit')}/", check=0)
        event = postern.wait_events(1, "login", event__outcome="success")[0]
        self.assertEqual((event["source.ip"], event["network.forwarded_ip"]), (BALANCER, BALANCER))


if __name__ == "__main__":
    harness.main()
