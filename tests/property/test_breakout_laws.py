"""Do the breakout rules hold for all bars: as written down, without a look ahead, however work is cut?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.slices import Slice
from tasks.errors import DataError
from tasks.kernels.breakout import sweep
from tasks.kernels.breakout.settings import Settings
from tasks.kernels.breakout.terms import INSTRUMENTS
from tasks.strategies.breakout import Breakout
from tests.support.breakout_bars import (
    FIRST_DAYS,
    as_of_near,
    made_bars,
    points,
    reference_bars,
    setup_of,
)
from tests.support.breakout_bars import (
    settings as shared_settings,
)
from tests.support.breakout_cases import COLUMNS, a_point, combinations_of, differences, rows_of
from tests.support.reference.breakout import analyze

STRATEGY = Breakout()
NAMES = tuple(INSTRUMENTS)
SEEDS = st.integers(0, 10**9)
HOUR = 3_600 * 10**9


def rows_wanted(bars: Slice, point: dict[str, Any]) -> dict[str, list[Any]]:
    rows = analyze(reference_bars(bars), setup_of(point))
    return {name: [row[name] for row in rows] for name in COLUMNS}


def trades_of(bars: Any, point: dict[str, Any]) -> dict[str, Any]:
    return dict(STRATEGY.trace(STRATEGY.prepare(bars), point)["trades"])


def evaluated(bars: Any, combinations: Any) -> dict[str, list[Any]]:
    found = STRATEGY.evaluate(bars, combinations)
    return {name: values.tolist() for name, values in found.items()}


def same(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> bool:
    return repr(one) == repr(other)  # to the last bit, NaN equal to NaN


@settings(max_examples=120)
@given(seed=SEEDS, day=st.sampled_from(FIRST_DAYS), name=st.sampled_from(NAMES), data=st.data())
def test_rows_are_those_of_the_plain_rules(seed: int, day: str, name: str, data: st.DataObject) -> None:
    bars = made_bars(seed, day, name, is_on_grid=data.draw(st.booleans()))
    point = data.draw(points(name)) | data.draw(shared_settings()) | {"as_of": data.draw(as_of_near(day))}

    assert differences(rows_wanted(bars, point), trades_of(bars, point)) == []


@settings(max_examples=120)
@given(seed=SEEDS, day=st.sampled_from(FIRST_DAYS), name=st.sampled_from(NAMES), data=st.data())
def test_mended_rows_are_those_of_exact_arithmetic(
    seed: int, day: str, name: str, data: st.DataObject
) -> None:
    bars = made_bars(seed, day, name)
    point = data.draw(points(name, is_exact=True)) | data.draw(shared_settings(rules="fixed"))
    point["as_of"] = data.draw(as_of_near(day))

    assert differences(rows_wanted(bars, point), trades_of(bars, point)) == []


@given(
    seed=SEEDS,
    day=st.sampled_from(FIRST_DAYS),
    name=st.sampled_from(NAMES),
    rules=st.sampled_from(("reference", "fixed")),
    data=st.data(),
)
def test_side_by_side_is_one_by_one(seed: int, day: str, name: str, rules: str, data: st.DataObject) -> None:
    bars = STRATEGY.prepare(made_bars(seed, day, name, is_on_grid=data.draw(st.booleans()), days=12))
    common = data.draw(shared_settings(rules=rules, modes=("fixed",))) | {"as_of": data.draw(as_of_near(day))}
    chosen = [p | common for p in data.draw(st.lists(points(name), min_size=sweep.FEWEST, max_size=20))]

    together = evaluated(bars, combinations_of(chosen))
    alone = [evaluated(bars, combinations_of([p])) for p in chosen]

    assert same(together, {name: [a[name][0] for a in alone] for name in together})


@settings(max_examples=40)
@given(seed=SEEDS, data=st.data())
def test_combinations_cut_anywhere_give_the_same_metrics(seed: int, data: st.DataObject) -> None:
    bars = STRATEGY.prepare(made_bars(seed, FIRST_DAYS[0], "ES", days=9))
    chosen = [
        data.draw(points("ES"))
        | data.draw(shared_settings(rules=data.draw(st.sampled_from(("reference", "fixed")))))
        for _ in range(3)
    ] + data.draw(st.lists(points("ES"), min_size=4, max_size=12))
    cut = data.draw(st.integers(1, len(chosen) - 1))

    whole = evaluated(bars, combinations_of(chosen))
    first, second = (evaluated(bars, combinations_of(part)) for part in (chosen[:cut], chosen[cut:]))

    assert same(whole, {name: first[name] + second[name] for name in whole})


@settings(max_examples=60)
@given(seed=SEEDS, day=st.sampled_from(FIRST_DAYS), data=st.data())
def test_metrics_are_those_of_the_rows(seed: int, day: str, data: st.DataObject) -> None:
    bars = STRATEGY.prepare(made_bars(seed, day, "MES", days=9))
    point = data.draw(points("MES")) | data.draw(shared_settings()) | {"as_of": data.draw(as_of_near(day))}

    rows = trades_of(bars, point)
    found = {name: values[0] for name, values in evaluated(bars, combinations_of([point])).items()}

    traded = rows["Result"] != "NoTrade"
    profit = rows["Profit"][traded]
    results = list(rows["Result"])
    closed = sum(r in ("Win", "BE", "Loss", "TIME") for r in results)
    total = np.concatenate(([0.0], np.cumsum(profit)))
    by_day = [profit[rows["Date"][traded] == d].sum() for d in sorted(set(rows["Date"][traded]))]
    assert found["rows"] == len(results)
    assert found["trades"] == traded.sum()
    assert found["wins"] == results.count("Win")
    assert found["losses"] == results.count("Loss")
    assert found["break_even"] == results.count("BE")
    assert found["no_trade"] == results.count("NoTrade")
    assert found["time_exits"] == results.count("TIME")
    assert found["open"] == results.count("OPEN")
    assert found["profit"] == pytest.approx(profit.sum(), abs=1e-9)
    wanted_rate = 100 * results.count("Win") / closed if closed else np.nan
    assert found["win_rate_pct"] == pytest.approx(wanted_rate, nan_ok=True)
    losses = -profit[profit < 0].sum()
    wanted_factor = profit[profit > 0].sum() / losses if losses else np.nan
    assert found["profit_factor"] == pytest.approx(wanted_factor, nan_ok=True)
    assert found["max_drawdown"] == pytest.approx((total - np.maximum.accumulate(total)).min(), abs=1e-9)
    deviation = np.std(by_day, ddof=1) if len(by_day) > 1 else 0.0
    wanted_sharpe = np.mean(by_day) / deviation * np.sqrt(252) if deviation > 1e-12 else 0.0
    assert found["sharpe"] == pytest.approx(wanted_sharpe, abs=1e-9)


@settings(max_examples=80)
@given(
    seed=SEEDS,
    day=st.sampled_from(FIRST_DAYS),
    rules=st.sampled_from(("reference", "fixed")),
    data=st.data(),
)
def test_changing_the_future_never_changes_the_past(
    seed: int, day: str, rules: str, data: st.DataObject
) -> None:
    bars = made_bars(seed, day, "ES", days=9)
    point = data.draw(points("ES")) | data.draw(shared_settings(rules=rules)) | {"write_no_trade_rows": True}
    found = kernel_boundaries(bars, point)
    ends = [int(e) for e in found.trade_end if e < bars.rows]  # where a glance at one bar more would show
    now = data.draw(st.sampled_from(ends) if ends else st.integers(1, max(1, bars.rows - 1)))
    changed = {name: values.copy() for name, values in bars.items()}
    for name in ("open", "high", "low", "close"):
        changed[name][now:] *= 1.01
    other = Slice(security="ES", columns=changed, zone="UTC")
    before, after = trades_of(bars, point), trades_of(other, point)

    stamps = bars["timestamp"]
    cut = stamps[now] if now < bars.rows else stamps[-1] + 1 if bars.rows else 0
    is_over = found.expires_ns < cut
    assert (
        differences(
            {name: values[is_over] for name, values in before.items()},
            {name: values[is_over] for name, values in after.items()},
        )
        == []
    )
    # a trade that a bar has ended is settled there, but for its peak, which goes on
    ended = np.array([r in ("Win", "Loss") for r in before["Result"]], bool)
    ended &= np.array([printed_before(t, cut) for t in before["ExitTime"]], bool)
    for name in set(COLUMNS) - {"Peak"}:
        assert list(before[name][ended]) == list(after[name][ended])


def printed_before(text: str, cut: int) -> bool:
    """Is the exit's minute, of Chicago, before the instant? At least six hours lie between the two clocks."""
    if not text:
        return False
    wall = np.datetime64(f"20{text[6:8]}-{text[3:5]}-{text[0:2]}T{text[9:]}", "ns").astype(np.int64)
    return bool(wall + 6 * HOUR < cut)


