"""The breakout strategy over one security's bars: combinations in, metrics or the table of trades out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import PRICES, Columns, ColumnSet
from tasks.kernels.breakout import trade, triples
from tasks.kernels.breakout.boundaries import Boundaries, Clock, boundaries
from tasks.kernels.breakout.settings import Schedule, Settings
from tasks.kernels.breakout.terms import Instrument
from tasks.kernels.breakout.trade import POINT, RULES, TRADE, find_entries
from tasks.kernels.jit import as_kernel_column
from tasks.kernels.statistics import ratio, sharpe_of_days

TRIPLE: Final = ("target_points", "t1_ratio", "stop_max_multiplier")
LEVELS: Final = ("target", "arm", "cap")
# Fewer triples than these are played faster one by one: see tests/benchmarks/test_breakout.py
FEWEST: Final = 4
MOST: Final = 1_024  # triples a pass: their counters stay in the processor's cache
KEPT: Final = 8  # schedules whose trades are kept: combinations come sorted by them
SNAP: Final = 1e-6  # ticks: what a product of decimals may miss a whole number by


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Every slot with a range, which of them are traded, and the prices that they are traded on."""

    boundaries: Boundaries
    span: NDArray[np.float64]
    """In points, of every slot."""
    trades: Any
    """Records of `TRADE`."""
    prices: tuple[Any, Any, Any, Any]
    tick: float
    per_point: float

    @property
    def days(self) -> int:
        """Dates with a trade."""
        return int(self.trades.day[-1]) + 1 if self.trades.size else 0


@dataclass(frozen=True, slots=True, eq=False)
class BreakoutBars(ColumnSet):
    """Bars in order of time, and what was already found out about them."""

    columns: Columns = field(repr=False)
    """`timestamp` in instants of UTC, strictly increasing; `open`, `high`, `low`, `close`."""
    security: str
    clock: Clock
    source: Columns = field(repr=False)
    """As they were given, to name a row of."""
    negative_row: int
    """The first of `source` with a price below 0, -1 if there is none."""
    found: dict[Any, Any] = field(default_factory=dict, repr=False)

    def trades(self, schedule: Schedule, instrument: Instrument) -> Trades:
        key = (schedule, instrument.tick)
        if key not in self.found:
            while len(self.found) >= KEPT:
                del self.found[next(iter(self.found))]
            self.found[key] = _find_trades(self, schedule, instrument)
        found: Trades = self.found[key]
        return found


def _find_trades(bars: BreakoutBars, schedule: Schedule, instrument: Instrument) -> Trades:
    found = boundaries(bars["timestamp"], schedule, bars.clock)
    is_fixed = schedule.is_fixed
    per_point = instrument.ticks_per_point if is_fixed else 1.0
    tick = 1.0 if is_fixed else instrument.tick
    prices = tuple(whole(bars[name] * per_point) if is_fixed else bars[name] for name in PRICES)
    opens, highs, lows, closes = (as_kernel_column(p, np.float64) for p in prices)
    span, sign, entry = (np.zeros(len(found)) for _ in range(3))
    first = np.zeros(len(found), np.int64)
    find_entries(
        opens, highs, lows, found.range_first, found.range_end, found.entry_end, tick, is_fixed,
        span, sign, first, entry,
    )  # fmt: skip
    rows = np.flatnonzero(sign)
    trades: Any = np.zeros(rows.size, TRADE).view(np.recarray)
    trades.row, trades.first, trades.end = rows, first[rows], found.trade_end[rows]
    trades.day = np.unique(found.date[rows], return_inverse=True)[1]
    trades.sign, trades.span, trades.expires_ns = sign[rows], span[rows], found.expires_ns[rows]
    level = sign[rows] * entry[rows]
    trades.origin, trades.entry = (level, 0.0) if is_fixed else (0.0, level)
    return Trades(found, span / per_point, trades, (opens, highs, lows, closes), tick, per_point)


