"""Crossings of two averages: what can be varied, and what is reported (docs/reference/sma_cross.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from tasks.api import Columns, refuse_row
from tasks.kernels.bars.metrics import STATISTICS, TRACES, WHOLE_STATISTICS


@dataclass(frozen=True)
class SmaCrossParams:
    """Names and defaults of the original's demo."""

    fast: int = field(
        default=10,
        metadata={
            "min": 1,
            "max": 10**6,
            "unit": "bars",
            "doc": "the average that is bought above the other",
        },
    )
    slow: int = field(
        default=30,
        metadata={"min": 1, "max": 10**6, "unit": "bars", "doc": "the other; may be the shorter of the two"},
    )
    cash: float = field(
        default=10_000.0,
        metadata={"min": 0.01, "max": 1e12, "unit": "currency", "doc": "what a run starts with"},
    )
    commission: float = field(
        default=0.0,
        metadata={"min": 0.0, "max": 1.0, "unit": "fraction of traded value", "doc": "paid on each side"},
    )
    spread: float = field(
        default=0.0,
        metadata={"min": 0.0, "max": 0.99, "unit": "fraction of price", "doc": "paid when a trade is opened"},
    )
    exclusive: bool = field(
        default=False,
        metadata={"doc": "a new order closes what is open: changes nothing, as the strategy does so itself"},
    )
    finalize: bool = field(
        default=False,
        metadata={"doc": "close what is open at the end of the data, so that it counts as a trade"},
    )
    rules: str = field(
        default="reference",
        metadata={"choices": ("reference",), "doc": "the original's; there is nothing to mend"},
    )


class SmaCross:
    """All in with the trend of two averages, long and short."""

    name: Final = "sma_cross"
    data: Final = "bars"
    params: Final = SmaCrossParams
    metrics: Final = STATISTICS
    whole_numbers: Final = WHOLE_STATISTICS
    metric: Final = "return_pct"
    goal: Final[Literal["maximize"]] = "maximize"
    groups: Final = ("fast", "slow")
    traces: Final = TRACES

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels.sma_cross import sweep

        return sweep.prepare(data, refuse_row)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.sma_cross import sweep

        return sweep.evaluate(sweep.prepare(data, refuse_row), combinations)

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.sma_cross import sweep

        return sweep.trace(sweep.prepare(data, refuse_row), combination)

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a few made-up bars."""
        price = np.array([3.0, 2.0, 1.0, 2.0, 3.0])
        columns = {name: price for name in ("open", "high", "low", "close")}
        few = self.prepare({"timestamp": np.arange(5) * 86_400 * 10**9, **columns})
        self.trace(few, vars(SmaCrossParams()) | {"fast": 1, "slow": 2})
