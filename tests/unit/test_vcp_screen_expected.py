"""Every pattern and count of the original, on each date of both sets, in both modes, and each basic row."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tasks.results import arrow
from tasks.strategies.vcp_screen import METRICS, VcpScreen, VcpScreenParams
from tests.support.daily_frames import SETS, daily_slices
from tests.support.vcp_screen_frames import as_combinations

pytestmark = pytest.mark.shared

SCREEN = VcpScreen()
KINDS = {name: arrow.type_named(kind) for name, kind in SCREEN.traces["signals"].items()}
Found = dict[tuple[str, str], dict[str, Any]]


@cache
def securities(shared: Path, name: str) -> dict[str, Any]:
    return {data.security: SCREEN.prepare(data) for data in daily_slices(shared, name)}


def screened(shared: Path, name: str, point: dict[str, Any]) -> tuple[Found, Counter[str]]:
    """Rows of `signals` as the file will have them, by date and symbol, and the sums of the metrics."""
    symbols: list[str] = []
    table: dict[str, list[Any]] = {column: [] for column in KINDS}
    counts: Counter[str] = Counter()
    for symbol, data in securities(shared, name).items():
        metrics = SCREEN.evaluate(data, as_combinations([point]))
        counts.update({metric: int(metrics[metric][0]) for metric in METRICS})
        found = SCREEN.trace(data, {**vars(VcpScreenParams()), **point})["signals"]
        symbols += [symbol] * len(found["as_of"])
        for column, values in table.items():
            values += found[column]
    columns = [arrow.column(values, KINDS[column]).to_pylist() for column, values in table.items()]
    rows = [dict(zip(KINDS, values, strict=True)) for values in zip(*columns, strict=True)]
    return {(r["as_of"].isoformat(), s): r for r, s in zip(rows, symbols, strict=True)}, +counts


def difference(ours: Any, theirs: Any, where: str = "") -> str | None:
    """The first: numbers to 1e-9, dates as they are written, all else equal."""
    if isinstance(theirs, dict):
        pairs = [(ours[k], v, f"{where}.{k}") for k, v in theirs.items() if k != "symbol"]
    elif isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(ours, theirs, strict=True))]
    else:
        plain = ours.isoformat() if isinstance(ours, date) else ours
        is_close = isinstance(theirs, float) and math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
        return None if is_close or plain == theirs else f"{where}: {plain!r}, expected {theirs!r}"
    return next((found for pair in pairs if (found := difference(*pair))), None)


def differences(ours: Found, theirs: Found) -> list[str]:
    lacking = [f"{key}: only on one side" for key in ours.keys() ^ theirs.keys()]
    found = {key: difference(ours[key], theirs[key]) for key in ours.keys() & theirs.keys()}
    return lacking + [f"{key}: {what}" for key, what in found.items() if what]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("mode", ["historical", "same_day"])
def test_every_pattern_and_every_count_comes_out(shared: Path, name: str, mode: str) -> None:
    folder = shared / "expected" / "vcp"
    lines = gzip.decompress((folder / f"{name}.screen.jsonl.gz").read_bytes()).splitlines()
    patterns = [pattern for line in lines if (pattern := json.loads(line))["mode"] == mode]
    counts = json.loads((folder / f"{name}.screen_counts.json").read_bytes())
    chosen = [count for count in counts if count["mode"] == mode]
    totals: Counter[str] = Counter()
    for count in chosen:
        totals.update({k: v for k, v in count.items() if k in METRICS})

    rows, found = screened(shared, name, {"mode": mode, "as_of": [count["as_of"] for count in chosen]})

    assert differences(rows, {(p["as_of"], p["symbol"]): p["result"] for p in patterns}) == []
    assert found == totals


@pytest.mark.parametrize("name", SETS)
def test_every_row_of_the_basic_screen_comes_out(shared: Path, name: str) -> None:
    content = (shared / "expected" / "vcp" / f"{name}.basic_screen.json.gz").read_bytes()
    lists = json.loads(gzip.decompress(content))
    wanted = {(day["as_of"], row["symbol"]): row for day in lists for row in day["results"]}

    rows, found = screened(shared, name, {"screen": "basic", "as_of": [day["as_of"] for day in lists]})

    assert differences(rows, wanted) == []
    assert found["hits"] == len(wanted)


def test_the_worked_example_is_found(shared: Path) -> None:
    rows, _ = screened(shared, "us100", {"as_of": ["2015-11-02"]})

    row = rows[("2015-11-02", "AAP")]

    assert (row["breakout_date"].isoformat(), row["pattern_duration_days"]) == ("2015-10-29", 60)
    assert (row["quality_score"], row["overall_pattern_grade"]) == (6, "B")
    assert row["suggested_stop_loss"] == pytest.approx(182.669)
