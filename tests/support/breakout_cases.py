"""The expected rows of the breakout analyzer as test cases: bars read plainly, compared in all 17 columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.data.slices import Slice
from tasks.data.zones import to_utc
from tasks.strategies.breakout import Breakout, BreakoutParams, column_of

Columns = Mapping[str, NDArray[Any]]
Case = dict[str, Any]

OURS: Final = {"enabled_sessions": "sessions", "enabled_slots": "slots"}
COUNTS: Final = {
    "Win": "wins",
    "Loss": "losses",
    "BE": "break_even",
    "TIME": "time_exits",
    "OPEN": "open",
    "NoTrade": "no_trade",
}
COLUMNS: Final = tuple(Breakout.traces["trades"])


def cases(shared: Path) -> list[Case]:
    found: list[Case] = json.loads((shared / "expected/breakout/index.json").read_text())["cases"]
    return found


def point_of(case: Case) -> dict[str, Any]:
    """The case's parameters under our names, on top of the defaults."""
    given = case.get("run_params", {}) | case.get("patch", {}) | {"instrument": case["instrument"]}
    if "as_of" in case:
        given["as_of"] = case["as_of"]
    given.pop("same_bar_priority", None)
    return a_point(**{OURS.get(name, name): value for name, value in given.items()})


def a_point(**given: Any) -> dict[str, Any]:
    """One combination: the defaults but for what is given."""
    point = vars(BreakoutParams())
    assert not given.keys() - point.keys()
    return {**point, **given}


def combinations_of(points: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """As the runner gives them to `evaluate`."""
    found = {}
    for name, default in vars(BreakoutParams()).items():
        values = [point[name] for point in points]
        if name == "target_points":
            found[name] = np.array([np.nan if v is None else v for v in values], np.float64)
        else:
            found[name] = column_of(default, len(points))
            for i, value in enumerate(values):
                found[name][i] = value
    return found


@cache
def read_bars(file: Path) -> Slice:
    """§1: integer ticks, by one division."""
    table = pq.read_table(file)
    kept = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    per_point = float(kept["ticks_per_point"])
    columns = {
        n: table[n].to_numpy().astype(np.float64) / per_point for n in ("open", "high", "low", "close")
    }
    stamps = table["minute_utc"].to_numpy().astype(np.int64) * 60 * 10**9
    return Slice(
        security=kept["symbol"], columns={"timestamp": stamps, **columns}, zone="UTC", source=file.name
    )


def bars_of(shared: Path, case: Case) -> Slice:
    """The case's bars; `start` is inclusive, `end` exclusive, both Chicago time."""
    bars = read_bars(shared.parent / "shared" / Path(case["bars"]).relative_to("shared"))
    stamps = bars["timestamp"]
    rows = slice(
        int(np.searchsorted(stamps, _instant(case["start"]))) if "start" in case else None,
        int(np.searchsorted(stamps, _instant(case["end"]))) if "end" in case else None,
    )
    return rows_of(bars, rows)


def rows_of(bars: Slice, rows: slice | NDArray[Any]) -> Slice:
    return Slice(
        security=bars.security,
        columns={name: values[rows] for name, values in bars.items()},
        zone=bars.zone,
        source=bars.source,
    )


def expected_of(shared: Path, case: Case) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = pq.read_table(shared / "expected/breakout" / case["file"]).to_pydict()
    return found


def differences(wanted: Mapping[str, Sequence[Any]], found: Mapping[str, Any]) -> list[str]:
    """Every column that is not the same, with its first different row. No tolerance."""
    if list(found) != list(wanted):
        return [f"columns {list(found)}"]
    said = []
    for name, values in wanted.items():
        ours = list(found[name])
        if len(ours) != len(values):
            return [f"{len(ours)} rows, wanted {len(values)}"]
        wrong = [i for i, (a, b) in enumerate(zip(ours, values, strict=True)) if a != b]
        if wrong:
            first = wrong[0]
            said.append(f"{name}: {len(wrong)} differ, row {first} {ours[first]!r}, wanted {values[first]!r}")
    return said


def _instant(chicago: str) -> np.int64:
    wall = np.array([np.datetime64(chicago, "ns").astype(np.int64)])
    return np.int64(to_utc(wall, "America/Chicago")[0])
