"""Are the reported ratios those of market_making.md section 9, defined or not?"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.kernels.market_making.state import fresh_states
from tasks.kernels.statistics import fill_statistics, sharpe_of_days


def statistics(days: int = 1, **counters: Any) -> dict[str, float]:
    state = fresh_states(1)
    for name, value in counters.items():
        state[name] = value
    found = fill_statistics(state, np.zeros((1, days)), np.zeros((1, days), np.int64))
    return {name: values[0] for name, values in found.items()}


def test_sharpe_is_mean_over_sample_deviation_of_days_with_fills() -> None:
    pnl = np.array([[3.0, 99.0, 1.0, 2.0]])
    fills = np.array([[1, 0, 2, 1]])

    found = sharpe_of_days(pnl, fills)

    np.testing.assert_allclose(found, [2.0 / 1.0 * np.sqrt(252)], rtol=1e-12)


def test_sharpe_of_one_day_or_of_equal_days_is_zero() -> None:
    pnl = np.array([[3.0, 0.0], [3.0, 3.0]])
    fills = np.array([[1, 0], [1, 1]])

    np.testing.assert_array_equal(sharpe_of_days(pnl, fills), [0.0, 0.0])


def test_a_drawdown_is_a_share_of_the_highest_profit() -> None:
    found = statistics(trades=4, peak=200.0, max_drawdown=-50.0, realised=150.0)

    assert found["max_drawdown_pct"] == -25.0
    assert found["calmar"] == 3.0


def test_a_backtest_that_was_never_in_profit_has_no_drawdown_in_percent() -> None:
    found = statistics(trades=1, peak=-10.0, max_drawdown=-50.0, realised=-60.0)

    assert found["max_drawdown_pct"] == 0.0
    assert found["calmar"] == -1.2


def test_without_losses_the_profit_factor_is_the_gain() -> None:
    found = statistics(trades=2, wins=1, gains=12.5, realised=12.5, peak=12.5)

    assert found["profit_factor"] == 12.5
    assert found["calmar"] == 12.5
    assert found["win_rate_pct"] == 50.0


def test_without_trades_every_figure_is_zero() -> None:
    assert set(statistics().values()) == {0}
