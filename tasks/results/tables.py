"""Parquet files whose bytes depend on their rows alone: not on who wrote them, when, or in which pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.plan import SweepSpec
from tasks.results import arrow

ROW_GROUP_ROWS: Final = 65_536  # at most
ROW_GROUP_BYTES: Final = 24 * 2**20  # about: what writer and reader hold at a time, some three times over
VALUE_BYTES: Final = 8
TEXT_BYTES: Final = 24  # of a name, a combination's, or a list with a few entries

FAILURES_SCHEMA: Final = pa.schema(
    [
        ("security", pa.string()),
        ("combination", pa.string()),
        ("error", pa.string()),
        ("message", pa.string()),
        ("traceback", pa.string()),
        ("attempts", pa.int64()),
    ]
)
_OWNER: Final = [("security", pa.string()), ("combination", pa.string())]


def schemas(spec: SweepSpec) -> dict[str, pa.Schema]:
    """The tables that a sweep leaves, each with its columns in order."""
    summary = [*_OWNER, ("status", pa.string()), *_fields([*spec.parameters, *spec.metrics])]
    traces = {table: pa.schema([*_OWNER, *_fields(columns)]) for table, columns in spec.traces.items()}
    return {"summary": pa.schema(summary), "failures": FAILURES_SCHEMA, **traces}


def _fields(columns: Sequence[Sequence[str]]) -> list[tuple[str, pa.DataType]]:
    return [(name, arrow.type_named(alias)) for name, alias in columns]


def group_rows(schema: pa.Schema) -> int:
    """Rows of a row group, fewer for a wide table. A matter of the columns alone: all writers agree."""
    flat = (pa.types.is_primitive(f.type) for f in schema)
    width = sum(VALUE_BYTES if is_flat else TEXT_BYTES for is_flat in flat)
    return min(ROW_GROUP_ROWS, max(1, ROW_GROUP_BYTES // width))


class OrderedWriter:
    """Writes rows in the order given, in row groups of a fixed number of rows however the pieces come."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self._group_rows = group_rows(schema)
        # numbers and names of combinations hardly repeat: a dictionary of them costs a third of the time, and
        # makes the file larger
        repeating = [f.name for f in schema if pa.types.is_string(f.type) and f.name != "combination"]
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", version="2.6", use_dictionary=repeating
        )
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0

    def add(self, table: pa.Table) -> None:
        self.rows += len(table)
        self._waiting.append(table)
        self._waiting_rows += len(table)
        if self._waiting_rows >= self._group_rows:
            joined = pa.concat_tables(self._waiting)
            whole = len(joined) - len(joined) % self._group_rows
            for at in range(0, whole, self._group_rows):
                self._group(joined.slice(at, self._group_rows))
            self._waiting, self._waiting_rows = [joined.slice(whole)], len(joined) - whole

    def close(self) -> None:
        if self._waiting_rows:
            self._group(pa.concat_tables(self._waiting))
        self._waiting, self._waiting_rows = [], 0
        self._writer.close()

    def _group(self, rows: pa.Table) -> None:
        # one chunk a column: page bounds would else follow the seams between the pieces
        self._writer.write_table(rows.combine_chunks(), row_group_size=self._group_rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()
