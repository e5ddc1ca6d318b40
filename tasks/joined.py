"""The results of a chunk's securities as one: tables with a column that says whose each row is.

The summary needs none: every security has the same combinations, in the same order, one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from tasks import arrow
from tasks.runner import ChunkResult

OWNER: Final = "security"  # its place among those of the chunk, from 0; in all tables but the summary
SUMMARY: Final = "summary"


def joined(results: Sequence[ChunkResult]) -> ChunkResult:
    """The results of a chunk's securities, in their order."""
    tables = {}
    for name in dict.fromkeys(name for result in results for name in result.tables):
        if name == SUMMARY:
            tables[name] = _summary([r.tables[name] for r in results])
        else:
            owned = [_owned(i, r.tables[name]) for i, r in enumerate(results) if name in r.tables]
            tables[name] = pa.concat_tables(owned)
    return ChunkResult(
        tables=tables,
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
