"""How far is a whole sweep, from Enter to results, from the kernel's own time? How much memory does it hold?

The wall time should be near (kernel CPU seconds ÷ cores) plus what starting takes, and memory should not grow
with the sweep. Both are printed after the answers were checked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tasks.data.synth import write_ticks

pytestmark = pytest.mark.bench

PRODUCER = Path(sys.executable).with_name("producer")
VARIANTS = ["v1_baseline", "v2_price_follow_qty_cooldown", "v2_1_stop_loss", "v3_liquidity_monitor"]
KNOWN_INTERVALS = [5, 10, 30, 60, 120, 180, 300]
INTERVALS = sorted({*KNOWN_INTERVALS, *range(15, 340, 5)})[:64]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PRODUCER_STATE_DIR": str(tmp_path / "state"),
        "PRODUCER_CACHE_DIR": str(tmp_path / "cache"),
    }


def test_six_securities_four_variants_sixty_four_intervals(
    shared: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Wall time of the market-making sweep on two cores, warm: at most 1.25 × (kernel CPU ÷ 2) + 3 s."""
    stock = json.loads((shared / "data/ticks_configs/v1_baseline.json").read_text())
    files = sorted((shared / "data/ticks").glob("*.parquet"))
    names = [f.stem.upper() for f in files]
    settings = {
        n: {k: v for k, v in stock[n].items() if k != "refill_interval_sec"} for n in names if n in stock
    }
    (tmp_path / "stock.json").write_text(json.dumps(settings))
    spec = {
        "name": "whole",
        "strategy": "market_making",
        "data": {"source": str(shared / "data/ticks")},
        "parameters": {"variant": VARIANTS, "refill_interval_sec": INTERVALS, "stop_loss_threshold_pct": 2.0},
        "per_security_file": str(tmp_path / "stock.json"),
        "output": {"dir": str(tmp_path / "results")},
    }
    (tmp_path / "sweep.yaml").write_text(json.dumps(spec))

    _submit(tmp_path, environment)  # caches
    _check_against_expected(shared, tmp_path / "results/summary.parquet", set(settings))

    walls, kernels = [], []
    for _ in range(3):
        walls.append(_submit(tmp_path, environment).seconds)
        kernels.append(json.loads((tmp_path / "results/manifest.json").read_text())["times"]["compute_cpu_s"])
    wall, kernel = sorted(walls)[1], sorted(kernels)[1]
    rows = len(VARIANTS) * len(INTERVALS) * len(names)
    print(f"\n{rows:,} backtests: kernel {kernel:.2f} CPU s, wall {wall:.2f} s (of {walls})")
    print(f"allowed: 1.25 × (kernel ÷ 2) + 3 s = {1.25 * kernel / 2 + 3:.2f} s")


def test_memory_of_a_sweep_of_a_million_backtests(tmp_path: Path, environment: dict[str, str]) -> None:
    """Peak resident memory of producer and of each worker process; design.md asks for less than 500 MB."""
    write_ticks(tmp_path / "ticks", 2, days=1, seed=3, events_per_day=60)
    for sizes in (50, 500):
        spec = {
            "name": "million",
            "strategy": "market_making",
            "data": {"source": str(tmp_path / "ticks")},
            "parameters": {
                "refill_interval_sec": {"min": 1, "max": 1000},
                "quote_size": {"min": 100, "max": 100 * sizes, "step": 100},
            },
            "output": {"dir": str(tmp_path / f"results-{sizes}")},
        }
        (tmp_path / "sweep.yaml").write_text(json.dumps(spec))

        ran = _submit(tmp_path, environment)

        table = pq.read_table(
            tmp_path / f"results-{sizes}/summary.parquet", columns=["security", "combination"]
        )
        assert len(table) == 2 * 1000 * sizes
        assert len(
            set(zip(table["security"].to_pylist(), table["combination"].to_pylist(), strict=True))
        ) == len(table)
        peaks = ", ".join(f"{who} {peak / 2**20:.0f} MB" for who, peak in sorted(ran.peaks.items()))
        print(f"\n{len(table):,} backtests in {ran.seconds:.1f} s: {peaks}")


class Ran:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.peaks: dict[str, int] = {}

    def look(self, process: psutil.Process) -> None:
        for each in [process, *process.children(recursive=True)]:
            try:
                command, memory = " ".join(each.cmdline()), each.memory_info().rss
            except psutil.Error:
                continue
            who = next((w for w in ("valkey-server", "keeper", "workers") if w in command), "producer")
            self.peaks[who] = max(self.peaks.get(who, 0), memory)


def _submit(folder: Path, environment: dict[str, str]) -> Ran:
    ran, begun = Ran(), time.perf_counter()
    command = [str(PRODUCER), "submit", "sweep.yaml", "--cache", "refresh", "--no-progress"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None:
        ran.look(psutil.Process(process.pid))
        time.sleep(0.05)
    ran.seconds = time.perf_counter() - begun
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert process.returncode == 0, said
    return ran


def _check_against_expected(shared: Path, summary: Path, securities: set[str]) -> None:
    index = json.loads((shared / "expected/market_making/index.json").read_text())["cases"]
    rows = pq.read_table(summary).to_pylist()
    found = {(r["security"], r["variant"], r["refill_interval_sec"]): r for r in rows}
    checked = 0
    for case in index:
        key = (case["security"], case["strategy"], case["params"].get("refill_interval_sec"))
        if case["family"] == "continuous" and key in found and case["security"] in securities:
            row = found[key]
            if any(row.get(k, v) != v for k, v in case["params"].items()):
                continue
            assert row["trades"] == case["num_trades"], key
            assert row["volume"] == case["total_volume"], key
            assert row["final_position"] == case["final_position"], key
            checked += 1
    assert checked >= 60, f"only {checked} expected cases are points of this sweep"
    print(f"\n{checked} expected cases are points of this sweep, and equal")
