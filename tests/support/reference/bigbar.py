"""BigBar written straight from bigbar.md §2 to §5: bar by bar on the plain engine, slow and obvious."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.support.reference.bar_engine import Engine, Trade

Step = Callable[[Engine, int], None]


class OrderRefused(Exception):
    """The engine takes no such order: the run has no result."""


@dataclass(kw_only=True)
class Bars:
    """Of the window, numbered anew; `atr` and `restricted` come from the whole file."""

    time: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    atr: list[float]
    restricted: list[bool]


def plain_run(data: Mapping[str, Any], point: Mapping[str, Any]) -> tuple[Bars, Engine]:
    """`point` names every parameter of its variant."""
    bars = window(data, point)
    engine = Engine(
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close_price=bars.close,
        cash=100_000.0,
        spread=point["spread"],
        fill_at_close=True,
    )
    step = sweep_step if point["variant"] == "sweep" else latest_step
    return bars, engine.run(step(bars, point))


def window(data: Mapping[str, Any], point: Mapping[str, Any]) -> Bars:
    columns = [data[name].tolist() for name in ("timestamp", "open", "high", "low", "close")]
    first_of_each: dict[int, Any] = {}
    for row in zip(*columns, strict=True):
        first_of_each.setdefault(row[0], row)
    rows = [first_of_each[time] for time in sorted(first_of_each)]
    time, opening, high, low, close = (list(column) for column in zip(*rows, strict=True))
    period = point["atr_period"]
    start = 99 if point["window"] == "sweep" else period - 1
    whole = Bars(
        time=time,
        open=opening,
        high=high,
        low=low,
        close=close,
        atr=average_true_range(high, low, close, period),
        restricted=restricted(time),
    )
    return Bars(**{name: column[start:] for name, column in vars(whole).items()})


def average_true_range(
    high: Sequence[float], low: Sequence[float], close: Sequence[float], period: int
) -> list[float]:
    spans = [h - lo for h, lo in zip(high, low, strict=True)]
    if 0.0 in spans:
        spans = [span + 2.220446049250313e-16 for span in spans]
    ranges = [abs(spans[0])]
    for i in range(1, len(spans)):
        ranges.append(max(abs(spans[i]), abs(high[i] - close[i - 1]), abs(close[i - 1] - low[i])))
    if len(ranges) < period:
        return [math.nan] * len(ranges)
    found = [math.nan] * (period - 1) + [float(np.array(ranges[:period]).mean())]
    a0 = 1 / period
    m = (1 - a0) / a0
    a = 1 / (1 + m)
    b = 1 - a
    for i in range(period, len(ranges)):
        w = found[-1]
        found.append(w if w == ranges[i] else (b * w + a * ranges[i]) / (b + a))
    return found


def restricted(time: Sequence[int]) -> list[bool]:
    """Six bars at either end of each ISO week of UTC."""

    def week(t: int) -> tuple[int, int]:
        return dt.datetime.fromtimestamp(t // 10**9, dt.UTC).isocalendar()[:2]

    found = []
    for _, bars in itertools.groupby(time, week):
        count = len(list(bars))
        found += [number < 6 or number >= count - 6 for number in range(count)]
    return found


def sweep_step(b: Bars, point: Mapping[str, Any]) -> Step:  # noqa: C901 (its functions count too)
    """§4. The stop is the strategy's own number; every exit is a close."""
    k, t = point["k_atr_int"] / 10, point["uptail_max_ratio_int"] / 10
    w, g = point["previous_weight_int"] / 10, point["buffer_ratio_int"] / 100
    held: dict[str, Any] = {}

    def enter(engine: Engine, i: int) -> None:
        span, body = b.high[i] - b.low[i], abs(b.close[i] - b.open[i])
        moves = [b.close[j] - b.open[j] for j in range(i - 3, i)]
        norm = (1 * moves[0] + 2 * moves[1] + 3 * moves[2]) / body if body else 0
        if not (b.atr[i] > 0 and span >= k * b.atr[i]):
            return
        is_long = b.close[i] > b.open[i] and norm >= w and b.high[i] - b.close[i] < t * span
        is_short = b.close[i] < b.open[i] and norm <= -w and b.close[i] - b.low[i] < t * span
        units = int(engine.worth() / b.close[i])
        if units < 1 or not (is_long or is_short):
            return
        (engine.buy if is_long else engine.sell)(units)
        stop = b.low[i] - g * span if is_long else b.high[i] + g * span
        held.update(age=0, high=b.high[i], low=b.low[i], stop=stop)

    def stays(i: int, is_long: bool) -> bool:
        span = held["high"] - held["low"]
        if held["age"] == 1 and is_long:
            held["stop"] = max(held["stop"], b.low[i] - 0.01 * span)
            return bool(b.close[i] > b.open[i] and b.high[i] > held["high"])
        if held["age"] == 1:
            held["stop"] = min(held["stop"], b.high[i] + 0.01 * span)
            return bool(b.close[i] < b.open[i] and b.low[i] < held["low"])
        if is_long:
            held["stop"] = max(held["stop"], min(b.low[i], b.low[i - 1]))
            return bool(b.low[i] > held["stop"])
        held["stop"] = min(held["stop"], max(b.high[i], b.high[i - 1]))
        return bool(b.high[i] < held["stop"])

    def step(engine: Engine, i: int) -> None:
        if i + 1 < point["atr_period"] + 5:
            return
        if not engine.trades:
            if not b.restricted[i]:
                enter(engine, i)
            return
        held["age"] += 1
        if b.restricted[i] or not stays(i, engine.trades[0].size > 0):
            engine.close()

    return step


