"""BigBar over one security's bars: combinations in, statistics or single trades out (bigbar.md §2 to §8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import PRICES, Columns, Refuse
from tasks.errors import DataError
from tasks.kernels.bars.metrics import STATISTICS, as_columns
from tasks.kernels.bars.ordered import bars_of
from tasks.kernels.bigbar import play
from tasks.kernels.bigbar.bars import BigBarBars, Window
from tasks.kernels.bigbar.candidates import Loosest
from tasks.kernels.bigbar.exits import brackets_at
from tasks.kernels.bigbar.play import CASH, Combinations, Log, Market
from tasks.kernels.bigbar.settings import Group, Settings, groups_of


def prepare(data: Columns, refuse: Refuse) -> BigBarBars:
    """Prices are above zero: sizes, returns and logarithms divide by them."""
    return data if isinstance(data, BigBarBars) else BigBarBars(bars_of(data, refuse, above_zero=PRICES))


def evaluate(bars: BigBarBars, combinations: Columns) -> Columns:
    """The statistics of each; raises where one of them has no result."""
    rows = np.empty((len(combinations["variant"]), len(STATISTICS)))
    for group in groups_of(combinations):
        rows[group.places] = _played(bars, group)[0]
    return as_columns(rows)


def trace(bars: BigBarBars, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
    """Its closed trades and its equity, bar by bar."""
    alone = {name: np.array([value], object) for name, value in combination.items()}
    (group,) = groups_of(alone)
    _, log = _played(bars, group)
    window = bars.window(group.settings.start)
    fill, _, _ = window.results(group.settings)
    trades = _trades(window, group.settings, fill[log.entry_bar], log)
    return {"trades": trades, "equity": _equity(window, group.settings, trades)}


def _played(bars: BigBarBars, group: Group) -> tuple[NDArray[np.float64], Log]:
    """The rows of a group, and the trades of the combination that was played last."""
    s = group.settings
    if bars.rows <= s.start:
        raise DataError(
            f"no bar is left: the file has {bars.rows}, and the first {s.start} are left out",
            hint="window single with a shorter atr_period leaves more",
        )
    window = bars.window(s.start)
    loosest = Loosest(int(group.k.min()), int(group.tail.max()), int(group.third.min()))
    candidates = window.candidates(s, bars.atr(s), loosest)
    fill, returns, growth = window.results(s)
    market = Market(
        window.bars, window.calendar, candidates, window.exits(s), fill, returns, growth, s.is_latest
    )
    rows = np.empty((group.k.size, len(STATISTICS)))
    log = play.new_log(candidates.bar.size)
    refused, trades = play.play_all(market, _ranked(group), rows, log)
    if refused >= 0:
        raise DataError(
            f"an order that the engine refuses: its stop is beyond the price or its target below zero "
            f"(atr_period {s.period}, k_atr_int {group.k[refused]})",
            hint="leave the combination out, or look for bars whose high, low and close cannot be true",
        )
    return rows, Log._make(column[:trades] for column in log)


def _ranked(group: Group) -> Combinations:
    return Combinations(group.k, group.tail, group.third, _ranks(-group.tail), _ranks(group.third))


def _ranks(column: NDArray[np.int64]) -> NDArray[np.int64]:
    if column.size == 1:
        return np.zeros(1, np.int64)
    return np.unique(column, return_inverse=True)[1].astype(np.int64)


def _trades(window: Window, s: Settings, entry_price: NDArray[np.float64], log: Log) -> dict[str, Any]:
    exits, times = window.exits(s), window.calendar.timestamp
    stop, target = exits.stop[log.entry_bar], exits.target[log.entry_bar]
    ruined = exits.bar[log.entry_bar] != log.exit_bar
    for i in np.flatnonzero(ruined) if s.is_latest else ():
        stop[i], target[i] = brackets_at(window.bars, log.entry_bar[i], log.exit_bar[i])
    return {
        "trade_no": np.arange(log.size.size),
        "size": log.size.astype(np.int64),
        "entry_bar": log.entry_bar,
        "exit_bar": log.exit_bar,
        "entry_time": times[log.entry_bar],
        "exit_time": times[log.exit_bar],
        "entry_price": entry_price,
        "exit_price": log.exit_price,
        "sl": stop,
        "tp": target,
        "pnl": log.pnl,
        "commission": np.zeros(log.size.size),
        "return_pct": log.returns,
    }


def _equity(window: Window, s: Settings, trades: Mapping[str, NDArray[Any]]) -> Columns:
    """The value of cash and position at every bar's close, by the engine's own sums (bigbar.md §3.2)."""
    close, settled = window.bars.close, window.exits(s).settled
    equity, cash = np.full(close.size, CASH), CASH
    columns = (trades[name].tolist() for name in ("entry_bar", "size", "entry_price", "pnl"))
    for entry, size, fill, pnl in zip(*columns, strict=True):
        held = slice(entry + 1, settled[entry])
        equity[held] = cash + (close[held] * size - size * fill)
        cash = cash + pnl
        equity[settled[entry] :] = cash
    ruin = np.flatnonzero(equity <= 0.0)
    equity[ruin[0] if ruin.size else close.size :] = 0.0
    return {"bar": np.arange(close.size), "time": window.calendar.timestamp, "equity": equity}