def kernel_boundaries(bars: Slice, point: dict[str, Any]) -> Any:
    prepared = STRATEGY.prepare(bars)
    assert isinstance(prepared, sweep.BreakoutBars)
    shared = Settings.of(point, "ES")
    return prepared.trades(shared.schedule, shared.instrument).boundaries


@settings(max_examples=80)
@given(
    seed=SEEDS,
    day=st.sampled_from(FIRST_DAYS),
    rules=st.sampled_from(("reference", "fixed")),
    data=st.data(),
)
def test_dates_cut_anywhere_give_the_same_rows(seed: int, day: str, rules: str, data: st.DataObject) -> None:
    """A day's rows need the bars from its first range until its trades' expiry, and no others.

    Mended rules also ask whether the day of expiry is one of trading, which its whole day shows.
    """
    bars = made_bars(seed, day, "ES", days=9)
    point = data.draw(points("ES")) | data.draw(shared_settings(rules=rules)) | {"write_no_trade_rows": True}
    stamps = bars["timestamp"]
    edges = [int(s) for s in stamps] or [0]
    begin, end = sorted((data.draw(st.sampled_from(edges)), data.draw(st.sampled_from(edges))))
    found = kernel_boundaries(bars, point)
    until = found.expires_ns + (0 if rules == "reference" else 16 * HOUR)
    is_inside = (found.date * 24 * HOUR >= begin) & (until < end)
    part = rows_of(bars, (stamps >= begin) & (stamps < end))

    whole, rows = trades_of(bars, point), trades_of(part, point)

    keys = set(zip(whole["Date"][is_inside], whole["Time"][is_inside], strict=True))
    kept = np.array([key in keys for key in zip(rows["Date"], rows["Time"], strict=True)], bool)
    assert (
        differences(
            {name: values[is_inside] for name, values in whole.items()},
            {name: values[kept] for name, values in rows.items()},
        )
        == []
    )


