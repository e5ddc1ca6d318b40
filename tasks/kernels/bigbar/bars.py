"""A security's bars prepared for BigBar: what all combinations share, and what was made for some of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.bars.ordered import Bars as LoadedBars
from tasks.kernels.bars.periods import BarCalendar, bar_calendar
from tasks.kernels.bigbar import indicators
from tasks.kernels.bigbar.candidates import (
    WARM_UP,
    Candidates,
    Loosest,
    breakout_lengths,
    latest_candidates,
    latest_shortlist,
    sweep_candidates,
    tail_thresholds,
    weight_thresholds,
)
from tasks.kernels.bigbar.exits import Bars, Exits, latest_exits, sweep_exits
from tasks.kernels.bigbar.play import entry_results
from tasks.kernels.bigbar.settings import Settings

F8 = NDArray[np.float64]
I4 = NDArray[np.int32]
Made = TypeVar("Made")

ATR_BYTES: Final = 64 * 2**20  # of averages kept in one process
WINDOWS_KEPT: Final = 4
TABLES_KEPT: Final = 8  # of exits, and of results at a spread, in each window


class Kept:
    """The things that were asked for last, up to a number of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        if key not in self._things:
            self._things[key] = make()
            while len(self._things) > self._most:
                self._things.popitem(last=False)
        self._things.move_to_end(key)
        found: Made = self._things[key]
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The bars that trimming leaves, numbered anew, and tables that follow from them."""

    bars: Bars
    calendar: BarCalendar
    tails: I4
    weights: I4
    lengths: I4
    kept: Kept = field(default_factory=lambda: Kept(TABLES_KEPT), repr=False)

    def exits(self, s: Settings) -> Exits:
        if s.is_latest:
            return self.kept.get("latest", lambda: latest_exits(self.bars))
        return self.kept.get(s.buffer, lambda: sweep_exits(self.bars, s.buffer / 100))

    def results(self, s: Settings) -> tuple[F8, F8, F8]:
        """Fill, return and growth of a trade from each bar."""
        key = (s.is_latest, s.buffer, s.spread)
        exits = self.exits(s)
        return self.kept.get(key, lambda: entry_results(self.bars, exits, s.spread))

    def candidates(self, s: Settings, atr: F8, loosest: Loosest) -> Candidates:
        first = s.period + WARM_UP
        if s.is_latest:
            shortlist = self.kept.get(
                ("shortlist", s.tail),
                lambda: latest_shortlist(self.bars, self.lengths, s.tail),
            )
            return latest_candidates(self.bars, atr, first, shortlist, s.tail, s.weight, loosest)
        return sweep_candidates(self.bars, atr, first, self.tails, self.weights, loosest)


class BigBarBars(Mapping[str, NDArray[Any]]):
    """Ordered bars of a whole file; windows and averages are made when first asked for."""

    def __init__(self, loaded: LoadedBars) -> None:
        self._columns: dict[str, NDArray[Any]] = loaded._asdict()
        self._ranges = indicators.true_range(loaded.high, loaded.low, loaded.close)
        colour = np.sign(loaded.close - loaded.open).astype(np.int8)
        restricted = indicators.restricted(loaded.time)
        self._bars = Bars(loaded.open, loaded.high, loaded.low, loaded.close, colour, restricted)
        self._tails = tail_thresholds(self._bars)
        self._weights = weight_thresholds(self._bars)
        self._lengths = breakout_lengths(self._bars)
        self._windows = Kept(WINDOWS_KEPT)
        self._averages = Kept(max(2, ATR_BYTES // max(1, self._ranges.nbytes)))

    @property
    def rows(self) -> int:
        return self._ranges.size

    def window(self, start: int) -> Window:
        """Of at least one bar."""
        return self._windows.get(start, lambda: self._cut(start))

    def atr(self, s: Settings) -> F8:
        """From the first bar of the window on."""
        whole = self._averages.get(s.period, lambda: indicators.average_true_range(self._ranges, s.period))
        return whole[s.start :]

    def _cut(self, start: int) -> Window:
        bars = Bars._make(column[start:] for column in self._bars)
        return Window(
            bars=bars,
            calendar=bar_calendar(self["time"][start:], bars.close),
            tails=self._tails[start:],
            weights=self._weights[start:],
            lengths=self._lengths[start:],
        )

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)
