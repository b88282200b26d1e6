"""The room of one test: ports, a folder, certificates, bounded waiting, and the way to run it."""
import argparse
import contextlib
import os
import pathlib
import random
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

HOSTNAME = "gate.example.test"
SKIPPED = 77  # as SKIP_RETURN_CODE in CTest

args = argparse.Namespace(postern="")

# Ports are taken from blocks below the range that the system gives to outgoing connections, so that
# no client's own port can be in the way. A block belongs to the process that listens on its first
# port; so tests may run side by side.
BLOCK = 60
FIRST, LAST = 21000, 31000
# As many descriptors as this process, with its clients and fake servers, may need: the usual limit, 1024,
# is too low for those that meet a flood.
DESCRIPTORS = 8192
_block = {"lock": None, "next": 0, "end": 0}


def _take_block():
    bases = list(range(FIRST, LAST, BLOCK))
    random.shuffle(bases)
    for base in bases:
        lock = socket.socket()
        try:
            lock.bind(("127.0.0.1", base))
            lock.listen(1)
        except OSError:
            lock.close()
            continue
        # Held until the process ends, older locks too.
        _block["lock"] = (lock, _block["lock"])
        _block.update(next=base + 1, end=base + BLOCK)
        return
    raise RuntimeError("no block of ports is free")


def free_port():
    """A port of 127.0.0.1 that nobody uses and that no other test will get."""
    while True:
        if _block["next"] >= _block["end"]:
            _take_block()
        port = _block["next"]
        _block["next"] += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def listens(port):
    """Whether somebody listens on this port; asks the kernel, so it leaves no session behind."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table, encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and fields[1].endswith(wanted):
                    return True
    return False


def until(condition, what, within=60.0, every=0.02):
    """Waits until `condition()` is true and gives its value; fails with `what` otherwise."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {within} s in vain: {what}")
        time.sleep(every)


def clear_of_midnight(seconds=120):
    """Waits out the end of the UTC day, for what happens once a day or is counted by days."""
    left = 86400 - time.time() % 86400
    if left < seconds:
        time.sleep(left + 1)


def tool(name):
    """The path of a program, also of those that live outside a user's PATH; None where missing."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def need(*names):
    """Skips where a program is missing."""
    for name in names:
        if not tool(name):
            raise unittest.SkipTest(f"{name} is not installed")


def need_root(why):
    if os.geteuid() != 0:
        raise unittest.SkipTest(f"needs root: {why}")


class Room:
    """A temporary folder with throw-away certificates; everything started in it ends with it."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="postern-test-"))
        self.path.chmod(0o755)  # mail servers work in it under users of their own
        self._stack = contextlib.ExitStack()
        self._made = set()

    def enter(self, thing):
        """Keeps a context manager open for as long as the room lives."""
        return self._stack.enter_context(thing)

    def close(self):
        try:
            self._stack.close()
        finally:
            if not os.environ.get("POSTERN_TEST_KEEP"):
                shutil.rmtree(self.path, ignore_errors=True)

    def folder(self, name):
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], cwd=self.path, check=True, timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def ca(self):
        """The file of the throw-away authority that signed all certificates of this room."""
        if "ca" not in self._made:
            self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                          "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", 90,
                          "-subj", "/CN=throw-away authority", "-addext",
                          "keyUsage=critical,keyCertSign,cRLSign")
            self._made.add("ca")
        return self.path / "ca.pem"

    def certificate(self, kind="ecdsa", names=(HOSTNAME, "localhost"), days=90, more=(),
                    stem=None):
        """(chain, key) of a certificate for `names` and 127.0.0.1; kind is ecdsa or rsa. With
        negative `days` it has expired. `more`: extensions in openssl's words. `stem`: of its files,
        where there is another one for the same name."""
        stem = (stem or f"{kind}-{names[0]}").replace("*", "any")
        chain, key = self.path / f"{stem}.pem", self.path / f"{stem}.key"
        if stem not in self._made:
            ca = self.ca()
            alternatives = ",".join([f"DNS:{name}" for name in names] + ["IP:127.0.0.1"])
            (self.path / f"{stem}.ext").write_text(
                f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\n"
                "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\n"
                "authorityKeyIdentifier=keyid\n" + "".join(f"{line}\n" for line in more))
            new = (["-newkey", "rsa:2048"] if kind == "rsa" else
                   ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            self._openssl("req", *new, "-nodes", "-keyout", key, "-out", f"{stem}.csr",
                          "-subj", f"/CN={names[0]}")
            self._openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", ca, "-CAkey", "ca.key",
                          "-CAcreateserial", "-days", days, "-extfile", f"{stem}.ext",
                          "-out", f"{stem}.leaf")
            chain.write_text((self.path / f"{stem}.leaf").read_text() + ca.read_text())
            self._made.add(stem)
        return chain, key

    def client_tls(self):
        """A client's TLS settings that trust this room's authority alone."""
        return ssl.create_default_context(cafile=str(self.ca()))


class TestCase(unittest.TestCase):
    """A test case with one room for the whole class; `arrange` fills it."""
    maxDiff = None
    longMessage = True

    @classmethod
    def setUpClass(cls):
        cls.room = Room()
        cls.addClassCleanup(cls.room.close)
        cls.arrange()

    @classmethod
    def arrange(cls):
        """Starts what all tests of the class use, by cls.room.enter()."""

    def own_room(self):
        """A room for one test alone."""
        room = Room()
        self.addCleanup(room.close)
        return room


def main():
    """Reads --postern, runs the calling module's tests, ends with 0, 1 or 77 (all skipped)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--postern", required=True, help="the built program")
    known, rest = parser.parse_known_args()
    args.postern = os.path.abspath(known.postern)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))
    if not os.access(args.postern, os.X_OK):
        sys.exit(f"{args.postern} is no program")
    program = unittest.main(module="__main__", argv=[sys.argv[0], *rest], exit=False, verbosity=2,
                            warnings="ignore")
    result = program.result
    for where, why in result.skipped:
        print(f"skipped: {where}: {why}")
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped and result.testsRun <= len(result.skipped) else 0)
