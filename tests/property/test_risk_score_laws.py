"""What risk scores keep for all bars: they are their plain definition, look back only, and stay in bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.api import DataError
from tasks.kernels.daily.frame import DAY_NS
from tasks.kernels.risk_score import VARIANTS, WINDOWS
from tasks.strategies.risk_score import COMPONENTS, RiskScore
from tests.support.reference.risk import BOUNDS, risk

Bars = dict[str, np.ndarray[Any, Any]]
BAD = (np.nan, 0.0, -1.0, np.inf, 1e308, 1e-308)


@st.composite
def histories(draw: st.DrawFn, most: int = 420) -> Bars:
    """Prices in cents that tie with their averages often; weekends, gaps and rows of one date."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(0, most))
    scale = draw(st.sampled_from((0.0, 0.002, 0.02, 0.2)))
    grain = draw(st.sampled_from((0.01, 0.05, 1.0)))
    close = np.maximum(np.round(20 * np.exp(np.cumsum(random.normal(0, scale, count))) / grain), 1) * grain
    jumps = random.choice((1.0, 1.0, 1.02, 1.03, 0.95), count)
    open_ = np.append(close[:1], close[:-1]) * jumps
    steps = random.choice((1, 1, 1, 1, 3, 9) if draw(st.booleans()) else (1, 1, 0, 3), count)
    return {
        "timestamp": (17_000 + np.cumsum(steps)) * DAY_NS,
        "open": open_,
        "high": np.maximum(open_, close) * (1 + scale * random.random(count)),
        "low": np.minimum(open_, close) * (1 - scale * random.random(count) / 2),
        "close": close,
        "volume": np.floor(random.lognormal(7, draw(st.sampled_from((0.1, 1.0, 2.5))), count)),
    }


def points(bars: Bars, share: float) -> Bars:
    """All four combinations as of a date within the history, or just outside it."""
    dates = bars["timestamp"] // DAY_NS
    first, last = (int(dates[0]) - 2, int(dates[-1]) + 2) if dates.size else (17_000, 17_001)
    as_of = str(np.datetime64(first + round(share * (last - first)), "D"))
    both = [(window, variant) for window in WINDOWS for variant in VARIANTS]
    return {
        "as_of": np.array([as_of] * len(both), object),
        "window": np.array([window for window, _ in both], object),
        "variant": np.array([variant for _, variant in both], object),
        "rules": np.array(["reference"] * len(both), object),
    }


def evaluated(bars: Bars, combinations: Bars) -> dict[str, list[Any]]:
    strategy = RiskScore()
    found = strategy.evaluate(strategy.prepare(bars), combinations)
    return {name: np.asarray(column).tolist() for name, column in found.items()}


def is_on_a_bound(measure: float, bounds: Any) -> bool:
    return any(abs(measure - bound) <= 1e-12 * bound for bound in bounds)


@given(bars=histories(), share=st.floats(0, 1))
def test_scores_are_those_of_the_plain_definition(bars: Bars, share: float) -> None:
    combinations = points(bars, share)

    found = evaluated(bars, combinations)

    as_of = int(np.datetime64(combinations["as_of"][0], "D").astype(np.int64))
    for i in range(4):
        variant = combinations["variant"][i]
        wanted = risk(bars, as_of, combinations["window"][i], variant)
        assert found["empty"][i] == (wanted is None)
        if wanted is None:
            continue
        assert found["data_points"][i] == wanted["data_points"]
        on_a_bound = [
            name
            for name, measure in wanted["measures"].items()
            if name != "trend_stability" and is_on_a_bound(measure, BOUNDS[variant][name])
        ]  # there the last bit of a sum decides, and sums may be made in any order
        for name in COMPONENTS:
            assert abs(found[name][i] - wanted[name]) <= (name in on_a_bound), name
        if not on_a_bound:
            assert found["overall"][i] == wanted["overall"]


@given(bars=histories(300), share=st.floats(0, 1), factor=st.sampled_from((0.5, 2.0, 0.0)))
def test_changing_the_future_never_changes_the_past(bars: Bars, share: float, factor: float) -> None:
    combinations = points(bars, share)
    later = bars["timestamp"] > int(np.datetime64(combinations["as_of"][0], "ns").astype(np.int64))
    changed = {name: column * np.where(later, factor, 1.0) for name, column in bars.items()}
    changed["timestamp"] = bars["timestamp"]
    without = {name: column[~later] for name, column in bars.items()}

    found = evaluated(bars, combinations)

    assert repr(evaluated(changed, combinations)) == repr(found)
    assert repr(evaluated(without, combinations)) == repr(found)


@given(bars=histories(200), at=st.lists(st.floats(0, 1), max_size=6), cut=st.integers(0, 24))
def test_cutting_combinations_apart_changes_nothing(bars: Bars, at: list[float], cut: int) -> None:
    each = [points(bars, share) for share in [0.5, *at]]
    together = {name: np.concatenate([one[name] for one in each]) for name in each[0]}

    whole = evaluated(bars, together)
    parts = [evaluated(bars, {n: c[s] for n, c in together.items()}) for s in (slice(cut), slice(cut, None))]

    assert repr({name: parts[0][name] + parts[1][name] for name in whole}) == repr(whole)


@given(
    bars=histories(120),
    faults=st.lists(
        st.tuples(
            st.integers(0, 119),
            st.sampled_from(("open", "high", "low", "close", "volume", "timestamp")),
            st.sampled_from(BAD),
        ),
        max_size=5,
    ),
    order=st.randoms(use_true_random=False),
)
def test_bad_bars_are_refused_by_row_or_scored_within_bounds(bars: Bars, faults: Any, order: Any) -> None:
    rows = list(range(bars["close"].size))
    order.shuffle(rows)
    shuffled = {name: column[rows] for name, column in bars.items()}
    for row, name, value in faults:
        if row < len(rows):
            wrong = np.iinfo(np.int64).min if name == "timestamp" else value
            shuffled[name][row] = wrong

    found: dict[str, list[Any]] = {}
    try:
        found = evaluated(shuffled, points(bars, 1.0))
    except DataError as e:
        refused = e.message
    else:
        refused = ""

    assert refused.startswith("row ") or found
    for i in range(4 if found else 0):
        if found["empty"][i]:
            continue
        assert 1.0 <= found["overall"][i] <= 10.0
        assert all(1 <= found[name][i] <= 10 for name in COMPONENTS)
        assert found["data_points"][i] == 0 or found["data_points"][i] >= 50
