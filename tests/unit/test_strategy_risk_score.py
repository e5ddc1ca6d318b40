"""Risk scores beside every expected one, the specification's example, and the edges of a history."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.api import DataError
from tasks.grid.parameters import ValueRefused, coerce, declared
from tasks.kernels.risk_score import BOUNDS, VARIANTS, WEIGHTS, WINDOWS, overall
from tasks.strategies.risk_score import COMPONENTS, RiskScore, RiskScoreParams
from tests.support.daily_frames import SETS, bars, daily_slices, days
from tests.support.reference import risk as reference_risk

DEFAULT: Final = {"overall": 5.0, **dict.fromkeys(COMPONENTS, 5), "data_points": 0, "empty": False}


def combinations(*points: dict[str, Any]) -> dict[str, Any]:
    rows = [vars(RiskScoreParams()) | point for point in points]
    return {name: np.array([row[name] for row in rows], object) for name in rows[0]}


def scored(data: Any, **point: Any) -> dict[str, Any]:
    strategy = RiskScore()
    found = strategy.evaluate(strategy.prepare(data), combinations(point))
    return {name: column[0] for name, column in found.items()}


def quiet(count: int) -> dict[str, Any]:
    return bars(range(count), close=np.full(count, 20.0))


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_every_expected_score_is_found_and_no_other(shared: Path, name: str) -> None:
    table = pq.read_table(shared / f"expected/vcp/{name}.risk.parquet").to_pandas()
    keys = ["as_of", "window", "variant"]
    points = table[keys].drop_duplicates().to_dict("records")
    strategy = RiskScore()
    rows = {}

    for data in daily_slices(shared, name):
        found = strategy.evaluate(strategy.prepare(data), combinations(*points))
        for i in np.flatnonzero(~found["empty"]):
            rows[(data.security, *points[i].values())] = [found[metric][i] for metric in strategy.metrics]

    wanted = table.set_index(["symbol", *keys])[list(strategy.metrics)]
    assert rows == {key: row for key, row in zip(wanted.index, wanted.to_numpy().tolist(), strict=True)}


@pytest.mark.shared
def test_the_worked_example_of_the_specification(shared: Path) -> None:
    (apple,) = daily_slices(shared, "us100", ("AAPL",))

    optimised = scored(apple, as_of="2018-02-07")
    classic = scored(apple, variant="classic")  # the newest date of the set is the same

    assert [*optimised.values()] == [1.9, 3, 2, 2, 1, 1, 1, 174, False]
    assert [*classic.values()] == [2.3, 3, 2, 3, 2, 1, 2, 174, False]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("window", WINDOWS)
def test_fewer_than_fifty_bars_give_the_default_record(window: str, variant: str) -> None:
    assert scored(quiet(49), window=window, variant=variant) == DEFAULT


def test_a_history_of_just_fifty_bars_has_no_true_range_and_scores_least_for_it() -> None:
    wild = bars(range(50), close=np.full(50, 20.0), high=np.full(50, 40.0))

    found = scored(wild)

    assert (found["data_points"], found["atr_risk"]) == (50, 1)


def test_no_bar_up_to_the_date_is_no_result() -> None:
    found = scored(quiet(60), as_of="1969-12-31")

    assert found["empty"]
    assert not scored(quiet(60), as_of="1970-01-01")["empty"]


def test_no_bar_at_all_is_no_result() -> None:
    assert scored(bars([], close=[]))["empty"]


def test_a_share_that_has_left_the_market_has_the_default_record() -> None:
    assert scored(quiet(300), as_of="1975-01-01") == DEFAULT


def test_a_window_of_days_is_not_one_of_bars() -> None:
    weekly = bars(np.arange(400) * 7, close=np.full(400, 20.0))

    assert scored(weekly, window="calendar252")["data_points"] == 0  # 36 rows
    assert scored(weekly, window="bars252")["data_points"] == 252


@pytest.mark.shared
def test_without_a_date_the_window_ends_with_the_newest_bar_of_the_whole_set(shared: Path) -> None:
    stale = next(data for data in daily_slices(shared, "syn400") if _days_behind(data) > 10)

    assert scored(stale) == scored(stale, as_of="2024-11-01")
    assert scored(stale)["data_points"] < scored(dict(stale.columns))["data_points"]


def test_a_share_of_one_price_for_ever_scores_least_but_for_its_volume() -> None:
    found = scored(quiet(300))

    assert [found[name] for name in COMPONENTS] == [1] * 6
    assert found["overall"] == 1.0


def test_a_measure_that_is_undefined_scores_ten() -> None:
    found = scored(bars(range(300), close=np.zeros(300), volume=np.zeros(300)))

    assert [found[name] for name in COMPONENTS] == [10, 10, 10, 1, 10, 1]


@pytest.mark.parametrize(("jumps", "score"), [(3, 1), (4, 2)])
def test_a_measure_on_a_bound_keeps_the_lower_score(jumps: int, score: int) -> None:
    given = quiet(150)
    given["open"][10 : 10 + jumps] = 21.0  # 3 of 150 are 2 %

    assert scored(given)["gap_risk"] == score


@pytest.mark.parametrize(
    ("scores", "rounded"),
    [([1] * 6, 1.0), ([10] * 6, 10.0), ([1, 1, 1, 1, 1, 2], 1.1), ([1, 1, 1, 1, 1, 4], 1.1)],
)
def test_the_overall_score_is_rounded_as_python_rounds(scores: list[int], rounded: float) -> None:
    assert overall(scores) == rounded  # numpy has 1.0 and 1.2 for the last two


@pytest.mark.parametrize("variant", VARIANTS)
def test_bounds_and_weights_are_those_of_the_specification(variant: str) -> None:
    bounds = BOUNDS[VARIANTS.index(variant)]

    assert dict(zip(COMPONENTS, bounds.tolist(), strict=True)) == {
        name: list(plain) for name, plain in reference_risk.BOUNDS[variant].items()
    }
    assert tuple(WEIGHTS.items()) == tuple(zip(COMPONENTS, reference_risk.WEIGHTS, strict=True))


def test_rows_with_missing_values_do_not_count() -> None:
    given = quiet(60)
    given["close"][7] = np.nan
    given["volume"][9] = np.nan

    assert scored(given)["data_points"] == 58


def test_a_price_below_zero_is_refused() -> None:
    given = quiet(60)
    given["low"][7] = -1.0

    with pytest.raises(DataError, match="row 8"):
        scored(given)


@pytest.mark.parametrize("text", ["yesterday", "2018-2-7", "20180207", "2018-02-30", ""])
def test_what_is_no_date_is_refused_before_a_sweep(text: str) -> None:
    as_of = declared(RiskScoreParams)[0]

    with pytest.raises(ValueRefused, match="not a date like 2018-02-07"):
        coerce(as_of, text)


def test_other_rules_are_refused_as_there_is_none_to_mend() -> None:
    rules = next(parameter for parameter in declared(RiskScoreParams) if parameter.name == "rules")

    with pytest.raises(ValueRefused, match="rules has no value 'fixed'"):
        coerce(rules, "fixed")


def _days_behind(data: Any) -> int:
    return int(days("2024-11-01")[0] - data["timestamp"][-1] // (86_400 * 10**9))
