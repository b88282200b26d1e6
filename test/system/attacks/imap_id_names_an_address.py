#!/usr/bin/env python3
"""A client's own x-originating-ip, and whatever else a proxy tells of its client in IMAP's ID.

Dovecot takes these fields from the addresses in its login_trusted_networks ("forwarding parameters"
in its documentation, imap-login-cmd-id.c), Zimbra takes some from anybody. Behind a proxy each
client comes from a trusted address: one that sends them chooses the address it is logged, throttled
and allowed by. Expected: they are cut in every spelling that a server reads as theirs: any case,
atoms, quoted strings with backslashes where none need to be, literals of each kind, in the first ID
and in later ones; what servers may read differently is refused. Tried on a real Dovecot that trusts
this machine, too.
"""
import harness
from harness import Dovecot, Postern

KEYS = ["x-originating-ip", "x-originating-port", "x-connected-ip", "x-connected-port",
        "x-connected-name", "x-session-id", "x-session-ext-id", "x-client-transport", "x-proxy-ttl",
        "x-forward-user", "x-via"]
VALUE = "6.6.6.6"


def spellings(key):
    """Lists that hold the field in each form; a literal's octets follow its line."""
    size, other = len(key), len(VALUE)
    backslashes = "".join("\\" + c for c in key)
    return {
        "quoted": f'("{key}" "{VALUE}")',
        "upper": f'("{key.upper()}" "{VALUE}")',
        "mixed": f'("{key.title()}" "{VALUE}")',
        "atoms": f"({key} {VALUE})",
        "backslash": f'("{key[0]}\\{key[1:]}" "{VALUE}")',
        "backslashes": f'("{backslashes}" "{VALUE}")',
        "literal": f"({{{size}+}}\r\n{key} {{{other}+}}\r\n{VALUE})",
        "literal8": f"(~{{{size}+}}\r\n{key} \"{VALUE}\")",
        "literal-": f"({{{size}-}}\r\n{key} \"{VALUE}\")",
        "second": f'("name" "x" "{key}" "{VALUE}")',
        "twice": f'("{key}" "1" "{key}" "{VALUE}")',
        "value nil": f'("{key}" NIL)',
        "spaces": f'(  "{key}"   "{VALUE}"  )',
    }


# Read by some servers as the field, by others as something else, or not at all.
AMBIGUOUS = [
    f'(x-originating-ip\t"{VALUE}" x)', f'("name" "x"\tx-originating-ip {VALUE})',
    f'(("x-originating-ip" "{VALUE}"))', f'"x-originating-ip" "{VALUE}"',
    f'("name" "x") ("x-originating-ip" "{VALUE}")', f'("x-originating-ip" ("{VALUE}"))',
    f'(x-originating-ip"" {VALUE})', f'({{17+}}\r\nx-originating-ip\0 "{VALUE}")',
    f'("a" "b" "x-originating-ip" "{VALUE}"']