def whole(ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of ticks without the noise of decimals: 7885.000000000001 is 7885."""
    nearest = np.rint(ticks)
    noise = np.abs(ticks - nearest) <= SNAP + 4.0 * np.finfo(np.float64).eps * np.abs(ticks)
    return np.where(noise, nearest, ticks)


def rounded(points: NDArray[np.float64] | float, decimals: int) -> Any:
    power = 10.0**decimals
    return np.rint(points * power) / power


def rules_of(settings: Settings, trades: Trades) -> Any:
    instrument = settings.instrument
    rules: Any = np.zeros(1, RULES).view(np.recarray)
    rules.tick, rules.per_point, rules.scale = trades.tick, trades.per_point, instrument.scale
    rules.digits = 10.0 ** profit_decimals(settings)
    rules.as_of_ns = settings.as_of_ns
    rules.is_fixed, rules.is_timed = settings.schedule.is_fixed, settings.schedule.is_timed
    return rules


def profit_decimals(settings: Settings) -> int:
    """A micro's tenth of a tick is lost by the reference (Q5)."""
    instrument = settings.instrument
    return instrument.decimals + (settings.schedule.is_fixed and instrument.is_micro)


def points_of(settings: Settings, targets: NDArray[Any], ratios: Any, multipliers: Any) -> Any:
    """Target, arming move and stop cap of each combination, in the unit of its prices; NaN: the default."""
    instrument = settings.instrument
    given = targets.astype(np.float64)
    target = np.where(np.isnan(given), instrument.target, given)
    points: Any = np.zeros(target.size, POINT).view(np.recarray)
    points.win = rounded(target * instrument.scale, profit_decimals(settings))
    if settings.schedule.is_fixed:
        target = whole(target * instrument.ticks_per_point)
    points.target = target
    points.arm = target * ratios
    points.cap = multipliers * target
    if settings.schedule.is_fixed:
        points.arm, points.cap = whole(points.arm), whole(points.cap)
    return points


def evaluate(bars: BreakoutBars, groups: Mapping[Settings, Any], combinations: Columns) -> dict[str, Any]:
    """One row of metrics per combination; `groups` says which rows share which settings."""
    count = len(combinations["t1_ratio"])
    metrics: dict[str, NDArray[Any]] = {}
    for settings, rows in groups.items():
        trades = bars.trades(settings.schedule, settings.instrument)
        points = points_of(settings, *(combinations[name][rows] for name in TRIPLE))
        for begin in range(0, rows.size, MOST):
            block = slice(begin, begin + MOST)
            for name, values in _metrics(settings, trades, points[block]).items():
                metrics.setdefault(name, np.zeros(count, values.dtype))[rows[block]] = values
    return metrics


def _metrics(settings: Settings, trades: Trades, points: Any) -> dict[str, NDArray[Any]]:
    counts, sums, day_sums = play(settings, trades, points)
    missed = len(trades.boundaries) - trades.trades.size if settings.writes_no_trade else 0
    traded = counts.sum(axis=1)
    break_even = counts[:, trade.BREAK_EVEN] + counts[:, trade.LATE]
    closed = traded - counts[:, trade.OPEN]
    return {
        "rows": traded + missed,
        "trades": traded,
        "wins": counts[:, trade.WIN],
        "losses": counts[:, trade.LOSS],
        "break_even": break_even,
        "no_trade": np.full(points.size, missed),
        "time_exits": counts[:, trade.TIME],
        "open": counts[:, trade.OPEN],
        "profit": sums[:, triples.TOTAL],
        "win_rate_pct": ratio(100.0 * counts[:, trade.WIN], closed, np.nan),
        "profit_factor": ratio(sums[:, triples.GAINS], -sums[:, triples.LOSSES], np.nan),
        "max_drawdown": sums[:, triples.DRAWDOWN],
        "sharpe": sharpe_of_days(day_sums, np.ones(day_sums.shape, np.int64)),
    }


def play(settings: Settings, trades: Trades, points: Any) -> tuple[Any, Any, Any]:
    """Counts by result, sums, and profit by date of each triple."""
    rules = rules_of(settings, trades)[0]
    counts = np.zeros((points.size, triples.CODES), np.int64)
    sums = np.zeros((points.size, triples.SUMS))
    if points.size < FEWEST or settings.schedule.is_timed:
        day_sums = np.zeros((points.size, trades.days))
        triples.play_one_by_one(*trades.prices, trades.trades, points, rules, counts, sums, day_sums)
        return counts, sums, day_sums
    by_day = np.zeros((trades.days, points.size))
    which = np.zeros((points.size, len(LEVELS)), np.int64)
    targets, arms, caps = (_levels(points[name], which[:, n]) for n, name in enumerate(LEVELS))
    triples.play_side_by_side(
        *trades.prices, trades.trades, points, which, targets, arms, caps, rules, counts, sums, by_day
    )
    return counts, sums, np.ascontiguousarray(by_day.T)


def _levels(values: NDArray[np.float64], places: NDArray[np.int64]) -> Any:
    """Each value once, sorted; `places` is told where every one of them went."""
    found, places[:] = np.unique(values, return_inverse=True)
    levels: Any = np.zeros(found.size, triples.LEVEL).view(np.recarray)
    levels.value = found
    return levels
