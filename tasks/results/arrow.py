"""Arrow columns straight from their bytes.

`pa.array`, `pa.scalar` and their kin look whether pandas is there, and thereby load it: 0.15 s and some 50 MB
in every worker process, before its first result. Nothing here does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from operator import is_
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
TOKEN: Final = re.compile(r"(list<|struct<|>|,|:)|([^<>,:\[\]]+(?:\[[^\]]*\])?)")


def type_named(name: str) -> pa.DataType:
    """The type that is written so: `double`, `date32[day]`, `list<struct<number: int64, close: double>>`."""
    tokens = iter([*(match.group() for match in TOKEN.finditer(name.replace(" ", ""))), ""])
    kind = _type(next(tokens), tokens)
    if next(tokens, ""):
        raise ValueError(f"{name!r} names no column type")
    return kind


def _type(token: str, tokens: Iterator[str]) -> pa.DataType:
    if token == "list<":
        inner = _type(next(tokens), tokens)
        if next(tokens) != ">":
            raise ValueError("a list has one type")
        return pa.list_(inner)
    if token == "struct<":
        fields, after = list[tuple[str, pa.DataType]](), ","
        while after == ",":
            field = next(tokens)
            if next(tokens) != ":":
                raise ValueError(f"{field!r} has no type")
            fields.append((field, _type(next(tokens), tokens)))
            after = next(tokens)
        return pa.struct(fields)
    return pa.type_for_alias(token)


def numbers(values: NDArray[Any], kind: pa.DataType, missing: Flags | None = None) -> pa.Array:
    """Whole numbers, floats or times; null where `missing`, and nowhere else: NaN is a value."""
    stored = np.ascontiguousarray(values, _stored(kind))
    return pa.Array.from_buffers(kind, len(stored), [_validity(missing), pa.py_buffer(stored)])


def flags(values: NDArray[Any], missing: Flags | None = None) -> pa.Array:
    bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [_validity(missing), pa.py_buffer(bits)])


def texts(values: Sequence[str | None]) -> pa.Array:
    encoded = [b"" if v is None else v.encode() for v in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    return _strings(offsets, b"".join(encoded), _missing(values))


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
    if pa.types.is_nested(kind):
        return column([None] * rows, kind)
    return numbers(np.zeros(rows, np.int64), kind, missing)


def column(values: Sequence[Any] | NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Python values, None for none, or an array of numbers or times, as a column of that type.

    Lists are sequences of values, structs are maps of them.
    """
    if isinstance(values, np.ndarray) and values.dtype != np.object_ and not pa.types.is_string(kind):
        if (time := _time(kind)) is not None and values.dtype.kind == "M":
            values = values.astype(time).astype(np.int64)
        return flags(values) if pa.types.is_boolean(kind) else numbers(values, kind)
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    if pa.types.is_string(kind):
        return texts(plain)
    missing = _missing(plain)
    if pa.types.is_list(kind):
        return _lists(plain, kind, missing)
    if pa.types.is_struct(kind):
        members = [column([None if v is None else v[f.name] for v in plain], f.type) for f in kind]
        return pa.Array.from_buffers(kind, len(plain), [_validity(missing)], children=members)
    if (time := _time(kind)) is not None:
        plain = [v if v is None or isinstance(v, int) else _since_1970(v, time) for v in plain]
    filled: NDArray[Any] = np.array(plain if missing is None else [0 if v is None else v for v in plain])
    return flags(filled, missing) if pa.types.is_boolean(kind) else numbers(filled, kind, missing)


def _since_1970(value: Any, time: str) -> int:
    """Of a date or time, as itself or as text, in the units of `time`."""
    return int(np.datetime64(value).astype(time).astype(np.int64))


def _missing(values: Sequence[Any]) -> Flags | None:
    """Where there is None; None where it is nowhere, as in nearly every column."""
    if not any(map(is_, values, repeat(None))):  # `in` would compare, and an array answers with an array
        return None
    return np.fromiter((v is None for v in values), np.bool_, len(values))


def _lists(values: Sequence[Any], kind: pa.DataType, missing: Flags | None) -> pa.Array:
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([0 if v is None else len(v) for v in values], out=offsets[1:])
    inner = column(list(chain.from_iterable(v for v in values if v is not None)), kind.value_type)
    buffers = [_validity(missing), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(kind, len(values), buffers, children=[inner])


def _stored(kind: pa.DataType) -> np.dtype[Any]:
    if pa.types.is_date32(kind):
        return np.dtype(np.int32)
    return np.dtype(np.int64) if pa.types.is_timestamp(kind) else np.dtype(str(kind))


def _time(kind: pa.DataType) -> str | None:
    """NumPy's name of a column type that holds times or dates."""
    if pa.types.is_date32(kind):
        return "datetime64[D]"
    return f"datetime64[{kind.unit}]" if pa.types.is_timestamp(kind) else None


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
