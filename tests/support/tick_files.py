"""Tick files for tests: a valid one, in which a test changes the one thing that matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.digest import file_digest
from tasks.data.slices import SliceRef

TEN: int = int(np.datetime64("2025-04-14T10:00:00", "ns").astype(np.int64))
SECOND = 10**9


def tick_table(**changed: Any) -> pa.Table:
    """Four ticks, one a second from ten o'clock; a column given as None is left out."""
    columns: dict[str, Any] = {
        "timestamp": pa.array([TEN + i * SECOND for i in range(4)], pa.timestamp("ns")),
        "type": ["BID", "ASK", "TRADE", "QUOTE"],
        "price": [1.5, 1.52, 0.0, 1.5],
        "volume": [100, 200, 0, 300],
    }
    columns.update(changed)
    return pa.table({name: values for name, values in columns.items() if values is not None})


def write_tick_file(path: Path, **changed: Any) -> Path:
    pq.write_table(tick_table(**changed), path)
    return path


def reference(path: Path, cache: Path, **changed: Any) -> SliceRef:
    """The whole file, as a plan made now would name it."""
    fields: dict[str, Any] = {
        "security": path.stem.upper(),
        "path": str(path),
        "digest": file_digest(path, cache),
        "kind": "ticks",
    }
    return SliceRef(**{**fields, **changed})
