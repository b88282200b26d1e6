"""From runs to one table: medians, spreads, and the ratio to the best peer. Pure: no measuring here."""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one program did in one row. `value` is None where every run failed."""
    value: float | None
    spread: float = 0.0   # half of the range of the rounds, as a share of the value
    errors: int = 0       # operations that failed, all rounds


@dataclasses.dataclass(frozen=True)
class Row:
    """A figure, all programs. Programs without such a service have no cell."""
    label: str
    unit: str
    cells: dict           # by program
    best: str | None      # the best of the peers
    ratios: dict          # of each build of postern to it


def cell_of(values, errors=0):
    """The cell of some rounds' values; None among them are runs that failed."""
    good = [value for value in values if value is not None]
    if not good:
        return Cell(None, errors=errors)
    median = statistics.median(good)
    spread = (max(good) - min(good)) / 2 / median if median and len(good) > 1 else 0.0
    return Cell(median, spread, errors)


def best_of(cells, names, more_is_better):
    """The name of the best of these; None where none has a value."""
    having = [name for name in names if name in cells and cells[name].value is not None]
    if not having:
        return None
    return (max if more_is_better else min)(having, key=lambda name: cells[name].value)


def ratio(value, to):
    """None where it has no meaning."""
    return value / to if value is not None and to else None


def rows(scenarios, runs, peers, posterns):
    """The rows of what was run. A run is a dict: scenario, program, figures ({} where it failed), errors.
    Without peers the first build of postern is what the others are compared with."""
    made = []
    for scenario in scenarios:
        of_scenario = [run for run in runs if run["scenario"] == scenario.name]
        for measure in scenario.measures:
            cells = {}
            for name in (*peers, *posterns):
                own = [run for run in of_scenario if run["program"] == name]
                if own:
                    cells[name] = cell_of([run["figures"].get(measure.key) for run in own],
                                          sum(run["errors"] for run in own))
            if not cells:
                continue
            best = best_of(cells, peers or posterns[:1], measure.more_is_better)
            ratios = {name: ratio(cells[name].value, cells[best].value)
                      for name in posterns if best and name in cells}
            made.append(Row(scenario.name, measure.unit, cells, best, ratios))
    return made


def number(value):
    """With as many digits as mean something."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def cell_text(cell):
    if cell is None:
        return "-"
    text = "failed" if cell.value is None else number(cell.value)
    if cell.spread:
        text += f" ±{cell.spread:.0%}"
    if cell.errors:
        text += f" ({cell.errors} errors)"
    return text


def _lines(rows_, peers, posterns):
    yield ["scenario", "unit", *peers, *posterns,
           *(f"{name} / best" if peers else f"{name} / {posterns[0]}" for name in posterns)]
    for row in rows_:
        ratios = []
        for name in posterns:
            value = row.ratios.get(name)
            ratios.append("-" if value is None else f"{value:.2f}" + f" ({row.best})" * bool(peers))
        yield [row.label, row.unit, *(cell_text(row.cells.get(name)) for name in (*peers, *posterns)),
               *ratios]


def as_text(rows_, peers, posterns):
    lines = list(_lines(rows_, peers, posterns))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(word.ljust(width) if i < 2 else word.rjust(width)
                               for i, (word, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


def as_markdown(rows_, peers, posterns):
    lines = list(_lines(rows_, peers, posterns))
    lines.insert(1, ["---"] * 2 + ["---:"] * (len(lines[0]) - 2))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
