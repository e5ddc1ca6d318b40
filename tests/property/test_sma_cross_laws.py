"""What `sma_cross` keeps for all bars: it is its plain definition, however cut, and looks back only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.api import DataError
from tasks.kernels.sma_cross import sweep
from tasks.strategies.sma_cross import SmaCross
from tests.support.sma_cross_cases import (
    DAY_NS,
    DEFAULTS,
    Point,
    bars,
    bits_of_ours,
    bits_of_plain,
    columns_of,
    plain_run,
    row_bits,
)

Data = dict[str, NDArray[Any]]

points = st.fixed_dictionaries(
    {
        "fast": st.integers(1, 6),
        "slow": st.integers(1, 9),
        "cash": st.sampled_from([0.5, 100.0, 10_000.0]),
        "commission": st.sampled_from([0.0, 0.002, 0.3]),
        "spread": st.sampled_from([0.0, 0.0001, 0.2]),
        "exclusive": st.booleans(),
        "finalize": st.booleans(),
    }
)
# few prices, so that averages tie and bars repeat; far apart, so that short runs go broke
ticks = st.sampled_from([0.1, 0.3, 1.0, 1.1, 1.2, 2.0, 3.5, 100.0, 101.0, 99.5])


@st.composite
def short(draw: st.DrawFn) -> Data:
    count = draw(st.integers(1, 40))  # lists alone would mostly be too short for any crossing
    rows = draw(st.lists(st.tuples(ticks, ticks, st.integers(1, 4)), min_size=count, max_size=count))
    close, opening, gaps = zip(*rows, strict=True)
    return bars(close, opening, (np.cumsum(gaps) * DAY_NS).tolist())


@st.composite
def walks(draw: st.DrawFn) -> Data:
    """Some hundred bars with many crossings."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0, draw(st.sampled_from([0.005, 0.1])), 300))).round(2)
    close = np.maximum(close, 0.01)
    opening = np.maximum((close * np.exp(random.normal(0.0, 0.01, 300))).round(2), 0.01)
    return bars(close.tolist(), opening.tolist())


@settings(max_examples=300)
@given(data=short(), point=points)
def test_a_backtest_is_what_its_plain_definition_says(data: Data, point: Point) -> None:
    wanted = plain_run(data, point)

    assert bits_of_ours(data, point) == bits_of_plain(wanted)

    metrics = SmaCross().evaluate(data, columns_of([point]))
    assert metrics["trades"][0] == len(wanted.closed)
    assert metrics["equity_final"][0] == wanted.equity[-1]
    assert metrics["equity_peak"][0] == max(wanted.equity)


@given(data=walks(), point=points)
def test_a_long_backtest_is_what_its_plain_definition_says(data: Data, point: Point) -> None:
    assert bits_of_ours(data, point) == bits_of_plain(plain_run(data, point))


@given(data=st.one_of(short(), walks()), chunk=st.lists(points, min_size=2, max_size=30), cut=st.data())
def test_a_combination_does_not_see_which_others_stand_beside_it(
    data: Data, chunk: list[Point], cut: st.DataObject
) -> None:
    strategy = SmaCross()
    prepared = strategy.prepare(data)
    at = cut.draw(st.integers(1, len(chunk) - 1))

    together = strategy.evaluate(prepared, columns_of(chunk))
    parts = [strategy.evaluate(prepared, columns_of(some)) for some in (chunk[:at], chunk[at:])]

    for i in range(len(chunk)):
        part, row = (parts[0], i) if i < at else (parts[1], i - at)
        assert row_bits(together, i) == row_bits(part, row)


def test_a_table_of_averages_that_is_too_large_is_made_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    data = SmaCross().prepare(bars(np.exp(random.normal(0.0, 0.1, 200)).tolist()))
    chunk = columns_of([{"fast": f, "slow": s} for f in (7, 2, 5) for s in (9, 30, 3, 12)])

    whole = SmaCross().evaluate(data, chunk)
    monkeypatch.setattr(sweep, "TABLE_BYTES", 3 * 200 * 8)
    pieces = SmaCross().evaluate(data, chunk)

    assert [row_bits(whole, i) for i in range(12)] == [row_bits(pieces, i) for i in range(12)]


@given(data=short(), point=points, factor=st.sampled_from([0.05, 0.7, 1.5, 20.0]))
def test_changing_the_future_never_changes_the_past(data: Data, point: Point, factor: float) -> None:
    point = {**DEFAULTS, **point, "finalize": False}
    whole = SmaCross().trace(data, point)
    for now in range(len(data["close"])):
        changed = {name: values.copy() for name, values in data.items()}
        for name in ("open", "high", "low", "close"):
            changed[name][now + 1 :] *= factor

        after = SmaCross().trace(changed, point)

        assert whole["equity"]["equity"][: now + 1].tolist() == after["equity"]["equity"][: now + 1].tolist()
        for name, values in whole["trades"].items():
            known = values[whole["trades"]["exit_bar"] <= now]
            assert known.tobytes() == after["trades"][name][after["trades"]["exit_bar"] <= now].tobytes()


@settings(max_examples=200)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([-5, 0, 1, 2, 3, 4, 5, 6, 7]),
            st.one_of(ticks, ticks, st.sampled_from([0.0, -1.0, np.nan, np.inf])),
            ticks,
        ),
        max_size=12,
    ),
    point=points,
)
def test_rows_of_any_kind_are_used_by_the_rules_or_refused_by_their_place(
    rows: list[tuple[int, float, float]], point: Point
) -> None:
    data = bars([row[1] for row in rows], [row[2] for row in rows], [row[0] * DAY_NS for row in rows])
    first: dict[int, int] = {}
    for i, row in enumerate(rows):
        first.setdefault(row[0], i)
    bad = [i for i in first.values() if not 0.0 < rows[i][1] < np.inf]

    if bad:
        with pytest.raises(DataError) as refused:
            SmaCross().prepare(data)
        assert any(str(refused.value).startswith(f"row {i + 1} (") for i in bad)
        return
    metrics = SmaCross().evaluate(data, columns_of([point]))
    if not rows:
        assert metrics["empty"].tolist() == [True]
        return
    kept = [rows[first[time]] for time in sorted(first)]
    clean = bars([row[1] for row in kept], [row[2] for row in kept], [row[0] * DAY_NS for row in kept])
    assert bits_of_ours(data, point) == bits_of_plain(plain_run(clean, point))
