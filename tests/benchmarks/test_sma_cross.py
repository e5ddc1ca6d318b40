"""How many crossings of averages are backtested in a second, exact and with all statistics, beside others?

Held to design.md §6: GOOG, 332 combinations, one core: 21,000 a second. backtesting.py and vectorbt are
measured in the same run where `make bench-peers` has installed them, in an environment of their own. CPU
seconds of one core, best of several for ours; reading the file is not in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tasks.strategies.sma_cross import SmaCross
from tests.support.checkout import ROOT
from tests.support.expected.bigbar import groups
from tests.support.sma_cross_cases import columns_of, differences, read_bars

PEERS: Final = Path(__file__).parent / "peers"
PEERS_PYTHON: Final = ROOT / ".venv-peers/bin/python"
GRID: Final = [(fast, slow) for fast in range(2, 40) for slow in range(30, 111, 10) if fast < slow]
MEASURED_BEFORE: Final = "design.md: backtesting.py 37, vectorbt 1,000, prototype 21,000"

pytestmark = [pytest.mark.bench, pytest.mark.shared]


def ask_peer(script: str, bars: Path) -> Any:
    if not PEERS_PYTHON.exists():
        pytest.skip("other backtesters are not installed (`make bench-peers` does)")
    done = subprocess.run(
        [PEERS_PYTHON, PEERS / script],
        input=json.dumps({"bars": str(bars), "points": GRID}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ours(bars: Path) -> Any:
    return SmaCross().evaluate(read_bars(bars), columns_of([{"fast": f, "slow": s} for f, s in GRID]))


@pytest.mark.parametrize("name", ["GOOG", "EURUSD"])
def test_a_grid_of_averages_is_right_and_fast(shared: Path, name: str) -> None:
    (group,) = (g for g in groups(shared) if g.name == f"smacross-{name.lower()}")
    assert differences(group) == {}
    strategy = SmaCross()
    bars = strategy.prepare(read_bars(shared / f"data/bars/{name}.csv"))
    combinations = columns_of([{"fast": fast, "slow": slow} for fast, slow in GRID])

    seconds = []
    for _ in range(50):
        begun = time.process_time()
        strategy.evaluate(bars, combinations)
        seconds.append(time.process_time() - begun)

    rate = len(GRID) / min(seconds)
    print(f"\n{name}, {bars['close'].size} bars, {len(GRID)} combinations: {rate:,.0f} backtests/s", end="")
    print(f" ({min(seconds) * 1_000:.1f} ms); per second on GOOG by {MEASURED_BEFORE}")


def test_backtesting_py_finds_the_same_and_is_slower(shared: Path) -> None:
    bars = shared / "data/bars/GOOG.csv"

    peer = ask_peer("run_backtesting.py", bars)

    found = ours(bars)
    trades, returned, final = np.array(peer["rows"]).T
    assert found["trades"].tolist() == trades.tolist()
    assert found["equity_final"].tolist() == final.tolist()
    assert found["return_pct"].tolist() == returned.tolist()
    print(f"\nbacktesting.py {peer['version']}: {len(GRID) / peer['seconds']:,.0f} backtests/s", end="")
    print(f"; trades, return and equity of all {len(GRID)} combinations are exactly ours")


def test_vectorbt_finds_about_the_same_and_is_slower(shared: Path) -> None:
    bars = shared / "data/bars/GOOG.csv"

    peer = ask_peer("run_vectorbt.py", bars)

    found = ours(bars)
    trades, returned, _ = np.array(peer["rows"]).T
    off = np.abs(returned - found["return_pct"])
    counts = np.count_nonzero(trades != found["trades"])
    print(f"\nvectorbt {peer['version']}: {len(GRID) / peer['seconds']:,.0f} backtests/s", end="")
    print(f"; of {len(GRID)} combinations {counts} have another number of trades", end="")
    print(f" and {np.count_nonzero(off > 1e-9)} another return (by at most {off.max():.3g} points)")
