#!/usr/bin/env python3
"""Every scenario of scripts/bench against postern, with a few operations: counts, never times.

usage: load_test.py --load MAIL_LOAD --postern PROGRAM
"""
import argparse
import os
import sys
import unittest

from beside import scenarios, subjects
from beside.load import Load, LoadFailed, Sink
from harness import base  # found by beside

MESSAGE = 300_000
OPERATIONS = 6
args = argparse.Namespace()


class EveryScenario(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = base.Room()
        cls.addClassCleanup(cls.room.close)
        cls.ports = {protocol: base.free_port() for protocol in ("imap", "smtp", "pop3")}
        sink = cls.room.enter(Sink(args.load, cls.ports, MESSAGE))
        kind = subjects.postern("postern", args.postern, with_audit=False)
        cls.subject = cls.room.enter(subjects.Subject(cls.room, kind, cls.ports))
        cls.extent = scenarios.Extent(args.load, sink.process.pid, idle=OPERATIONS,
                                      count=OPERATIONS, message=MESSAGE)

    def expected_tls(self, scenario):
        signature = {"rsa": "rsa_pss_rsae_sha256", "ecdsa": "ecdsa_secp256r1_sha256"}
        return ("none" if scenario.load == "resume" else signature[scenario.certificate])

    def test_operations_are_counted_and_none_fails(self):
        for scenario in scenarios.ALL:
            if scenario.load in ("storm", "idle"):
                continue
            with self.subTest(scenario=scenario.name):
                figures = scenarios.run(scenario, self.subject, self.extent)
                report = figures["report"]
                self.assertEqual((report["operations"], report["errors"], report["reasons"]),
                                 (OPERATIONS, 0, {}))
                for measure in scenario.measures:
                    self.assertIn(measure.key, figures)
                is_bulk = scenario.load in ("down", "up")
                self.assertEqual(report["octets"] // (MESSAGE // 100 * 99), OPERATIONS * is_bulk)
                if scenario.load in ("handshake", "visit", "session", "resume"):
                    self.assertEqual(report["handshakes"], OPERATIONS)
                    self.assertEqual(report["resumed"],
                                     OPERATIONS if scenario.load == "resume" else 0)
                    spoken, = report["tls"]
                    self.assertEqual(spoken.split()[-1], self.expected_tls(scenario))

    def test_idle_sessions_are_all_there_and_answer(self):
        scenario, = scenarios.chosen(["idle"])
        figures = scenarios.run(scenario, self.subject, self.extent)
        self.assertEqual((figures["report"]["sessions"], figures["report"]["operations"],
                          figures["report"]["errors"]), (OPERATIONS, OPERATIONS, 0))
        self.assertIn("kib", figures)

    def test_a_storm_leaves_the_sessions_that_are_there(self):
        scenario, = scenarios.chosen(["storm"])
        figures = scenarios.run(scenario, self.subject, self.extent)
        self.assertEqual([figures[which]["operations"] for which in ("report", "storm")],
                         [OPERATIONS] * 2)
        self.assertEqual(figures["report"]["errors"], 0)

    def test_what_fails_is_counted_and_named(self):
        nobody = base.free_port()
        with Load(args.load, nobody, "handshake", "--count", 3) as load:
            load.answer(within=60)
            load.go()
            report = load.answer(within=60)
        self.assertEqual((report["operations"], report["errors"]), (0, 3))
        self.assertIn("connect", " ".join(report["reasons"]))

    def test_a_load_that_ends_early_is_an_error_not_a_hang(self):
        with Load(args.load, 1, "down", "--protocol", "pop3") as load:  # there is no such scenario
            with self.assertRaises(LoadFailed):
                load.answer(within=60)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", required=True)
    parser.add_argument("--postern", required=True)
    args, rest = parser.parse_known_args(namespace=args)
    args.postern = os.path.abspath(args.postern)
    unittest.main(argv=[sys.argv[0], *rest])
