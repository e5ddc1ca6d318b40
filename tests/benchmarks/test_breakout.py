"""What does a breakout backtest cost, alone and among many triples, after its rows were checked?

Held to design.md §6, on ES over two years (3,535 ranges): one combination takes 6.8 ms and its boundaries
71 ms, 1,000 (target, t1, stop) triples 160 to 320 ms. `FEWEST` in tasks/kernels/breakout/sweep.py hangs
on the figures for few. CPU time of one core, best of several; reading the file is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tasks.kernels.breakout import sweep
from tasks.strategies.breakout import Breakout
from tests.support.breakout_cases import (
    a_point,
    cases,
    combinations_of,
    differences,
    expected_of,
    read_bars,
)

pytestmark = [pytest.mark.bench, pytest.mark.shared]

COUNTS: Final = (1, 2, 3, 4, 8, 64, 256, 1_000)
NOTES: Final = {
    1: "original 183 s, prototype 6.8 ms",
    1_000: "original about 50 h, prototype 160 to 320 ms",
}


def best_ms(work: Callable[[], object], times: int = 7) -> float:
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found) * 1_000


def prepared(shared: Path) -> sweep.BreakoutBars:
    bars = Breakout().prepare(read_bars(shared / "data/bars/futures_ES_1m_2023-2024.parquet"))
    assert isinstance(bars, sweep.BreakoutBars)
    return bars


def grid() -> list[dict[str, Any]]:
    """1,000 triples, ten values each; the first is the default, whose rows are known."""
    values = np.linspace(0.5, 2.0, 10)
    triples = [(10.0 * t, 0.65 * r, 3.0 * s) for t in values for r in values for s in values]
    return [a_point()] + [
        a_point(target_points=t, t1_ratio=r, stop_max_multiplier=s) for t, r, s in triples[1:]
    ]


def anywhere(count: int) -> list[dict[str, Any]]:
    """As many, no value twice."""
    random = np.random.default_rng(count)
    return [a_point()] + [
        a_point(
            target_points=float(random.uniform(2, 40)),
            t1_ratio=float(random.uniform(0.2, 1.5)),
            stop_max_multiplier=float(random.uniform(0.3, 5)),
        )
        for _ in range(count - 1)
    ]


def test_one_backtest_is_right_and_fast(shared: Path) -> None:
    case = next(c for c in cases(shared) if c["id"] == "es_default")
    strategy, bars = Breakout(), prepared(shared)
    raw = read_bars(shared / "data/bars/futures_ES_1m_2023-2024.parquet")
    one = combinations_of([a_point()])
    assert differences(expected_of(shared, case), strategy.trace(bars, a_point())["trades"]) == []

    def afresh() -> None:
        bars.found.clear()
        strategy.evaluate(bars, one)

    whole, alone = best_ms(afresh), best_ms(lambda: strategy.evaluate(bars, one))
    checked = best_ms(partial(strategy.prepare, raw))
    print(f"\nES, two years, {case['rows']:,} ranges; bars checked in {checked:.1f} ms")
    print(f"boundaries and entries {whole - alone:.1f} ms (prototype: boundaries 71 ms)")
    print(f"one combination {alone:.1f} ms ({NOTES[1]})")
    print(f"its {case['rows']:,} rows {best_ms(lambda: strategy.trace(bars, a_point())):.1f} ms")


@pytest.mark.parametrize("choice", ["anywhere", "on a grid"])
def test_many_triples_are_right_and_fast(shared: Path, choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy, bars = Breakout(), prepared(shared)
    print(f"\ntriples {choice}, side by side, and one by one")
    for count in COUNTS if choice == "anywhere" else COUNTS[-1:]:
        points = anywhere(count) if choice == "anywhere" else grid()
        combinations = combinations_of(points)
        monkeypatch.setattr(sweep, "FEWEST", 1)
        together = strategy.evaluate(bars, combinations)
        each = best_ms(partial(strategy.evaluate, bars, combinations), 5)
        monkeypatch.setattr(sweep, "FEWEST", count + 1)
        alone = strategy.evaluate(bars, combinations)
        assert {n: v.tobytes() for n, v in together.items()} == {n: v.tobytes() for n, v in alone.items()}
        assert (together["wins"][0], together["rows"][0]) == (1719, 3535)

        single = best_ms(partial(strategy.evaluate, bars, combinations), 1)
        print(f"{count:5} triples: {each:7.1f} ms, {single:7.1f} ms  {NOTES.get(count, '')}")
