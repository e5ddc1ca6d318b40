"""Every strategy that is built in keeps what `check_strategy` checks, on data that are made up for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.plugins import registry
from tasks.testing import check_strategy, daily

NO_TIMES = "look-ahead is not looked for: its trace has no column of times"
NO_TRACE = "look-ahead is not looked for: metrics alone do not show what was done when"
BREAKOUTS = daily(750, 1)
DATES = np.datetime_as_string(BREAKOUTS["timestamp"].astype("datetime64[ns]")[300:], unit="D").tolist()
GIVEN: dict[str, dict[str, Any]] = {
    "market_making_closing": {"by_day": True},  # what it fills is a part of the whole auction's volume
    "vcp_screen": {
        "data": BREAKOUTS,
        "combinations": [{"as_of": DATES}, {"as_of": DATES, "screen": "basic"}],
    },
}
NOTES = {"breakout": NO_TIMES, "risk_score": NO_TRACE}
BUILT_IN = [
    "bigbar", "breakout", "market_making", "market_making_closing", "risk_score", "sma_cross", "vcp",
    "vcp_screen",
]  # fmt: skip


def test_all_that_are_built_in_are_checked_here() -> None:
    assert [name for name in sorted(registry.names()) if registry.describe(name).is_shipped] == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_strategy_keeps_what_a_sweep_relies_on(name: str) -> None:
    notes = check_strategy(name, **GIVEN.get(name, {}))

    assert [note.partition(". ")[0] for note in notes] == ([NOTES[name]] if name in NOTES else [])
