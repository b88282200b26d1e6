"""Debian's Dovecot as an old server without TLS (or with, as one outside), in a folder of its own on
high ports."""
import grp
import os
import pwd
import subprocess

from . import base, processes

USER, PASSWORD = "anna", "correct horse"
USERS = {USER: PASSWORD, "bert": "battery staple"}

CONFIG = """\
base_dir = {run}
state_dir = {run}
log_path = {log}
{ssl}
disable_plaintext_auth = no
protocols = imap pop3
listen = 127.0.0.1
login_greeting = Old server ready.
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
mail_location = maildir:{mail}/%n
mail_max_userip_connections = 200
maildir_very_dirty_syncs = no
mailbox_idle_check_interval = 2 secs
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_process_limit = 300
default_client_limit = 1000
first_valid_uid = 1
mail_uid = {mail_uid}
mail_gid = {mail_gid}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {passwd}
}}
userdb {{
  driver = static
  args = uid={mail_uid} gid={mail_gid} home={mail}/%n
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {imap_port}
  }}
  {reuse}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service pop3-login {{
  {chroot}
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  {reuse}
  inet_listener pop3s {{
    port = {pop3s_port}
    ssl = yes
  }}
}}
service auth {{
  inet_listener sasl {{
    address = 127.0.0.1
    port = {auth_port}
  }}
}}
service anvil {{
  {chroot}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  {chroot}
}}
namespace inbox {{
  inbox = yes
}}
"""


def exists(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


class Dovecot:
    """IMAP and POP3 in clear; mail lies in `mail` (a Maildir a user). With a certificate (chain, key)
    it has STARTTLS, and implicit TLS on ports of its own; no login is taken in clear then."""

    def __init__(self, room, certificate=None):
        base.need("dovecot")
        self.folder = room.folder("dovecot")
        self.mail = room.folder("mail")
        self.imap_port, self.pop3_port, self.auth_port = (base.free_port() for _ in range(3))
        self.imaps_port, self.pop3s_port = (
            (base.free_port(), base.free_port()) if certificate else (0, 0))
        # Its processes then serve one login after another, so that TLS sessions can be resumed.
        ssl = (f"ssl = required\nssl_cert = <{certificate[0]}\nssl_key = <{certificate[1]}"
               if certificate else "ssl = no")
        me = pwd.getpwuid(os.geteuid())
        root = os.geteuid() == 0
        mail_user = pwd.getpwnam("nobody") if root else me
        internal = exists("dovecot") if root else me
        login = exists("dovenull") if root else me
        self.uid, self.gid = mail_user.pw_uid, mail_user.pw_gid
        passwd = self.folder / "passwd"
        passwd.write_text("".join(f"{user}:{{PLAIN}}{secret}\n"
                                  for user, secret in USERS.items()))
        for user in USERS:
            self._own(self.mail / user)
        if root:
            os.chown(self.mail, self.uid, self.gid)
        self.config = self.folder / "dovecot.conf"
        self.log = self.folder / "log"
        self.config.write_text(CONFIG.format(
            run=self.folder / "run", log=self.log, mail=self.mail, passwd=passwd,
            internal=internal.pw_name, internal_group=grp.getgrgid(internal.pw_gid).gr_name,
            login=login.pw_name, mail_uid=self.uid, mail_gid=self.gid,
            chroot="" if root else "chroot =", imap_port=self.imap_port,
            pop3_port=self.pop3_port, auth_port=self.auth_port, ssl=ssl,
            imaps_port=self.imaps_port, pop3s_port=self.pop3s_port,
            reuse="service_count = 0\n  process_limit = 1" if certificate else ""))
        self.process = None

    def _own(self, folder):
        for part in (folder, folder / "new", folder / "cur", folder / "tmp"):
            part.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                os.chown(part, self.uid, self.gid)

    def deliver(self, name, data, user=USER):
        """Puts a message into the user's Maildir, as a delivery agent does it."""
        waiting = self.mail / user / "tmp" / name
        waiting.write_bytes(data)
        if os.geteuid() == 0:
            os.chown(waiting, self.uid, self.gid)
        waiting.rename(self.mail / user / "new" / name)

    def messages(self, user=USER):
        """The files of the user's inbox."""
        return [path for part in ("new", "cur") for path in (self.mail / user / part).iterdir()]

    def empty(self, user=USER):
        for path in self.messages(user):
            path.unlink()

    def __enter__(self):
        with open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen([base.tool("dovecot"), "-F", "-c", str(self.config)],
                                            stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        ports = (self.imap_port, self.pop3_port, self.auth_port)
        base.until(lambda: self._alive() and all(map(base.listens, ports)), "dovecot listens")
        return self

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """SIGKILL for all its processes; `with` or __enter__ starts it again, on the same ports."""
        processes.kill_family(self.pid)
        self.process.wait(10)

    def _alive(self):
        if self.process.poll() is not None:
            log = self.log.read_text() if self.log.exists() else ""
            raise AssertionError("dovecot ended: " + (self.folder / "stderr").read_text() + log)
        return True

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
