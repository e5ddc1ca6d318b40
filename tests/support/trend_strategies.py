"""Strategies as a stranger may write them, some of which look ahead: for the check of the past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.api import DataError

Columns = Mapping[str, Any]
Trades = list[tuple[int, int]]
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Params:
    window: int = 20


class Trend:
    """Honest: long while the close is above its mean, for as long as it takes. Shows closed trades alone."""

    name, data, params, metrics = "trend", "bars", Params, ("trades", "total")
    traces = {  # noqa: RUF012  # as an author writes it
        "trades": {
            "number": "int64",
            "entry_time": "timestamp[ns]",
            "exit_time": "timestamp[ns]",
            "pnl": "double",
        }
    }

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        found = [self.trades(data, int(window)) for window in combinations["window"]]
        close = data["close"]
        return {
            "trades": np.array([len(trades) for trades in found]),
            "total": np.array([sum(close[out] - close[into] for into, out in trades) for trades in found]),
        }

    def trace(self, data: Columns, combination: Columns) -> Mapping[str, Columns]:
        trades = self.trades(data, combination["window"])
        into, out = (np.array([trade[i] for trade in trades], np.int64) for i in (0, 1))
        return {"trades": self.table(data, into, out)}

    def table(self, data: Columns, into: Any, out: Any) -> Columns:
        return {
            "number": np.arange(len(into)),
            "entry_time": data["timestamp"][into],
            "exit_time": data["timestamp"][out],
            "pnl": data["close"][out] - data["close"][into],
        }

    def wanted(self, close: Any, window: int) -> Any:
        """At which bars it wants to be in."""
        sums = np.cumsum(np.concatenate([[0.0], close]))
        mean = (sums[window:] - sums[:-window]) / window
        return np.concatenate([np.zeros(window - 1, bool), close[window - 1 :] > mean])[: len(close)]

    def trades(self, data: Columns, window: int) -> Trades:
        wanted = self.wanted(data["close"], window)
        turns = np.flatnonzero(np.diff(wanted.astype(int), prepend=0)).tolist()
        return list(zip(turns[::2], turns[1::2], strict=False))


class BarOnBar(Trend):
    """Looks one bar ahead as it enters, leaves honestly."""

    def trades(self, data: Columns, window: int) -> Trades:
        honest, close = super().trades(data, window), data["close"]
        return [(into, out) for into, out in honest if close[into + 1] > close[into]]


class LeavesInTime(Trend):
    """Looks one bar ahead as it leaves: before a fall."""

    def trades(self, data: Columns, window: int) -> Trades:
        close = data["close"]
        return [
            (into, next((i for i in range(into + 1, out) if close[i + 1] < 0.99 * close[i]), out))
            for into, out in super().trades(data, window)
        ]


class NearTheTop(Trend):
    """Measures by the highest price of all."""

    def wanted(self, close: Any, window: int) -> Any:
        return close > 0.95 * close.max()


class AboveAverage(Trend):
    """Measures by the mean and the spread of all prices."""

    def wanted(self, close: Any, window: int) -> Any:
        return (close - close.mean()) / close.std() > 0.5


class Ranked(Trend):
    """Measures by the rank among all prices."""

    def wanted(self, close: Any, window: int) -> Any:
        return np.argsort(np.argsort(close)) > len(close) // 2


class BothWays(Trend):
    """Honest: several trades at once, of any length, shown as they end; the last ones stay open."""

    def trades(self, data: Columns, window: int) -> Trades:
        close, found = data["close"], []
        for into in range(window, len(close), window):
            left = np.flatnonzero(np.abs(close[into:] / close[into] - 1) > 0.015)
            found += [(into, into + int(left[0]))] if left.size else []
        return sorted(found, key=lambda trade: trade[1])


class ByEntry(BothWays):
    """Honest: the same in the order of entry, where one that ends late moves the numbers of others."""

    def trades(self, data: Columns, window: int) -> Trades:
        return sorted(super().trades(data, window))


class OwnNumbers(Trend):
    """Honest: leaves out the bars before its mean, and numbers the others from nought."""

    traces = {"trades": {**Trend.traces["trades"], "entry_bar": "int64", "exit_bar": "int64"}}  # noqa: RUF012

    def table(self, data: Columns, into: Any, out: Any) -> Columns:
        return {**super().table(data, into, out), "entry_bar": into - 100, "exit_bar": out - 100}


class Open(Trend):
    """Honest: shows what is still open, without an end."""

    def trades(self, data: Columns, window: int) -> Trades:
        wanted = self.wanted(data["close"], window)
        turns = np.flatnonzero(np.diff(wanted.astype(int), prepend=0)).tolist()
        return list(zip(turns[::2], [*turns[1::2], -1], strict=False))

    def table(self, data: Columns, into: Any, out: Any) -> Columns:
        ends = data["timestamp"][out].astype("datetime64[ns]")
        ends[out < 0] = np.datetime64("NaT")
        pnl = np.where(out < 0, np.nan, data["close"][out] - data["close"][into])
        return {**super().table(data, into, out), "exit_time": ends, "pnl": pnl}


class ForcedOut(Trend):
    """Honest: closes what is open at the last bar."""

    def trades(self, data: Columns, window: int) -> Trades:
        wanted = self.wanted(data["close"], window)
        turns = np.flatnonzero(np.diff(wanted.astype(int), prepend=0)).tolist()
        return list(zip(turns[::2], [*turns[1::2], len(wanted) - 1], strict=False))


class Waiting(Trend):
    """Honest: an order waits some bars for its price, and is shown only if it was filled."""

    traces = {  # noqa: RUF012
        "trades": {
            "signal_time": "timestamp[ns]",
            "entry_time": "timestamp[ns]",
            "exit_time": "timestamp[ns]",
        }
    }

    def trace(self, data: Columns, combination: Columns) -> Mapping[str, Columns]:
        low, close, rows = data["low"], data["close"], []
        for signal in range(10, len(close) - 10, 7):
            fill = [i for i in range(signal + 1, signal + 5) if low[i] < 0.998 * close[signal]]
            rows += [(signal, fill[0], fill[0] + 5)] if fill else []
        return {
            "trades": {
                name: data["timestamp"][np.array([row[i] for row in rows], np.int64)]
                for i, name in enumerate(self.traces["trades"])
            }
        }


class NoEnd(Trend):
    """Shows what a trade made, and not when that was known."""

    traces = {"trades": {"time": "timestamp[ns]", "pnl": "double"}}  # noqa: RUF012

    def table(self, data: Columns, into: Any, out: Any) -> Columns:
        return {"time": data["timestamp"][into], "pnl": data["close"][out] - data["close"][into]}


class WholeDays(Trend):
    """Buys a part of what is traded on a day, and shows it with the day's first time."""

    traces = {"trades": {"time": "timestamp[ns]", "volume": "double"}}  # noqa: RUF012

    def trace(self, data: Columns, combination: Columns) -> Mapping[str, Columns]:
        _, first, day = np.unique(data["timestamp"] // DAY_NS, return_index=True, return_inverse=True)
        volume = np.bincount(day, weights=data["volume"], minlength=len(first))
        return {"trades": {"time": data["timestamp"][first], "volume": volume}}


class Quiet(Trend):
    """Never trades."""

    def trades(self, data: Columns, window: int) -> Trades:
        return []


class Daily(Trend):
    """Honest: wants a bar a day, and says so."""

    error: type[Exception] = DataError

    def prepare(self, data: Columns) -> Columns:
        if (np.diff(data["timestamp"] // DAY_NS) == 0).any():
            raise self.error("two bars of a day")
        return data


class DailyByValue(Daily):
    """Says it as Python does."""

    error = ValueError


class Monthly(Daily):
    """Refuses all that can be made up."""

    def prepare(self, data: Columns) -> Columns:
        raise DataError(f"{len(data['close'])} bars are not monthly", hint="give a bar a month")
