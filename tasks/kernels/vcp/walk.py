"""A walk over a frame, bar by bar as if each were the newest: signals, trades on them, and their figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.kernels.jit import kernel, part
from tasks.kernels.vcp.candidates import accepts, find_candidates, is_open_to_signals, loosest
from tasks.kernels.vcp.records import BEST, MASK_BITS, METRICS, SHORTEST, TRADE
from tasks.kernels.vcp.trades import trade_on

_METRICS = len(METRICS)


@kernel
def walk(bars: Any, atr: Any, trending: Any, settings: Any, metrics: Any, signals: Any, trades: Any) -> Any:
    """Fills one row of `metrics` per setting, all of one structure.

    Signals and trades are written down, too, where `signals` and `trades` have room; returned is how many the
    last setting had.
    """
    found = find_candidates(bars, trending, loosest(settings)[0])
    returns = np.empty(found.size)
    longest_hold = 0
    for i in range(settings.size):
        longest_hold = max(longest_hold, min(settings[i].max_hold, bars.close.size))
    held = np.zeros(longest_hold + 1, np.int64)
    one = np.empty(1, TRADE)
    signal_count = 0
    trade_count = 0
    for i in range(settings.size):
        setting = settings[i]
        signal_count = 0
        trade_count = 0
        free_from = 0  # a signal on the bar of an exit is ignored
        held[:] = 0
        at = 0
        while at < found.size:
            bar = found[at].bar
            after = found[at].next_bar
            longest, shortest, best = -1, -1, -1
            if is_open_to_signals(bars, trending, setting, bar):
                longest, shortest, best = pick(bars, setting, found, at, after)
            if longest >= 0:
                if signal_count < signals.size:
                    to = signals[signal_count]
                    write_signal(bars, setting, found[at:after], found[shortest], found[best], to)
                signal_count += 1
            if longest >= 0 and bar >= free_from:
                chosen = (
                    shortest
                    if setting.pick_code == SHORTEST
                    else best
                    if setting.pick_code == BEST
                    else longest
                )
                if trade_on(bars, atr, setting, found[chosen], one[0]):
                    trade = one[0]
                    free_from = trade.exit_bar + 1
                    returns[trade_count] = trade.ret
                    held[trade.exit_bar - trade.entry_bar] += 1
                    if trade_count < trades.size:
                        trades[trade_count] = trade
                    trade_count += 1
            at = after
        summarise(signal_count, returns[:trade_count], held, metrics[i])
    return signal_count, trade_count


@part
def pick(bars: Any, setting: Any, found: Any, first: int, after: int) -> Any:
    """Of one bar's candidates that pass: the longest, the shortest, and the best (of equals the longest)."""
    longest, shortest, best = -1, -1, -1
    for i in range(first, after):
        if accepts(bars, setting, found[i]):
            longest = i
            shortest = i if shortest < 0 else shortest
            best = i if best < 0 or found[i].quality >= found[best].quality else best
    return longest, shortest, best


@part
def write_signal(bars: Any, setting: Any, found: Any, shortest: Any, best: Any, signal: Any) -> None:
    """Of one bar's candidates; what is told of the base is told of the longest."""
    mask = 0
    at = best
    for i in range(found.size):
        if accepts(bars, setting, found[i]):
            at = found[i]
            number = (at.length - setting.min_pattern_duration) // setting.base_step
            mask |= (1 << number) if number < MASK_BITS else 0
    signal.bar = at.bar
    signal.mask = mask
    signal.longest = at.length
    signal.shortest = shortest.length
    signal.best = best.length
    signal.pivot = at.pivot
    signal.n_contractions = at.contractions
    signal.compression_ratio = at.compression
    signal.volume_ratio = at.volume_ratio
    signal.gain = at.gain
    signal.quality = at.quality


@part
def summarise(signals: int, returns: Any, held: Any, metrics: Any) -> None:
    """The figures of `METRICS`; NaN where one is undefined. `held` has how many trades held so many bars."""
    wins = 0
    total = 0.0
    gained = 0.0
    lost = 0.0
    best = -np.inf
    worst = np.inf
    for i in range(returns.size):
        ret = returns[i]
        total += ret
        wins += ret > 0.0
        gained += max(ret, 0.0)
        lost -= min(ret, 0.0)
        best = max(best, ret)
        worst = min(worst, ret)
    count = returns.size
    metrics[:] = np.nan
    metrics[0] = signals
    metrics[1] = count
    if count > 0:
        metrics[2] = wins / count * 100.0
        metrics[3] = total / count * 100.0
        metrics[4] = (nth_held(held, (count - 1) // 2) + nth_held(held, count // 2)) / 2.0
        metrics[6] = best * 100.0
        metrics[7] = worst * 100.0
    if lost > 0.0:
        metrics[5] = gained / lost


@part
def nth_held(held: Any, nth: int) -> Any:
    """The bars that the trade at place `nth`, from 0, was held, the briefest first."""
    seen = 0
    for bars in range(held.size):
        seen += held[bars]
        if seen > nth:
            return bars
    return held.size
