"""How risky a share is, 1 to 10 in six respects, from its bars up to a date (specs/vcp.md section 5).

A combination is a window of rows and a variant; each measure is one pass over the window's columns, and its
score counts the bounds that it exceeds. The averages behind the trend begin with the window, as in the
original: a price in whole cents can tie with its average, and then the rounding since that first row decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns, Refuse
from tasks.kernels.daily.frame import Frame, frame_of
from tasks.kernels.daily.indicators import ATR_LENGTH, fill_average_true_range
from tasks.kernels.jit import kernel
from tasks.kernels.rolling import rolling_mean

VARIANTS: Final = ("optimised", "classic")
WINDOWS: Final = ("calendar252", "bars252")
WEIGHTS: Final = {
    "volatility": 0.30,
    "atr_risk": 0.20,
    "drawdown_risk": 0.10,
    "gap_risk": 0.25,
    "volume_consistency": 0.10,
    "trend_stability": 0.05,
}
WINDOW_LENGTH: Final = 252  # calendar days, or bars
FEWEST_ROWS: Final = 50
DEFAULT_SCORE: Final = 5
YEAR: Final = np.sqrt(252.0)
RECENT: Final = 50  # rows whose true range and close the optimised variant compares
WIDE_GAP: Final = 0.03
SHORT: Final = 20  # bars of the trend's averages
LONG: Final = 50

_VOLATILITY = (0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60)
_VOLUME = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
BOUNDS: Final = np.array(  # by variant, component, and score: the highest measure that still has it
    [
        [
            _VOLATILITY,
            (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
            (10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 75.0),
            (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 22.0),
            _VOLUME,
            (5.0, 8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 35.0, 42.0),
        ],
        [
            _VOLATILITY,
            (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0),
            (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.50),
            (0.005, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.050),
            _VOLUME,
            (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.50),
        ],
    ]
)


def prepare(data: Columns, refuse: Refuse) -> Frame:
    """The complete rows, and the collector's `atr` of the whole history: 0 on the first 50."""
    if isinstance(data, Frame):
        return data
    frame = frame_of(data, refuse, missing="drop")
    atr = np.zeros(frame.bars)
    fill_average_true_range(frame["high"], frame["low"], frame["close"], ATR_LENGTH, atr)
    atr.flags.writeable = False
    return Frame(
        columns={**frame.columns, "atr": atr},
        security=frame.security,
        segment=frame.segment,
        newest=frame.newest,
    )


def evaluate(frame: Frame, combinations: Columns) -> Mapping[str, NDArray[Any]]:
    """Every metric of the strategy, and `empty` where the share has no bar up to the date."""
    last, first = _windows(frame, combinations["as_of"], combinations["window"])
    variant = (combinations["variant"] == VARIANTS[1]).astype(np.int64)
    scores = score_windows(
        frame["open"], frame["close"], frame["volume"], frame["atr"], first, last, variant, BOUNDS
    )
    points = np.where(last - first < FEWEST_ROWS, 0, last - first)
    return {
        "overall": np.array([overall(row) for row in scores.tolist()]),
        **{name: scores[:, i] for i, name in enumerate(WEIGHTS)},
        "data_points": points,
        "empty": last == 0,
    }


def overall(scores: list[int]) -> float:
    """In the order of the weights, and rounded as Python rounds, which numpy does not."""
    return round(sum(s * w for s, w in zip(scores, WEIGHTS.values(), strict=True)), 1)


