"""What stands beside a data file in `<stem>.universe.json`: the scale of its prices, and its securities.

    {"price_scale": 10000, "symbols": [{"symbol": "AAPL", "segment": "500", "token": 7}]}

All are optional, and so is the file; other keys are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tasks.data.slices import UNCLASSIFIED
from tasks.errors import DataError

UNIVERSE_HINT: Final = "mend the file, or take it away if you do not need segments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    price_scale: float | None = None
    """How many units of a whole number make a price of 1."""
    segments: Mapping[str, str] = field(default_factory=dict)
    """By name in lower case."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Numbers of instruments, likewise."""

    def segment(self, security: str) -> str:
        return self.segments.get(security.casefold(), UNCLASSIFIED)

    def token(self, security: str) -> int | None:
        return self.tokens.get(security.casefold())


def beside(path: Path) -> Universe:
    """Of a data file; an empty one where there is none."""
    place = path.with_name(f"{path.stem}.universe.json")
    try:
        found = place.stat()
    except OSError:
        return Universe()
    return _read(place, found.st_mtime_ns, found.st_size, found.st_ino)


def positive(value: object, said_by: str) -> float:
    """A scale. Raises DataError where it cannot be one."""
    try:
        scale = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except ValueError:
        scale = 0.0
    if not 0.0 < scale < math.inf:
        raise DataError(f"{said_by} is {value!r}, wanted a number above 0", hint="correct it there")
    return scale


@lru_cache(maxsize=8)
def _read(place: Path, *_stamp: int) -> Universe:
    try:
        return _understood(json.loads(place.read_bytes()), place)
    except OSError as e:
        raise DataError(f"{place}: {(e.strerror or str(e)).lower()}", hint=UNIVERSE_HINT) from e
    except (ValueError, RecursionError) as e:
        raise DataError(f"{place}: not JSON ({e})", hint=UNIVERSE_HINT) from e


def _understood(content: Any, place: Path) -> Universe:
    if not isinstance(content, dict):
        raise DataError(f"{place}: not a map of keys to values", hint=UNIVERSE_HINT)
    symbols = content.get("symbols", [])
    if not isinstance(symbols, list):
        raise DataError(f"{place}: 'symbols' is not a list", hint=UNIVERSE_HINT)
    segments: dict[str, str] = {}
    tokens: dict[str, int] = {}
    for number, symbol in enumerate(symbols, 1):
        name = symbol.get("symbol") if isinstance(symbol, dict) else None
        if not isinstance(name, str):
            raise DataError(f"{place}: number {number} of 'symbols' has no 'symbol'", hint=UNIVERSE_HINT)
        segment = symbol.get("segment", UNCLASSIFIED)
        if not isinstance(segment, str | int):
            raise DataError(f"{place}: the segment of {name} is not text", hint=UNIVERSE_HINT)
        segments[name.strip().casefold()] = str(segment)
        if (token := symbol.get("token")) is not None:
            tokens[name.strip().casefold()] = _token(token, f"{place}: the token of {name}")
    scale = content.get("price_scale")
    price_scale = None if scale is None else positive(scale, f"{place}: 'price_scale'")
    return Universe(price_scale=price_scale, segments=segments, tokens=tokens)


def _token(value: object, said_by: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise DataError(f"{said_by} is {value!r}, wanted a whole number of 64 bits", hint="correct it there")
