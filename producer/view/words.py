"""Numbers, times and names as every screen writes them: `1,024`, `0:00:22`, `-` for what is not there."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

NOTHING: Final = "-"
LONGEST_CELL: Final = 40  # a list of fifty values must not push every other column off the screen
CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def count(number: int, word: str) -> str:
    """`1 security`, `1,024 securities`."""
    if number == 1:
        return f"1 {word}"
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number:,} {plural}"


def duration(seconds: float | None) -> str:
    """`0:00:22`; `-:--:--` is never shown: a time nobody knows is `--:--`."""
    if seconds is None or not math.isfinite(seconds):
        return "--:--"
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def age(seconds: float) -> str:
    """How long ago, in one unit: `5s`, `3m`, `2h`, `9d`."""
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // size))}{unit}"
    return f"{int(seconds // 86400)}d"


def rate(backtests_per_second: float | None) -> str:
    """`412 bt/s`; below ten one decimal, so that a slow sweep does not read as a dead one."""
    if backtests_per_second is None:
        return ""
    digits = 1 if 0 < backtests_per_second < 9.95 else 0
    return f"{backtests_per_second:,.{digits}f} bt/s"


def memory(size: int) -> str:
    """`3.1G`, `812M`."""
    return f"{size / 2**30:.1f}G" if size >= 2**30 else f"{size / 2**20:.0f}M"


def memory_of(used: int, total: int) -> str:
    """`3.1/64G`; without the total where it is not known."""
    return f"{used / 2**30:.1f}/{total / 2**30:.0f}G" if total else memory(used)


def percent(done: int, total: int) -> str:
    """Rounded down: 100% is said only when nothing is left."""
    return f"{100 * done // total if total else 100}%"


def local_time(instant: float) -> str:
    return datetime.fromtimestamp(instant).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def iso_time(instant: float | None) -> str | None:
    if instant is None:
        return None
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(names: Sequence[str], most: int = 3) -> str:
    """`TWTR, FB`, and a count for those that would make the line long."""
    shown = ", ".join(names[:most])
    return f"{shown}, … {len(names) - most:,} more" if len(names) > most else shown


def plain(text: str) -> str:
    """Text from elsewhere without what would move the cursor or colour the terminal."""
    return CONTROL.sub("", text)


def one_line(text: str) -> str:
    return " ".join(text.split())


def cells(values: Sequence[Any], *, measured: bool) -> list[str]:
    """A column as text. Measured numbers have equal decimals; given ones are written as they were given."""
    decimals = _decimals(values) if measured else None
    return [_cell(value, decimals) for value in values]


def _decimals(values: Sequence[Any]) -> int:
    sizes = [abs(v) for v in values if isinstance(v, float) and math.isfinite(v) and v != 0]
    return min(6, max(2, 1 - math.floor(math.log10(min(sizes))))) if sizes else 2


def _cell(value: Any, decimals: int | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if math.isinf(value) or abs(value) >= 1e15:
            return f"{value:g}"
        return f"{value:,}" if decimals is None else f"{value:,.{decimals}f}"
    text = plain(str(value)).replace("\n", " ")
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
