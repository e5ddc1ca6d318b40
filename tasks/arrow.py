"""Arrow columns straight from their bytes.

`pa.array`, `pa.scalar` and their kin look whether pandas is there, and thereby load it: 0.15 s and some 50 MB
in every worker process, before its first result. Nothing here does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def numbers(values: NDArray[Any], kind: pa.DataType, missing: Flags | None = None) -> pa.Array:
    """Whole numbers, floats or times; null where `missing`, and nowhere else: NaN is a value."""
    stored = np.ascontiguousarray(
        values, np.dtype("int64") if pa.types.is_timestamp(kind) else np.dtype(str(kind))
    )
    return pa.Array.from_buffers(kind, len(stored), [_validity(missing), pa.py_buffer(stored)])


def flags(values: NDArray[Any], missing: Flags | None = None) -> pa.Array:
    bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [_validity(missing), pa.py_buffer(bits)])


def texts(values: Sequence[str | None]) -> pa.Array:
    encoded = [b"" if v is None else v.encode() for v in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    missing = np.fromiter((v is None for v in values), np.bool_, len(encoded))
    return _strings(offsets, b"".join(encoded), missing)


def repeated(value: str, rows: int) -> pa.Array:
    """One text on every row."""
    encoded = value.encode()
    return _strings(np.arange(rows + 1, dtype=np.int64) * len(encoded), encoded * rows, None)


def nulls(rows: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return texts([None] * rows)
    missing = np.ones(rows, np.bool_)
    if pa.types.is_boolean(kind):
        return flags(missing, missing)
    return numbers(np.zeros(rows, np.int64), kind, missing)


def column(values: Sequence[Any] | NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Python values, None for none, or an array of numbers, as a column of that type."""
    if pa.types.is_string(kind):
        return texts(values.tolist() if isinstance(values, np.ndarray) else values)
    if isinstance(values, np.ndarray) and values.dtype != np.object_:
        if pa.types.is_timestamp(kind):
            values = values.astype(f"datetime64[{kind.unit}]").astype(np.int64)
        return flags(values) if pa.types.is_boolean(kind) else numbers(values, kind)
    missing = np.fromiter((v is None for v in values), np.bool_, len(values))
    filled = np.array([0 if v is None else v for v in values])
    return flags(filled, missing) if pa.types.is_boolean(kind) else numbers(filled, kind, missing)


def table(columns: Sequence[pa.Array | pa.ChunkedArray], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([*columns], schema=schema)


def empty(schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches([], schema=schema)


def _strings(offsets: NDArray[np.int64], content: bytes, missing: Flags | None) -> pa.Array:
    if offsets[-1] > np.iinfo(np.int32).max:
        raise OverflowError(f"{offsets[-1]:,} bytes of text do not fit into one column")
    buffers = [_validity(missing), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def _validity(missing: Flags | None) -> pa.Buffer | None:
    if missing is None or not missing.any():
        return None
    return pa.py_buffer(np.packbits(~missing, bitorder="little"))
