"""Two screens of daily bars as of given dates: what can be varied, and what is reported.

See docs/reference/vcp_screen.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import numpy as np

from tasks.api import Columns, refuse_row
from tasks.kernels.vcp.records import LEVELS
from tasks.kernels.vcp.settings import DetectionParams
from tasks.kernels.vcp_screen.record import BASIC_FIELDS, FIELDS

RULES: Final = ("reference", "fixed")
SCREENS: Final = ("vcp", "basic")
MODES: Final = ("historical", "same_day")
REASONS: Final = (
    "not_enough_data",
    "price_below_sma50",
    "sma_not_aligned",
    "not_trending",
    "too_extended",
)
METRICS: Final = ("hits", "no_pattern", "filtered", "excluded_stale", "excluded_ipo", *REASONS)


def check_dates(written: Sequence[Any]) -> None:
    """Raises ValueError where these are not dates to screen on."""
    if not written:
        raise ValueError("no date; write null for the newest date of the data")
    for day in written:
        if not isinstance(day, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII):
            raise ValueError(f"{day!r} is not a date; write it like 2018-02-07")
        try:
            date.fromisoformat(day)
        except ValueError as e:
            raise ValueError(f"{day!r} is not a date: {e}") from e


@dataclass(frozen=True)
class VcpScreenParams(DetectionParams):
    """Which screen, when and how, and what the VCP screen asks of a pattern."""

    screen: str = field(
        default="vcp",
        metadata={"choices": SCREENS, "doc": "bases that broke out (vcp), or a trend by averages (basic)"},
    )
    as_of: list[str] | None = field(
        default=None,
        metadata={
            "one": True,
            "check": check_dates,
            "doc": "a date or a list of dates, each screened by itself; null: the newest date of the data",
        },
    )
    mode: str = field(
        default="historical",
        metadata={
            "choices": MODES,
            "doc": "the as-of date is over (historical), or it is today and its bar may be unfinished",
        },
    )
    lookback_bars: int = field(
        default=3,
        metadata={"min": 1, "max": 10**5, "unit": "bars", "doc": "newest bars tried as the breakout"},
    )
    same_day_volume_multiplier: float = field(
        default=0.3,
        metadata={
            "min": 0.0,
            "max": 1e6,
            "doc": "in place of `volume_multiplier` for a breakout on the as-of date in mode same_day",
        },
    )
    levels: str | None = field(
        default=None,
        metadata={
            "choices": LEVELS,
            "doc": "bands of the stop; null: reference, continuous under `rules: fixed`",
        },
    )
    rules: str = field(
        default="reference",
        metadata={"choices": RULES, "doc": "fixed: `levels: null` means continuous; nothing else differs"},
    )


class VcpScreen:
    """What became of each security on each as-of date; a record of every hit."""

    name: Final = "vcp_screen"
    data: Final = "bars"
    params: Final = VcpScreenParams
    metrics: Final = METRICS
    whole_numbers: Final = METRICS
    metric: Final = "hits"
    goal: Final[Literal["maximize"]] = "maximize"
    facts: Final = ("newest", "segment", "token")
    traces: Final = {
        "signals": {
            "as_of": "date32[day]",
            **{name: kind for name, (kind, _) in FIELDS.items()},
            **{name: kind for name, kind in BASIC_FIELDS.items() if name not in FIELDS},
        }
    }

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels.vcp_screen import sweep

        return sweep.prepare(data, refuse_row)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.vcp_screen import sweep

        return sweep.evaluate(sweep.prepare(data, refuse_row), combinations, self.metrics)

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.vcp_screen import sweep

        security = sweep.prepare(data, refuse_row)
        found: Any = sweep.trace(security, combination, tuple(self.traces["signals"]))
        return {"signals": found}

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a made-up rise where any bar will do."""
        defaults = vars(VcpScreenParams())
        lenient = {name: False for name in defaults if name.startswith("require")}
        point = defaults | lenient | {"min_data_candles": 0, "minimum_quality_score": 0}
        bars = self.prepare(a_rise())
        self.evaluate(bars, {name: np.array([value], object) for name, value in point.items()})
        self.trace(bars, point)


def a_rise() -> Columns:
    """A quarter of a year of wide and tight bars by turns."""
    close = np.linspace(10.0, 20.0, 100)
    half = np.where(np.arange(100) % 2, 0.3, 1.0)
    return {
        "timestamp": np.arange(100) * 86_400 * 10**9,
        "open": close,
        "high": close + half,
        "low": close - half,
        "close": close,
        "volume": np.full(100, 1000.0),
    }
