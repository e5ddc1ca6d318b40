"""What does one market-making backtest cost, alone and among many, after its answer was checked?

Held to design.md §6: on EMIRATES, v1 takes 4.6 ms for one combination and 1.05 ms each for 256 in one pass.
`FEWEST_TIMED` and `FEWEST_FOLLOWING` in tasks/kernels/market_making/sweep.py hang on the figures for few.
CPU time of one core, best of several; reading the file is not in it, and `prepare` is printed by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tasks.kernels.market_making.state import VARIANTS
from tasks.strategies.market_making import MarketMaking, MarketMakingClosing
from tests.support.market_making_cases import cases, combinations_of, differences, point_of, read_case

COUNTS: Final = (1, 2, 3, 4, 7, 64, 256)
INTERVALS: Final = (5, 10, 30, 60, 120, 180, 300)
ORIGINAL: Final = "original 5,650 ms"
PROTOTYPE: Final = {("v1_baseline", 1): ", prototype 4.6 ms", ("v1_baseline", 256): ", prototype 1.05 ms"}

pytestmark = [pytest.mark.bench, pytest.mark.shared]


def best_ms(work: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found) * 1_000


def neighbours(point: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The point itself and others around it: other sizes, limits, thresholds and intervals."""
    random = np.random.default_rng(count)
    others = [
        point
        | {
            "quote_size": int(point["quote_size"] * random.uniform(0.5, 2)),
            "max_position": int(point["max_position"] * random.uniform(0.5, 3)),
            "refill_interval_sec": int(random.choice(INTERVALS)),
            "stop_loss_threshold_pct": float(random.uniform(0.5, 3)),
        }
        for _ in range(count - 1)
    ]
    return [point, *others]


def first_row(metrics: Any) -> dict[str, Any]:
    return {name: values[0] for name, values in metrics.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_backtest_is_right_and_fast(shared: Path, variant: str) -> None:
    stock = {c["strategy"]: c for c in cases(shared) if c["security"] == "EMIRATES" and c["trades"]}
    case, strategy = stock[variant], MarketMaking()
    raw = read_case(shared, case)
    ticks = strategy.prepare(raw)
    point = point_of(case, strategy.params)
    trades = strategy.trace(ticks, point)["trades"]

    print(f"\n{variant} on EMIRATES, prepared in {best_ms(partial(strategy.prepare, raw), 5):.1f} ms")
    for count in COUNTS:
        combinations = combinations_of(neighbours(point, count))
        assert differences(case, first_row(strategy.evaluate(ticks, combinations)), trades) == []

        each = best_ms(partial(strategy.evaluate, ticks, combinations), 3 if count > 7 else 9) / count
        print(
            f"{count:4} combinations: {each:6.2f} ms each ({ORIGINAL}{PROTOTYPE.get((variant, count), '')})"
        )


def test_the_closing_auction_is_right_and_fast(shared: Path) -> None:
    case = next(c for c in cases(shared) if c["id"] == "closing_base_on_quicksort/emirates")
    strategy = MarketMakingClosing()
    ticks = strategy.prepare(read_case(shared, case))
    point = point_of(case, strategy.params)
    trades = strategy.trace(ticks, point)["trades"]

    print("\nclosing auction on EMIRATES, sorted before")
    for count in (1, 64, 256):
        chunk = [point | {"spread_vwap_pct": point["spread_vwap_pct"] * (1 + i / 100)} for i in range(count)]
        combinations = combinations_of(chunk)
        assert differences(case, first_row(strategy.evaluate(ticks, combinations)), trades) == []

        each = best_ms(partial(strategy.evaluate, ticks, combinations), 5) / count
        print(f"{count:4} combinations: {each:6.3f} ms each")


def test_seven_intervals_of_three_variants_are_right_and_fast(shared: Path) -> None:
    """The original's own sweep: about 1,000 s on ten such files; prototype 1 s."""
    strategy = MarketMaking()
    chosen = [c for c in cases(shared) if c["params"].get("refill_interval_sec") in INTERVALS]
    chosen = [c for c in chosen if c["family"] == "continuous" and c["strategy"] in VARIANTS[:3]]
    total = 0.0
    for security in sorted({case["security"] for case in chosen}):
        own = [case for case in chosen if case["security"] == security]
        ticks = strategy.prepare(read_case(shared, own[0]))
        combinations = combinations_of([point_of(case, strategy.params) for case in own])
        trades = strategy.evaluate(ticks, combinations)["trades"]
        assert trades.tolist() == [case["num_trades"] for case in own]

        total += best_ms(partial(strategy.evaluate, ticks, combinations), 3)
    print(f"\n{len(chosen)} backtests on six files: {total:,.0f} ms")