FAULTS: dict[str, tuple[str, Any]] = {
    "NaN": ("close", np.nan),
    "infinite": ("high", np.inf),
    "high too low": ("high", 0.5),
    "low too high": ("low", 1e6),
    "negative": ("low", -1.0),
    "not a minute": ("timestamp", 1),
    "no time": ("timestamp", np.iinfo(np.int64).min),
    "too large": ("high", 1e12),
}


@settings(max_examples=60)
@given(seed=SEEDS, fault=st.sampled_from(sorted(FAULTS)), data=st.data())
def test_a_bar_that_no_rule_covers_is_named(seed: int, fault: str, data: st.DataObject) -> None:
    bars = made_bars(seed, FIRST_DAYS[0], "ES")
    if not bars.rows:
        return
    row = data.draw(st.integers(0, bars.rows - 1))
    column, value = FAULTS[fault]
    columns = {name: values.copy() for name, values in bars.items()}
    columns[column][row] = columns[column][row] + 1 if fault == "not a minute" else value
    broken = Slice(security="ES", columns=columns, zone="UTC", source="bars.csv")

    with pytest.raises(DataError, match=rf"bars.csv: row {row + 1} "):
        STRATEGY.evaluate(STRATEGY.prepare(broken), combinations_of([a_point()]))


@settings(max_examples=40)
@given(seed=SEEDS, data=st.data())
def test_the_order_of_bars_does_not_matter_and_a_repeated_one_is_named(
    seed: int, data: st.DataObject
) -> None:
    bars = made_bars(seed, FIRST_DAYS[0], "ES")
    if bars.rows < 2:
        return
    order = np.array(data.draw(st.permutations(range(bars.rows))))
    repeated = data.draw(st.integers(0, bars.rows - 1))
    twice = np.append(np.arange(bars.rows), repeated)

    shuffled = trades_of(rows_of(bars, order), a_point())

    assert differences(trades_of(bars, a_point()), shuffled) == []
    with pytest.raises(DataError, match=rf"row {bars.rows + 1} .*was there before"):
        STRATEGY.prepare(rows_of(bars, twice))
