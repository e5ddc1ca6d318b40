"""The breakout analyzer's table, one row per slot, as it writes it: words, printed times, rounded prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.breakout.boundaries import MINUTE
from tasks.kernels.breakout.settings import Settings
from tasks.kernels.breakout.sweep import BreakoutBars, Trades, points_of, rounded, rules_of
from tasks.kernels.breakout.terms import clock_of
from tasks.kernels.breakout.trade import LATE, NO_TRADE, OPEN, TIME, follow_all

RESULTS: Final = ("NoTrade", "Win", "Loss", "BE", "TIME", "OPEN", "BE")
DIRECTIONS: Final = ("NA", "Long", "Short")


def table(bars: BreakoutBars, settings: Settings, combination: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of one combination."""
    given = combination["target_points"]
    target = settings.instrument.target if given is None else given
    points = points_of(
        settings, np.array([target]), combination["t1_ratio"], combination["stop_max_multiplier"]
    )
    trades = bars.trades(settings.schedule, settings.instrument)
    decimals = settings.instrument.decimals
    columns = {name: np.zeros(len(trades.boundaries)) for name in ("exit", "stop", "peak", "profit", "entry")}
    codes = np.full(len(trades.boundaries), NO_TRADE)
    last_bars = np.zeros(codes.size, np.int64)
    _follow(trades, settings, points, columns, codes, last_bars)
    kept = slice(None) if settings.writes_no_trade else codes != NO_TRADE
    words = _words(bars, trades, settings, codes, last_bars)
    found = {
        "Date": words["Date"],
        "Time": words["Time"],
        "EntryTime": words["EntryTime"],
        "ExitTime": words["ExitTime"],
        "EntryPrice": rounded(columns["entry"], decimals),
        "ExitPrice": rounded(columns["exit"], decimals),
        "StopLoss": rounded(columns["stop"], decimals),
        "Target": np.full(codes.size, rounded(target, decimals)),
        "Peak": rounded(columns["peak"], decimals),
        "Direction": words["Direction"],
        "Result": np.array(RESULTS, object)[codes],
        "Range": trades.span,
        "Stream": words["Stream"],
        "Instrument": np.full(codes.size, settings.instrument.name, object),
        "Session": words["Session"],
        "Profit": columns["profit"],
        "open_as_of_time": words["open_as_of_time"],
    }
    return {name: values[kept] for name, values in found.items()}


def _follow(
    trades: Trades, settings: Settings, points: Any, columns: dict[str, Any], codes: Any, last_bars: Any
) -> None:
    t = trades.trades
    exits, stops, peaks, profits = (np.zeros(t.size) for _ in range(4))
    ends, until = np.zeros(t.size, np.int64), np.zeros(t.size, np.int64)
    rules = rules_of(settings, trades)[0]
    follow_all(*trades.prices, t, points[0], rules, ends, until, exits, stops, peaks, profits)
    codes[t.row], last_bars[t.row] = ends, until
    entries = t.sign * (t.entry + t.origin) / trades.per_point + 0.0  # never -0.0
    for name, values in zip(columns, (exits, stops, peaks, profits, entries), strict=True):
        columns[name][t.row] = values


def _words(
    bars: BreakoutBars, trades: Trades, settings: Settings, codes: NDArray[Any], last_bars: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    b, windows = trades.boundaries, settings.schedule.windows
    stamps, count = bars["timestamp"], codes.size
    times = {name: np.full(count, "", object) for name in ("EntryTime", "ExitTime", "open_as_of_time")}
    times["EntryTime"][trades.trades.row] = _printed(bars.clock.to_local(stamps[trades.trades.first]))
    is_late, is_open, is_time = codes == LATE, codes == OPEN, codes == TIME
    by_bar = (codes != NO_TRADE) & ~is_late & ~is_open & ~is_time
    times["ExitTime"][by_bar] = _printed(bars.clock.to_local(stamps[last_bars[by_bar]]))
    times["ExitTime"][is_time] = _printed(bars.clock.to_local(b.expires_ns[is_time]))
    times["ExitTime"][is_late] = _printed(stamps[last_bars[is_late]])  # in UTC (Q3)
    times["open_as_of_time"][is_open] = _printed(bars.clock.to_local(stamps[last_bars[is_open]]))
    direction = np.zeros(count, np.int64)
    direction[trades.trades.row] = np.where(trades.trades.sign > 0.0, 1, 2)
    name = settings.instrument.name
    return times | {
        "Date": np.datetime_as_string(b.date.astype("datetime64[D]")).astype(object),
        "Time": np.array([clock_of(w.end) for w in windows], object)[b.window],
        "Direction": np.array(DIRECTIONS, object)[direction],
        "Stream": np.array([name + w.session[1] for w in windows], object)[b.window],
        "Session": np.array([w.session for w in windows], object)[b.window],
    }


def _printed(wall_ns: NDArray[np.int64]) -> list[str]:
    texts = np.datetime_as_string((wall_ns // MINUTE).astype("datetime64[m]"))
    return [f"{t[8:10]}/{t[5:7]}/{t[2:4]} {t[11:]}" for t in texts.tolist()]
