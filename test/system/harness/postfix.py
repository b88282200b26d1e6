"""Debian's Postfix as an old server without TLS (or with, as one outside), in a folder of its own on a
high port."""
import contextlib
import os
import pathlib
import pwd
import subprocess

from . import base, processes
from .dovecot import USERS

DOMAIN = "example.test"

MAIN = """\
compatibility_level = 3.6
config_directory = {config}
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {room}
myhostname = old.example.test
mydestination =
local_recipient_maps =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth_port}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_banner = $myhostname ESMTP old server
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_forbid_bare_newline = no
message_size_limit = 104857600
virtual_mailbox_limit = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_mailbox_base = {mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
default_process_limit = 100
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

# With TLS: STARTTLS, and implicit TLS on another port.
TLS_MAIN = """\
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {chain}
smtpd_tls_auth_only = yes
smtpd_tls_session_cache_database =
"""
TLS_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
"""


class Postfix:
    """SMTP in clear; logins by Dovecot's passwords, delivery to the Maildirs that Dovecot shows."""

    def __init__(self, room, dovecot, more="", certificate=None):
        """`more`: further lines of its main.cf. `certificate` (chain, key): it has TLS."""
        base.need("postfix")
        base.need_root("Postfix's master runs as root")
        self.port = base.free_port()
        self.tls_port = base.free_port() if certificate else 0
        master = MASTER.format(port=self.port)
        if certificate:
            more += TLS_MAIN.format(chain=certificate[0], key=certificate[1])
            master += TLS_MASTER.format(port=self.tls_port)
        self.folder = room.folder("postfix")
        self.config = room.folder("postfix/etc")
        queue, data = room.folder("postfix/queue"), room.folder("postfix/data")
        os.chown(data, pwd.getpwnam("postfix").pw_uid, -1)
        self.log = self.folder / "log"
        # Its own tools write to it as this user when nobody listens at its log's socket.
        self.log.touch()
        os.chown(self.log, pwd.getpwnam("postfix").pw_uid, -1)
        boxes = ", ".join(f"{user}@{DOMAIN}={user}/" for user in USERS)
        (self.config / "main.cf").write_text(MAIN.format(
            config=self.config, queue=queue, data=data, log=self.log, room=room.path,
            auth_port=dovecot.auth_port, domain=DOMAIN, boxes=boxes, mail=dovecot.mail,
            uid=dovecot.uid, gid=dovecot.gid) + more)
        (self.config / "master.cf").write_text(master)

    def _run(self, command):
        return subprocess.run([base.tool("postfix"), "-c", str(self.config), command],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                              text=True, check=False)

    def __enter__(self):
        done = self._run("start")
        if done.returncode != 0:
            raise AssertionError(f"postfix did not start: {done.stdout}{done.stderr}\n"
                                 f"{self.log.read_text() if self.log.exists() else ''}")
        base.until(lambda: base.listens(self.port), "postfix listens")
        return self

    def __exit__(self, *_):
        pid = pathlib.Path(self.folder, "queue/pid/master.pid")
        self._run("stop")
        base.until(lambda: not base.listens(self.port) or not pid.exists(), "postfix ends")

    @property
    def pid(self):
        """Of its master, whose children all others are."""
        return int(pathlib.Path(self.folder, "queue/pid/master.pid").read_text(encoding="ascii"))

    def kill(self):
        """SIGKILL for all its processes; __enter__ starts it again, on the same port."""
        processes.kill_family(self.pid)

    def flush(self):
        """Waits until all that it has taken is delivered."""
        def is_empty():
            self._run("flush")
            return not self._queued()
        base.until(is_empty, "postfix delivers all", within=120, every=0.5)

    def _queued(self):
        """Files of mail that it has said 250 to: those that are executable."""
        queue = pathlib.Path(self.folder, "queue")
        found = []
        for part in ("maildrop", "incoming", "active", "deferred"):
            for folder, _, names in os.walk(queue / part):
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        path = pathlib.Path(folder, name)
                        if path.stat().st_mode & 0o100:
                            found.append(path)
        return found
