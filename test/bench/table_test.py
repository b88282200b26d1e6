#!/usr/bin/env python3
"""How scripts/bench gets from runs to its table."""
import types
import unittest

from beside import scenarios, table

CPU = scenarios.CPU
BULK = scenarios.BULK


def scenario(name, *measures):
    return types.SimpleNamespace(name=name, measures=measures)


def run(name, program, errors=0, **figures):
    return {"scenario": name, "program": program, "figures": figures, "errors": errors}


class Table(unittest.TestCase):
    def test_a_cell_is_the_median_with_half_the_range(self):
        self.assertEqual(table.cell_of([30, 10, 20]), table.Cell(20, spread=0.5))
        self.assertEqual(table.cell_of([10, 20]), table.Cell(15, spread=1 / 3))

    def test_one_round_has_no_spread(self):
        self.assertEqual(table.cell_of([7]), table.Cell(7, spread=0.0))

    def test_a_round_that_failed_leaves_the_median_of_the_others(self):
        self.assertEqual(table.cell_of([None, 10, 20], errors=3).value, 15)

    def test_a_cell_of_failures_has_no_value(self):
        self.assertEqual(table.cell_of([None, None], errors=2), table.Cell(None, errors=2))
        self.assertEqual(table.cell_text(table.Cell(None, errors=2)), "failed (2 errors)")

    def test_no_value_and_no_ratio_come_of_nothing(self):
        self.assertIsNone(table.ratio(None, 3))
        self.assertIsNone(table.ratio(3, None))
        self.assertIsNone(table.ratio(3, 0))

    def test_the_best_has_least_cpu_or_most_megabytes(self):
        cells = {"a": table.Cell(1), "b": table.Cell(2), "c": table.Cell(None)}
        self.assertEqual(table.best_of(cells, ["a", "b", "c"], more_is_better=False), "a")
        self.assertEqual(table.best_of(cells, ["a", "b", "c"], more_is_better=True), "b")
        self.assertIsNone(table.best_of(cells, ["c", "absent"], more_is_better=True))

    def test_each_build_is_compared_with_the_best_peer_of_the_row(self):
        runs = [run("x", "nginx", cpu_us=100, mb_per_cpu_second=50),
                run("x", "hitch", cpu_us=80, mb_per_cpu_second=40),
                run("x", "old", cpu_us=60, mb_per_cpu_second=100),
                run("x", "new", cpu_us=40, mb_per_cpu_second=150)]
        cpu, bulk = table.rows([scenario("x", CPU, BULK)], runs, ["nginx", "hitch"], ["old", "new"])
        self.assertEqual((cpu.best, cpu.ratios), ("hitch", {"old": 0.75, "new": 0.5}))
        self.assertEqual((bulk.best, bulk.ratios), ("nginx", {"old": 2.0, "new": 3.0}))

    def test_without_peers_the_first_build_is_the_measure(self):
        runs = [run("x", "old", cpu_us=60), run("x", "new", cpu_us=30)]
        row, = table.rows([scenario("x", CPU)], runs, [], ["old", "new"])
        self.assertEqual(row.ratios, {"old": 1.0, "new": 0.5})
        self.assertIn("new / old", table.as_text([row], [], ["old", "new"]))

    def test_errors_of_all_rounds_show_in_the_cell(self):
        runs = [run("x", "new", errors=1, cpu_us=3), run("x", "new", errors=2, cpu_us=3)]
        row, = table.rows([scenario("x", CPU)], runs, [], ["new"])
        self.assertEqual(table.cell_text(row.cells["new"]), "3.00 (3 errors)")

    def test_a_scenario_that_nobody_ran_has_no_row(self):
        self.assertEqual(table.rows([scenario("x", CPU)], [], ["nginx"], ["new"]), [])

    def test_numbers_have_as_many_digits_as_mean_something(self):
        self.assertEqual([table.number(value) for value in (0.0567, 4.372, 23.44, 377.4)],
                         ["0.06", "4.37", "23.4", "377"])

    def test_text_and_markdown_say_the_same(self):
        runs = [run("x", "nginx", cpu_us=100), run("x", "nginx", cpu_us=120),
                run("x", "new", cpu_us=55), run("y", "new", cpu_us=1)]
        rows = table.rows([scenario("x", CPU), scenario("y", CPU)], runs, ["nginx"], ["new"])
        self.assertEqual(
            table.as_text(rows, ["nginx"], ["new"]).splitlines(),
            ["scenario  unit         nginx   new    new / best",
             "x         µs of CPU  110 ±9%  55.0  0.50 (nginx)",
             "y         µs of CPU        -  1.00             -"])
        self.assertEqual(
            table.as_markdown(rows, ["nginx"], ["new"]).splitlines(),
            ["| scenario | unit | nginx | new | new / best |",
             "| --- | --- | ---: | ---: | ---: |",
             "| x | µs of CPU | 110 ±9% | 55.0 | 0.50 (nginx) |",
             "| y | µs of CPU | - | 1.00 | - |"])


class Scenarios(unittest.TestCase):
    def test_a_name_stands_for_all_that_begin_with_it(self):
        names = [each.name for each in scenarios.chosen(["growth", "noop-1", "growth-100"])]
        self.assertEqual(names, ["growth-100", "growth-1000", "growth-9000", "noop-1"])

    def test_an_unknown_name_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no scenario is called hand$"):
            scenarios.chosen(["hand"])


if __name__ == "__main__":
    unittest.main()
