"""A trade on a signal: where it is bought, its stop and target, and where it is left."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.kernels.jit import part
from tasks.kernels.vcp.levels import stop_level, target_level
from tasks.kernels.vcp.records import EOD, NEXT_OPEN, PIVOT_STOP, STOP, STOP_GAP, TARGET, TARGET_GAP, TIME


@part
def fill_of(bars: Any, setting: Any, at: Any) -> Any:
    """Bar and price at which the signal is bought; a price of 0 where it is not."""
    if setting.entry_code == NEXT_OPEN:
        after = at.bar + 1
        return after, (bars.open[after] if after < bars.open.size else 0.0)
    if setting.entry_code == PIVOT_STOP:
        order = at.pivot * setting.breakout_buffer
        return at.bar, (max(bars.open[at.bar], order) if bars.high[at.bar] >= order else 0.0)
    return at.bar, bars.close[at.bar]


@part
def leave(bars: Any, setting: Any, entry_bar: int, stop: float, target: float) -> Any:
    """Bar, price and reason of the exit. A fill at the open may be stopped out on its own bar."""
    last = min(entry_bar + setting.max_hold, bars.close.size - 1)
    for i in range(entry_bar + (setting.entry_code != NEXT_OPEN), last + 1):
        opened = bars.open[i]
        if i > entry_bar and opened <= stop:
            return i, opened, STOP_GAP
        if bars.low[i] <= stop:
            return i, stop, STOP
        if i > entry_bar and opened >= target:
            return i, opened, TARGET_GAP
        if bars.high[i] >= target:
            return i, target, TARGET
    return last, bars.close[last], (TIME if last == entry_bar + setting.max_hold else EOD)


@part
def trade_on(bars: Any, atr: Any, setting: Any, at: Any, trade: Any) -> Any:
    """The trade that a candidate leads to, written into `trade`; whether there is one."""
    entry_bar, fill = fill_of(bars, setting, at)
    if not fill > 0.0:
        return False
    stop = fill * (1.0 - setting.stop_pct / 100.0)
    if np.isnan(setting.stop_pct):
        stop = stop_level(fill, atr[at.bar], setting.stop_atr, setting.is_continuous)
    target = fill * (1.0 + setting.target_pct / 100.0)
    if np.isnan(setting.target_pct):
        target = target_level(fill, atr[at.bar], setting.target_atr)
    exit_bar, price, reason = leave(bars, setting, entry_bar, stop, target)
    trade.signal_bar = at.bar
    trade.entry_bar = entry_bar
    trade.entry = fill
    trade.stop = stop
    trade.target = target
    trade.exit_bar = exit_bar
    trade.exit = price
    trade.reason = reason
    trade.ret = price / fill - 1.0 - 2.0 * setting.cost_bps / 10_000.0
    trade.length = at.length
    trade.quality = at.quality
    trade.pivot = at.pivot
    return True
