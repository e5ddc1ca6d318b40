"""One symbol's daily bars as the screens and scores want them: one a date, ascending, all of them usable.

What specs/vcp.md leaves open is refused with the file's row, never guessed: a price that is missing (where
the strategy does not drop such rows), infinite or below zero, and a time that names no single date. A price
of zero is left to the arithmetic. High and low need not enclose open and close: real files have such rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.contract import MISSING_TIME, PRICES, Columns, ColumnSet, Refuse

DAY_NS: Final = 86_400 * 10**9
COLUMNS: Final = (*PRICES, "volume")
DATES_HINT: Final = "write daily bars with dates alone, like 2018-02-07"
CORRECT_HINT: Final = "correct that row or leave it out"

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame(ColumnSet):
    """Read-only columns of equal length, ascending by date, one bar a date.

    `date` (int64, days since 1970), `open`, `high`, `low`, `close`, `volume` (float64).
    """

    columns: Mapping[str, NDArray[Any]] = field(repr=False)
    security: str = ""
    segment: str = "ALL"
    newest: int | None = None
    """The newest date of the whole data set, days since 1970; None where the data does not say."""

    @property
    def bars(self) -> int:
        return len(self.columns["date"])

    @property
    def today(self) -> int | None:
        """The date that a scan without one is made for: the data set's newest, else this frame's own."""
        return self.newest if self.newest is not None or not self.bars else int(self["date"][-1])

    def until(self, date: int) -> int:
        """How many bars are dated `date` or earlier; the newest of them is the bar before that number."""
        return int(np.searchsorted(self["date"], date, side="right"))


def frame_of(data: Columns, refuse: Refuse, *, missing: Literal["refuse", "drop"] = "refuse") -> Frame:
    """The bars of one symbol, in any order; of two rows of one date the later in the file is kept.

    `drop` leaves out dates with a missing price or volume. Else a missing volume counts as 0 shares.
    """
    times = np.asarray(data["timestamp"], np.int64)
    dates = _dates(data, times, refuse)
    _check(data, refuse, missing)
    columns: dict[str, NDArray[Any]] = {"date": dates}
    columns |= {name: np.asarray(data[name], np.float64) for name in COLUMNS}
    if dates.size and not bool((dates[1:] > dates[:-1]).all()):
        order = np.argsort(dates, kind="stable")
        columns = _rows(columns, order[_last_of_date(data, times, dates, order, refuse)])
    if missing == "drop":
        complete = ~np.logical_or.reduce([np.isnan(columns[name]) for name in COLUMNS])
        columns = columns if bool(complete.all()) else _rows(columns, complete)
    else:
        columns["volume"] = np.nan_to_num(columns["volume"], nan=0.0)
    newest_ns = getattr(data, "newest_ns", None)
    return Frame(
        columns={name: _read_only(column) for name, column in columns.items()},
        security=getattr(data, "security", ""),
        segment=getattr(data, "segment", "ALL"),
        newest=None if newest_ns is None else int(newest_ns) // DAY_NS,
    )


def _dates(data: Columns, times: I8, refuse: Refuse) -> I8:
    """Days since 1970. An instant other than a midnight belongs to different dates in different zones."""
    dates: I8 = times // DAY_NS
    if (absent := times == MISSING_TIME).any():
        refuse(data, int(np.argmax(absent)), "a bar without a date", CORRECT_HINT)
    if getattr(data, "zone", None) == "UTC" and (within := times != dates * DAY_NS).any():
        row = int(np.argmax(within))
        refuse(data, row, "a daily bar within a day of UTC: its date depends on the zone", DATES_HINT)
    return dates


def _check(data: Columns, refuse: Refuse, missing: Literal["refuse", "drop"]) -> None:
    for name in COLUMNS:
        values = np.asarray(data[name], np.float64)
        fine = (values >= 0.0) & (values < np.inf)
        if fine.all():
            continue
        absent = np.isnan(values)
        if name == "volume" and absent.all():
            refuse(data, 0, "no bar has a volume, which this strategy needs", "add a column 'volume'")
        if name == "volume" or missing == "drop":
            fine |= absent
        if not fine.all():
            row = int(np.argmin(fine))
            was = "missing" if absent[row] else repr(float(values[row]))
            refuse(data, row, f"{name} is {was}, wanted a number from 0 up", CORRECT_HINT)


def _last_of_date(data: Columns, times: I8, dates: I8, order: I8, refuse: Refuse) -> NDArray[np.bool_]:
    """Which rows of `order` are the last of their date; two times of one date are not daily bars."""
    ordered = dates[order]
    again = ordered[1:] == ordered[:-1]
    if (apart := again & (times[order][1:] != times[order][:-1])).any():
        row = int(order[1 + int(np.argmax(apart))])
        refuse(data, row, "a second bar of one date, at another time of day", "daily bars are wanted: 1d")
    return np.append(~again, True)


def _rows(columns: Mapping[str, NDArray[Any]], which: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {name: column[which] for name, column in columns.items()}


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    out = np.ascontiguousarray(column)
    out = out.view() if out.flags.writeable else out  # the caller's own array keeps its flags
    out.flags.writeable = False
    return out
