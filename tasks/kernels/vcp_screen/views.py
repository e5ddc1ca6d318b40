"""What the screens see of one security on given dates: which bars, and the indicator values at the newest.

A screen looks back 2000 days. Where that reaches to a security's first bar, all dates share one pass of the
indicators over its history; where it does not, each first bar has its own, as running sums begin there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Refuse
from tasks.kernels.daily.frame import COLUMNS, Frame, frame_of
from tasks.kernels.daily.indicators import HISTORY_DAYS, Indicators, indicators
from tasks.kernels.vcp.stages import Bars, bars_of

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Dates = tuple[int, ...]
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

IPO: Final = "IPO"
STALE_DAYS: Final = 30  # calendar days without a bar after which a security is left out
TREND_BARS: Final = 25  # the basic screen's long average must exceed itself so many bars ago
MOST_KEPT: Final = 16  # views, and indicator passes: some 100 kB each


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One row per date. Without a bar `newest` is -1, and the values there are 0."""

    as_of: I8
    first: I8
    newest: I8
    is_fresh: NDArray[np.bool_]
    """There is a bar within the last 30 calendar days."""
    is_today: NDArray[np.bool_]
    """The newest bar is dated that day."""
    averages: F8
    """The means of 50, 100 and 200 closes at the newest bar."""
    trend: F8
    """The mean of 200 closes 25 bars earlier."""
    high: F8
    """The 52-week high."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screenable(Mapping[str, NDArray[Any]]):
    """A security's bars with all that does not depend on a date or a setting."""

    frame: Frame
    bars: Bars
    token: int | None
    """The instrument's number, where the data set has one."""
    _by_first: dict[int, Indicators] = field(default_factory=dict, repr=False)
    _views: dict[Dates, View] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.frame[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.frame)

    def __len__(self) -> int:
        return len(self.frame)

    def indicators(self, first: int) -> Indicators:
        """Of the frame that begins at that bar."""
        return _kept(self._by_first, first, lambda: indicators(self.frame, first))

    def view(self, as_of: Dates) -> View:
        return _kept(self._views, as_of, lambda: self._view(as_of))

    def _view(self, as_of: Dates) -> View:
        dates = self.frame["date"]
        asked = np.array(as_of, np.int64)
        first = np.searchsorted(dates, asked - HISTORY_DAYS, side="right")
        newest = np.searchsorted(dates, asked, side="right") - 1
        has_bars = newest >= first
        newest[~has_bars] = -1
        last_date = dates[newest] if dates.size else np.zeros(asked.size, np.int64)
        values = np.zeros((5, asked.size))
        for start in np.unique(first[has_bars]).tolist():
            here = has_bars & (first == start)
            values[:, here] = _values(self.indicators(start), newest[here])
        return View(
            as_of=asked,
            first=first,
            newest=newest,
            is_fresh=has_bars & (last_date > asked - STALE_DAYS),
            is_today=has_bars & (last_date == asked),
            averages=values[:3],
            trend=values[3],
            high=values[4],
        )


def _kept(store: dict[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
    """The value that was made for the key before, or a new one; a store that is full begins again."""
    if key not in store:
        if len(store) >= MOST_KEPT:
            store.clear()
        store[key] = make()
    return store[key]


def prepare(data: Mapping[str, NDArray[Any]], refuse: Refuse) -> Screenable:
    if isinstance(data, Screenable):
        return data
    frame = frame_of(data, refuse)
    bars: Bars = bars_of(*(frame[name] for name in COLUMNS))
    return Screenable(frame=frame, bars=bars, token=getattr(data, "token", None))


def _values(found: Indicators, newest: I8) -> F8:
    earlier = np.maximum(newest - TREND_BARS, found.first)
    is_full = earlier - found.first >= 199  # in a frame that ends later, a shorter mean is not shown
    return np.array(
        [
            found.sma_50[newest],
            found.sma_100[newest],
            found.sma_200[newest],
            np.where(is_full | (earlier == newest), found.sma_200[earlier], 0.0),
            found.high_52_weeks[newest],
        ]
    )
