"""Both screens of one security for many combinations: how often each outcome was, and what was found.

Combinations that are asked the same dates share what is seen on them. Nothing else is shared: most dates are
decided by the averages alone, and a decision takes less than a microsecond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.kernels.daily.indicators import LENGTHS
from tasks.kernels.vcp.levels import stop_level, target_level
from tasks.kernels.vcp.settings import settings_of
from tasks.kernels.vcp.stages import stages_at
from tasks.kernels.vcp_screen import basic, outcomes
from tasks.kernels.vcp_screen.record import EPOCH, FIELDS, Candles, Pattern
from tasks.kernels.vcp_screen.views import IPO, Dates, Screenable, View, prepare

__all__ = ["Screenable", "evaluate", "prepare", "trace"]

EXCLUDED: Final = "excluded_ipo"
SETTINGS: Final = (("lookback_bars", "i8"), ("same_day_volume_multiplier", "f8"), ("same_day", "?"))
STOP_ATR: Final = 3.0
TARGET_ATR: Final = 6.0
NOTHING: Final = np.empty((0, 3), np.int64)


def evaluate(security: Screenable, combinations: Columns, metrics: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Of each combination on how many of its dates each outcome was; `empty` where it has no date at all."""
    rows = len(combinations["screen"])
    counts = {name: np.zeros(rows, np.int64) for name in metrics}
    empty = np.zeros(rows, np.bool_)
    for (asked, screen), here in _alike(security, combinations).items():
        empty[here] = not asked
        if security.frame.segment == IPO:
            counts[EXCLUDED][here] = len(asked)
        elif screen == "basic":
            of_dates = basic.screen(security, security.view(asked))
            for code, number in zip(*np.unique(of_dates, return_counts=True), strict=True):
                counts[basic.OUTCOMES[code]][here] = number
        else:
            found = _decide(security, security.view(asked), _settings(combinations, here), NOTHING)
            for name, column in zip(outcomes.OUTCOMES, found.T, strict=True):
                counts[name][here] = column
    return {**counts, "empty": empty}


def trace(
    security: Screenable, combination: Mapping[str, Any], columns: Sequence[str]
) -> dict[str, list[Any]]:
    """A row of `signals` for each hit, in the order of the dates."""
    asked = _asked(security, combination["as_of"])
    rows: list[dict[str, Any]] = []
    if asked and security.frame.segment != IPO:
        seen = security.view(asked)
        find = _basic_rows if combination["screen"] == "basic" else _patterns
        rows = find(security, seen, combination)
    return {name: [row.get(name) for row in rows] for name in columns}


def _basic_rows(security: Screenable, seen: View, _: Mapping[str, Any]) -> list[dict[str, Any]]:
    hits = np.flatnonzero(basic.screen(security, seen) == 0).tolist()
    return [{"as_of": int(seen.as_of[i]), **basic.row(security, seen, i)} for i in hits]


def _patterns(security: Screenable, seen: View, combination: Mapping[str, Any]) -> list[dict[str, Any]]:
    settings = _settings({name: np.array([value], object) for name, value in combination.items()}, [0])
    found = np.zeros((seen.as_of.size, 3), np.int64)
    _decide(security, seen, settings, found)
    is_continuous = (combination["levels"] or default_levels(combination["rules"])) == "continuous"
    rows = []
    for i in np.flatnonzero(found[:, 0] == outcomes.HIT).tolist():
        pattern = _pattern(security, seen, i, found[i], settings[0], is_continuous)
        record = {name: make(pattern) for name, (_, make) in FIELDS.items()}
        rows.append({"as_of": int(seen.as_of[i]), **record})
    return rows


def default_levels(rules: str) -> str:
    return "continuous" if rules == "fixed" else "reference"


def _pattern(
    security: Screenable, seen: View, i: int, found: NDArray[np.int64], setting: Any, is_continuous: bool
) -> Pattern:
    bar, length, newest, first = int(found[1]), int(found[2]), int(seen.newest[i]), int(seen.first[i])
    is_today = setting.same_day and seen.is_today[i] and bar == newest
    multiplier = setting.same_day_volume_multiplier if is_today else setting.volume_multiplier
    start, close = bar - length, float(security["close"][bar])
    marks = security.bars.tight_before[start + 5 : start + length - 2]
    known = security.indicators(first)
    atr = float(known.atr[bar])
    return Pattern(
        before=Candles.of(security, start - min(40, length // 2), start),
        base=Candles.of(security, start, bar),
        day=Candles.of(security, bar - 20, bar + 1),
        stages=stages_at(security.bars, setting, bar, length, newest, float(multiplier)),
        tight=(np.flatnonzero(marks[1:] > marks[:-1]) + 5).tolist(),
        sma={nominal: known.average(nominal, bar, newest) for nominal in LENGTHS},
        atr=atr,
        stop=stop_level(close, atr, STOP_ATR, is_continuous),
        target=target_level(close, atr, TARGET_ATR),
    )


def _decide(security: Screenable, seen: View, settings: Any, found: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros((len(settings), len(outcomes.OUTCOMES)), np.int64)
    outcomes.screen(
        security.bars, settings, seen.first, seen.newest, seen.is_fresh, seen.is_today, seen.averages, counts,
        found,
    )  # fmt: skip
    return counts


def _settings(combinations: Columns, here: Sequence[int]) -> Any:
    """Of the combinations at those places."""
    chosen = {name: column[here] for name, column in combinations.items()}
    settings = settings_of(chosen, len(here), SETTINGS)
    settings["same_day"] = chosen["mode"] == "same_day"
    return settings


def _alike(security: Screenable, combinations: Columns) -> dict[tuple[Dates, str], list[int]]:
    """Places of the combinations by what they share: dates and screen."""
    groups: dict[tuple[Dates, str], list[int]] = {}
    read: dict[Any, Dates] = {}
    for i, (as_of, screen) in enumerate(zip(combinations["as_of"], combinations["screen"], strict=True)):
        written = None if as_of is None else tuple(as_of)
        if written not in read:
            read[written] = _asked(security, written)
        groups.setdefault((read[written], str(screen)), []).append(i)
    return groups


def _asked(security: Screenable, written: Sequence[str] | None) -> Dates:
    """The dates as days since 1970; without any, the newest of the data set."""
    if written is not None:
        return tuple(date.fromisoformat(text).toordinal() - EPOCH for text in written)
    today = security.frame.today
    return () if today is None else (today,)
