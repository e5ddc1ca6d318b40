"""Results put together: those of a chunk's securities, and those of a security's combinations.

Where securities meet, tables have a column that says whose each row is. The summary needs none: every
security has the same combinations, in the same order, one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from tasks.results import arrow
from tasks.runner import ChunkResult

OWNER: Final = "security"  # its place among those of the chunk, from 0; in all tables but the summary
SUMMARY: Final = "summary"


def joined(results: Sequence[ChunkResult]) -> ChunkResult:
    """The results of a chunk's securities, in their order."""
    owned = [
        {n: t if n == SUMMARY else _owned(i, t) for n, t in result.tables.items()}
        for i, result in enumerate(results)
    ]
    return _together(results, owned)


def in_sequence(results: Sequence[ChunkResult]) -> ChunkResult:
    """The result of a security whose combinations were evaluated in pieces: what one piece would give."""
    return _together(results, [result.tables for result in results])


def _together(results: Sequence[ChunkResult], tables: Sequence[Mapping[str, pa.Table]]) -> ChunkResult:
    names = dict.fromkeys(name for found in tables for name in found)
    kept = {name: [found[name] for found in tables if name in found] for name in names}
    return ChunkResult(
        tables={n: _summary(t) if n == SUMMARY else pa.concat_tables(t) for n, t in kept.items()},
        ok=sum(r.ok for r in results),
        failed=sum(r.failed for r in results),
        empty=sum(r.empty for r in results),
    )


def _summary(tables: Sequence[pa.Table]) -> pa.Table:
    """Null metrics where a security has none: its data cannot be used, or there are none."""
    schema = max((t.schema for t in tables), key=len)
    padded = []
    for table in tables:
        known = set(table.column_names)
        columns = [table[f.name] if f.name in known else arrow.nulls(len(table), f.type) for f in schema]
        padded.append(arrow.table(columns, schema))
    return pa.concat_tables(padded)


def _owned(place: int, table: pa.Table) -> pa.Table:
    return table.add_column(0, OWNER, arrow.numbers(np.full(len(table), place), pa.int64()))
