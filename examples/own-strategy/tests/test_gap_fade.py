"""Run with: python -m pytest examples/own-strategy/tests (with `src` on the path, or installed)."""

import numpy as np
from gap_fade import GapFade

from tasks.testing import bars, check_strategy


def test_it_keeps_what_a_sweep_relies_on():
    check_strategy(GapFade)


def test_a_gap_up_is_sold_at_the_open_and_bought_at_the_close():
    data = {
        "timestamp": np.arange(3),
        "open": np.array([10.0, 11.0, 11.0]),
        "close": np.array([10.0, 11.0 * 0.98, 11.0]),
    }
    strategy = GapFade()
    combination = {"min_gap": 0.05, "max_gap": 0.5, "side": "both"}

    found = strategy.trace(strategy.prepare(data), combination)["trades"]

    assert found["bar"].tolist() == [1]
    assert found["size"].tolist() == [-1]
    np.testing.assert_allclose(found["return_pct"], [2.0])


def test_a_larger_threshold_never_means_more_trades():
    strategy = GapFade()
    gaps = np.array([0.0, 0.001, 0.01])
    chunk = {"min_gap": gaps, "max_gap": np.full(3, 1.0), "side": np.full(3, "both", object)}

    trades = strategy.evaluate(strategy.prepare(bars(300)), chunk)["trades"]

    assert (np.diff(trades) <= 0).all()
