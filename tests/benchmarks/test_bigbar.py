"""How many BigBar combinations are backtested in a second, after their answers were checked?

Held to design.md §6: the full grid of `sweep` on gd5m, all statistics, 46,600 backtests a second of one core;
`latest` 0.1 ms each. CPU seconds of one core, best of several; reading the file is not in it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.strategies.bigbar import BigBar
from tests.support.bigbar_cases import columns_of, read_bars, row_bits
from tests.support.expected.bigbar import FIGURES, groups

FULL_GRID = [
    {"atr_period": p, "k_atr_int": k, "uptail_max_ratio_int": t, "previous_weight_int": w}
    for p, k, t, w in itertools.product(range(10, 101), range(10, 41), range(5, 10), range(1, 9))
]

pytestmark = [pytest.mark.bench, pytest.mark.shared]


def best_seconds(work: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def prepared(shared: Path, name: str) -> Any:
    """The bars of a set, after each of its cases was answered with the right return and number of trades."""
    group = next(group for group in groups(shared) if group.name == name)
    data = BigBar().prepare(read_bars(Path(group.data["source"])))
    found = BigBar().evaluate(data, columns_of([{**group.common, **case.point} for case in group.cases]))
    for i, case in enumerate(group.cases):
        wanted = case.check.keywords["wanted"]  # type: ignore[attr-defined]  # a partial
        for ours in ("trades", "return_pct", "sharpe", "beta"):
            value = np.nan if wanted[FIGURES[ours]] is None else wanted[FIGURES[ours]]
            assert found[ours][i] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True)
    return data


@pytest.mark.parametrize("name", ["gd5m", "oil5min"])
def test_the_full_grid_is_right_and_fast(shared: Path, name: str) -> None:
    strategy, data, grid = BigBar(), prepared(shared, f"sweep-{name}"), columns_of(FULL_GRID)
    found = strategy.evaluate(data, grid)
    for i in range(0, len(FULL_GRID), 1_117):
        assert row_bits(found, i) == row_bits(strategy.evaluate(data, columns_of([FULL_GRID[i]])), 0)

    seconds = best_seconds(partial(strategy.evaluate, data, grid), 3)

    each = len(FULL_GRID) / seconds
    print(f"\n{name}: {len(FULL_GRID):,} combinations in {seconds:.2f} s, {each:,.0f} a second")
    print("original 44 to 307 h; prototype 2.4 s, 46,600 a second (gd5m)")


@pytest.mark.parametrize("name", ["gd5m", "oil5min"])
def test_points_of_latest_are_right_and_fast(shared: Path, name: str) -> None:
    strategy, data = BigBar(), prepared(shared, f"latest-{name}")
    random = np.random.default_rng(1)
    spans = {
        "atr_period": (20, 101),
        "k_atr_int": (20, 43),
        "previous_weight_int": (10, 61),
        "n_bar_breakout": (2, 21),
    }
    drawn = {key: random.integers(*span, 5_000).tolist() for key, span in spans.items()}
    scattered = [
        {"variant": "latest", "window": "sweep", **dict(zip(drawn, row, strict=True))}
        for row in zip(*drawn.values(), strict=True)
    ]
    box = [
        {"variant": "latest", "window": "sweep", "atr_period": p, "k_atr_int": k, "n_bar_breakout": n}
        for p, k, n in itertools.product((20, 39, 98), range(20, 43), range(2, 21))
    ]

    print()
    for kind, points in (("scattered points", scattered), ("a box", box)):
        seconds = best_seconds(partial(strategy.evaluate, data, columns_of(points)), 5)
        print(
            f"{name}, {kind}: {seconds / len(points) * 1_000:.3f} ms each (original 230 ms, prototype 0.1 ms)"
        )
