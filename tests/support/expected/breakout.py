"""The cases of specs/breakout.md §15: every row in all of its columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from tests.support.agreement import Answer, Case, Group, numbers_differ, table_differs

RENAMED: Final = {"enabled_sessions": "sessions", "enabled_slots": "slots"}
COUNTS: Final = {
    "Win": "wins",
    "Loss": "losses",
    "BE": "break_even",
    "TIME": "time_exits",
    "OPEN": "open",
    "NoTrade": "no_trade",
}


def groups(shared: Path) -> Iterator[Group]:
    folder = shared / "expected/breakout"
    for case in json.loads((folder / "index.json").read_text())["cases"]:
        given = {**case.get("run_params", {}), **case.get("patch", {}), "instrument": case["instrument"]}
        point = {RENAMED.get(n, n): v for n, v in given.items() if n != "same_bar_priority"}
        if "as_of" in case:
            point["as_of"] = case["as_of"]
        data = {"source": str(shared / case["bars"].removeprefix("shared/"))}
        if "start" in case:
            data["start"] = case["start"]
        if "end" in case:  # exclusive in the index, inclusive in a sweep; bars lie on whole minutes
            data["end"] = str(datetime.fromisoformat(case["end"]) - timedelta(seconds=1))
        check = partial(_differs, case=case, folder=folder)
        yield Group(
            name=case["id"].replace("_", "-"),
            strategy="breakout",
            data=data,
            cases=[Case(id=case["id"], point=point, check=check)],
            common={},
        )


def _differs(answer: Answer, case: Mapping[str, Any], folder: Path) -> Iterator[str]:
    (row,), trades = answer.rows, answer.tables["trades"]
    yield from table_differs(trades, pq.read_table(folder / case["file"]))
    counts = {ours: case["results"].get(theirs, 0) for theirs, ours in COUNTS.items()}
    yield from numbers_differ(row, {"rows": case["rows"], **counts})
