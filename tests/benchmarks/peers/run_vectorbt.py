"""The crossing of two averages in vectorbt: reads {"bars", "points"} as JSON, writes what it found.

Run by tests/benchmarks/test_sma_cross.py in the environment that `make bench-peers` makes. All combinations
at once, as is the library's way; whole units, at the open after the signal.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt  # type: ignore[import-not-found,unused-ignore]


def evaluate(prices: Any, points: Any) -> tuple[Any, Any]:
    """The portfolios of all points, and all of the library's statistics of each."""
    close, opening = prices["Close"], prices["Open"]
    fast = vbt.MA.run(close, [point[0] for point in points], short_name="fast")
    slow = vbt.MA.run(close, [point[1] for point in points], short_name="slow")
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries=fast.ma_crossed_above(slow).shift(1, fill_value=False),
        short_entries=fast.ma_crossed_below(slow).shift(1, fill_value=False),
        price=opening,
        size=np.inf,
        size_granularity=1.0,
        init_cash=10_000.0,
        freq="1D",
    )
    return portfolio, portfolio.stats(agg_func=None)


def main() -> None:
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    prices = pd.read_csv(asked["bars"], index_col=0, parse_dates=True)
    evaluate(prices, asked["points"])  # compiles
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        _, found = evaluate(prices, asked["points"])
        seconds.append(time.process_time() - begun)
    columns = ("Total Closed Trades", "Total Return [%]", "End Value")
    rows = [[float(row[name]) for name in columns] for _, row in found.iterrows()]
    json.dump({"version": version("vectorbt"), "seconds": min(seconds), "rows": rows}, sys.stdout)


main()
