"""No look-ahead: what a strategy did before some moment stays what it was, whatever happens after it.

That can be seen where a strategy shows its past: in the tables of `trace` that have times, and in a signal
that has a value for each row. Metrics alone are of the whole time, and show nothing of it.

A row all of whose times lie before the moment has to stay as it is. One that only began before it, such as a
trade that was still open, may end otherwise. It may even be missing, as many strategies show closed trades
alone; then it has to turn up once the data go on for long enough to close it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.errors import DataError
from tasks.trials.moments import DAY_NS, Key, Moments, is_numbering
from tasks.trials.trial import Trial
from tasks.trials.what_if import gone_on, rows_of, with_another_future

CUTS: Final = (0.25, 0.4, 0.5, 0.6, 0.75, 0.9)  # of the rows
EVENTS: Final = 6  # cuts right behind what happened: there one row of look-ahead shows
JUMPS: Final = (0.7, 1.4)
MORE: Final = tuple((seed, jump) for seed in range(3) for jump in JUMPS)  # ways in which data may go on
COMBINATIONS: Final = 3
ADVICE: Final = (
    "let a decision at a row use that row and those before it alone, no mean, maximum or rank over all rows "
    "and no shift(-1)"
)
OPEN_ADVICE: Final = (
    "if a row of it is decided only later, such as the profit of a trade, give the table a time column for "
    "that moment too, such as exit_time; if the rules let it wait for the end of its day, as in an auction, "
    "check with by_day=True"
)
SIGNALS: Final = "try the signals that it trades on with tasks.testing.check_no_look_ahead"


def changed_pasts(trial: Trial, notes: list[str], *, by_day: bool = False) -> Iterator[str]:
    """The tables of `trace` on data that differ from a moment on: what they say of the time before.

    `by_day`: only where a day begins.
    """
    timed = {table: Moments.of(columns) for table, columns in trial.about.traces.items()}
    timed = {table: moments for table, moments in timed.items() if moments.kinds}
    if not timed:
        why, what = "metrics alone do not show what was done when", "Add `trace` with times"
        if trial.about.traces:
            why, what = "its trace has no column of times", "Declare when as timestamp[ns] or date32[day]"
        notes.append(f"look-ahead is not looked for: {why}. {what}, or {SIGNALS}")
        return
    seen: set[str] = set()
    for data in (None, *trial.others):  # others only where these have no trades to compare
        if data is not None and len(seen) < len(timed):
            trial = Trial(trial.about, data(), trial.combinations)
        elif data is not None:
            break
        for row in range(min(trial.rows, COMBINATIONS)):
            comparison = _Comparison(trial, row, timed, by_day)
            if difference := next(comparison.differences(), None):
                yield difference
                return
            seen |= comparison.seen
            notes.extend(note for note in comparison.notes if note not in notes)
    if unseen := [table for table in timed if table not in seen]:
        notes.append(
            f"look-ahead is not looked for in {' and '.join(unseen)}: on these data nothing in there has a "
            "time that more data follow. Pass data and combinations with which it trades"
        )


class _Comparison:
    """One combination on the data, to be compared with itself on other futures."""

    def __init__(self, trial: Trial, row: int, timed: Mapping[str, Moments], by_day: bool) -> None:
        self.trial, self.row, self.timed, self.by_day = trial, row, timed, by_day
        self.stamps = trial.data.get("timestamp")
        self.whole = trial.traced(trial.data, row)
        self.seen: set[str] = set()
        self.notes: list[str] = []

    def differences(self) -> Iterator[str]:
        for cut, jump in self.cuts():
            if difference := self.difference(cut, jump):
                yield difference

    def cuts(self) -> list[tuple[int, float]]:
        rows = rows_of(self.trial.data)
        found = [moments.ends(self.whole[table], self.stamps, rows) for table, moments in self.timed.items()]
        events = [e[np.linspace(0, len(e) - 1, min(len(e), EVENTS)).astype(int)].tolist() for e in found]
        places = dict.fromkeys([*_shares(rows), *(place for places in events for place in places)])
        if self.by_day and self.stamps is not None:
            days = np.asarray(self.stamps) // DAY_NS
            places = dict.fromkeys((np.flatnonzero(days[1:] > days[:-1]) + 1).tolist())
        return [(cut, jump) for cut in places for jump in JUMPS]

    def difference(self, cut: int, jump: float) -> str | None:
        """What is another past on data that differ from row `cut` on; None where nothing is."""
        other = with_another_future(self.trial.data, cut, jump)
        try:
            changed = self.trial.traced(other, self.row)
        except DataError:  # such wild prices may be refused
            return None
        for table, moments in self.timed.items():
            limits = moments.limits(self.stamps, cut)
            if column := self._settled(table, changed[table], limits):
                advice = f"{ADVICE}; {OPEN_ADVICE}" if len(moments.kinds) == 1 else ADVICE
                return self._told(f"{table}.{column}", cut, advice)
            was, is_now = (moments.begun(t[table], limits) for t in (self.whole, changed))
            if was:
                self.seen.add(table)
            for missing, data in ((was - is_now, other), (is_now - was, self.trial.data)):
                for key in self._never_there(table, missing, data, limits):
                    if moments.is_entered(key):
                        return self._told(f"{table}.{moments.beginnings[-1]}", cut, ADVICE)
                    self.notes.append(
                        f"rows of {table} depend on data behind their {moments.beginnings[0]}: as it should "
                        "be for orders that wait for a price, look-ahead if they do not"
                    )
        return None

    def _settled(self, table: str, other: Columns, limits: Mapping[str, int]) -> str | None:
        """The first column that differs in the rows that are over."""
        one, moments, kinds = self.whole[table], self.timed[table], self.trial.about.traces[table]
        past, still = (moments.settled(t, limits) for t in (one, other))
        for column in [*moments.kinds, *(c for c in kinds if c not in moments.kinds)]:
            is_count = kinds[column] == "int64" and column not in moments.kinds
            if is_count and is_numbering(one[column]) and is_numbering(other[column]):
                continue
            if repr([one[column][i] for i in past]) != repr([other[column][i] for i in still]):
                return column
        return None

    def _never_there(
        self, table: str, missing: Counter[Key], data: Columns, limits: Mapping[str, int]
    ) -> list[Key]:
        """Those of the rows missing on these data that do not turn up either once the data go on.

        A trade that is merely open still is closed then, sooner or later; one that was not entered is not.
        """
        tried = 0
        for seed, jump in MORE if missing else ():
            try:
                longer = self.trial.traced(gone_on(data, seed, jump), self.row)
            except DataError:
                continue
            tried += 1
            missing = missing - self.timed[table].begun(longer[table], limits)
            if not missing:
                break
        return [*missing] if tried else []

    def _told(self, column: str, cut: int, advice: str) -> str:
        return (
            f"the future changes the past: with other data from row {cut} on, {column} before it differs for "
            f"{self.trial.combinations[self.row]}; {advice}"
        )


def first_leak(signal: Callable[[Columns], NDArray[np.generic]], data: Columns) -> tuple[int, int] | None:
    """The first row whose value changes with data of a later row, and that row; None where there is none."""
    whole = np.asarray(signal(data))
    rows = rows_of(data)
    if whole.shape[:1] != (rows,):
        raise ValueError(f"a signal has one value per row: {rows}, had the shape {whole.shape}")
    for cut in _shares(rows):
        for jump in JUMPS:
            changed = np.asarray(signal(with_another_future(data, cut, jump)))
            for i in range(cut):
                if whole[i].tobytes() != changed[i].tobytes():
                    return i, cut
    return None


def _shares(rows: int) -> list[int]:
    """Moments, each to be tried with a fall and a rise of the price: what looks ahead may be blind to one."""
    return [max(1, int(rows * share)) for share in CUTS if rows > 1]
