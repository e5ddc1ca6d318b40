"""Two questions to the times of bars: how long is a bar, and which is the newest until a date?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from tasks.data.bar_layout import bar_layout
from tasks.data.bars import Stamps, read_stamps
from tasks.data.catalog import Entry
from tasks.data.parse import I8
from tasks.data.slices import in_data_time
from tasks.data.tables import open_table

FIRST_BARS: Final = 300  # enough for the pauses of a day or a week to be rare among them
SECOND: Final = 10**9


def bar_seconds(entry: Entry) -> float | None:
    """The bars' period: what most often lies between neighbours, the least of equals. None without two bars.

    Raises DataError where the file cannot be read.
    """
    periods = _periods(*_stamp(entry.path))
    return periods.get(entry.security, periods.get(None))


def newest_until(entries: Iterable[Entry], end_ns: int | None, timezone: str | None = None) -> int | None:
    """The newest time of all these securities that is not after `end_ns`, a wall time of `timezone`.

    Only files that go on after it are read. Raises DataError where one cannot be.
    """
    newest: list[int] = []
    beyond: set[Path] = set()
    for entry in entries:
        if entry.last_ns is None or entry.first_ns is None:
            continue
        end = in_data_time(end_ns, entry.zone, timezone)
        if end is None or entry.last_ns <= end:
            newest.append(entry.last_ns)
        elif entry.first_ns <= end:
            beyond.add(entry.path)
    for path in sorted(beyond):
        stamps = _stamps(path)
        end = in_data_time(end_ns, "UTC" if stamps.instants else None, timezone)
        if end is not None and (until := stamps.times[stamps.times <= end]).size:
            newest.append(int(until.max()))
    return max(newest, default=None)


@lru_cache(maxsize=64)
def _periods(path: Path, *_stamp: int) -> Mapping[str | None, float]:
    found = {name: _period(times[:FIRST_BARS]) for name, times in _stamps(path).each()}
    return {name: period for name, period in found.items() if period is not None}


def _period(times: I8) -> float | None:
    steps, counts = np.unique(np.diff(np.unique(times)), return_counts=True)
    return float(steps[np.argmax(counts)] / SECOND) if steps.size else None


def _stamps(path: Path) -> Stamps:
    table = open_table(path)
    return read_stamps(table, bar_layout(table))


def _stamp(path: Path) -> tuple[Path, int, int, int]:
    found = path.stat()
    return path, found.st_mtime_ns, found.st_size, found.st_ino
