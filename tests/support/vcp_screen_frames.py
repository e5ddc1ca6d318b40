"""Made-up daily bars with a base and a breakout somewhere, and settings loose enough to find many.

Prices are whole 64ths and volumes whole numbers, so that sums of them are exact however they are made, and a
tie is one in every implementation.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from tasks.grid.parameters import as_arrays, declared
from tasks.strategies.vcp_screen import VcpScreenParams
from tests.support.daily_frames import bars as plain_bars
from tests.support.reference.vcp_screen_stages import Bars

GRID: Final = 64
FIRST_DAY: Final = 15_000  # 2011-01-26
EPOCH: Final = date(1970, 1, 1).toordinal()

Columns = dict[str, np.ndarray[Any, Any]]


def a_base(seed: int, count: int, length: int = 60, days_between: int = 1) -> Columns:
    """A rise, a base of shrinking days on falling volume, then perhaps a breakout on the last bar."""
    random = np.random.default_rng(seed)
    steps = random.normal(0.004, 0.012, count)
    width = random.uniform(0.01, 0.04, count)
    volume = random.integers(500, 3000, count).astype(np.float64)
    base = slice(count - 1 - min(length, count - 1), count - 1)
    size = base.stop - base.start
    shrinking = np.linspace(1.0, random.uniform(0.1, 0.6), size)
    steps[base] = random.normal(0.0, 0.012, size) * shrinking
    width[base] *= shrinking
    volume[base] = np.floor(volume[base] * shrinking)
    steps[-1:] = random.uniform(0.01, 0.05)
    volume[-1:] = np.floor(volume[-1:] * random.uniform(0.2, 3))
    close = 20.0 * np.exp(np.cumsum(steps))
    low = close * (1 - width * random.uniform(0, 1, count))
    high = low + close * width
    open_ = low + (high - low) * random.uniform(0, 1, count)
    gaps = random.integers(1, 2 * days_between + 1, count)
    days = FIRST_DAY + np.cumsum(gaps)
    columns = {"open": open_, "high": high, "low": low, "close": close}
    exact = {name: np.maximum(np.round(values * GRID), 1.0) / GRID for name, values in columns.items()}
    return plain_bars(days, **exact, volume=volume)


def days_of(columns: Columns) -> list[date]:
    return [day_of(int(time) // (86_400 * 10**9)) for time in columns["timestamp"]]


def day_of(number: int) -> date:
    return date.fromordinal(number + EPOCH)


def as_reference(columns: Columns) -> Bars:
    prices = [columns[name].tolist() for name in ("open", "high", "low", "close", "volume")]
    return Bars(days_of(columns), *prices)


def as_combinations(points: list[dict[str, Any]]) -> Any:
    """As the runner gives them to a strategy."""
    defaults = vars(VcpScreenParams())
    columns = {name: [point.get(name, default) for point in points] for name, default in defaults.items()}
    return as_arrays(declared(VcpScreenParams), columns, len(points))


@st.composite
def frames(draw: st.DrawFn) -> Columns:
    """Of any length; some reach further back than a screen looks."""
    count = draw(st.sampled_from([1, 2, 11, 49, 51, 100, 130, 130, 199, 224, 225, 260, 260, 330, 330]))
    length = draw(st.integers(20, 90))
    return a_base(draw(st.integers(0, 2**32 - 1)), count, length, draw(st.sampled_from([1, 1, 5, 9])))


@st.composite
def points(draw: st.DrawFn) -> dict[str, Any]:
    """Settings around those that find something."""
    shortest = draw(st.integers(9, 40))
    return {
        "mode": draw(st.sampled_from(["historical", "same_day"])),
        "min_data_candles": draw(st.sampled_from([0, 100, 200])),
        "min_pattern_duration": shortest,
        "max_pattern_duration": shortest + draw(st.integers(0, 80)),
        "base_step": draw(st.sampled_from([1, 5, 7, 10])),
        "lookback_bars": draw(st.integers(1, 6)),
        "min_contractions": draw(st.integers(1, 3)),
        "max_contractions": draw(st.integers(0, 4)),
        "volume_multiplier": draw(st.sampled_from([0.4, 0.81, 1.2])),
        "same_day_volume_multiplier": draw(st.sampled_from([0.3, 0.9])),
        "compression_threshold": draw(st.sampled_from([0.8511, 1.307])),
        "prior_uptrend_min": draw(st.sampled_from([-50.0, 0.0, 3.0])),
        "minimum_quality_score": draw(st.integers(0, 4)),
        "breakout_buffer": draw(st.sampled_from([0.97, 1.0, 1.005])),
        "min_avg_volume": draw(st.sampled_from([0.0, 200.0, 600.0])),
        "exclude_penny_stocks": draw(st.booleans()),
        "levels": draw(st.sampled_from([None, "reference", "continuous"])),
        "rules": draw(st.sampled_from(["reference", "fixed"])),
        **{flag: draw(st.sampled_from([True, True, True, False])) for flag in FLAGS},
    }


FLAGS: Final = tuple(name for name in vars(VcpScreenParams()) if name.startswith("require"))


@st.composite
def dates_around(draw: st.DrawFn, columns: Columns) -> list[str]:
    """As-of dates, most of them the date of one of the last bars."""
    days = columns["timestamp"] // (86_400 * 10**9)
    last = len(days) - 1
    chosen = []
    for back in draw(st.lists(st.integers(-3, 40), min_size=1, max_size=5)):
        number = int(days[max(0, last - back)]) if back >= 0 else int(days[last]) - 12 * back
        chosen.append(day_of(number + draw(st.sampled_from([0, 0, 0, 1]))).isoformat())
    return chosen
