"""VCP on daily bars, walked forward: what can be varied, and what is reported (docs/reference/vcp.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from tasks.api import Columns, refuse_row
from tasks.kernels.vcp.records import ENTRIES, LEVELS, METRICS, PICKS
from tasks.kernels.vcp.settings import STRUCTURE, DetectionParams

RULES: Final = ("reference", "fixed")


@dataclass(frozen=True)
class VcpParams(DetectionParams):
    """What is asked of a base and its breakout, and how a signal is traded."""

    trend_template: bool = field(
        default=True,
        metadata={"doc": "close above its 50-bar mean, that above the 100-bar, that above the 200"},
    )
    entry: str = field(
        default="close",
        metadata={
            "choices": ENTRIES,
            "doc": "the signal bar's close, the next open, or a buy stop at the pivot on the signal bar",
        },
    )
    pick: str = field(
        default="longest",
        metadata={"choices": PICKS, "doc": "which of a bar's bases is traded; best: by score, then length"},
    )
    max_hold: int = field(
        default=60,
        metadata={"min": 1, "max": 10**6, "unit": "bars", "doc": "sold at the close after so many"},
    )
    levels: str | None = field(
        default=None,
        metadata={
            "choices": LEVELS,
            "doc": "bands of the stop; null: reference, continuous under `rules: fixed`",
        },
    )
    stop_atr: float = field(
        default=3.0, metadata={"min": 0.0, "max": 1e6, "unit": "ATR", "doc": "stop below the fill"}
    )
    target_atr: float = field(
        default=6.0, metadata={"min": 0.0, "max": 1e6, "unit": "ATR", "doc": "target above the fill"}
    )
    stop_pct: float | None = field(
        default=None,
        metadata={
            "min": 0.0,
            "max": 100.0,
            "unit": "percent",
            "doc": "stop below the fill; null: by `stop_atr` and bands",
        },
    )
    target_pct: float | None = field(
        default=None,
        metadata={
            "min": 0.0,
            "max": 1e6,
            "unit": "percent",
            "doc": "target above the fill; null: by `target_atr` and bands",
        },
    )
    cost_bps: float = field(
        default=0.0,
        metadata={"min": 0.0, "max": 10_000.0, "unit": "bps", "doc": "cost of buying, and again of selling"},
    )
    rules: str = field(
        default="reference",
        metadata={"choices": RULES, "doc": "fixed: `levels: null` means continuous; nothing else differs"},
    )


class Vcp:
    """Bases of shrinking swings and volume, bought as they break out."""

    name: Final = "vcp"
    data: Final = "bars"
    params: Final = VcpParams
    metrics: Final = METRICS
    whole_numbers: Final = ("signals", "trades")
    metric: Final = "mean_return_pct"
    goal: Final[Literal["maximize"]] = "maximize"
    groups: Final = STRUCTURE
    traces: Final = {
        "signals": {
            "date": "date32[day]",
            "bar": "int64",
            "mask": "int64",
            "longest": "int64",
            "shortest": "int64",
            "best": "int64",
            "pivot": "double",
            "close": "double",
            "atr": "double",
            "n_contractions": "int64",
            "compression_ratio": "double",
            "volume_ratio": "double",
            "gain": "double",
            "quality": "int64",
        },
        "trades": {
            "signal_date": "date32[day]",
            "entry_date": "date32[day]",
            "entry": "double",
            "stop": "double",
            "target": "double",
            "exit_date": "date32[day]",
            "exit": "double",
            "reason": "string",
            "ret": "double",
            "bars_held": "int64",
            "length": "int64",
            "quality": "int64",
            "pivot": "double",
        },
    }

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels.vcp import sweep

        return sweep.prepare(data, refuse_row)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.vcp import sweep

        return sweep.evaluate(sweep.prepare(data, refuse_row), combinations)

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.vcp import sweep

        found = sweep.trace(sweep.prepare(data, refuse_row), combination)
        return {table: {name: found[table][name] for name in self.traces[table]} for table in self.traces}

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a few made-up bars."""
        defaults = vars(VcpParams())
        bars = self.prepare(a_few_bars())
        self.evaluate(bars, {name: np.array([value], object) for name, value in defaults.items()})


def a_few_bars() -> Columns:
    """Three days: enough to compile a kernel with, too little to learn from."""
    price = np.array([10.0, 10.5, 10.25])
    return {
        "timestamp": np.arange(3) * 86_400 * 10**9,
        **dict.fromkeys(("open", "high", "low", "close"), price),
        "volume": np.array([100.0, 200.0, 150.0]),
    }
