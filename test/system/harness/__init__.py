"""What the system tests share: a throw-away room on loopback, the built binary, real mail servers
without TLS, scripted fake backends, and a client that speaks in raw lines.

A test file is a unittest module that ends in `harness.main()`. It is called with
`--postern PATH`; exit status 77 means that all of it was skipped (CTest's SKIP_RETURN_CODE).
"""
from .attack import Attack, be_honest, greeted, logged_in
from .base import (HOSTNAME, Room, TestCase, args, clear_of_midnight, free_port, listens, main, need,
                   need_root, tool, until)
from .clients import (login_imap, login_pop3, login_smtp, open_imap, open_pop3, open_smtp, run,
                      s_client)
from .contract import CONTRACT, faults
from .dovecot import PASSWORD, USER, Dovecot
from .fakes import Fake, FakeImap, FakePop3, FakeSmtp, Peer
from .ledger import BROKEN, Crowd, Ledger, message, name_of
from .postern import PROPER_ENDS, Postern, every_mode
from .postfix import Postfix
from .processes import busy_share, cpu_seconds, family, kill_family, signal_all, stopped
from .records import RecordWire, bodies, record
from .wire import Wire, client_hello, shapes
from .words import FAKES, GO_AHEAD, GREETING, NOOP, UPGRADE, Front, b64, is_smtp

__all__ = [
    "Attack", "BROKEN", "CONTRACT", "Crowd", "Dovecot", "FAKES", "Fake", "FakeImap", "FakePop3",
    "FakeSmtp", "Front", "GO_AHEAD", "GREETING", "HOSTNAME", "Ledger", "NOOP", "PASSWORD",
    "PROPER_ENDS", "Peer", "Postern", "Postfix", "RecordWire", "Room", "TestCase", "UPGRADE",
    "USER", "Wire", "args", "b64", "be_honest", "bodies", "busy_share", "clear_of_midnight",
    "client_hello", "cpu_seconds", "every_mode", "family", "faults", "free_port", "greeted",
    "is_smtp", "kill_family", "listens", "logged_in", "login_imap", "login_pop3", "login_smtp",
    "main", "message", "name_of", "need", "need_root", "open_imap", "open_pop3", "open_smtp",
    "record", "run", "s_client", "shapes", "signal_all", "stopped", "tool", "until"]
