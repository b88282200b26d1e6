"""Ready-made clients: Python's own libraries, and command line programs with bounded time."""
import imaplib
import poplib
import smtplib
import subprocess

from . import base
from .dovecot import PASSWORD, USER

TIMEOUT = 60


def run(*words, stdin="", timeout=120, check=None):
    """Runs a program; gives the CompletedProcess (text). `check`: the exit status it must have."""
    words = [base.tool(words[0]) or words[0], *map(str, words[1:])]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout,
                          errors="backslashreplace", check=False)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{words} ended with {done.returncode}, not {check}:\n"
                             f"{done.stdout}\n{done.stderr}")
    return done


def s_client(room, port, starttls=None, stdin="", more=(), timeout=120):
    """openssl s_client against 127.0.0.1:port; all of stdin is sent at once behind the handshake,
    and it stays until the server closes (so let the input end in a farewell)."""
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", room.ca(),
             "-verify_return_error", "-ign_eof", "-crlf"]
    if starttls:
        words += ["-starttls", starttls]
    return run(*words, *more, stdin=stdin, timeout=timeout)


def open_imap(room, port, tls):
    """imaplib, connected; tls: implicit, starttls, or none."""
    if tls == "implicit":
        return imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=room.client_tls(),
                                 timeout=TIMEOUT)
    client = imaplib.IMAP4("127.0.0.1", port, timeout=TIMEOUT)
    if tls == "starttls":
        client.starttls(room.client_tls())
    return client


def login_imap(room, port, tls, user=USER, password=PASSWORD):
    client = open_imap(room, port, tls)
    client.login(user, password)
    return client


def open_pop3(room, port, tls):
    if tls == "implicit":
        return poplib.POP3_SSL("127.0.0.1", port, context=room.client_tls(), timeout=TIMEOUT)
    client = poplib.POP3("127.0.0.1", port, timeout=TIMEOUT)
    if tls == "starttls":
        client.stls(room.client_tls())
    return client


def login_pop3(room, port, tls, user=USER, password=PASSWORD):
    client = open_pop3(room, port, tls)
    client.user(user)
    client.pass_(password)
    return client


def open_smtp(room, port, tls):
    if tls == "implicit":
        return smtplib.SMTP_SSL("127.0.0.1", port, context=room.client_tls(), timeout=TIMEOUT,
                                local_hostname="client.example.test")
    client = smtplib.SMTP("127.0.0.1", port, timeout=TIMEOUT,
                          local_hostname="client.example.test")
    if tls == "starttls":
        client.starttls(context=room.client_tls())
    return client


def login_smtp(room, port, tls, user=USER, password=PASSWORD):
    client = open_smtp(room, port, tls)
    client.login(user, password)
    return client
