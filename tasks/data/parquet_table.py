"""A Parquet file as a table: its columns by name, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.data.reading import damaged, reading

PHYSICAL: Final = {"INT32": np.int32, "INT64": np.int64}


class ParquetTable:
    """Looked at without reading a column: its footer tells its schema and its rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path), pq.ParquetFile(path) as file:
            self.footer: Any = file.metadata
            self.schema: Any = file.schema_arrow
        self.facts: Mapping[str, str] = {
            key.decode(errors="replace"): value.decode(errors="replace").strip()
            for key, value in (self.schema.metadata or {}).items()
        }
        """What the file says of itself."""

    @property
    def rows(self) -> int:
        return int(self.footer.num_rows)

    def extremes(self, name: str) -> Any | None:
        """The least and the greatest value of a column, without nulls: two rows of Arrow, or None where the
        footer does not say.
        """
        kind = self.schema.field(name).type
        leaf = next(i for i in range(self.footer.num_columns) if self.footer.schema.column(i).path == name)
        bounds: list[int] = []
        with reading(self.path), pq.ParquetFile(self.path) as file:
            for group in range(self.footer.num_row_groups):
                # a damaged footer can end the whole process in the line after the next; reading only fails
                next(file.iter_batches(batch_size=1, row_groups=[group], columns=[name]), None)
                chunk = self.footer.row_group(group).column(leaf)
                stated = chunk.statistics
                if stated is not None and stated.has_min_max:
                    bounds += [stated.min_raw, stated.max_raw]
                elif stated is None or stated.null_count != self.footer.row_group(group).num_rows:
                    return None
        if not bounds or chunk.physical_type not in PHYSICAL:
            return None
        stored = np.array([min(bounds), max(bounds)], PHYSICAL[chunk.physical_type])
        # made from its bytes: `pa.array` imports pandas, which would take longer than all the rest of a scan
        return pa.chunked_array([pa.Array.from_buffers(kind, 2, [None, pa.py_buffer(stored)])])

    def batches(self, names: Sequence[str], words: str | None = None) -> Iterator[Any]:
        """Tables with these columns, all rows in their order; the column `words` as a dictionary."""
        rows = 0
        with (
            reading(self.path),
            pq.ParquetFile(self.path, read_dictionary=None if words is None else [words]) as file,
        ):
            for group in range(file.num_row_groups):  # one at a time: no second copy of a big file
                table = file.read_row_group(group, columns=list(names))
                rows += table.num_rows
                yield table
        if rows != self.footer.num_rows:
            raise damaged(self.path)

    def place(self, row: int) -> str:
        return f"row {row + 1}"

    def numbers(self, rows: int) -> NDArray[np.int32]:
        """Of each row its place in the file."""
        return np.arange(1, rows + 1, dtype=np.int32)
