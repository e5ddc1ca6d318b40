"""Where the lanes wait to be asked: turns of events at which waiting would show."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from tasks.kernels.market_making import sweep
from tasks.strategies.market_making import MarketMaking, MarketMakingParams
from tests.support.market_making_cases import combinations_of
from tests.support.tick_streams import Row, defined, long_stream, script, ticks_of

V2 = "v2_price_follow_qty_cooldown"
SMALL = {"quote_size": 100, "max_position": 1_000, "min_local_currency_before_quote": 0.0}
FILLED = ("10:00:00 bid 1.00 50", "10:00:01 trade 1.00 150")  # the bid's cooldown of 5 s begins at 10:00:01


def volume_side_by_side(rows: list[Row], **changed: Any) -> tuple[Any, int]:
    point = vars(MarketMakingParams()) | SMALL | {"variant": V2, "refill_interval_sec": 5} | changed
    metrics = MarketMaking().evaluate(ticks_of(rows), combinations_of([point] * 4))
    return metrics["volume"], sum(fill[3] for fill in defined(rows, point).trades)


@pytest.mark.parametrize(
    "turn",
    [
        ("10:00:06 ask 1.02 9", "10:00:05 trade 1.00 250"),  # time steps back into the cooldown
        ("10:00:06 ask 1.02 9", "10:00:07 bid 1.00 0", "10:00:08 trade 1.00 250"),  # the side is emptied
        ("14:44:59 ask 1.02 9", "+1 10:00:00 trade 1.00 250"),  # the session ends
    ],
    ids=["time", "side", "night"],
)
def test_a_cooldown_that_ended_unasked_is_noticed_before_the_turn(turn: tuple[str, ...]) -> None:
    volume, wanted = volume_side_by_side(script(*FILLED, "10:00:02 bid 1.00 80", *turn))

    np.testing.assert_array_equal(volume, wanted)
    assert wanted == 200


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_warming_up_leaves_nothing_to_compile() -> None:
    strategy = MarketMaking()
    kernels: tuple[Any, ...] = (
        sweep.play_days_in_lanes,
        sweep.play_days_by_timer,
        sweep.play_days_event_by_event,
    )
    strategy.warm_up()
    before = [len(kernel.signatures) for kernel in kernels]

    days = strategy.prepare(ticks_of(long_stream(5, 200, junk=False)))
    for variant in ("v1_baseline", V2):
        for count in (1, 5):
            point = vars(MarketMakingParams()) | {"variant": variant}
            strategy.evaluate(days, combinations_of([point] * count))

    assert [len(kernel.signatures) for kernel in kernels] == before == [1, 1, 1]