def latest_step(b: Bars, point: Mapping[str, Any]) -> Step:  # noqa: C901 (its functions count too)
    """§5. Stop and target are the engine's."""
    k, t = point["k_atr_int"] / 10, point["uptail_max_ratio_int"] / 10
    w, nb = point["previous_weight_int"] / 100, point["n_bar_breakout"]
    held: dict[str, Any] = {}

    def enter(engine: Engine, i: int) -> None:
        moves = [b.close[j] - b.open[j] for j in range(i - 3, i)]
        momentum = 3 * moves[2] + 2 * moves[1] + 1 * moves[0]
        adj = momentum / b.atr[i] * w if b.atr[i] > 0 else 0
        span = b.high[i] - b.low[i]
        if i < nb:
            return
        highest, lowest = max(b.high[i - nb : i]), min(b.low[i - nb : i])
        tail_ok = (b.high[i] - b.close[i] < t * span, b.close[i] - b.low[i] < t * span)
        is_long = b.close[i] > b.open[i] and span >= (k - adj) * b.atr[i] and tail_ok[0]
        is_short = b.close[i] < b.open[i] and span >= (k + adj) * b.atr[i] and tail_ok[1]
        if is_long and b.close[i] > highest:
            open_trade(engine, i, 1)
        elif is_short and b.close[i] < lowest:
            open_trade(engine, i, -1)

    def open_trade(engine: Engine, i: int, sign: int) -> None:
        r = i
        while r > 0 and sign * (b.close[r - 1] - b.open[r - 1]) > 0:
            r -= 1
        base = b.low[i] if sign > 0 else b.high[i]
        if not sign * base < sign * b.close[i] * (1 + sign * point["spread"]):
            raise OrderRefused
        goal = b.close[i] + 2 * (b.close[i] - b.open[r])
        held.update(goal=goal, extending=True, base=base)
        units = max(1, int(engine.worth() / b.close[i]))
        (engine.buy if sign > 0 else engine.sell)(units, stop=base)

    def manage(trade: Trade, i: int) -> None:
        sign = 1 if trade.size > 0 else -1
        if held["extending"]:
            if sign * (b.close[i] - b.open[i]) > 0:
                held["goal"] += b.close[i] - b.open[i]
            else:
                held["extending"] = False
                if held["goal"] < 0:
                    raise OrderRefused
                trade.target = held["goal"] or None
        base = held["base"]
        moved = base + (b.low[i] - base) / 2 if sign > 0 else base - (base - b.high[i]) / 2
        assert trade.stop is not None
        if sign * moved > sign * trade.stop:
            trade.stop = moved

    def step(engine: Engine, i: int) -> None:
        if i + 1 < point["atr_period"] + 5:
            return
        if not engine.trades:
            if not b.restricted[i]:
                enter(engine, i)
        elif b.restricted[i]:
            engine.close()
        else:
            manage(engine.trades[0], i)

    return step
