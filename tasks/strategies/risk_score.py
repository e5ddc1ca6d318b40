"""Risk of a share, 1 to 10: what can be varied, and what is reported (docs/reference/risk_score.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

import numpy as np

from tasks.api import Columns, refuse_row

COMPONENTS: Final = (
    "volatility",
    "atr_risk",
    "drawdown_risk",
    "gap_risk",
    "volume_consistency",
    "trend_stability",
)


def check_date(text: str) -> None:
    """Raises ValueError for what is not a date."""
    try:
        is_date = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_date = False
    if not is_date:
        raise ValueError("not a date like 2018-02-07")


@dataclass(frozen=True)
class RiskScoreParams:
    """Which bars are looked at, and by which of the two sets of measures."""

    as_of: str | None = field(
        default=None,
        metadata={
            "check": check_date,
            "doc": "the newest date that may be seen; null: the newest of the whole data set",
        },
    )
    window: str = field(
        default="calendar252",
        metadata={
            "choices": ("calendar252", "bars252"),
            "doc": "the bars of the last 252 calendar days, or the last 252 bars",
        },
    )
    variant: str = field(
        default="optimised",
        metadata={
            "choices": ("optimised", "classic"),
            "doc": "measures and bounds of the scheduled job, or of single requests",
        },
    )
    rules: str = field(
        default="reference",
        metadata={
            "choices": ("reference",),
            "doc": "the original's; what was wrong there is mended in any case",
        },
    )


class RiskScore:
    """Six scores of a share's past, and their weighted mean."""

    name: Final = "risk_score"
    data: Final = "bars"
    params: Final = RiskScoreParams
    metrics: Final = ("overall", *COMPONENTS, "data_points")
    whole_numbers: Final = (*COMPONENTS, "data_points")
    metric: Final = "overall"
    goal: Final[Literal["minimize"]] = "minimize"
    facts: Final = ("newest",)

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels import risk_score

        return risk_score.prepare(data, refuse_row)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels import risk_score

        return risk_score.evaluate(risk_score.prepare(data, refuse_row), combinations)

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a year of nothing happening."""
        days = np.arange(300)
        quiet = {name: np.ones(days.size) for name in ("open", "high", "low", "close", "volume")}
        combinations = {name: np.array([value], object) for name, value in vars(RiskScoreParams()).items()}
        self.evaluate({"timestamp": days * 86_400 * 10**9, **quiet}, combinations)
