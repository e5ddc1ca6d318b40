"""The walk-forward backtest as a slow, obvious definition: vcp.md sections 3.5 and 9 in plain Python.

A frame is cut at every bar, and each cut is looked at as if nothing were known of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

from tests.support.reference.vcp_screen_stages import Bars, Record, atr, passes_filters, stages, template

Point = Mapping[str, Any]


def cut(bars: Bars, t: int) -> Bars:
    o, h, l, c, v = (x[: t + 1] for x in (bars.o, bars.h, bars.l, bars.c, bars.v))  # noqa: E741
    return Bars(bars.days[: t + 1], o, h, l, c, v)


def lengths(point: Point) -> range:
    return range(point["min_pattern_duration"], point["max_pattern_duration"] + 1, point["base_step"])


def walk(bars: Bars, point: Point) -> list[Record]:
    """Every signal, with all bases that pass: `found` by length."""
    signals = []
    for t in range(bars.n):
        seen = cut(bars, t)
        if seen.n < point["min_data_candles"] or not passes_filters(seen, point):
            continue
        if point["trend_template"] and not template(seen):
            continue
        found = {}
        for length in lengths(point):
            if length <= t - 50 and (base := stages(seen, t, length, False, point)) is not None:
                found[length] = {**base, "pivot": max(seen.h[t - length : t])}
        if found:
            signals.append({"bar": t, "found": found, "atr": atr(seen, t)})
    return signals


def score(base: Record) -> int:
    return sum(base["scores"].values())


def best(found: Mapping[int, Record]) -> int:
    return max(found, key=lambda length: (score(found[length]), length))


def signal_row(bars: Bars, signal: Record, point: Point) -> Record:
    found, t = signal["found"], signal["bar"]
    longest = found[max(found)]
    return {
        "date": bars.days[t],
        "bar": t,
        "mask": sum(1 << k for k, length in enumerate(lengths(point)) if length in found),
        "longest": max(found),
        "shortest": min(found),
        "best": best(found),
        "pivot": longest["pivot"],
        "close": bars.c[t],
        "atr": signal["atr"],
        "n_contractions": len(longest["tight"]),
        "compression_ratio": longest["compression"],
        "volume_ratio": longest["volume_ratio"],
        "gain": longest["gain"],
        "quality": score(longest),
    }


def trades(bars: Bars, signals: Sequence[Record], point: Point) -> list[Record]:
    made: list[Record] = []
    last_exit = -1
    for signal in signals:
        if signal["bar"] > last_exit and (trade := trade_on(bars, signal, point)) is not None:
            made.append(trade)
            last_exit = trade["exit_bar"]
    return made


def trade_on(bars: Bars, signal: Record, point: Point) -> Record | None:
    t, found = signal["bar"], signal["found"]
    length = {"longest": max(found), "shortest": min(found), "best": best(found)}[point["pick"]]
    pivot = found[length]["pivot"]
    entry_bar, fill = t, bars.c[t]
    if point["entry"] == "next_open":
        if t + 1 == bars.n:
            return None
        entry_bar, fill = t + 1, bars.o[t + 1]
    if point["entry"] == "pivot_stop":
        if bars.h[t] < pivot * point["breakout_buffer"]:
            return None
        fill = max(bars.o[t], pivot * point["breakout_buffer"])
    if fill == 0.0:
        return None
    stop, target = levels(fill, signal["atr"], point)
    exit_bar, price, reason = leave(bars, entry_bar, stop, target, point)
    return {
        "signal_date": bars.days[t],
        "entry_date": bars.days[entry_bar],
        "entry": fill,
        "stop": stop,
        "target": target,
        "exit_date": bars.days[exit_bar],
        "exit_bar": exit_bar,
        "exit": price,
        "reason": reason,
        "ret": price / fill - 1 - 2 * point["cost_bps"] / 10000,
        "bars_held": exit_bar - entry_bar,
        "length": length,
        "quality": score(found[length]),
        "pivot": pivot,
    }


def levels(fill: float, a: float, point: Point) -> tuple[float, float]:
    kind = point["levels"] or {"reference": "reference", "fixed": "continuous"}[point["rules"]]
    if a == 0:
        stop, target = fill * 0.92, fill * 1.20
    else:
        by_atr = fill - point["stop_atr"] * a
        x = abs(by_atr - fill) / fill * 100
        within = 6.5 < x <= 10 if kind == "continuous" else 7.0 <= x <= 10
        stop = fill * 0.925 if x <= 6.5 else by_atr if within else fill * 0.90
        by_atr = fill + point["target_atr"] * a
        y = abs(by_atr - fill) / fill * 100
        target = fill * 1.15 if y <= 15 else by_atr if y <= 30 else fill * 1.30
    if point["stop_pct"] is not None:
        stop = fill - fill * point["stop_pct"] / 100
    if point["target_pct"] is not None:
        target = fill + fill * point["target_pct"] / 100
    return stop, target


def leave(bars: Bars, entry_bar: int, stop: float, target: float, point: Point) -> tuple[int, float, str]:
    at_open = point["entry"] == "next_open"
    for i in range(entry_bar if at_open else entry_bar + 1, bars.n):
        is_fill_bar = i == entry_bar
        if not is_fill_bar and bars.o[i] <= stop:
            return i, bars.o[i], "stop_gap"
        if bars.l[i] <= stop:
            return i, stop, "stop"
        if not is_fill_bar and bars.o[i] >= target:
            return i, bars.o[i], "target_gap"
        if bars.h[i] >= target:
            return i, target, "target"
        if i == entry_bar + point["max_hold"]:
            return i, bars.c[i], "time"
    return bars.n - 1, bars.c[-1], "eod"


def figures(signals: Sequence[Record], made: Sequence[Record]) -> Record:
    returns = [trade["ret"] for trade in made]
    lost = -sum(r for r in returns if r < 0)
    none = float("nan")
    return {
        "signals": len(signals),
        "trades": len(made),
        "win_rate_pct": fmean(r > 0 for r in returns) * 100 if returns else none,
        "mean_return_pct": fmean(returns) * 100 if returns else none,
        "median_hold_bars": median(trade["bars_held"] for trade in made) if made else none,
        "profit_factor": sum(r for r in returns if r > 0) / lost if lost > 0 else none,
        "best_trade_pct": max(returns) * 100 if returns else none,
        "worst_trade_pct": min(returns) * 100 if returns else none,
    }
