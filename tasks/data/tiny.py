"""A few invented bars or ticks in memory: enough to try a strategy on, the same for the same seed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.data.slices import Slice
from tasks.data.synth_bars import walk
from tasks.data.trading_day import Security, trading_day

NAME: Final = "TINY"
FUTURE: Final = "ES"
FUTURE_BARS_A_DAY: Final = 276  # of five minutes, 17:00 to 16:00 in Chicago
FUTURE_TICKS: Final = 18_000  # the usual price
FUTURE_TICK: Final = 0.25
SESSION_BEGINS: Final = -3_600  # 23:00 UTC of the evening before: Chicago in winter
NS: Final = 1_000_000_000
FIRST_DAY: Final = np.datetime64("2025-01-06", "D")  # a Monday
BARS_A_DAY: Final = 78  # of five minutes, 09:30 to 16:00
BAR_SECONDS: Final = 300
OPENING_SECONDS: Final = 34_200


def bars(rows: int = 300, seed: int = 0) -> Slice:
    """Five-minute bars of one security: a random walk with gaps over night. Times are UTC."""
    rng = np.random.default_rng(seed)
    day, bar = np.divmod(np.arange(rows), BARS_A_DAY)
    steps = rng.normal(0.0, 0.002, rows) + np.where(bar == 0, rng.normal(0.0, 0.012, rows), 0.0)
    close = 100.0 * np.exp(np.cumsum(steps))
    before = np.concatenate([[100.0], close[:-1]])
    opened = np.where(bar == 0, before * np.exp(0.8 * steps), before)
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.001, rows)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.001, rows)))
    days = np.busday_offset(FIRST_DAY, day).astype("datetime64[s]").astype(np.int64)
    columns = {
        "timestamp": (days + OPENING_SECONDS + BAR_SECONDS * bar) * NS,
        "open": opened.round(4),
        "high": high.round(4),
        "low": low.round(4),
        "close": close.round(4),
        "volume": rng.integers(1, 10_000, rows).astype(np.float64),
    }
    return _slice(columns, "UTC")


def future(rows: int = 828, seed: int = 0) -> Slice:
    """Five-minute bars of a futures contract, in sessions of 23 hours. Times are UTC."""
    rng = np.random.default_rng(seed)
    move = np.full(rows, FUTURE_TICKS * 0.008 / np.sqrt(FUTURE_BARS_A_DAY))
    prices = walk(FUTURE_TICKS, FUTURE_TICKS, move, rng).columns()
    day, bar = np.divmod(np.arange(rows), FUTURE_BARS_A_DAY)
    days = np.busday_offset(FIRST_DAY, day).astype("datetime64[s]").astype(np.int64)
    columns = {
        "timestamp": (days + SESSION_BEGINS + BAR_SECONDS * bar) * NS,
        **{name: values * FUTURE_TICK for name, values in prices.items()},
        "volume": rng.integers(1, 10_000, rows).astype(np.float64),
    }
    return _slice(columns, "UTC", FUTURE)


def daily(rows: int = 750, seed: int = 0) -> Slice:
    """Daily bars of one security: advances, bases that tighten, breakouts that hold or fail. Times are
    midnights of no zone.
    """
    from tasks.data import synth_daily  # late: it writes files too, and loads what that takes

    units = synth_daily.daily_bars(np.random.default_rng(seed), rows)
    dates = np.busday_offset(synth_daily.LAST_DAY, np.arange(1 - rows, 1)).astype("datetime64[s]")
    columns = {
        "timestamp": dates.astype(np.int64) * NS,
        **{name: units[name] / synth_daily.SCALE for name in ("open", "high", "low", "close")},
        "volume": units["volume"].astype(np.float64),
    }
    return _slice(columns, None)


def ticks(rows: int = 300, seed: int = 0) -> Slice:
    """The first `rows` events of one security's trading days, in the layout of real tick data."""
    rng = np.random.default_rng(seed)
    security = Security(market="ADX", usual_price=2.7, usual_quote=50_000.0)
    level = round(security.usual_price / security.tick)
    parts: dict[str, list[NDArray[np.generic]]] = {n: [] for n in ("timestamp", "type", "price", "volume")}
    found, day = 0, 0
    while found < rows:
        events, level = trading_day(security, level, max(100, rows // 2), rng)
        midnight = int(np.busday_offset(FIRST_DAY, day).astype("datetime64[s]").astype(np.int64))
        parts["timestamp"].append((midnight + events.second) * NS)
        parts["type"].append(events.type)
        parts["price"].append(np.round(events.ticks * security.tick, 3))
        parts["volume"].append(events.volume)
        found, day = found + len(events.second), day + 1
    return _slice({name: np.concatenate(pieces)[:rows] for name, pieces in parts.items()}, None)


def _slice(columns: dict[str, NDArray[np.generic]], zone: str | None, name: str = NAME) -> Slice:
    for column in columns.values():
        column.flags.writeable = False
    return Slice(
        security=name,
        columns=columns,
        zone=zone,
        newest_ns=int(columns["timestamp"].max()) if len(columns["timestamp"]) else None,
        source=f"{name.lower()}.parquet",
    )
