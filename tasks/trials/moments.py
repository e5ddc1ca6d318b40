"""When the rows of a table that `trace` returned were decided, as far as its own times tell.

A row is settled at a moment if all its times lie before it: nothing about it may change any more. It is begun
if some do: a trade that was entered, and whose exit, profit and perhaps whole row are still to come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.results import arrow

DAY_NS: Final = 86_400 * 10**9
NEVER: Final = int(np.iinfo(np.int64).max)
NO_TIME: Final = int(np.iinfo(np.int64).min)
NO_DATE: Final = int(np.iinfo(np.int32).min)

I8 = NDArray[np.int64]
Key = tuple[int | None, ...]
"""The times before the cut at which a row began; None where that is later."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The columns of one table that say when, with their types."""

    kinds: Mapping[str, str]

    @classmethod
    def of(cls, columns: Mapping[str, str]) -> Moments:
        """A bar's number counts only where no time of the same event stands beside it: times are those of the
        data, while numbers may start behind bars that the strategy leaves out.
        """
        timed = {_event(c) for c, kind in columns.items() if _is_time(kind)}
        return cls({c: kind for c, kind in columns.items() if _is_time(kind) or _is_bar(c, kind, timed)})

    @property
    def beginnings(self) -> list[str]:
        """The columns that tell when a row began: the first, and whatever is called an entry."""
        return [c for i, c in enumerate(self.kinds) if i == 0 or "entry" in c.lower()]

    def limits(self, stamps: I8 | None, cut: int) -> dict[str, int]:
        """Of each column the first value that is no longer before row `cut`."""
        if stamps is None:
            return dict.fromkeys(self.kinds, cut)
        moment = int(stamps[cut:].min())  # events of real files are not always in order
        units = {"i": cut, "t": moment, "d": moment // DAY_NS}
        return {column: units[kind[0]] for column, kind in self.kinds.items()}

    def read(self, table: Columns) -> dict[str, I8]:
        """Their values in nanoseconds, days or rows; what is not there comes after everything."""
        return {column: _numbers(table[column], kind) for column, kind in self.kinds.items()}

    def settled(self, table: Columns, limits: Mapping[str, int]) -> I8:
        """The rows all of whose times are before their limits."""
        found = self.read(table)
        return np.flatnonzero(np.logical_and.reduce([found[c] < limits[c] for c in found]))

    def begun(self, table: Columns, limits: Mapping[str, int]) -> Counter[Key]:
        """How many rows began when, of those that began before the limits, settled or not."""
        found, columns = self.read(table), self.beginnings
        keys = zip(*(found[c].tolist() for c in columns), strict=True)
        before: list[Key] = [
            tuple(v if v < limits[c] else None for c, v in zip(columns, key, strict=True)) for key in keys
        ]
        return Counter(key for key in before if any(v is not None for v in key))

    def is_entered(self, key: Key) -> bool:
        """Whether a row with that beginning was more than announced, such as by an order that waits."""
        entries = [v for c, v in zip(self.beginnings, key, strict=True) if "entry" in c.lower()]
        return not entries or any(v is not None for v in entries)

    def ends(self, table: Columns, stamps: I8 | None, rows: int) -> I8:
        """The rows of the data right behind each time in the table, ascending."""
        found, ordered = self.read(table), np.arange(rows) if stamps is None else np.sort(stamps)
        places = []
        for column, kind in self.kinds.items():
            if kind[0] == "i":
                places.append(found[column][found[column] < rows] + 1)
            else:
                measure = ordered if kind[0] == "t" else ordered // DAY_NS
                places.append(np.searchsorted(measure, found[column], side="right"))
        ends = np.unique(np.concatenate([np.asarray(p, np.int64) for p in places]))
        return ends[(ends > 0) & (ends < rows)]


def is_numbering(values: Any) -> bool:
    """Whether a column just counts its rows: a row that comes in between is no change of the others."""
    found = np.asarray(values)
    return found.dtype.kind in "iu" and bool((np.diff(found) == 1).all())


def _event(column: str) -> str:
    """What a column is the time of: `entry` of `entry_bar`, nothing in particular of `time`."""
    return column.rpartition("_")[0]


def _is_time(kind: str) -> bool:
    return kind.startswith(("timestamp", "date32"))


def _is_bar(column: str, kind: str, timed: set[str]) -> bool:
    return kind == "int64" and f"_{column}".endswith("_bar") and _event(column) not in timed


def _numbers(column: Any, kind: str) -> I8:
    made = arrow.column(column, arrow.type_named("timestamp[ns]" if kind[0] == "t" else kind))
    stored = np.frombuffer(made.buffers()[1], np.int32 if kind[0] == "d" else np.int64)[: len(made)]
    is_absent = stored == (NO_DATE if kind[0] == "d" else NO_TIME)
    if made.null_count:
        is_absent |= [not value.is_valid for value in made]
    return np.where(is_absent, NEVER, stored.astype(np.int64))
