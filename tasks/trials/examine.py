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
from functools import partial
from typing import Final

import numpy as np

from tasks.contract import Columns
from tasks.errors import DataError
from tasks.grid.parameters import Value
from tasks.plugins.description import Description
from tasks.results import arrow
from tasks.trials.past import changed_pasts
from tasks.trials.samples import digest, filled, invented, some_combinations
from tasks.trials.trial import Metrics, Trial, Wrong, said
from tasks.trials.what_if import frozen, with_another_future

QUICK_SECONDS: Final = 0.6  # a check that a user waits for before a sweep starts
OTHER_SEEDS: Final = (1, 2, 3)


@dataclass(slots=True)
class Report:
    """Promises that are broken, each with what to do; what could not be tried; why nothing could, if so."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raised: str | None = None
    by_day: bool = False
    """What was asked for."""


def examine(
    about: Description,
    data: Columns | None = None,
    combinations: Sequence[Mapping[str, Value]] | None = None,
    *,
    quick: bool = False,
    by_day: bool = False,
) -> Report:
    """Tries the strategy on the data and the combinations, or on invented ones: on the first sort of data
    that it does not refuse.

    `quick` leaves out what would take longer than a second, going by what the strategy took before.
    `by_day` lets what was done on a day depend on all of that day.
    """
    report = Report(by_day=by_day)
    chosen = some_combinations(about) if combinations is None else filled(about, combinations)
    trials = (
        {"the data": lambda: Trial(about, data, chosen)} if data is not None else _invented(about, chosen)
    )
    until = time.perf_counter() + (QUICK_SECONDS if quick else math.inf)
    with redirect_stdout(sys.stderr):
        begun = time.perf_counter()
        trial = _usable(_suited(trials, until), report)
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


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How all combinations fared on one sort of data."""

    sort: str
    trial: Trial
    left: list[Mapping[str, Value]]
    """The combinations that do not raise."""
    errors: list[Exception]
    """Of each of the others."""
    together: Exception | None = None
    """Of all at once, where each alone does not raise."""


def _invented(about: Description, chosen: Sequence[Mapping[str, Value]]) -> dict[str, Callable[[], Trial]]:
    def trial(make: Callable[[int], Columns]) -> Trial:
        return Trial(about, make(0), chosen, [partial(make, seed) for seed in OTHER_SEEDS])

    return {sort: partial(trial, make) for sort, make in invented(about).items()}


def _suited(trials: Mapping[str, Callable[[], Trial]], until: float) -> list[_Attempt]:
    """Attempts on one sort of data after another until one is not refused; that with fewest errors first."""
    attempts = []
    for sort, made in trials.items():
        attempt = _attempted(sort, made())
        attempts.append(attempt)
        is_refused = any(isinstance(error, DataError) for error in attempt.errors)
        if not (is_refused or (attempt.errors and not attempt.left)) or time.perf_counter() > until:
            break
    return sorted(attempts, key=lambda attempt: len(attempt.errors))


def _attempted(sort: str, trial: Trial) -> _Attempt:
    try:
        trial.evaluated(trial.prepared(), np.arange(trial.rows))
    except Wrong as e:
        return _Attempt(sort, trial, [], [], e)
    except Exception as e:  # the strategy's code: anything may come out of it
        together = e
    else:
        return _Attempt(sort, trial, [*trial.combinations], [])
    left, errors = list[Mapping[str, Value]](), list[Exception]()
    for i, combination in enumerate(trial.combinations):
        try:
            trial.evaluated(trial.prepared(), [i])
        except Exception as e:  # the strategy's code: anything may come out of it
            errors.append(e)
        else:
            left.append(combination)
    return _Attempt(sort, trial, left, errors, None if errors else together)


def _usable(attempts: Sequence[_Attempt], report: Report) -> Trial | None:
    """The trial on the data that suit best, without the combinations that raise; None where none is left."""
    best, rows = attempts[0], attempts[0].trial.rows
    if best.together is not None:
        report.findings.append(
            str(best.together)
            if isinstance(best.together, Wrong)
            else f"{rows} combinations at once fail, each alone does not: {said(best.together)}"
        )
        return None
    if not best.left:
        report.raised = _all_said(attempts)
        return None
    for other in attempts[1:2]:
        if not isinstance(other.errors[0], DataError):  # that would be a refusal, as it should be
            report.notes.append(f"it fails on {other.sort}, not on {best.sort}: {said(other.errors[0])}")
    if not best.errors:
        return best.trial
    report.notes.append(f"{len(best.errors)} of {rows} combinations fail: {said(best.errors[0])}")
    return Trial(best.trial.about, best.trial.data, best.left, best.trial.others)


def _all_said(attempts: Sequence[_Attempt]) -> str:
    """What came of each sort of data; once, where it is the same of all."""
    told = {attempt.sort: said(attempt.errors[0]) for attempt in attempts}
    if len({*told.values()}) == 1:
        return next(iter(told.values()))
    return "; ".join(f"on {sort}: {error}" for sort, error in told.items())


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
    trial.evaluated(trial.prepared(with_another_future(trial.data, 0, 1.4)), rows)
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
    yield from changed_pasts(trial, report.notes, by_day=report.by_day)


def _same(one: Metrics, other: Metrics) -> bool:
    """To the last bit."""
    return all(one[metric].tobytes() == other[metric].tobytes() for metric in one)


Step = Callable[[Trial, Report], Iterator[str]]
QUICK: Final[tuple[Step, ...]] = (_again, _in_pieces, _traced)
THOROUGH: Final[tuple[Step, ...]] = (*QUICK, _after_others, _short, _past)
