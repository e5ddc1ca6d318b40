"""Are runs on bars summed up as bigbar.md §8 defines it, also where there is little to sum up?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tasks.kernels.bars.metrics import STATISTICS, WHOLE_STATISTICS, as_columns
from tasks.kernels.bars.periods import DAY_NS, bar_calendar
from tasks.kernels.bars.statistics import bars_in_trades, fill_growth, trade_statistics, whole_run
from tasks.kernels.jit import kernel
from tests.support.reference.bar_engine import Trade
from tests.support.reference.bar_statistics import plain_statistics

HOUR_NS = 3_600 * 10**9
MONDAY_NS = 1_704_067_200 * 10**9


@kernel
def row_of(calendar: Any, equity: Any, buy_hold: float, bars: Any, values: Any, commissions: float) -> Any:
    """The whole way, as the module's page shows it."""
    row, day_equity = np.zeros(29), np.empty(calendar.day_end.size)
    count = bars.shape[1]
    growth = np.empty(count)
    whole_run(row, calendar, equity, buy_hold, bars_in_trades(bars[0], bars[1], count), day_equity)
    fill_growth(growth, values[1], count)
    trade_statistics(row, calendar, count, values[0], values[1], growth, bars[0], bars[1], commissions)
    return row


def trade(entry_bar: int, exit_bar: int, size: int, entry: float, out: float) -> Trade:
    return Trade(size=size, entry_bar=entry_bar, entry=entry, exit_bar=exit_bar, exit=out)


def statistics(time: Any, close: Any, equity: Any, trades: list[Trade]) -> dict[str, Any]:
    time, close = np.asarray(time, np.int64), np.asarray(close, np.float64)
    bars = np.array([[t.entry_bar, t.exit_bar] for t in trades], np.int64).reshape(-1, 2).T.copy()
    values = np.array([[t.pnl, t.return_fraction] for t in trades]).reshape(-1, 2).T.copy()
    hold = 100.0 * (close[-1] - close[0]) / close[0]
    row = row_of(bar_calendar(time, close), np.asarray(equity, np.float64), hold, bars, values, 0.0)
    return dict(zip(STATISTICS, row.tolist(), strict=True))


def hours(count: int, step: int = 1) -> Any:
    return MONDAY_NS + np.arange(count) * step * HOUR_NS


@pytest.mark.parametrize("step", [1, 24, 7 * 24, 31 * 24, 365 * 24])
def test_every_period_of_bars_has_its_own_days_and_year(step: int) -> None:
    random = np.random.default_rng(step)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, 200)))
    equity = 1_000.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, 200)))
    trades = [trade(3, 9, 2, 10.0, 11.0), trade(9, 40, -3, 11.0, 12.0), trade(60, 61, 5, 9.0, 9.5)]
    time = hours(200, step)

    found = statistics(time, close, equity, trades)

    wanted = plain_statistics(time, close, equity, trades)
    for name in STATISTICS:
        assert found[name] == pytest.approx(wanted[name], rel=1e-9, abs=1e-12, nan_ok=True), name


def test_a_run_without_trades_has_no_statistics_of_trades() -> None:
    found = statistics(hours(100), np.arange(100.0) + 1.0, np.full(100, 500.0), [])

    of_trades = STATISTICS[STATISTICS.index("trades") + 1 : -1]
    assert (found["trades"], found["commissions"], found["exposure_pct"]) == (0.0, 0.0, 0.0)
    assert all(math.isnan(found[name]) for name in of_trades)
    assert (found["return_pct"], found["max_drawdown_pct"], found["beta"]) == (0.0, 0.0, 0.0)
    assert all(math.isnan(found[name]) for name in ("sharpe", "sortino", "calmar", "avg_drawdown_pct"))


def test_a_single_bar_has_no_returns_and_no_year() -> None:
    found = statistics(hours(1), [10.0], [500.0], [])

    assert found["equity_final"] == 500.0
    assert all(
        math.isnan(found[name]) for name in ("return_ann_pct", "volatility_ann_pct", "cagr_pct", "beta")
    )


def test_a_fall_on_the_last_bar_alone_is_deep_but_no_period() -> None:
    found = statistics(hours(4), [1.0, 2.0, 3.0, 4.0], [100.0, 110.0, 120.0, 90.0], [])

    assert found["max_drawdown_pct"] == -25.0
    assert math.isnan(found["avg_drawdown_pct"])


def test_a_fall_of_the_last_bit_is_a_period() -> None:
    top = 100_000.0
    found = statistics(hours(4), [1.0, 2.0, 3.0, 4.0], [top, math.nextafter(top, 0.0), top, top], [])

    assert found["max_drawdown_s"] == 2 * 3_600.0


def test_durations_are_rounded_up_to_what_divides_the_bars_period() -> None:
    half_hours = MONDAY_NS + np.arange(50) * HOUR_NS // 2
    half_hours[10:] += 7 * 10**9  # seven seconds late
    trades = [trade(2, 4, 1, 1.0, 2.0), trade(9, 10, 1, 1.0, 2.0)]

    found = statistics(half_hours, np.ones(50), np.full(50, 9.0), trades)

    assert found["max_trade_s"] == 3_600.0
    assert found["avg_trade_s"] == 46 * 60.0  # 2,703.5 s


def test_profit_factor_is_of_returns_and_wins_are_of_money() -> None:
    trades = [trade(0, 1, 10, 100.0, 110.0), trade(2, 3, 1, 10.0, 5.0), trade(4, 5, 1, 10.0, 10.0)]

    found = statistics(hours(60), np.ones(60), np.full(60, 9.0), trades)

    assert found["profit_factor"] == pytest.approx(0.1 / 0.5)
    assert found["win_rate_pct"] == pytest.approx(100.0 / 3.0)
    assert found["kelly"] == pytest.approx(1 / 3 - 2 / 3 / (100.0 / 5.0))


def test_trades_of_one_result_have_no_quality_number() -> None:
    trades = [trade(0, 1, 1, 10.0, 11.0), trade(2, 3, 1, 10.0, 11.0)]

    assert math.isnan(statistics(hours(60), np.ones(60), np.full(60, 9.0), trades)["sqn"])


def test_a_bar_on_which_one_trade_ends_and_the_next_begins_counts_once() -> None:
    trades = [trade(1, 4, 1, 10.0, 11.0), trade(4, 6, 1, 10.0, 11.0)]

    assert statistics(hours(10), np.ones(10), np.full(10, 9.0), trades)["exposure_pct"] == 60.0


def test_weekends_count_where_bars_are_on_them() -> None:
    assert bar_calendar(MONDAY_NS + np.arange(70) * DAY_NS, np.ones(70)).annual_periods == 365.0
    assert bar_calendar(hours(100), np.ones(100)).annual_periods == 252.0


def test_columns_have_the_declared_types() -> None:
    columns = as_columns(np.full((2, len(STATISTICS)), 3.0))

    assert tuple(columns) == STATISTICS
    assert [name for name, column in columns.items() if column.dtype == np.int64] == list(WHOLE_STATISTICS)
