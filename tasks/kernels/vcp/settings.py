"""What can be set in VCP detection, declared once for the strategies that use it and their kernels.

`DetectionParams` is the base of a strategy's parameters; `DETECTION` are the same names as fields of the
record that the functions of `vcp_stages` take as `setting`. Nothing here loads the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LEAST_BARS: Final = 50  # a frame shorter than this has no indicators, and no base starts before this bar


@dataclass(frozen=True)
class DetectionParams:
    """Filters on the newest bar, then settings of the stages; the original's names and defaults."""

    min_price: float = field(
        default=2.0,
        metadata={"min": 0.0, "max": 1e12, "unit": "currency", "doc": "out if the close is below"},
    )
    max_price: float = field(
        default=10_000_000.0,
        metadata={"min": 0.0, "max": 1e15, "unit": "currency", "doc": "out if the close is above"},
    )
    min_avg_volume: float = field(
        default=500.0,
        metadata={
            "min": 0.0,
            "max": 1e15,
            "unit": "shares",
            "doc": "out if the mean volume of the last 20 bars is below",
        },
    )
    exclude_penny_stocks: bool = field(default=False, metadata={"doc": "out if the close is below 5"})
    min_data_candles: int = field(
        default=500, metadata={"min": 0, "max": 10**6, "unit": "bars", "doc": "history needed"}
    )
    min_pattern_duration: int = field(
        default=40, metadata={"min": 1, "max": 10**5, "unit": "bars", "doc": "shortest base"}
    )
    max_pattern_duration: int = field(
        default=150, metadata={"min": 1, "max": 10**5, "unit": "bars", "doc": "longest base, inclusive"}
    )
    base_step: int = field(
        default=10, metadata={"min": 1, "max": 10**5, "unit": "bars", "doc": "between tried base lengths"}
    )
    min_contractions: int = field(
        default=2,
        metadata={"min": 1, "max": 10**5, "doc": "lower bound of the required number of contraction bars"},
    )
    max_contractions: int = field(
        default=8,
        metadata={"min": 0, "max": 10**5, "doc": "upper bound of the requirement, not of the number found"},
    )
    volume_multiplier: float = field(
        default=1.2,
        metadata={"min": 0.0, "max": 1e6, "doc": "breakout volume over the mean of the 10 bars before"},
    )
    compression_threshold: float = field(
        default=0.85,
        metadata={"min": 0.0, "max": 1e6, "doc": "late over early standard deviation of closes, at most"},
    )
    prior_uptrend_min: float = field(
        default=3.0,
        metadata={"min": -100.0, "max": 1e9, "unit": "percent", "doc": "advance before the base, at least"},
    )
    prior_uptrend_max: float = field(
        default=150.0,
        metadata={"min": -100.0, "max": 1e9, "unit": "percent", "doc": "advance before the base, at most"},
    )
    minimum_quality_score: int = field(
        default=3, metadata={"min": 0, "max": 8, "unit": "points", "doc": "of 8, at least"}
    )
    breakout_buffer: float = field(
        default=1.005,
        metadata={"min": 0.5, "max": 10.0, "doc": "the high must exceed the pivot times this"},
    )
    require_prior_uptrend: bool = field(
        default=True, metadata={"doc": "false: any advance will do, it counts as 0"}
    )
    require_volume_contraction: bool = field(
        default=True, metadata={"doc": "false: any dry-up will do, its ratio counts as 1"}
    )
    require_sma_position: bool = field(
        default=True, metadata={"doc": "whether averages at the breakout are reported; rejects nothing"}
    )
    require_volume_surge: bool = field(
        default=True,
        metadata={"doc": "false: any bar is a breakout, price and colour included; volume ratio counts as 1"},
    )
    require_volatility_compression: bool = field(
        default=True, metadata={"doc": "false: any compression will do, its ratio counts as 0.5"}
    )
    quality_score_weight: bool = field(default=True, metadata={"doc": "without effect, as in the original"})


_KINDS: Final = {"float": "f8", "int": "i8", "bool": "?"}
DETECTION: Final = tuple((f.name, _KINDS[str(f.type)]) for f in fields(DetectionParams))

# Where one of these differs, the search for bases is another one; the rest are thresholds on what it finds.
STRUCTURE: Final = (
    "min_pattern_duration",
    "max_pattern_duration",
    "base_step",
    "require_prior_uptrend",
    "require_volume_contraction",
    "require_volume_surge",
    "require_volatility_compression",
)


def settings_of(
    columns: Mapping[str, NDArray[Any]], rows: int, more: tuple[tuple[str, str], ...] = ()
) -> Any:
    """A record array with one setting per combination, filled from the columns of the same name.

    `more` are fields of the strategy's own; those that have a column are filled too, the rest are zero.
    """
    settings: Any = np.zeros(rows, np.dtype([*DETECTION, *more], align=True)).view(np.recarray)
    for name in settings.dtype.names:
        if name in columns:
            settings[name] = columns[name]
    return settings
