"""What does a VCP walk-forward cost, alone and among many combinations, after its answer was checked?

Held to design.md §6: 263,100 bars walked take the original 45 minutes and the prototype 1.2 s. `groups` in
tasks/strategies/vcp.py hangs on what combinations of one structure cost together. CPU time of one core, best
of several; reading the file is not in it, preparing (checks, order, indicators) is.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tasks.strategies.vcp import Vcp
from tests.support.daily_frames import SETS, daily_slices
from tests.support.vcp_walks import Point, a_point, combinations_of

pytestmark = [pytest.mark.bench, pytest.mark.shared]


def best_seconds(work: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def walk_all(slices: list[Any], points: list[Point]) -> tuple[int, int]:
    """Signals and trades of the first of the points, over all securities."""
    strategy, combinations = Vcp(), combinations_of(points)
    found = [strategy.evaluate(strategy.prepare(data), combinations) for data in slices]
    signals, trades = (sum(int(figures[name][0]) for figures in found) for name in ("signals", "trades"))
    return signals, trades


def a_grid() -> list[Point]:
    """256 combinations of one structure, the defaults first."""
    grid = itertools.product(
        (1.2, 1.0, 1.5, 2.0), (0.85, 0.5, 0.7, 1.0), (1.005, 1.0), (60, 20), (3.0, 4.0), (6.0, 10.0)
    )
    names = (
        "volume_multiplier",
        "compression_threshold",
        "breakout_buffer",
        "max_hold",
        "stop_atr",
        "target_atr",
    )
    return [a_point(**dict(zip(names, values, strict=True))) for values in grid]


def test_both_sets_are_walked_right_and_fast(shared: Path) -> None:
    index = json.loads((shared / "expected/vcp/index.json").read_text())["sets"]
    expected = [index[name]["walk_forward"] for name in SETS]
    slices = [data for name in SETS for data in daily_slices(shared, name)]
    signals = sum(e["signals"] for e in expected)
    trades = sum(e["summary"]["base"]["trades"] for e in expected)
    grid = a_grid()
    assert walk_all(slices, [a_point()]) == walk_all(slices, grid) == (signals, trades)

    alone = best_seconds(partial(walk_all, slices, [a_point()]), 5)
    prepared = best_seconds(lambda: [Vcp().prepare(data) for data in slices], 5)
    together = best_seconds(partial(walk_all, slices, grid), 3)

    walked, backtests = sum(e["bars_walked"] for e in expected), len(slices) * len(grid)
    print(f"\n{walked:,} bars walked of {len(slices)} securities: original 45 min, prototype 1.2 s")
    print(f"one combination: {alone:.3f} s, {alone / len(slices) * 1e6:.0f} µs a security")
    print(f"of which preparing: {prepared:.3f} s")
    print(
        f"{len(grid)} combinations: {together:.2f} s, {(together - prepared) / backtests * 1e6:.1f} µs each"
    )