def _windows(
    frame: Frame, as_of: NDArray[Any], window: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One past the newest row that each combination sees, and its first one."""
    own = frame["date"]
    today = frame.today if own.size else 0
    dates = np.array([today if date is None else _day(date) for date in as_of], np.int64)
    last = np.searchsorted(own, dates, side="right")
    by_date = np.searchsorted(own, dates - WINDOW_LENGTH, side="right")
    first = np.where(window == WINDOWS[0], by_date, np.maximum(0, last - WINDOW_LENGTH))
    return last, first


@lru_cache(maxsize=4096)
def _day(date: str) -> int:
    """Days since 1970."""
    return int(np.datetime64(date, "D").astype(np.int64))


@kernel
def score_windows(
    open_: Any, close: Any, volume: Any, atr: Any, first: Any, last: Any, variant: Any, bounds: Any
) -> Any:  # fmt: skip
    """A row of six scores per combination."""
    scores = np.full((first.size, bounds.shape[1]), DEFAULT_SCORE)
    for i in range(first.size):
        a = first[i]
        b = last[i]
        if b - a < FEWEST_ROWS:
            continue
        measures = np.empty(bounds.shape[1])
        c = close[a:b]
        measures[0] = _volatility(c)
        measures[1] = _range(atr[a:b], c, variant[i])
        measures[2] = _drawdown(c, variant[i])
        measures[3] = _gaps(open_[a:b], c, variant[i])
        measures[4] = _volume(volume[a:b])
        measures[5] = _trend(c, variant[i])
        for k in range(measures.size):
            scores[i, k] = 1
            for j in range(bounds.shape[2]):
                if not measures[k] <= bounds[variant[i], k, j]:  # an undefined measure scores 10
                    scores[i, k] = j + 2
    return scores


@kernel
def _mean(values: Any) -> float:
    total = 0.0
    for value in values:
        total += value
    return float(total / values.size)


@kernel
def _deviation(values: Any) -> float:
    """Of a sample."""
    mean = _mean(values)
    squares = 0.0
    for value in values:
        squares += (value - mean) ** 2
    return float(np.sqrt(squares / (values.size - 1)))


@kernel
def _volatility(close: Any) -> float:
    """A year's, of the daily returns, as a fraction."""
    returns = np.empty(close.size - 1)
    for i in range(returns.size):
        returns[i] = close[i + 1] / close[i] - 1.0
    return float(_deviation(returns) * YEAR)


@kernel
def _range(atr: Any, close: Any, variant: int) -> float:
    """The average true range in per cent of the close: of recent means, or its mean over all rows."""
    if variant == 0:
        return float(_mean(atr[-RECENT:]) / _mean(close[-RECENT:]) * 100.0)
    total = 0.0
    for i in range(close.size):
        total += atr[i] / close[i] * 100.0
    return float(total / close.size)


@kernel
def _drawdown(close: Any, variant: int) -> float:
    """The deepest fall below the highest close so far, in per cent; classic: with the mean one."""
    highest = close[0]
    deepest = np.nan
    total = 0.0
    below = 0
    for price in close:
        highest = max(highest, price)
        fall = (highest - price) / highest
        if fall > deepest or np.isnan(deepest):
            deepest = fall
        if fall > 0.0:
            total += fall
            below += 1
    if variant == 0:
        return float(deepest * 100.0)
    return float(0.7 * deepest + 0.3 * (total / below if below > 0 else 0.0))


@kernel
def _gaps(open_: Any, close: Any, variant: int) -> float:
    """How many opens are far from the close before, in per cent; classic: a fraction, with how they vary."""
    gaps = np.zeros(close.size)
    wide = 0
    for i in range(1, close.size):
        gaps[i] = (open_[i] - close[i - 1]) / close[i - 1]
        wide += abs(gaps[i]) > WIDE_GAP
    if variant == 0:
        return float(wide / close.size * 100.0)
    return float(0.6 * _deviation(gaps) + 0.4 * (wide / close.size))


@kernel
def _volume(volume: Any) -> float:
    """How much it varies about its mean, and how often it is more than twice that."""
    mean = _mean(volume)
    spikes = 0
    for shares in volume:
        spikes += shares > 2.0 * mean
    return float(0.7 * (_deviation(volume) / mean) + 0.3 * (spikes / volume.size))


@kernel
def _trend(close: Any, variant: int) -> float:
    """How often the trend turns, its beginning included: in per cent of the rows, or as a fraction."""
    short = rolling_mean(close, SHORT)
    long = rolling_mean(close, LONG)
    turns = 1
    was_up = False
    for i in range(1, close.size):  # an average of too few rows is NaN, and nothing is above it
        is_up = short[i] > long[i] if variant == 0 else close[i] > short[i]
        turns += is_up != was_up
        was_up = is_up
    return float(turns / close.size * 100.0) if variant == 0 else float(turns / close.size)
