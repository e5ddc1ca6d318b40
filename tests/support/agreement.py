"""Expected results against a results folder: cases put into sweeps, and what of them is not as expected.

A sweep lists its combinations, so its summary holds for each security the points in the order given: the rows
of one point are every n-th. Tables are compared column by column, in the order of their rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a sweep says about one combination: a row a security, and its rows of the other tables."""

    rows: list[dict[str, Any]]
    tables: Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    id: str
    point: dict[str, Any]
    check: Callable[[Answer], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases that one sweep answers."""

    name: str
    strategy: str
    data: dict[str, Any]
    cases: Sequence[Case]
    common: Mapping[str, Any]
    keep: Sequence[str] = ("summary", "trades")

    @property
    def points(self) -> list[dict[str, Any]]:
        return list({_key(case.point): case.point for case in self.cases}.values())

    def spec(self) -> dict[str, Any]:
        """The sweep.yaml."""
        return {
            "name": self.name,
            "strategy": self.strategy,
            "data": self.data,
            "parameters": dict(self.common),
            "combinations": self.points,
            "output": {"dir": "results/{name}", "keep": list(self.keep)},
        }


def differences(results: Path, group: Group) -> dict[str, str]:
    """Case to what is not as expected; only those that have something."""
    rows = pq.read_table(results / "summary.parquet").to_pylist()
    keys = [_key(point) for point in group.points]
    if not rows or len(rows) % len(keys):
        return {case.id: f"{len(rows)} rows for {len(keys)} combinations" for case in group.cases}
    kept = {t: pq.read_table(results / f"{t}.parquet") for t in group.keep if t != "summary"}
    parts = {name: _by_combination(table) for name, table in kept.items()}
    found = {}
    for case in group.cases:
        own = rows[keys.index(_key(case.point)) :: len(keys)]
        tables = {n: parts[n].get(own[0]["combination"], t.slice(0, 0)) for n, t in kept.items()}
        failed = [row["security"] for row in own if row["status"] == "failed"]
        wrong = [f"failed: {failed[:5]}"] if failed else [*case.check(Answer(rows=own, tables=tables))]
        if wrong:
            found[case.id] = "; ".join(wrong[:4])
    return found


def numbers_differ(found: Row, wanted: Row, rel: float = 1e-9) -> Iterator[str]:
    """NaN, None and nothing are the same; infinities are only themselves."""
    for name, value in wanted.items():
        if name not in found:
            yield f"{name}: no such column"
            continue
        a, b = (math.nan if v is None else float(v) for v in (found[name], value))
        if not (a == b or (a != a and b != b) or math.isclose(a, b, rel_tol=rel, abs_tol=1e-12)):
            yield f"{name}: {a!r}, expected {b!r}"


def table_differs(found: pa.Table, wanted: pa.Table, rel: float = 0.0) -> Iterator[str]:
    """Over the wanted columns; floats to `rel`, by default bit for bit but for the sign of zero."""
    if len(found) != len(wanted):
        yield f"{len(found)} rows, expected {len(wanted)}"
        return
    for name in wanted.column_names:
        if name not in found.column_names:
            yield f"no column {name}"
            continue
        a, b = plain(found[name]), plain(wanted[name])
        if a.dtype.kind == "f" or b.dtype.kind == "f":
            x, y = a.astype(np.float64), b.astype(np.float64)
            same = (
                np.isclose(x, y, rtol=rel, atol=rel, equal_nan=True)
                if rel
                else (x == y) | ((x != x) & (y != y))
            )
        else:
            same = a == b
        if not np.all(same):
            at = int(np.argmin(same))
            yield f"{name} of row {at}: {a[at]!r}, expected {b[at]!r}"


def record_differs(found: Any, wanted: Any, where: str = "") -> Iterator[str]:
    """Nested records: texts, dates and flags equal, numbers to 1e-9."""
    if isinstance(wanted, dict):
        held = found if isinstance(found, dict) else {}
        for key, value in wanted.items():
            yield from record_differs(held.get(key), value, f"{where}.{key}")
    elif isinstance(wanted, list):
        items = [] if found is None else list(found)
        if len(items) != len(wanted):
            yield f"{where}: {len(items)} items, expected {len(wanted)}"
        for i, (a, b) in enumerate(zip(items, wanted, strict=False)):
            yield from record_differs(a, b, f"{where}[{i}]")
    elif isinstance(wanted, int | float) and not isinstance(wanted, bool):
        is_number = isinstance(found, int | float)
        if not is_number or not math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{where}: {found!r}, expected {wanted!r}"
    elif (found.isoformat()[:10] if isinstance(found, date | datetime) else found) != wanted:
        yield f"{where}: {found!r}, expected {wanted!r}"


def plain(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Times as nanoseconds, dates as days, numbers as they are, all else as objects."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64())
    elif pa.types.is_date32(kind):
        column = column.cast(pa.int32()).cast(pa.int64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    return np.array(column.to_pylist(), object)


def _by_combination(table: pa.Table) -> dict[str, pa.Table]:
    """Rows of each combination, whatever the security, in their order."""
    table = table.combine_chunks()
    encoded = table["combination"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    taken = table.take(pa.array(order))
    names = encoded.dictionary.to_pylist()
    return {name: taken.slice(a, b - a) for name, a, b in zip(names, bounds, bounds[1:], strict=False)}


def _key(point: Row) -> str:
    return json.dumps(point, sort_keys=True)


def rows_where(table: pa.Table, **values: Any) -> pa.Table:
    for name, value in values.items():
        table = table.filter(pc.equal(table[name], value))
    return table
