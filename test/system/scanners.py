#!/usr/bin/env python3
"""testssl.sh and sslscan on every port that has TLS, implicit and by STARTTLS or STLS, with default
settings and certificates of each kind.

What they may find stands in test/data/scanner_findings.json. With the versions named there their
findings must be just those; with others nothing graver than LOW may be among them. A whole scan takes
testssl.sh a minute, so each kind of certificate gets one, each on another port; the other ports get the
sections that a setting of a single listener could change.

Some of testssl.sh's findings are races of its own (a ticket that comes behind the handshake, say), so
a port whose findings are not those of the list is scanned again: what postern does, it does every time."""
import concurrent.futures
import json
import pathlib
import re
import xml.etree.ElementTree as xml

import harness
from harness import HOSTNAME, FakeImap, FakePop3, FakeSmtp, Postern, run

KNOWN = json.loads(
    (pathlib.Path(__file__).parents[1] / "data/scanner_findings.json").read_text("utf-8"))
HARMLESS = ("OK", "INFO", "LOW")

# As on servers: MX does not insist on TLS, the others do.
PORTS = [(protocol, way) for protocol in ("smtp", "submission", "imap", "pop3")
         for way in ("implicit", "starttls")]
KINDS = {"ecdsa": ["ecdsa"], "rsa": ["rsa"], "both": ["rsa", "ecdsa"]}
COMPLETE = {("imap", "implicit"): "ecdsa", ("submission", "starttls"): "rsa",
            ("pop3", "starttls"): "both"}
# -p versions, -f forward secrecy, -R renegotiation; -s kinds of suites, -P the order, -S certificates,
# tickets, extensions, -U known holes, -E each suite. Left out are HTTP, and known clients (-c), which
# say http/1.1 by ALPN and are rightly refused.
SHORT = ("-p", "-f", "-R")
WHOLE = ("-p", "-f", "-s", "-P", "-S", "-U", "-E")
# In the network of a rule with `profile: legacy`, by testssl.sh's names.
ISLAND = {"SSLv2": "not offered", "SSLv3": "not offered", "TLS1": "offered (deprecated)",
          "TLS1_1": "offered (deprecated)", "TLS1_2": "offered", "TLS1_3": "offered with final",
          "cipherlist_NULL": "not offered", "cipherlist_aNULL": "not offered",
          "cipherlist_EXPORT": "not offered", "cipherlist_LOW": "not offered",
          "cipherlist_3DES_IDEA": "offered", "cipherlist_AVERAGE": "offered",
          "cipherlist_STRONG": "offered"}
# How long a scanner waits for an answer before it takes silence for one: a busy machine is slow.
PATIENCE = 60
LONGEST = 1000
TRIES = 3


def upgrade(protocol):
    """The scanners' name of the protocol's way into TLS."""
    return "smtp" if protocol == "submission" else protocol


