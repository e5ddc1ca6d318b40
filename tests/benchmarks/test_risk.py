"""What do the risk scores of a market take, and the daily columns of its screens?

The chunker puts many securities into one task by this figure: one alone is too small to be a task.
CPU time of one core, best of several; reading the file is not in it. `plain` is the definition in pandas,
about what the original does for a share; there is no figure of a prototype.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.kernels.daily.indicators import cut, indicators
from tasks.strategies.risk_score import RiskScore
from tests.support.daily_frames import daily_frames, daily_slices
from tests.support.reference.risk import risk

pytestmark = [pytest.mark.bench, pytest.mark.shared]


def best_ms(work: Callable[[], object], times: int = 5) -> float:
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found) * 1_000


def test_scores_of_a_market_are_right_and_fast(shared: Path) -> None:
    table = pq.read_table(shared / "expected/vcp/syn400.risk.parquet").to_pandas()
    keys = ["as_of", "window", "variant"]
    points = table[keys].drop_duplicates()
    wanted = {
        tuple(row[:4]): row[4:] for row in table[["symbol", *keys, *RiskScore.metrics]].to_numpy().tolist()
    }
    strategy = RiskScore()
    slices = list(daily_slices(shared, "syn400"))
    frames = [strategy.prepare(data) for data in slices]
    chunk = {name: points[name].to_numpy(object) for name in keys}

    def evaluated(combinations: dict[str, Any]) -> list[Any]:
        return [strategy.evaluate(frame, combinations) for frame in frames]

    found = {
        (data.security, *point): [metrics[name][i] for name in strategy.metrics]
        for data, metrics in zip(slices, evaluated(chunk), strict=True)
        for i, point in enumerate(points.itertuples(index=False, name=None))
        if not metrics["empty"][i]
    }
    assert found == wanted

    each = len(slices)
    prepared = best_ms(lambda: [strategy.prepare(data) for data in slices]) / each
    one = best_ms(lambda: evaluated({name: values[:1] for name, values in chunk.items()})) / each
    many = best_ms(lambda: evaluated(chunk)) / each / len(points)
    newest = int(np.datetime64("2024-11-01", "D").astype(np.int64))
    plain = (
        best_ms(lambda: [risk(d.columns, newest, "calendar252", "optimised") for d in slices[:20]], 2) / 20
    )
    print(f"\nrisk scores of {each} symbols, {len(points)} combinations, each symbol:")
    print(f"plain {plain:.1f} ms; prepared in {prepared:.3f} ms, then one combination {one:.3f} ms,")
    print(f"of {len(points)} each {many:.4f} ms")


def test_daily_columns_are_right_and_fast(shared: Path) -> None:
    wanted = pq.read_table(shared / "expected/vcp/us100.indicators_last.parquet").to_pylist()
    frames = daily_frames(shared, "us100")
    for row in wanted:
        frame = frames[row["symbol"]]
        if row["atr"] is None:  # fewer than 50 bars
            continue
        atr = cut(frame, indicators(frame), frame.bars - 1)["atr"][-1]
        assert atr == pytest.approx(row["atr"], rel=1e-9)

    every = best_ms(lambda: [indicators(frame) for frame in frames.values()])
    bars = sum(frame.bars for frame in frames.values())
    print(f"\ncolumns of {len(frames)} symbols, {bars:,} bars in {every:.1f} ms")
