"""What the screens answer on bars whose answer is known, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tasks.api import Slice
from tasks.errors import DataError
from tasks.grid.parameters import ValueRefused, coerce, declared
from tasks.kernels.daily.frame import DAY_NS
from tasks.strategies.vcp_screen import METRICS, VcpScreen, VcpScreenParams
from tests.support.vcp_screen_frames import Columns, a_base, as_combinations, day_of

SCREEN = VcpScreen()
SEED = 113  # of a base that breaks out on its last bar
LENIENT = {"min_data_candles": 100, "prior_uptrend_min": -50.0, "minimum_quality_score": 0}


def outcomes(data: Any, point: dict[str, Any]) -> dict[str, int]:
    found = SCREEN.evaluate(data, as_combinations([point]))
    return {name: int(found[name][0]) for name in METRICS if found[name][0]}


def signals(data: Any, point: dict[str, Any]) -> Any:
    return SCREEN.trace(data, {**vars(VcpScreenParams()), **point})["signals"]


def date_of(data: Columns, bar: int, later: int = 0) -> str:
    return day_of(int(data["timestamp"][bar]) // DAY_NS + later).isoformat()


def with_volume(data: Columns, times_the_mean: float) -> Columns:
    """The last bar's, over the mean of the 10 before."""
    volume = data["volume"].copy()
    volume[-1] = volume[-11:-1].mean() * times_the_mean
    return {**data, "volume": volume}


def as_slice(data: Columns, **about: Any) -> Slice:
    return Slice(security="XYZ", columns=data, **about)


def a_breakout() -> Columns:
    return with_volume(a_base(SEED, 260), 2.5)


