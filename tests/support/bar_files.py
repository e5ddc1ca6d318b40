"""Bar files for tests: a valid one, in which a test changes the one thing that matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.digest import file_digest
from tasks.data.slices import SliceRef

NINE: int = 1_744_621_200_000_000_000
"""2025-04-14T09:00:00 of UTC, a Monday."""
FIVE_MINUTES = 300 * 10**9

LINES = (
    "time,open,high,low,close,volume",
    "2025-04-14T05:00:00-04:00,10.1,10.4,10.0,10.2,700",
    "2025-04-14T05:05:00-04:00,10.2,10.3,9.9,10.0,0",
    "2025-04-14T05:10:00-04:00,10.0,10.5,10.0,10.5,12",
)


def write_csv(path: Path, *lines: str, end: str = "\n") -> Path:
    """The lines given, or else three valid bars; without a newline at the very end."""
    path.write_bytes(end.join(lines or LINES).encode())
    return path


def bar_table(**changed: Any) -> pa.Table:
    """Three bars of five minutes; a column given as None is left out."""
    columns: dict[str, Any] = {
        "time": pa.array([NINE + i * FIVE_MINUTES for i in range(3)], pa.timestamp("ns", "UTC")),
        "open": [10.1, 10.2, 10.0],
        "high": [10.4, 10.3, 10.5],
        "low": [10.0, 9.9, 10.0],
        "close": [10.2, 10.0, 10.5],
        "volume": [700, 0, 12],
    }
    columns.update(changed)
    return pa.table({name: values for name, values in columns.items() if values is not None})


def write_parquet(path: Path, facts: dict[str, str] | None = None, **changed: Any) -> Path:
    pq.write_table(bar_table(**changed).replace_schema_metadata(facts), path)
    return path


def bar_reference(path: Path, cache: Path, **changed: Any) -> SliceRef:
    """The whole file, as a plan made now would name it."""
    fields: dict[str, Any] = {
        "security": path.stem,
        "path": str(path),
        "digest": file_digest(path, cache),
        "kind": "bars",
    }
    return SliceRef(**{**fields, **changed})
