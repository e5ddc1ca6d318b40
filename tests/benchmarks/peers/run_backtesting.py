"""The crossing of two averages in backtesting.py: reads {"bars", "points"} as JSON, writes what it found.

Run by tests/benchmarks/test_sma_cross.py in the environment that `make bench-peers` makes.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

import pandas as pd
from backtesting import Backtest, Strategy  # type: ignore[import-not-found,unused-ignore]
from backtesting.lib import crossover  # type: ignore[import-not-found,unused-ignore]


def average(values: Any, window: int) -> Any:
    return pd.Series(values).rolling(window).mean()


class Cross(Strategy):  # type: ignore[misc,unused-ignore]
    """The library's own example."""

    fast = 10
    slow = 30

    def init(self) -> None:
        self.above = self.I(average, self.data.Close, self.fast)
        self.below = self.I(average, self.data.Close, self.slow)

    def next(self) -> None:
        if crossover(self.above, self.below):
            self.position.close()
            self.buy()
        elif crossover(self.below, self.above):
            self.position.close()
            self.sell()


def main() -> None:
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    prices = pd.read_csv(asked["bars"], index_col=0, parse_dates=True)
    backtest = Backtest(prices, Cross, cash=10_000.0)
    backtest.run()  # once beforehand: imports on first use are not what is timed
    begun = time.process_time()
    rows = []
    for fast, slow in asked["points"]:
        found = backtest.run(fast=fast, slow=slow)
        rows.append([int(found["# Trades"]), float(found["Return [%]"]), float(found["Equity Final [$]"])])
    seconds = time.process_time() - begun
    json.dump({"version": version("backtesting"), "seconds": seconds, "rows": rows}, sys.stdout)


main()
