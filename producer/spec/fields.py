"""Single values of sweep.yaml that have a form of their own: durations, dates, shares, folders.

Each refuses what it cannot read in the words that the user sees.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from tasks.grid.parameters import nearest, shown

VERSION: Final = 1
NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)\s?%")
PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")


def refuse(message: str, hint: str | None = None) -> PydanticCustomError:
    """An error with our own words; they may hold braces, so they travel as context."""
    return PydanticCustomError("ours", "{message}", {"message": message, "hint": hint})


def _duration(written: Any) -> float:
    match = DURATION.fullmatch(written) if isinstance(written, str) else None
    seconds = float(match[1]) * SECONDS[match[2]] if match else 0.0
    if match is None:
        raise refuse(
            f"{shown(written)} is not a duration; write a number and a unit: 500ms, 20s, 5m, 2h, 30d"
        )
    if seconds <= 0:
        raise refuse(f"{shown(written)} is no time at all; write 500ms or more")
    return seconds


def _instant(written: Any) -> str:
    try:
        instant = datetime.fromisoformat(written)
    except (TypeError, ValueError) as e:
        raise refuse(f"{shown(written)} is not a date; write 2025-04-14 or 2025-04-14T10:30:00") from e
    if instant.tzinfo is not None:
        raise refuse(f"{shown(written)} has a UTC offset; data is in its own wall time, so leave it out")
    return str(written)


def time_zone(written: str) -> str:
    try:
        ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise refuse(
            f"unknown time zone {shown(written)}", nearest(written, sorted(available_timezones()))
        ) from e
    return written


def _number(written: Any) -> int | float:
    if not isinstance(written, int | float) or isinstance(written, bool):
        raise PydanticCustomError("float_type", "not a number")
    return written


def _failures(written: Any) -> int | float:
    """A count, or a share of all backtests as a float."""
    if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
        return written
    match = SHARE.fullmatch(written) if isinstance(written, str) else None
    if match is None or float(match[1]) > 100:
        raise refuse(f"{shown(written)} is neither a number of backtests nor a share such as 5%")
    return float(match[1]) / 100


def known_placeholders(written: str) -> str:
    for found in PLACEHOLDER.findall(written):
        if found not in ("{name}", "{id}"):
            raise refuse(f"unknown placeholder {found}", "there is {name} and {id}")
    return written


def _version(written: Any) -> int:
    if written != VERSION or isinstance(written, bool):
        raise refuse(f"version {shown(written)} is not known; this program reads version {VERSION}")
    return VERSION


Version = Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": VERSION})]
Duration = Annotated[
    float, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": f"^{DURATION.pattern}$"})
]
Instant = Annotated[
    str, BeforeValidator(_instant), WithJsonSchema({"type": "string", "examples": ["2025-04-14"]})
]
Failures = Annotated[
    int | float,
    BeforeValidator(_failures),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s?%$"}]}
    ),
]
Word = Annotated[str, StringConstraints(min_length=1)]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Scalar = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": t} for t in ("number", "boolean", "string", "null")]})
]
Count = Annotated[int, Field(ge=1)]


def first_ns(written: str) -> int:
    """The first nanosecond of a date or date-time, since 1970 in its own wall time."""
    return _microseconds(datetime.fromisoformat(written)) * 1000


def last_ns(written: str) -> int:
    """The last nanosecond that still belongs to it: of the day, where only a date is written."""
    instant = datetime.fromisoformat(written)
    if "T" in written or " " in written:
        return _microseconds(instant) * 1000
    return _microseconds(instant + timedelta(days=1)) * 1000 - 1


def written_duration(seconds: float) -> str:
    """As one writes it: 300 is 5m."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1)) // timedelta(microseconds=1)
