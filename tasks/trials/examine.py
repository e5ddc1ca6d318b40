"""What every strategy promises, tried out: the same answer whenever it is asked and in whatever chunks, data
that are read and never written, a past that the future does not change.

A sweep cuts combinations into chunks of any size, runs them on any machine in any order, and repeats some.
Its results are the same to the byte only if each of these holds.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tasks import arrow
from tasks.contract import Columns
from tasks.description import Description
from tasks.errors import DataError
from tasks.parameters import Value
from tasks.trials.past import changed_pasts
from tasks.trials.samples import digest, filled, frozen, invented, some_combinations
from tasks.trials.trial import Metrics, Trial, Wrong, said

QUICK_SECONDS: Final = 0.6  # a check that a user waits for before a sweep starts


@dataclass(slots=True)
class Report:
    """Promises that are broken, each with what to do; what could not be tried; why nothing could, if so."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raised: str | None = None


def examine(
    about: Description,
    data: Columns | None = None,
    combinations: Sequence[Mapping[str, Value]] | None = None,
    *,
    quick: bool = False,
) -> Report:
    """Tries the strategy on the data and the combinations, or on invented ones.

    `quick` leaves out what would take longer than a second, going by what the strategy took before.
    """
    report = Report()
    given = invented(about) if data is None else data
    chosen = some_combinations(about) if combinations is None else filled(about, combinations)
    until = time.perf_counter() + (QUICK_SECONDS if quick else math.inf)
    with redirect_stdout(sys.stderr):
        begun = time.perf_counter()
        trial = _usable(Trial(about, given, chosen), report)
        for step in QUICK if quick else THOROUGH:
            begun, before = time.perf_counter(), begun
            if trial is None or begun + (begun - before) > until:
                break
            try:
                report.findings += step(trial, report)
            except Wrong as e:
                report.findings.append(str(e))
            except Exception as e:  # the strategy's code: anything may come out of it
                report.findings.append(f"it fails the second time: {said(e)}")
    report.findings = [*dict.fromkeys(report.findings)]
    return report


def _usable(trial: Trial, report: Report) -> Trial | None:
    """The trial without the combinations that raise; None where none is left."""
    try:
        trial.evaluated(trial.prepared(), np.arange(trial.rows))
    except Wrong as e:
        report.findings.append(str(e))
        return None
    except Exception as e:  # the strategy's code: anything may come out of it
        together = said(e)
    else:
        return trial
    left, errors = [], []
    for i, combination in enumerate(trial.combinations):
        try:
            trial.evaluated(trial.prepared(), [i])
        except Exception as e:  # the strategy's code: anything may come out of it
            errors.append(said(e))
        else:
            left.append(combination)
    if not left:
        report.raised = errors[0]
        return None
    if not errors:
        report.findings.append(f"{trial.rows} combinations at once fail, each alone does not: {together}")
        return None
    report.notes.append(f"{len(errors)} of {trial.rows} combinations fail: {errors[0]}")
    return Trial(trial.about, trial.data, left)


def _again(trial: Trial, report: Report) -> Iterator[str]:
    rows, untouched = np.arange(trial.rows), digest(trial.data)
    data = trial.prepared()
    made = digest(data)
    if made != digest(trial.prepared()):
        yield "prepare returns something else the second time: keep no state, draw no random numbers"
    first, second = trial.evaluated(data, rows), trial.evaluated(data, rows)
    if not _same(first, second):
        yield (
            "evaluate returns something else the second time: keep no state between calls; for random "
            "numbers set seeded = True and use the column `seed`"
        )
    if made != digest(data):
        yield "evaluate changes what prepare returned: copy an array before writing into it"
    if untouched != digest(trial.data):
        yield "it changes the data that it is given: copy an array before writing into it"


def _in_pieces(trial: Trial, report: Report) -> Iterator[str]:
    data, rows = trial.prepared(), np.arange(trial.rows)
    whole = trial.evaluated(data, rows)
    for size in (max(1, trial.rows // 2), 1):
        found = [trial.evaluated(data, rows[i : i + size]) for i in range(0, trial.rows, size)]
        if not _same(whole, {m: np.concatenate([f[m] for f in found]) for m in whole}):
            yield (
                f"one chunk of {trial.rows} combinations and chunks of {size} have different results: a row "
                "may depend on its own parameters alone"
            )
            return
    turned = trial.evaluated(data, rows[::-1])
    if not _same(whole, {m: column[::-1] for m, column in turned.items()}):
        yield "rows are not in the order of the combinations: return them as they were given"


def _traced(trial: Trial, report: Report) -> Iterator[str]:
    """Every table and column that is declared, of one length, of its type."""
    traces = trial.about.traces
    found = trial.traced(trial.data, 0) if traces else {}
    for table, columns in traces.items():
        if absent := [c for c in columns if c not in found.get(table, {})]:
            yield f"trace returns no column {table}.{absent[0]}: return what `traces` declares"
            continue
        if len({len(found[table][c]) for c in columns}) > 1:
            yield f"trace returns columns of {table} that differ in length: one value per row in each"
        for column, alias in columns.items():
            try:
                arrow.column(found[table][column], arrow.type_named(alias))
            except (TypeError, ValueError) as e:
                yield f"trace returns {table}.{column} as something else than {alias}: {e}"


def _after_others(trial: Trial, report: Report) -> Iterator[str]:
    rows = np.arange(trial.rows)
    first = trial.evaluated(trial.prepared(), rows)
    trial.evaluated(trial.prepared(frozen(invented(trial.about, seed=1))), rows)
    if not _same(first, trial.evaluated(trial.prepared(), rows)):
        yield "results depend on the security that came before: keep nothing of one slice for the next"


def _short(trial: Trial, report: Report) -> Iterator[str]:
    for count in (1, 2):
        try:
            trial.evaluated(trial.prepared(frozen(trial.data, slice(0, count))), [0])
        except DataError:
            continue
        except Exception as e:  # the strategy's code: anything may come out of it
            report.notes.append(f"a security of {count} row{'s' if count > 1 else ''} fails: {said(e)}")
    yield from ()


def _past(trial: Trial, report: Report) -> Iterator[str]:
    yield from changed_pasts(trial, report.notes)


def _same(one: Metrics, other: Metrics) -> bool:
    """To the last bit."""
    return all(one[metric].tobytes() == other[metric].tobytes() for metric in one)


Step = Callable[[Trial, Report], Iterator[str]]
QUICK: Final[tuple[Step, ...]] = (_again, _in_pieces, _traced)
THOROUGH: Final[tuple[Step, ...]] = (*QUICK, _after_others, _short, _past)
