"""Instants and wall times, whole columns at once: nanoseconds since 1970 in UTC, and what a clock shows.

A zone's changes of offset are looked up once per year and kept. A missing time (the least int64) stays so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]

MISSING: Final = np.iinfo(np.int64).min
SECOND: Final = 10**9
LAST_SECOND: Final = np.iinfo(np.int64).max // SECOND - 86_400  # in April 2262: int64 ends
DAY_SECONDS: Final = 86_400  # no zone has changed twice within a day since clocks are kept by zones


def to_local(utc_ns: NDArray[Any], zone: str) -> Times:
    """Wall times of instants."""
    changes, offsets = _changes_over(utc_ns, zone)
    return _shifted(utc_ns, changes, offsets)


def to_utc(wall_ns: NDArray[Any], zone: str) -> Times:
    """Instants of wall times.

    A time that a clock shows twice (the hour that autumn repeats) is the first of the two; one that no clock
    shows (the hour that spring leaves out) is taken by the offset before the change, hence comes out as an
    hour later on the wall. Both are `fold=0` of PEP 495.
    """
    changes, offsets = _changes_over(wall_ns, zone)
    # by both rules the old offset holds as long as either offset would put the time before the change
    until = changes + np.maximum(offsets[:-1], offsets[1:])
    return _shifted(wall_ns, until, -offsets)


def _shifted(times: NDArray[Any], changes: Times, offsets: Times) -> Times:
    found: Times = times + offsets[np.searchsorted(changes, times, side="right")]
    found[times == MISSING] = MISSING
    return found


def _changes_over(times: NDArray[Any], zone: str) -> tuple[Times, Times]:
    """Every change of the zone's offset around the times, and the offsets before, between and after them."""
    present = times[times != MISSING] if times.size and times.min() == MISSING else times
    first, last = (int(present.min()), int(present.max())) if present.size else (0, 0)
    changes: list[int] = []
    offsets = [_offset(_year_start(_year(first) - 1), zone)]
    for year in range(_year(first) - 1, _year(last) + 2):  # a wall time may be of the year beside its instant
        for second, offset in _changes_of_year(zone, year):
            if abs(second) <= LAST_SECOND:
                changes.append(second * SECOND)
                offsets.append(offset)
    return np.array(changes, np.int64), np.array(offsets, np.int64) * SECOND


def _year(time_ns: int) -> int:
    return (datetime(1970, 1, 1) + np.timedelta64(time_ns // SECOND, "s").item()).year


def _year_start(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


@lru_cache(maxsize=4096)
def _changes_of_year(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """(second of UTC from which it holds, offset in seconds), in order."""
    found = []
    before = _offset(_year_start(year), zone)
    for day_end in range(_year_start(year) + DAY_SECONDS, _year_start(year + 1) + 1, DAY_SECONDS):
        after = _offset(day_end, zone)
        if after != before:
            found.append((_first_second(day_end - DAY_SECONDS, day_end, before, zone), after))
            before = after
    return tuple(found)


def _first_second(old: int, new: int, before: int, zone: str) -> int:
    while new - old > 1:
        middle = (old + new) // 2
        old, new = (middle, new) if _offset(middle, zone) == before else (old, middle)
    return new


def _offset(second: int, zone: str) -> int:
    offset = datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