class ImapIdNamesAnAddress(harness.Front):
    protocols = ("imap",)
    modes = ("required", "optional", "observe", "implicit")

    def received(self):
        return bytes(self.fakes["imap"].received[-1])

    def test_each_spelling_is_cut(self):
        for mode in self.modes:
            wire = self.begun("imap", mode)
            for key in KEYS:
                for name, fields in spellings(key).items():
                    with self.subTest(mode=mode, key=key, spelling=name):
                        self.assertTrue(wire.imap(f"a ID {fields}", tag="a")[-1].startswith("a OK"))
                        passed = self.received().lower()
                        self.assertNotIn(VALUE.encode(), passed)
                        self.assertNotIn(key.encode(), passed.replace(b"\\", b""))
            # Others of the same ID stay.
            wire.imap(f'b ID ("name" "kept" "x-originating-ip" "{VALUE}" "x-other" "kept too")')
            self.assertTrue(self.received().endswith(
                b'b ID ("name" "kept" "x-other" "kept too")\r\n'))

    def test_a_literal_that_is_waited_for(self):
        for mode in ("observe", "implicit"):
            with self.subTest(mode=mode):
                wire = self.begun("imap", mode)
                self.assertTrue(wire.imap("a ID (\"name\" \"x\" {16}")[-1].startswith("+"))
                wire.send("x-originating-ip")
                self.assertTrue(wire.imap(f" {{{len(VALUE)}}}", tag="a")[-1].startswith("+"))
                wire.send(VALUE)
                self.assertTrue(wire.imap(")", tag="a")[-1].startswith("a OK"))
                self.assertEqual(self.received(), b'a ID ("name" "x")\r\n')

    def test_what_servers_may_read_differently_is_refused(self):
        for mode in self.modes:
            for fields in AMBIGUOUS:
                with self.subTest(mode=mode, fields=fields):
                    wire = self.begun("imap", mode)
                    self.assertRegex(wire.imap(f"a ID {fields}", tag="a")[-1], r"^a BAD ")
                    self.assert_goes_on("imap", wire)
                    self.assertEqual(self.received(), b"n NOOP\r\n")

    def test_before_a_gate_no_backend_hears_of_it(self):
        accepted = self.fakes["imap"].accepted
        wire = self.clear("imap", "required")
        wire.imap(f'a ID ("x-originating-ip" "{VALUE}")')
        wire.imap("b LOGOUT")
        self.assertEqual(self.fakes["imap"].accepted, accepted)


class DovecotTrustsPostern(harness.Attack):
    """Dovecot writes rip=, the address that it takes for the client's, for each login."""

    @classmethod
    def arrange(cls):
        dovecot = Dovecot(cls.room)
        dovecot.config.write_text("login_trusted_networks = 127.0.0.0/8\n"
                                  + dovecot.config.read_text())
        cls.dovecot = cls.room.enter(dovecot)
        cls.postern = cls.room.enter(Postern(
            cls.room, [{"name": "imap", "protocol": "imap", "tls": "implicit", "backend": "real"}],
            {"real": dovecot.imap_port}))

    def serve_all(self, postern):
        with harness.greeted(postern, "imap", self.room.client_tls()) as wire:
            self.assertTrue(wire.imap(f'a LOGIN {harness.USER} "{harness.PASSWORD}"')[-1]
                            .startswith("a OK"))

    def test_no_spelling_gives_a_client_another_address(self):
        for name, fields in list(spellings("x-originating-ip").items()):
            with self.subTest(spelling=name), \
                    harness.greeted(self.postern, "imap", self.room.client_tls()) as wire:
                wire.imap(f"a ID {fields}", tag="a")
                self.assertTrue(wire.imap(f'b LOGIN {harness.USER} "{harness.PASSWORD}"')[-1]
                                .startswith("b OK"))
        # Behind the login bytes pass, and Dovecot takes an ID for what it is.
        with harness.greeted(self.postern, "imap", self.room.client_tls()) as wire:
            wire.send(f'a LOGIN {harness.USER} "{harness.PASSWORD}"\r\n'
                      f'b ID ("x-originating-ip" "{VALUE}")\r\nc LOGOUT\r\n')
            wire.rest()
        log = self.dovecot.log
        harness.until(lambda: log.read_text().count("Login: user=") >= 14, "Dovecot's log")
        self.assertNotIn(VALUE, log.read_text())

    def test_the_field_would_act_without_postern(self):
        """Else the test above would show nothing."""
        with harness.Wire(self.dovecot.imap_port) as wire:
            wire.line()
            wire.imap(f'a ID ("x\\-originating-ip" "{VALUE}")')
            wire.imap("b LOGIN nobody wrong")
        log = self.dovecot.log
        harness.until(lambda: f"rip={VALUE}" in log.read_text(), "Dovecot takes the address")
        log.write_text(log.read_text().replace(VALUE, "forged directly"))


if __name__ == "__main__":
    harness.main()