def test_a_base_that_breaks_out_is_a_hit() -> None:
    data = a_breakout()
    asked = LENIENT | {"as_of": [date_of(data, -1)]}

    found = signals(data, asked)

    assert outcomes(data, asked) == {"hits": 1}
    assert found["as_of"] == found["breakout_date"] == [int(data["timestamp"][-1]) // DAY_NS]
    assert found["last_price"] == [None]


def test_half_the_usual_volume_is_enough_for_a_day_that_is_not_over() -> None:
    data = with_volume(a_breakout(), 0.5)
    asked = LENIENT | {"as_of": [date_of(data, -1)], "lookback_bars": 1}

    assert outcomes(data, asked | {"mode": "historical"}) == {"no_pattern": 1}
    assert outcomes(data, asked | {"mode": "same_day"}) == {"hits": 1}
    assert signals(data, asked | {"mode": "same_day"})["volume_score"] == [0]


def test_a_day_later_that_day_is_over_in_both_modes() -> None:
    data = with_volume(a_breakout(), 0.5)
    asked = LENIENT | {"as_of": [date_of(data, -1, later=1)], "lookback_bars": 1}

    assert outcomes(data, asked | {"mode": "same_day"}) == {"no_pattern": 1}


def test_of_today_the_shortest_base_is_taken_and_else_the_longest() -> None:
    data = a_breakout()
    asked = LENIENT | {"as_of": [date_of(data, -1)], "lookback_bars": 1, "base_step": 1}

    today = signals(data, asked | {"mode": "same_day"})["pattern_duration_days"][0]
    over = signals(data, asked)["pattern_duration_days"][0]

    assert today < over
    between = [asked | {"min_pattern_duration": n, "max_pattern_duration": n} for n in range(40, today)]
    assert all(outcomes(data, point) == {"no_pattern": 1} for point in between)


def test_without_a_date_the_newest_of_the_data_set_is_meant() -> None:
    data = a_breakout()
    alone, behind = LENIENT | {"as_of": None}, int(data["timestamp"][-1]) + 30 * DAY_NS

    assert outcomes(data, alone) == {"hits": 1}
    assert outcomes(as_slice(data, newest_ns=behind - DAY_NS), alone | {"lookback_bars": 1}) == {"hits": 1}
    assert outcomes(as_slice(data, newest_ns=behind), alone) == {"excluded_stale": 1}


def test_rows_come_in_the_order_of_the_dates_asked() -> None:
    data = a_breakout()
    days = [date_of(data, -1, later=1), date_of(data, -1), date_of(data, -1, later=2)]

    found = signals(data, LENIENT | {"as_of": days, "lookback_bars": 1})

    assert [day_of(day).isoformat() for day in found["as_of"]] == days


@pytest.mark.parametrize("screen", ["vcp", "basic"])
def test_a_new_listing_takes_no_part(screen: str) -> None:
    data = as_slice(a_breakout(), segment="IPO")
    asked = LENIENT | {"screen": screen, "as_of": [date_of(a_breakout(), -1)] * 2}

    assert outcomes(data, asked) == {"excluded_ipo": 2}
    assert not any(signals(data, asked).values())


def test_a_security_without_any_bar_is_stale_or_has_not_enough_data() -> None:
    data = {name: values[:0] for name, values in a_breakout().items()}
    asked = {"as_of": ["2012-02-29"]}

    assert outcomes(data, asked) == {"excluded_stale": 1}
    assert outcomes(data, asked | {"screen": "basic"}) == {"not_enough_data": 1}


def test_without_a_bar_and_without_a_date_there_is_nothing_to_evaluate() -> None:
    data = {name: values[:0] for name, values in a_breakout().items()}

    found = SCREEN.evaluate(data, as_combinations([{}, {"as_of": ["2012-02-29"]}]))

    assert found["empty"].tolist() == [True, False]


def test_one_bar_more_than_2000_days_old_is_out_of_sight() -> None:
    data = a_base(SEED, 120, days_between=20)
    bars = int((data["timestamp"] > data["timestamp"][-1] - 2000 * DAY_NS).sum())
    asked = LENIENT | {"as_of": [date_of(data, -1)], "require_volume_surge": False}

    assert bars < 120
    assert outcomes(data, asked | {"min_data_candles": bars + 1}) == {"no_pattern": 1}
    assert outcomes(data, asked | {"min_data_candles": 0, "min_price": 1e6}) == {"filtered": 1}


def test_the_stop_closes_its_gap_under_fixed_rules_or_by_name() -> None:
    flags = {name: False for name in vars(VcpScreenParams()) if name.startswith("require")}
    asked = LENIENT | flags | {"max_contractions": 0, "as_of": [date_of(a_breakout(), -1)]}
    between = next(data for data in ever_wider(a_breakout()) if 6.5 < three_atr_pct(signals(data, asked)) < 7)

    def stop(rules: str, levels: str | None) -> float:
        return float(signals(between, asked | {"rules": rules, "levels": levels})["stop_loss_pct"][0])

    assert stop("reference", None) == stop("fixed", "reference") == pytest.approx(10.0)
    assert stop("fixed", None) == stop("reference", "continuous")
    assert stop("fixed", None) == pytest.approx(three_atr_pct(signals(between, asked)))


def ever_wider(data: Columns) -> Iterator[Columns]:
    """The same closes in days of growing range."""
    for times in np.linspace(0.2, 5.0, 100):
        wide = {name: data["close"] + (data[name] - data["close"]) * times for name in ("high", "low")}
        yield data | wide


def three_atr_pct(found: Any) -> float:
    return 3 * float(found["atr_50"][0]) / float(found["entry_price"][0]) * 100


@pytest.mark.parametrize(("bars", "outcome"), [(224, "hits"), (225, "not_trending")])
def test_a_long_average_of_25_bars_ago_is_zero_until_it_has_its_200_bars(bars: int, outcome: str) -> None:
    close = np.concatenate([np.full(bars - 164, 30.0), np.full(100, 10.0), np.full(63, 18.0), [19.0]])
    data: Columns = dict.fromkeys(("open", "high", "low", "close"), close)
    data |= {"timestamp": np.arange(bars) * DAY_NS, "volume": np.full(bars, 1000.0)}

    assert outcomes(data, {"screen": "basic"}) == {outcome: 1}


def test_the_basic_screen_names_its_instrument() -> None:
    data = a_breakout()
    asked = {"screen": "basic", "as_of": [date_of(data, -1)]}

    assert outcomes(data, asked) == {"hits": 1}
    assert signals(data, asked)["instrument_token"] == [None]
    assert signals(as_slice(data, token=4711), asked)["instrument_token"] == [4711]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ([], "no date"),
        (["2018-02-30"], "is not a date"),
        (["2018-2-3"], "like 2018-02-07"),
        ([20180207], "like 2018-02-07"),
        (["2018-02-07", "yesterday"], "'yesterday'"),
    ],
)
def test_what_is_not_a_date_is_refused(written: list[Any], complaint: str) -> None:
    (as_of,) = (parameter for parameter in declared(VcpScreenParams) if parameter.name == "as_of")

    with pytest.raises(ValueRefused, match=complaint):
        coerce(as_of, written)


def test_one_date_is_a_list_of_one() -> None:
    (as_of,) = (parameter for parameter in declared(VcpScreenParams) if parameter.name == "as_of")

    assert coerce(as_of, "2018-02-07") == ["2018-02-07"]
    assert coerce(as_of, None) is None


@pytest.mark.parametrize("price", [np.nan, np.inf, -1.0])
def test_a_price_that_is_none_is_refused_with_its_row(price: float) -> None:
    data = a_breakout()
    data["low"][7] = price

    with pytest.raises(DataError, match="row 8"):
        SCREEN.prepare(data)


def test_the_declaration_loads_no_compiler() -> None:
    code = "import sys, tasks.strategies.vcp_screen; sys.exit('numba' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
