"""No look-ahead: what a strategy did before some moment stays what it was, whatever happens after it.

That can be seen where a strategy shows its past: in the tables of `trace` that have times, and in a signal
that has a value for each row. Metrics alone are of the whole time, and show nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.trials.samples import with_another_future
from tasks.trials.trial import Trial

CUTS: Final = (0.25, 0.4, 0.5, 0.6, 0.75, 0.9)  # of the rows
JUMPS: Final = (0.7, 1.4)


def changed_pasts(trial: Trial, notes: list[str]) -> Iterator[str]:
    """The tables of `trace` on data that differ from a moment on: what they say of the time before."""
    traces = trial.about.traces
    timed = {
        table: [c for c, kind in columns.items() if _is_time(c, kind)] for table, columns in traces.items()
    }
    timed = {table: times for table, times in timed.items() if times}
    if not timed:
        notes.append(
            "look-ahead is not looked for: metrics alone do not show what was done when. Add `trace` with "
            "times, or try the signals that it trades on with tasks.testing.check_no_look_ahead"
        )
        return
    stamps = trial.data.get("timestamp")
    for row in range(min(trial.rows, 3)):
        whole = trial.traced(trial.data, row)
        for cut, jump in _cuts(trial.data):
            changed = trial.traced(with_another_future(trial.data, cut, jump), row)
            for table, times in timed.items():
                limit = {c: _limit(c, traces[table][c], stamps, cut) for c in times}
                if difference := _difference(whole[table], changed[table], limit):
                    yield (
                        f"the future changes the past: with other data from row {cut} on, "
                        f"{table}.{difference} before it differs for {trial.combinations[row]}; let a "
                        "decision at a row use that row and those before it alone"
                    )
                    return


def first_leak(signal: Callable[[Columns], NDArray[np.generic]], data: Columns) -> tuple[int, int] | None:
    """The first row whose value changes with data of a later row, and that row; None where there is none."""
    whole = np.asarray(signal(data))
    rows = len(next(iter(data.values())))
    if whole.shape[:1] != (rows,):
        raise ValueError(f"a signal has one value per row: {rows}, had the shape {whole.shape}")
    for cut, jump in _cuts(data):
        changed = np.asarray(signal(with_another_future(data, cut, jump)))
        for i in range(cut):
            if whole[i].tobytes() != changed[i].tobytes():
                return i, cut
    return None


def _cuts(data: Columns) -> list[tuple[int, float]]:
    """Moments, each with a fall and a rise of the price: what looks ahead may be blind to one of them."""
    rows = len(next(iter(data.values())))
    return [(max(1, int(rows * share)), jump) for share in CUTS if rows > 1 for jump in JUMPS]


def _is_time(column: str, kind: str) -> bool:
    return kind.startswith(("timestamp", "date32")) or (kind == "int64" and f"_{column}".endswith("_bar"))


def _limit(column: str, kind: str, stamps: NDArray[np.int64] | None, cut: int) -> int:
    """The first value of the column that is no longer before the cut."""
    if kind == "int64" or stamps is None:
        return cut
    moment = int(stamps[cut:].min())  # events of real files are not always in order
    return moment if kind.startswith("timestamp") else moment // (86_400 * 10**9)


def _difference(whole: Columns, changed: Columns, limits: Mapping[str, int]) -> str | None:
    """The first column of which the part before the limits is not the same in both."""
    for column, limit in limits.items():
        one, other = (_numbers(table[column]) for table in (whole, changed))
        if not np.array_equal(one[one < limit], other[other < limit]):
            return column
    past, still = (_past(table, limits) for table in (whole, changed))
    for column in whole:
        if repr([whole[column][i] for i in past]) != repr([changed[column][i] for i in still]):
            return column
    return None


def _past(table: Columns, limits: Mapping[str, int]) -> NDArray[np.int64]:
    """The rows all of whose times are before their limits."""
    before = [_numbers(table[column]) < limit for column, limit in limits.items()]
    return np.flatnonzero(np.logical_and.reduce(before))


def _numbers(column: object) -> NDArray[np.int64]:
    """Times as whole numbers; one that is not there is never before anything."""
    values = np.asarray(column)
    if values.dtype.kind == "M":
        return values.astype(np.int64)
    if values.dtype == np.object_:
        never = np.iinfo(np.int64).max
        return np.array([never if v is None else int(v) for v in values], np.int64)
    return values.astype(np.int64)
