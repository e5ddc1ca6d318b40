"""What `bigbar` keeps for all bars: it is its plain definition, however cut, and looks back only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.api import DataError
from tasks.contract import PRICES
from tasks.kernels.bars.metrics import STATISTICS
from tasks.strategies.bigbar import BigBar
from tests.support.bigbar_cases import (
    DEFAULTS,
    MINUTE_NS,
    MONDAY_NS,
    Data,
    Point,
    bars,
    bits_of_ours,
    bits_of_plain,
    columns_of,
    row_bits,
    spelled_out,
    times_of,
    walk,
)
from tests.support.reference.bar_statistics import plain_statistics
from tests.support.reference.bigbar import OrderRefused, plain_run

points = st.fixed_dictionaries(
    {
        "variant": st.sampled_from(["sweep", "latest"]),
        "window": st.just("single"),
        "atr_period": st.integers(1, 9),
        "k_atr_int": st.integers(0, 14),
        "uptail_max_ratio_int": st.integers(3, 11),
        "previous_weight_int": st.integers(-30, 40),
        "buffer_ratio_int": st.sampled_from([0, 1, 60]),
        "n_bar_breakout": st.integers(1, 4),
        "spread": st.sampled_from([0.0, 0.0001, 0.1]),
    }
)
# few prices, so that bars are flat and tests tie; far apart, so that a short can lose everything
price = st.sampled_from([1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0, 9.0])
GAPS_NS = [5 * MINUTE_NS] * 8 + [60 * MINUTE_NS, 50 * 60 * MINUTE_NS]


@st.composite
def short(draw: st.DrawFn) -> Data:
    """Some bars of any shape between gaps, also such that the week changes within them."""
    count = draw(st.integers(14, 70))
    rows = draw(
        st.lists(
            st.tuples(price, price, price, price, st.sampled_from(GAPS_NS)), min_size=count, max_size=count
        )
    )
    shaped = [(o, max(a, b, o, c), min(a, b, o, c), c) for o, a, b, c, _ in rows]
    return bars(shaped, (MONDAY_NS + np.cumsum([row[4] for row in rows])).tolist())


walks = st.builds(walk, st.integers(0, 10**6), st.just(260), st.sampled_from([0.001, 0.02]))
series = st.one_of(short(), walks)


def our_tables(data: Data, point: Point) -> Any:
    return BigBar().trace(data, {**DEFAULTS, **point})


@settings(max_examples=400)
@given(data=series, point=points)
def test_a_backtest_is_what_its_plain_definition_says(data: Data, point: Point) -> None:
    try:
        _, wanted = plain_run(data, spelled_out(point))
    except OrderRefused:
        with pytest.raises(DataError, match="refuses"):
            our_tables(data, point)
        return

    assert bits_of_ours(our_tables(data, point)) == bits_of_plain(wanted)


@given(data=series, point=points)
def test_statistics_are_what_their_definitions_say(data: Data, point: Point) -> None:
    try:
        window, run = plain_run(data, spelled_out(point))
    except OrderRefused:
        assume(False)
    equity = np.array(run.equity)

    found = BigBar().evaluate(data, columns_of([point]))
    wanted = plain_statistics(times_of(window), np.array(window.close), equity, run.closed)

    assert tuple(wanted) == STATISTICS
    for name, value in wanted.items():
        is_ruin = equity[-1] == 0.0 and name in ("beta", "alpha_pct")
        if not is_ruin:  # there the definition divides infinities
            assert found[name][0] == pytest.approx(value, rel=1e-7, abs=1e-9, nan_ok=True), name


@given(data=series, chunk=st.lists(points, min_size=2, max_size=40), cut=st.data())
def test_a_combination_does_not_see_which_others_stand_beside_it(
    data: Data, chunk: list[Point], cut: st.DataObject
) -> None:
    chunk = [point | {"atr_period": point["atr_period"] % 2 + 1} for point in chunk]  # groups of several
    strategy = BigBar()
    prepared = strategy.prepare(data)
    at = cut.draw(st.integers(1, len(chunk) - 1))
    try:
        together = strategy.evaluate(prepared, columns_of(chunk))
    except DataError:
        assume(False)

    parts = [strategy.evaluate(prepared, columns_of(some)) for some in (chunk[:at], chunk[at:])]

    for i in range(len(chunk)):
        part, row = (parts[0], i) if i < at else (parts[1], i - at)
        assert row_bits(together, i) == row_bits(part, row)


@settings(max_examples=30)
@given(data=walks, variant=st.sampled_from(["sweep", "latest"]), period=st.integers(1, 5))
def test_a_grid_is_its_combinations_one_by_one(data: Data, variant: str, period: int) -> None:
    """Most rows of a grid are copies of a neighbour's; none may be a copy of the wrong one."""
    common = {"variant": variant, "window": "single", "atr_period": period}
    strategy = BigBar()
    prepared = strategy.prepare(data)
    grid = [
        common | {"k_atr_int": k, "uptail_max_ratio_int": t, "previous_weight_int": w, "n_bar_breakout": n}
        for k in range(2, 16, 3)
        for t in (4, 6, 9)
        for w in (1, 5, 8)
        for n in (1, 3)
    ]

    try:
        together = strategy.evaluate(prepared, columns_of(grid))
    except DataError:
        assume(False)

    for i in range(0, len(grid), 3):
        assert row_bits(together, i) == row_bits(strategy.evaluate(prepared, columns_of([grid[i]])), 0)


@settings(max_examples=60)
@given(data=walks, point=points, now=st.integers(20, 250), factor=st.sampled_from([0.5, 0.99, 1.02, 1.8]))
def test_changing_the_future_never_changes_the_past(
    data: Data, point: Point, now: int, factor: float
) -> None:
    changed = {name: values.copy() for name, values in data.items()}
    for name in ("open", "high", "low", "close"):
        changed[name][now + 1 :] *= factor
    try:
        before, after = our_tables(data, point), our_tables(changed, point)
    except DataError:
        assume(False)

    last = now - (point["atr_period"] - 1)  # in the numbers of the window
    assert before["equity"]["equity"][: last + 1].tolist() == after["equity"]["equity"][: last + 1].tolist()
    for name, values in before["trades"].items():
        known = values[before["trades"]["exit_bar"] <= last]
        assert known.tobytes() == after["trades"][name][after["trades"]["exit_bar"] <= last].tobytes()


@settings(max_examples=200)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 30),
            st.one_of(price, price, price, st.sampled_from([0.0, -1.0, math.nan, math.inf])),
            price,
            price,
            price,
        ),
        max_size=40,
    ),
    point=points,
)
def test_rows_of_any_kind_are_used_by_the_rules_or_refused(rows: list[Any], point: Point) -> None:
    """In any order, with doubles, with a high below the low: the definition's answer, or a plain word."""
    data = bars([row[1:] for row in rows], [MONDAY_NS + row[0] * 5 * MINUTE_NS for row in rows])
    kept = dict(
        zip(reversed(data["timestamp"]), reversed(np.column_stack([data[n] for n in PRICES])), strict=True)
    )
    try:
        is_usable = len(kept) >= point["atr_period"] and all(
            0.0 < p < math.inf for p in np.ravel([*kept.values()])
        )
        wanted = plain_run(data, spelled_out(point))[1] if is_usable else None
    except OrderRefused:
        wanted = None

    if wanted is None:
        with pytest.raises(DataError, match=r"no bar is left|refuses|row "):
            our_tables(data, point)
    else:
        assert bits_of_ours(our_tables(data, point)) == bits_of_plain(wanted)
