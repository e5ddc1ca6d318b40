"""What became of one security on each date of a VCP screen: left out, filtered, without a pattern, or a hit.

Decisions only. A breakout bar and a base length name a pattern; what there is to say of it is made from them
elsewhere (`vcp_screen_record`). The order in which pairs are tried puts the one that wins first, so that the
search ends with it.
"""

from __future__ import annotations

from typing import Any, Final

from tasks.kernels.jit import kernel, part
from tasks.kernels.vcp.settings import LEAST_BARS
from tasks.kernels.vcp.stages import can_break_out, is_trending, is_wanted, longest_base, passes

HIT: Final = 0
NO_PATTERN: Final = 1
FILTERED: Final = 2
STALE: Final = 3
OUTCOMES: Final = ("hits", "no_pattern", "filtered", "excluded_stale")
"""By the numbers above."""


@part
def _detect(bars: Any, setting: Any, first: int, newest: int, is_today: bool) -> tuple[int, int]:
    """The breakout bar and the base length of the pattern that wins; length 0 where there is none.

    A bar of today that passes wins with its shortest base. Else the oldest bar wins, with its longest.
    """
    shortest, step = setting.min_pattern_duration, setting.base_step
    oldest = max(0, min(setting.lookback_bars - 1, newest - first - LEAST_BARS - shortest))
    for turn in range(oldest + 1):
        back = oldest - turn
        if is_today:
            back = 0 if turn == 0 else back + 1
        today = is_today and back == 0
        bar = newest - back
        multiplier = setting.same_day_volume_multiplier if today else setting.volume_multiplier
        if not can_break_out(bars, setting, bar, multiplier):
            continue
        tried = (longest_base(setting, bar, first) - shortest) // step + 1
        for k in range(tried):
            length = shortest + step * (k if today else tried - 1 - k)
            if passes(bars, setting, bar, length, newest, multiplier):
                return bar, length
    return 0, 0


@kernel
def screen(
    bars: Any, settings: Any, first: Any, newest: Any, is_fresh: Any, is_today: Any, averages: Any,
    counts: Any, found: Any,
) -> None:  # fmt: skip
    """Adds each date's outcome to `counts` (a row per setting, a column per outcome).

    A date is given by the first and the newest bar it sees, whether that one is recent enough, whether it is
    of the date itself, and by the means of 50, 100 and 200 closes there. Of the last setting, `found` gets
    every date's outcome, breakout bar and base length, unless it has no rows.
    """
    for row in range(settings.size):
        setting = settings[row]
        for i in range(newest.size):
            outcome, bar, length = STALE, 0, 0
            if is_fresh[i]:
                outcome = FILTERED
                if is_wanted(bars, setting, newest[i], first[i]):
                    outcome = NO_PATTERN
                    close = bars.close[newest[i]]
                    is_long_enough = newest[i] + 1 - first[i] >= setting.min_data_candles
                    if is_long_enough and is_trending(close, averages[0, i], averages[1, i], averages[2, i]):
                        today = setting.same_day and is_today[i]
                        bar, length = _detect(bars, setting, first[i], newest[i], today)
                        if length > 0:
                            outcome = HIT
            counts[row, outcome] += 1
            if found.shape[0] > 0:
                found[i, 0], found[i, 1], found[i, 2] = outcome, bar, length
