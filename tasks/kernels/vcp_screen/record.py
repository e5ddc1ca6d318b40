"""What the screen says of a pattern: one table of fields, each with its column type and how it is made.

Plain Python: a record is made for hits alone, and only where a sweep keeps them. Dates are days since 1970.
What has no value (a per cent of nothing) is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

DATE: Final = "date32[day]"
TEXT: Final = "string"
NUMBER: Final = "double"
COUNT: Final = "int64"
FLAG: Final = "bool"

CONTRACTION: Final = (
    "list<struct<contraction_number: int64, date: date32[day], index_in_pattern: int64, length_days: int64, "
    "price: double, high: double, low: double, volume: double, range_pct: double>>"
)
WEEK: Final = (
    "list<struct<week_start_date: date32[day], week_end_date: date32[day], week_high: double, "
    "week_low: double, week_close: double, week_volume: double, week_avg_volume: double>>"
)
WEEK_BARS: Final = 5
EPOCH: Final = date(1970, 1, 1).toordinal()
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Some bars in a row, as plain numbers."""

    date: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]

    @classmethod
    def of(cls, frame: Mapping[str, Any], first: int, end: int) -> Candles:
        return cls(**{name: frame[name][first:end].tolist() for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A hit, as far as its fields need it."""

    before: Candles
    """The advance: the bars that lead up to the base."""
    base: Candles
    day: Candles
    """The bars from 20 before the breakout up to it."""
    stages: Any
    """`vcp_stages.Stages` of the pair."""
    tight: Sequence[int]
    """Contraction bars, as offsets in the base."""
    sma: Mapping[int, float]
    """Averages at the breakout, by length."""
    atr: float
    stop: float
    target: float

    @property
    def length(self) -> int:
        return len(self.base.date)

    @property
    def close(self) -> float:
        return self.day.close[-1]

    @property
    def on(self) -> int:
        """The date of the breakout."""
        return self.day.date[-1]

    @property
    def low(self) -> float:
        return min(self.base.low)

    @property
    def spans(self) -> list[int]:
        """Of each contraction bar, how many bars it is to the next one, or to the breakout."""
        return [after - j for j, after in zip(self.tight, [*self.tight[1:], self.length], strict=True)]


def _per_cent(part: float, whole: float) -> float | None:
    return part / whole * 100.0 if whole != 0.0 else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole != 0.0 else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _average_distance(length: int) -> Callable[[Pattern], float | None]:
    return lambda x: _per_cent(x.close - x.sma[length], x.sma[length])


def _contractions(x: Pattern) -> list[dict[str, Any]]:
    bars = x.base
    return [
        {
            "contraction_number": number,
            "date": bars.date[j],
            "index_in_pattern": j,
            "length_days": span,
            "price": bars.close[j],
            "high": bars.high[j],
            "low": bars.low[j],
            "volume": bars.volume[j],
            "range_pct": _per_cent(bars.high[j] - bars.low[j], bars.close[j]),
        }
        for number, (j, span) in enumerate(zip(x.tight, x.spans, strict=True), 1)
    ]


def _weeks(x: Pattern) -> list[dict[str, Any]]:
    """The base in blocks of five bars; the last may be short."""
    bars, out = x.base, []
    for i in range(0, x.length, WEEK_BARS):
        end = min(i + WEEK_BARS, x.length)
        total = sum(bars.volume[i:end])
        out.append(
            {
                "week_start_date": bars.date[i],
                "week_end_date": bars.date[end - 1],
                "week_high": max(bars.high[i:end]),
                "week_low": min(bars.low[i:end]),
                "week_close": bars.close[end - 1],
                "week_volume": total,
                "week_avg_volume": total / (end - i),
            }
        )
    return out


def _month(x: Pattern) -> str:
    day = date.fromordinal(x.on + EPOCH)
    return f"{MONTHS[day.month - 1]} {day.year}"


def _volume_trend(x: Pattern) -> str:
    volume = x.base.volume
    return "increasing" if _mean(volume[-WEEK_BARS:]) > _mean(volume[:WEEK_BARS]) else "decreasing"


def _grade(points: int) -> str | None:
    return "A" if points >= 7 else "B" if points >= 5 else "C" if points >= 3 else None


def _strength(gain_pct: float) -> str:
    return "strong" if gain_pct > 20 else "moderate" if gain_pct > 10 else "weak"


def _tightness(compression: float) -> str:
    return "excellent" if compression < 0.5 else "good" if compression < 0.7 else "acceptable"


def _has_good_range(x: Pattern) -> bool:
    span = x.day.high[-1] - x.day.low[-1]
    return x.close != 0.0 and span / x.close < 0.12


FIELDS: Final[Mapping[str, tuple[str, Callable[[Pattern], Any]]]] = {
    "scan_date": (DATE, lambda x: x.on),
    "quality_score": (COUNT, lambda x: x.stages.quality),
    "change": (NUMBER, lambda x: _per_cent(x.close - x.day.close[-2], x.day.close[-2])),
    "pattern_start_date": (DATE, lambda x: x.base.date[0]),
    "pattern_end_date": (DATE, lambda x: x.base.date[-1]),
    "pattern_duration_days": (COUNT, lambda x: x.length),
    "pattern_duration_weeks": (NUMBER, lambda x: round(x.length / WEEK_BARS, 1)),
    "pattern_start_price": (NUMBER, lambda x: x.base.close[0]),
    "pattern_high": (NUMBER, lambda x: x.stages.pivot),
    "pattern_low": (NUMBER, lambda x: x.low),
    "pattern_high_date": (DATE, lambda x: x.base.date[x.base.high.index(x.stages.pivot)]),
    "pattern_low_date": (DATE, lambda x: x.base.date[x.base.low.index(x.low)]),
    "pattern_range_pct": (NUMBER, lambda x: _per_cent(x.stages.pivot - x.low, x.low)),
    "num_contractions": (COUNT, lambda x: x.stages.contractions),
    "contraction_details": (CONTRACTION, _contractions),
    "avg_contraction_length": (NUMBER, lambda x: _mean(x.spans)),
    "first_contraction_date": (DATE, lambda x: x.base.date[x.tight[0]]),
    "last_contraction_date": (DATE, lambda x: x.base.date[x.tight[-1]]),
    "days_since_last_contraction": (COUNT, lambda x: x.on - x.base.date[x.tight[-1]]),
    "prior_uptrend_start_date": (DATE, lambda x: x.before.date[0]),
    "prior_uptrend_start_price": (NUMBER, lambda x: x.before.close[0]),
    "prior_uptrend_end_price": (NUMBER, lambda x: x.base.close[0]),
    "prior_uptrend_duration_days": (COUNT, lambda x: len(x.before.date)),
    "prior_uptrend_gain_pct": (NUMBER, lambda x: x.stages.gain),
    "prior_uptrend_high": (NUMBER, lambda x: max(x.before.high)),
    "prior_uptrend_low": (NUMBER, lambda x: min(x.before.low)),
    "breakout_date": (DATE, lambda x: x.on),
    "breakout_open": (NUMBER, lambda x: x.day.open[-1]),
    "breakout_high": (NUMBER, lambda x: x.day.high[-1]),
    "breakout_low": (NUMBER, lambda x: x.day.low[-1]),
    "breakout_close": (NUMBER, lambda x: x.close),
    "breakout_volume": (NUMBER, lambda x: x.day.volume[-1]),
    "breakout_range_pct": (NUMBER, lambda x: _per_cent(x.day.high[-1] - x.day.low[-1], x.close)),
    "gap_up_from_prev_close": (
        NUMBER,
        lambda x: _per_cent(x.day.open[-1] - x.day.close[-2], x.day.close[-2]),
    ),
    "breakout_strength_vs_pattern_high": (
        NUMBER,
        lambda x: _per_cent(x.day.high[-1] - x.stages.pivot, x.stages.pivot),
    ),
    "close_strength_vs_pattern_high": (NUMBER, lambda x: _per_cent(x.close - x.stages.pivot, x.stages.pivot)),
    "breakout_body_pct": (NUMBER, lambda x: _per_cent(x.close - x.day.open[-1], x.close)),
    "volume_surge_ratio": (NUMBER, lambda x: x.stages.volume_ratio),
    "avg_volume_10d": (NUMBER, lambda x: _mean(x.day.volume[-11:-1])),
    "avg_volume_20d": (NUMBER, lambda x: _mean(x.day.volume[-21:-1])),
    "pattern_avg_volume": (NUMBER, lambda x: _mean(x.base.volume)),
    "pattern_max_volume": (NUMBER, lambda x: max(x.base.volume)),
    "pattern_min_volume": (NUMBER, lambda x: min(x.base.volume)),
    "breakout_vs_pattern_avg_volume": (NUMBER, lambda x: _ratio(x.day.volume[-1], _mean(x.base.volume))),
    "volume_trend_in_pattern": (TEXT, _volume_trend),
    "current_price": (NUMBER, lambda x: x.close),
    "sma_20": (NUMBER, lambda x: x.sma[20]),
    "sma_50": (NUMBER, lambda x: x.sma[50]),
    "sma_100": (NUMBER, lambda x: x.sma[100]),
    "sma_200": (NUMBER, lambda x: x.sma[200]),
    "price_vs_sma20_pct": (NUMBER, _average_distance(20)),
    "price_vs_sma50_pct": (NUMBER, _average_distance(50)),
    "price_vs_sma100_pct": (NUMBER, _average_distance(100)),
    "price_vs_sma200_pct": (NUMBER, _average_distance(200)),
    "atr_50": (NUMBER, lambda x: x.atr),
    "atr_vs_price_pct": (NUMBER, lambda x: _per_cent(x.atr, x.close)),
    "duration_score": (COUNT, lambda x: x.stages.duration_score),
    "contraction_score": (COUNT, lambda x: x.stages.contraction_score),
    "compression_score": (COUNT, lambda x: x.stages.compression_score),
    "volume_score": (COUNT, lambda x: x.stages.volume_score),
    "compression_ratio": (NUMBER, lambda x: x.stages.compression),
    "entry_price": (NUMBER, lambda x: x.close),
    "suggested_stop_loss": (NUMBER, lambda x: x.stop),
    "suggested_take_profit": (NUMBER, lambda x: x.target),
    "stop_loss_pct": (NUMBER, lambda x: _per_cent(x.close - x.stop, x.close)),
    "take_profit_pct": (NUMBER, lambda x: _per_cent(x.target - x.close, x.close)),
    "risk_reward_ratio": (NUMBER, lambda x: _ratio(abs(x.target - x.close), abs(x.close - x.stop))),
    "max_risk_amount": (NUMBER, lambda x: x.close - x.stop),
    "max_reward_amount": (NUMBER, lambda x: x.target - x.close),
    "green_breakout_candle": (FLAG, lambda x: x.stages.green),
    "strong_close": (FLAG, lambda x: x.close > x.stages.pivot * 0.995),
    "good_range": (FLAG, _has_good_range),
    "price_breakout": (FLAG, lambda x: x.stages.price_breakout),
    "volume_surge": (FLAG, lambda x: x.stages.volume_surge),
    "above_sma50": (FLAG, lambda x: x.close > x.sma[50]),
    "above_sma100": (FLAG, lambda x: x.close > x.sma[100]),
    "days_since_pattern_start": (COUNT, lambda x: x.on - x.base.date[0]),
    "weekday_of_breakout": (TEXT, lambda x: WEEKDAYS[(x.on + EPOCH - 1) % 7]),
    "month_of_breakout": (TEXT, _month),
    "pattern_weekly_breakdown": (WEEK, _weeks),
    "pattern_tightness_score": (NUMBER, lambda x: round(10 - 10 * x.stages.compression, 1)),
    "uptrend_strength": (TEXT, lambda x: _strength(x.stages.gain)),
    "volatility_compression_quality": (TEXT, lambda x: _tightness(x.stages.compression)),
    "overall_pattern_grade": (TEXT, lambda x: _grade(x.stages.quality)),
}

BASIC_FIELDS: Final[Mapping[str, str]] = {
    "instrument_token": COUNT,
    "last_price": NUMBER,
    "change": NUMBER,
    "sma_50": NUMBER,
    "sma_100": NUMBER,
    "sma_200": NUMBER,
    "atr": NUMBER,
}
"""What `basic_screen.row` says of a security that passes."""