class Scanners(harness.TestCase):
    @classmethod
    def arrange(cls):
        backends = {"smtp": cls.room.enter(FakeSmtp()).port,
                    "imap": cls.room.enter(FakeImap()).port,
                    "pop3": cls.room.enter(FakePop3()).port}
        listeners = [{"name": f"{protocol}-{way}", "protocol": protocol,
                      "backend": upgrade(protocol),
                      "tls": way if way == "implicit" else
                      "optional" if protocol == "smtp" else "required"}
                     for protocol, way in PORTS]
        made = {kind: cls.room.certificate(kind, days=300, more=(
            "keyUsage=critical,digitalSignature",
            "crlDistributionPoints=URI:http://ca.example.test/list.crl"))
                for kind in ("ecdsa", "rsa")}
        cls.posterns = {name: cls.room.enter(Postern(
            cls.room, listeners, backends, certificates=[made[kind] for kind in kinds]))
                        for name, kinds in KINDS.items()}
        cls.posterns["island"] = cls.room.enter(Postern(
            cls.room, listeners[-4:-2], backends, certificates=[made[kind] for kind in made],
            rules=[{"name": "hall", "from": ["127.0.0.0/8"], "profile": "legacy",
                    "min_version": "1.0"}]))

    def port(self, kind, protocol, way):
        return self.posterns[kind].port(f"{protocol}-{way}")

    def side_by_side(self, work, scans):
        """(scan, work(*scan)) of each."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(zip(scans, pool.map(lambda scan: work(*scan), scans)))

    # testssl.sh

    def by_testssl(self, kind, protocol, way, sections):
        report = self.room.path / f"testssl-{kind}-{protocol}-{way}.json"
        report.unlink(missing_ok=True)
        starttls = () if way == "implicit" else ("-t", upgrade(protocol))
        done = run("env", "TERM=dumb", *(f"{name}={PATIENCE}" for name in (
            "MAX_WAITSOCK", "CCS_MAX_WAITSOCK", "HEARTBLEED_MAX_WAITSOCK", "HEADER_MAXSLEEP",
            "STARTTLS_SLEEP")),
            "testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
            "--ip", "127.0.0.1", "--add-ca", self.room.ca(), "--connect-timeout", PATIENCE,
            "--openssl-timeout", PATIENCE, "--jsonfile", report, *starttls, *sections,
            f"{HOSTNAME}:{self.port(kind, protocol, way)}", timeout=LONGEST)
        # Its status counts findings; those above 240 are its own failures.
        if done.returncode > 240 or not report.exists():
            raise AssertionError(f"testssl ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return json.loads(report.read_text("utf-8"))

    def test_testssl(self):
        harness.need("testssl", "openssl")
        scans = [(kind, *port, WHOLE) for port, kind in COMPLETE.items()]
        scans += [("both", *port, SHORT) for port in PORTS if port not in COMPLETE]
        self.assertEqual({scan[1:3] for scan in scans}, set(PORTS))
        version = re.search(r"testssl(?:\.sh)? +(\S+)", run("testssl", "--version").stdout).group(1)
        is_known = version == KNOWN["testssl"]["version"]
        for (kind, protocol, way, sections), fault in self.side_by_side(
                lambda *scan: self.fault_by_testssl(*scan, is_known=is_known), scans):
            with self.subTest(kind=kind, protocol=protocol, way=way):
                self.assertEqual(fault, "")

    def test_testssl_in_the_island(self):
        """What the other scans must not find is there, and no more."""
        harness.need("testssl", "openssl")
        for _ in range(TRIES):
            found = {finding["id"]: finding["finding"] for finding in
                     self.by_testssl("island", "imap", "implicit", ("-p", "-s"))}
            seen = {name: found.get(name) for name in ISLAND}
            if seen == ISLAND:
                return
        self.assertEqual(seen, ISLAND)

    def fault_by_testssl(self, kind, protocol, way, sections, is_known):
        """What is wrong with the last of several scans; "" after the first that finds what it must."""
        groups = ["every", way, *(("whole", f"whole_{way}", *KINDS[kind]) if sections is WHOLE else ())]
        for _ in range(TRIES):
            found = self.by_testssl(kind, protocol, way, sections)
            try:
                self.check_testssl(found, groups, is_known)
                return ""
            except AssertionError as error:
                fault = str(error)
                print(f"{protocol} {way}: {fault}")
        return fault

    def check_testssl(self, found, groups, is_known):
        exceptions = KNOWN["testssl"]["exceptions"]
        seen = {}
        for finding in found:
            # With certificates of two kinds some stand twice.
            name = re.sub(r" <cert#\d>$", "", finding["id"])
            exception = exceptions.get(name, {"severity": ""})["severity"]
            if finding["severity"] not in (*HARMLESS, exception):
                self.fail(f"{finding}")
            seen.setdefault(name, set()).add((finding["severity"], finding["finding"]))
        self.check_forward_secrecy(seen)
        if not is_known:
            return
        wanted = {}
        for group in groups:
            wanted.update(KNOWN["testssl"]["findings"].get(group, {}))
        self.assertEqual(seen.keys() - exceptions.keys(), wanted.keys(), "found, wanted")
        for name, words in wanted.items():
            severities, _, text = words.partition(" ")
            for severity, got in seen[name]:
                self.assertIn(severity, severities.split("|"), name)
                if text:
                    self.assertEqual(got.strip(), text, name)

    def check_forward_secrecy(self, seen):
        offered = [text for name, found in seen.items() for _, text in found
                   if name.startswith("cipher-")]
        offered += [suite for _, text in seen["PFS_ciphers"] for suite in text.split()]
        self.assertGreater(len(offered), 3)
        for suite in offered:
            self.assertRegex(suite, r"(^| )(ECDHE-|TLS_AES_|TLS_CHACHA20_)")

    # sslscan

    def by_sslscan(self, kind, protocol, way):
        starttls = () if way == "implicit" else (f"--starttls-{upgrade(protocol)}",)
        done = run("sslscan", "--no-colour", "--xml=-", f"--timeout={PATIENCE}", *starttls,
                   f"--sni-name={HOSTNAME}", f"127.0.0.1:{self.port(kind, protocol, way)}",
                   timeout=LONGEST)
        return xml.fromstring(done.stdout[done.stdout.index("<?xml"):])

    def test_sslscan(self):
        harness.need("sslscan")
        scans = [(kind, *port) for kind in KINDS for port in PORTS]
        for scan, report in self.side_by_side(self.by_sslscan, scans):
            with self.subTest(kind=scan[0], protocol=scan[1], way=scan[2]):
                self.check_sslscan(scan[0], report)

    def check_sslscan(self, kind, report):
        found = report.find("ssltest")
        on = {(each.get("type"), each.get("version")) for each in found.findall("protocol")
              if each.get("enabled") != "0"}
        self.assertEqual(on, {("tls", "1.2"), ("tls", "1.3")})
        for name in ("heartbleed", "renegotiation"):
            for each in found.findall(name):
                self.assertEqual(each.get("vulnerable", each.get("supported")), "0", name)
        suites = {}
        for each in found.findall("cipher"):
            self.assertRegex(each.get("cipher"), "^(ECDHE-|TLS_AES_|TLS_CHACHA20_)")
            suites.setdefault(each.get("sslversion"), []).append(
                f"{each.get('cipher')} {each.get('strength')}")
        groups = {each.get("name") for each in found.findall("group")}
        if report.get("version") != KNOWN["sslscan"]["version"]:
            return
        self.assertEqual(groups, set(KNOWN["sslscan"]["groups"]))
        # In TLS 1.3 the order is the client's and the hardware's.
        self.assertEqual(sorted(suites.pop("TLSv1.3")), sorted(KNOWN["sslscan"]["tls13"]))
        wanted = [suite for each in sorted(KINDS[kind]) for suite in KNOWN["sslscan"][each]]
        self.assertEqual(suites, {"TLSv1.2": wanted})


if __name__ == "__main__":
    harness.main()
