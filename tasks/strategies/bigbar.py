"""BigBar on intraday bars: what can be varied, and what is reported (docs/reference/bigbar.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from tasks.api import Columns, refuse_row
from tasks.kernels.bars.metrics import STATISTICS, TRACES, WHOLE_STATISTICS
from tasks.kernels.bigbar.settings import VARIANTS, WINDOWS

BY_VARIANT: Final = "null: the default of the variant"


@dataclass(frozen=True)
class BigBarParams:
    """Names and units of the original's sweep; most defaults depend on the variant."""

    variant: str = field(
        default="sweep",
        metadata={"choices": VARIANTS, "doc": "exits at closes with a running stop, or brackets (latest)"},
    )
    window: str | None = field(
        default=None,
        metadata={
            "choices": WINDOWS,
            "doc": "which first bars are left out: 99, or atr_period - 1; null: that of the variant's name",
        },
    )
    atr_period: int | None = field(
        default=None,
        metadata={"min": 1, "max": 5_000, "unit": "bars", "doc": f"of the average true range; {BY_VARIANT}"},
    )
    k_atr_int: int | None = field(
        default=None,
        metadata={
            "min": 0,
            "max": 1_000,
            "unit": "tenths of ATR",
            "doc": f"how large a bar is big; {BY_VARIANT}",
        },
    )
    uptail_max_ratio_int: int | None = field(
        default=None,
        metadata={
            "min": 0,
            "max": 1_000,
            "unit": "tenths of range",
            "doc": f"how far from its end the bar may close; {BY_VARIANT}",
        },
    )
    previous_weight_int: int | None = field(
        default=None,
        metadata={
            "min": -1_000,
            "max": 1_000,
            "unit": "tenths (sweep), hundredths (latest)",
            "doc": f"how much the three bars before count; {BY_VARIANT}",
        },
    )
    buffer_ratio_int: int | None = field(
        default=None,
        metadata={
            "min": 0,
            "max": 1_000,
            "unit": "hundredths of range",
            "doc": f"sweep: first stop beyond the entry bar; {BY_VARIANT}",
        },
    )
    n_bar_breakout: int | None = field(
        default=None,
        metadata={
            "min": 1,
            "max": 1_000,
            "unit": "bars",
            "doc": f"latest: how many bars the close must be beyond; {BY_VARIANT}",
        },
    )
    spread: float | None = field(
        default=None,
        metadata={
            "min": 0.0,
            "max": 0.5,
            "unit": "fraction of price",
            "doc": "paid at entry; null: 0 (sweep), 0.0001 (latest)",
        },
    )
    rules: str = field(
        default="reference",
        metadata={"choices": ("reference",), "doc": "the original's quirks kept; there is no other"},
    )


class BigBar:
    """Bars that are large against their average range, two variants."""

    name: Final = "bigbar"
    data: Final = "bars"
    params: Final = BigBarParams
    metrics: Final = STATISTICS
    whole_numbers: Final = WHOLE_STATISTICS
    metric: Final = "return_pct"
    goal: Final[Literal["maximize"]] = "maximize"
    groups: Final = ("variant", "window", "atr_period")
    traces: Final = TRACES

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels.bigbar import sweep

        return sweep.prepare(data, refuse_row)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.bigbar import sweep

        return sweep.evaluate(sweep.prepare(data, refuse_row), combinations)

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.bigbar import sweep

        return sweep.trace(sweep.prepare(data, refuse_row), combination)

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a few made-up bars."""
        bars = self.prepare(a_few_bars())
        for variant in VARIANTS:
            point = vars(BigBarParams()) | {"variant": variant, "atr_period": 2, "window": "single"}
            self.trace(bars, point | {"k_atr_int": 1, "n_bar_breakout": 1})


def a_few_bars() -> Columns:
    """Four hours of a price that goes up and down: enough to compile a kernel with."""
    number = np.arange(48)
    close = 100.0 + number % 7
    return {
        "timestamp": 1_700_042_400 * 10**9 + number * 300 * 10**9,
        "open": np.append(100.0, close[:-1]),
        "high": close + 2.0,
        "low": close - 2.0,
        "close": close,
        "volume": np.full(48, np.nan),
    }
