"""Which bars may begin a BigBar trade, and up to which parameters (bigbar.md §4.4 and §5.3).

Every test of an entry is monotone in a whole parameter. So each candidate keeps the last value that it
passes, found with the exact expression of the rules, and a combination is a comparison of whole numbers.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.bigbar.exits import Bars
from tasks.kernels.jit import kernel, part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I4 = NDArray[np.int32]

HIGHEST: Final = 1_000  # of every whole parameter but the ATR's period; a threshold may be one beyond
LOWEST: Final = -HIGHEST
WARM_UP: Final = 4  # beyond the ATR's period, bars without a trade


class Candidates(NamedTuple):
    """Ascending by bar. A combination enters if k <= k_most, tail >= tail_least and third <= third_most.

    `third` is the weight in variant `sweep`, the bars to break out of in `latest`.
    """

    bar: I8
    k_most: I4
    tail_least: I4
    third_most: I4


class Shortlist(NamedTuple):
    """Bars that may begin a trade of variant `latest`, ascending."""

    bar: I8
    length: I4
    """How many bars before it the close is beyond."""
    momentum: F8


class Loosest(NamedTuple):
    """The values among a group of combinations that let the most candidates pass."""

    k: int
    tail: int
    third: int


@part
def _range(bars: Bars, i: int) -> float:
    return float(bars.high[i] - bars.low[i])


@part
def _tail(bars: Bars, i: int) -> float:
    """The part of the bar beyond its close, in the trade's direction."""
    return float(bars.high[i] - bars.close[i] if bars.colour[i] > 0 else bars.close[i] - bars.low[i])


@part
def _guess(value: float) -> int:
    """A whole number near it, within what a parameter can be; 0 for NaN."""
    return math.floor(min(max(value, float(LOWEST)), float(HIGHEST))) if value == value else 0


@kernel
def tail_thresholds(bars: Bars) -> I4:
    """The least `uptail_max_ratio_int` that each bar passes; above all where it has no colour."""
    found = np.full(bars.close.size, HIGHEST + 1, np.int32)
    for i in range(bars.close.size):
        if bars.colour[i] != 0 and not bars.restricted[i]:
            span, tail = _range(bars, i), _tail(bars, i)
            t = _guess(10.0 * tail / span)
            while t > LOWEST and tail < (t - 1) / 10.0 * span:
                t -= 1
            while t <= HIGHEST and not tail < t / 10.0 * span:
                t += 1
            found[i] = t
    return found


@kernel
def weight_thresholds(bars: Bars) -> I4:
    """The largest `previous_weight_int` of variant `sweep` that each bar passes."""
    found = np.full(bars.close.size, LOWEST - 1, np.int32)
    o, c = bars.open, bars.close
    for i in range(3, bars.close.size):
        body = abs(c[i] - o[i])
        weighted = 1.0 * (c[i - 3] - o[i - 3]) + 2.0 * (c[i - 2] - o[i - 2]) + 3.0 * (c[i - 1] - o[i - 1])
        norm = weighted / body if body != 0.0 else 0.0
        norm = norm * bars.colour[i]
        w = _guess(10.0 * norm)
        while w < HIGHEST and norm >= (w + 1) / 10.0:
            w += 1
        while w >= LOWEST and not norm >= w / 10.0:
            w -= 1
        found[i] = w
    return found


@kernel
def breakout_lengths(bars: Bars) -> I4:
    """How many bars before each one it closes beyond, up to the largest parameter."""
    found = np.zeros(bars.close.size, np.int32)
    for i in range(bars.close.size):
        length, most = 0, min(i, HIGHEST)
        if bars.colour[i] > 0:
            while length < most and bars.high[i - length - 1] < bars.close[i]:
                length += 1
        elif bars.colour[i] < 0:
            while length < most and bars.low[i - length - 1] > bars.close[i]:
                length += 1
        found[i] = length
    return found


@kernel
def sweep_candidates(bars: Bars, atr: F8, first: int, tails: I4, weights: I4, loosest: Loosest) -> Candidates:
    """From bar `first` on, those that the loosest combination passes."""
    found, count = _blank(bars.close.size), 0
    for i in range(first, bars.close.size):
        if tails[i] > loosest.tail or weights[i] < loosest.third or not atr[i] > 0.0:
            continue
        span = _range(bars, i)
        if not span >= loosest.k / 10.0 * atr[i]:
            continue
        k = max(_guess(10.0 * span / atr[i]), loosest.k)
        while k < HIGHEST and span >= (k + 1) / 10.0 * atr[i]:
            k += 1
        while not span >= k / 10.0 * atr[i]:
            k -= 1
        count = _add(found, count, i, k, tails[i], weights[i])
    return _cut(found, count)


@kernel
def latest_shortlist(bars: Bars, lengths: I4, tail: int) -> Shortlist:
    """The bars that close beyond the one before and pass one `uptail_max_ratio_int`."""
    size = bars.close.size
    bar, length, momentum = np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size)
    count, t = 0, tail / 10.0
    o, c = bars.open, bars.close
    for i in range(WARM_UP, size):
        longest = min(lengths[i], i)
        allowed = longest > 0 and not bars.restricted[i]
        if allowed and _tail(bars, i) < t * _range(bars, i):
            before = 3.0 * (c[i - 1] - o[i - 1]) + 2.0 * (c[i - 2] - o[i - 2]) + 1.0 * (c[i - 3] - o[i - 3])
            bar[count], length[count], momentum[count] = i, longest, before
            count += 1
    return Shortlist(bar[:count], length[:count], momentum[:count])


@kernel
def latest_candidates(
    bars: Bars, atr: F8, first: int, shortlist: Shortlist, tail: int, weight: int, loosest: Loosest
) -> Candidates:
    """The same for one `uptail_max_ratio_int` and one `previous_weight_int`."""
    found, count = _blank(shortlist.bar.size), 0
    w = weight / 100.0
    for j in range(shortlist.bar.size):
        i, length = shortlist.bar[j], shortlist.length[j]
        if i < first or length < loosest.third:
            continue
        span = _range(bars, i)
        adj = shortlist.momentum[j] / atr[i] * w * bars.colour[i] if atr[i] > 0.0 else 0.0
        if not span >= (loosest.k / 10.0 - adj) * atr[i]:
            continue
        k = max(_guess(10.0 * (span / atr[i] + adj)), loosest.k)
        while k < HIGHEST and span >= ((k + 1) / 10.0 - adj) * atr[i]:
            k += 1
        while not span >= (k / 10.0 - adj) * atr[i]:
            k -= 1
        count = _add(found, count, i, k, tail, length)
    return _cut(found, count)


@part
def _blank(size: int) -> Candidates:
    return Candidates(
        np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    )


@part
def _add(found: Candidates, count: int, bar: int, k_most: int, tail_least: int, third_most: int) -> int:
    found.bar[count] = bar
    found.k_most[count] = k_most
    found.tail_least[count] = tail_least
    found.third_most[count] = third_most
    return count + 1


@part
def _cut(found: Candidates, count: int) -> Candidates:
    return Candidates(
        found.bar[:count], found.k_most[:count], found.tail_least[:count], found.third_most[:count]
    )
