"""A chunk's result as bytes and back: Arrow IPC streams with zstd, under one versioned header.

    magic "SFP1" · length of the header (4 bytes, little endian) · header (JSON: version, tables with their
    lengths) · the tables' streams, one after another

The bytes of a result are a function of the result alone, so two runs of the same chunk can be compared by
checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from tasks.errors import PartDamaged

MAGIC: Final = b"SFP1"
SCHEMA_VERSION: Final = 1
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
_HEAD: Final = len(MAGIC) + 4


def encode(tables: Mapping[str, pa.Table]) -> bytes:
    """Tables by name, in the order given."""
    streams = {name: _stream(table) for name, table in tables.items()}
    header = {"v": SCHEMA_VERSION, "tables": [[name, len(stream)] for name, stream in streams.items()]}
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((MAGIC, len(text).to_bytes(4, "little"), text, *streams.values()))


def decode(part: bytes | memoryview, sha256: str | None = None) -> dict[str, pa.Table]:
    """The tables of a part; PartDamaged where it is not whole, not ours, or not what the checksum says."""
    view = memoryview(part)
    if sha256 is not None and checksum(view) != sha256:
        raise PartDamaged("a stored part does not match its checksum", hint="its chunk runs again by itself")
    if len(view) < _HEAD or bytes(view[: len(MAGIC)]) != MAGIC:
        raise PartDamaged(f"a stored part of {len(view)} bytes does not begin as parts do")
    length = int.from_bytes(view[len(MAGIC) : _HEAD], "little")
    try:
        header: dict[str, Any] = json.loads(bytes(view[_HEAD : _HEAD + length]))
        if header["v"] != SCHEMA_VERSION:
            raise PartDamaged(f"a stored part has version {header['v']}, this release reads {SCHEMA_VERSION}")
        tables, at = {}, _HEAD + length
        for name, size in header["tables"]:
            with pa.ipc.open_stream(pa.py_buffer(view[at : at + size])) as reader:
                tables[name] = reader.read_all()
            at += size
    except (ValueError, KeyError, TypeError, pa.ArrowException, OSError) as e:
        raise PartDamaged(f"a stored part cannot be read: {e}") from e
    return tables


def checksum(part: bytes | memoryview) -> str:
    return hashlib.sha256(part).hexdigest()


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks())  # one layout, however the table was put together
    return bytes(sink.getvalue())
