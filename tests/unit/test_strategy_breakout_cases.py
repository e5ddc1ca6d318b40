"""Are all expected rows of the breakout analyzer ours too, in 17 columns and to the last bit?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tasks.strategies.breakout import Breakout
from tests.support.breakout_cases import (
    COUNTS,
    a_point,
    bars_of,
    cases,
    combinations_of,
    differences,
    expected_of,
    point_of,
    read_bars,
)

pytestmark = pytest.mark.shared

IDS: Final = [
    "es_stress0", "es_stress1", "es_stress2", "es_stress3", "cl_stress0", "cl_stress1", "es_default",
    "cl_default", "ng_default", "gc_default", "nq_default", "ym_default", "es_time", "cl_time",
    "ng_time", "es_subset", "es_s2_only", "es_tp_first", "mes_default", "mnq_default", "mym_default",
    "mcl_default", "mgc_default", "mng_default", "es_sweep0", "es_sweep1", "es_sweep2", "es_sweep3",
    "es_sweep4", "es_sweep5", "cl_sweep0", "cl_sweep1", "cl_sweep2", "gc_sweep0", "ng_sweep0",
    "es_slots_other", "cl_close_1300", "es_asof_wed", "es_asof_fri", "gc_real5m", "cl_real5m",
    "cl_real5m_time", "es_asof_mon_open", "es_asof_sat_open", "cl_asof_time_open", "mcl_asof_time_open",
]  # fmt: skip

SHOWN: Final = ("EntryTime", "ExitTime", "EntryPrice", "ExitPrice", "Result", "Profit")
EXAMPLES: Final[dict[tuple[str, str], tuple[Any, ...]]] = {  # §13
    ("2023-01-03", "07:30"): ("03/01/23 07:32", "03/01/23 09:03", 4466.75, 4456.75, "Win", 10.0),
    ("2023-01-03", "09:30"): ("03/01/23 09:37", "03/01/23 11:52", 4448.0, 4448.25, "BE", -0.25),
    ("2023-02-03", "09:00"): ("03/02/23 09:00", "03/02/23 09:00", 4810.0, 4780.0, "Loss", -30.0),
    ("2023-01-23", "09:30"): ("23/01/23 09:30", "23/01/23 09:30", 4498.25, 4508.25, "Win", 10.0),
    ("2023-07-26", "09:30"): ("", "", 0.0, 0.0, "NoTrade", 0.0),
    ("2023-02-13", "08:00"): ("13/02/23 10:14", "14/02/23 07:59", 4907.75, 4904.25, "TIME", -3.5),
    ("2024-11-01", "09:00"): ("01/11/24 09:08", "03/11/24 08:59", 6583.75, 6577.0, "TIME", -6.75),
    ("2024-12-23", "11:00"): ("23/12/24 15:08", "23/12/24 21:08", 6593.75, 6594.0, "BE", -0.25),
}
PEAKS: Final = {
    ("2023-01-03", "07:30"): 56.0,
    ("2023-02-03", "09:00"): 81.75,
    ("2023-01-23", "09:30"): 108.75,
}


def case_of(shared: Path, name: str) -> dict[str, Any]:
    return next(case for case in cases(shared) if case["id"] == name)


def test_the_list_of_cases_is_whole(shared: Path) -> None:
    assert sorted(IDS) == sorted(case["id"] for case in cases(shared))


@pytest.mark.parametrize("name", IDS)
def test_an_expected_case_is_ours(shared: Path, name: str) -> None:
    case, strategy = case_of(shared, name), Breakout()
    bars, point = strategy.prepare(bars_of(shared, case)), point_of(case)

    rows = strategy.trace(bars, point)["trades"]
    alone, among = (strategy.evaluate(bars, combinations_of([point] * count)) for count in (1, 5))

    assert differences(expected_of(shared, case), rows) == []
    counts = {ours: case["results"].get(theirs, 0) for theirs, ours in COUNTS.items()}
    for found in (alone, among):
        assert {n: found[n][-1] for n in counts} == counts
        assert found["rows"][-1] == case["rows"]
        assert found["profit"][-1] == pytest.approx(case["profit_sum"], abs=1e-6)


@pytest.mark.parametrize(("day", "slot"), EXAMPLES, ids=str)
def test_a_worked_example_comes_out(shared: Path, day: str, slot: str) -> None:
    strategy = Breakout()
    bars = strategy.prepare(read_bars(shared / "data/bars/futures_ES_1m_2023-2024.parquet"))

    rows = strategy.trace(bars, a_point())["trades"]

    i = list(zip(rows["Date"], rows["Time"], strict=True)).index((day, slot))
    assert tuple(rows[name][i] for name in SHOWN) == EXAMPLES[day, slot]
    assert rows["Peak"][i] == PEAKS.get((day, slot), rows["Peak"][i])


def test_a_touch_that_doubles_miss_is_no_break(shared: Path) -> None:
    """§13, example 9: 7885 ticks of 0.01 are more than 78.85."""
    strategy = Breakout()
    bars = strategy.prepare(read_bars(shared / "data/bars/futures_CL_1m_2023-2024.parquet"))

    rows, mended = (strategy.trace(bars, a_point(rules=r))["trades"] for r in ("reference", "fixed"))

    i = list(zip(rows["Date"], rows["Time"], strict=True)).index(("2023-01-05", "10:30"))
    assert rows["EntryTime"][i] == "05/01/23 11:35"
    assert mended["EntryTime"][i] == "05/01/23 11:32"


def test_the_ignored_priority_changes_no_row(shared: Path) -> None:
    index = json.loads((shared / "expected/breakout/index.json").read_text())

    case = next(c for c in index["cases"] if c["id"] == "es_tp_first")

    assert "same_bar_priority" in case["run_params"]
    assert "same_bar_priority" not in point_of(case)
