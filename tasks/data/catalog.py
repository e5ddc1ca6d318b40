"""What a data source holds: its securities, their rows, from when to when. No column is read for it.

A file that cannot be used is in the catalog too, with its problem: it fails its security, not the sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.contract import DataKind
from tasks.data import parse
from tasks.data.readers import SYMBOL, layout, reading
from tasks.errors import DataError, DataNotFound

SUFFIX: Final = ".parquet"
CONVERTIBLE: Final = (".csv", ".xlsx")
SOURCE_HINT: Final = "set data.source to the folder that holds your data files, or to one of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One security's file, as far as its footer tells."""

    security: str
    path: Path
    bytes: int
    rows: int | None = None
    first_ns: int | None = None
    """The earliest instant in it, in the data's own wall time; None where the footer does not say."""
    last_ns: int | None = None
    problem: str | None = None
    """Why the file cannot be used, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The securities of a data source, sorted by name."""

    source: Path
    entries: Mapping[str, Entry]
    clashes: Mapping[str, tuple[Path, ...]]
    """Names that more than one file claims; their entries have it as their problem."""

    def get(self, name: str) -> Entry | None:
        """By name, in whatever case it is written."""
        if (entry := self.entries.get(name)) is not None:
            return entry
        wanted = name.casefold()
        return next((entry for known, entry in self.entries.items() if known.casefold() == wanted), None)


def scan(source: str | Path, kind: DataKind = "ticks") -> Catalog:
    """Look at a folder of data files, one security each, or at one such file."""
    find_parts = layout(kind)
    path = Path(source).expanduser().absolute()
    found = sorted((_entry(file, find_parts) for file in _files(path)), key=_name)
    entries: dict[str, Entry] = {}
    clashes: dict[str, tuple[Path, ...]] = {}
    for _, same in groupby(found, key=_name):
        claims = sorted(same, key=lambda entry: entry.path)
        first = claims[0]
        if len(claims) > 1:
            clashes[first.security] = tuple(entry.path for entry in claims)
            first = replace(first, problem=_clash(claims))
        entries[first.security] = first
    return Catalog(source=path, entries=dict(sorted(entries.items())), clashes=clashes)


def _files(source: Path) -> Iterable[Path]:
    try:
        if source.is_file():
            found = [source]
        else:
            found = [file for file in source.iterdir() if not file.name.startswith(".") and file.is_file()]
    except OSError as e:
        missing = isinstance(e, FileNotFoundError)
        reason = "no such file or folder" if missing else (e.strerror or str(e)).lower()
        raise DataNotFound(f"data source {source}: {reason}", hint=SOURCE_HINT) from e
    usable = [file for file in found if file.suffix.lower() == SUFFIX]
    if usable:
        return usable
    others = sorted({file.suffix.lower() for file in found} & set(CONVERTIBLE))
    if others:
        raise DataNotFound(
            f"data source {source}: tick data is read from Parquet, found only {' and '.join(others)}",
            hint="write each security as a Parquet file with the columns timestamp, type, price and volume",
        )
    if source.is_file():
        raise DataNotFound(f"data source {source}: not a {SUFFIX} file", hint=SOURCE_HINT)
    raise DataNotFound(f"data source {source}: no {SUFFIX} file in it", hint=SOURCE_HINT)


def _entry(path: Path, find_parts: Any) -> Entry:
    security = path.stem.upper()
    size = 0
    try:
        with reading(path):
            size = path.stat().st_size
            with pq.ParquetFile(path) as file:
                metadata, schema = file.metadata, file.schema_arrow
        security = _symbol(schema) or security
        parts = find_parts(schema, path)
        first, last = _range(metadata, schema, parts["timestamp"])
    except DataError as e:
        return Entry(security=security, path=path, bytes=size, problem=e.message)
    rows = metadata.num_rows
    return Entry(security=security, path=path, bytes=size, rows=rows, first_ns=first, last_ns=last)


def _symbol(schema: Any) -> str | None:
    """The name that a file gives itself, where it does."""
    written = (schema.metadata or {}).get(SYMBOL.encode(), b"").decode(errors="replace").strip()
    return written.upper() or None


def _range(metadata: Any, schema: Any, column: str) -> tuple[int | None, int | None]:
    """The earliest and the latest time of all row groups, where every one of them says."""
    kind = schema.field(column).type
    if not parse.is_time(kind) or pa.types.is_dictionary(kind):
        return None, None
    leaf = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == column)
    bounds: list[int] = []
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(leaf)
        stated = chunk.statistics
        if stated is not None and stated.has_min_max:
            bounds += [stated.min_raw, stated.max_raw]
        elif stated is None or stated.null_count != metadata.row_group(group).num_rows:
            return None, None
    if not bounds or chunk.physical_type == "INT96":
        return None, None
    stored = np.array([min(bounds), max(bounds)], np.int32 if chunk.physical_type == "INT32" else np.int64)
    # made from its bytes: `pa.array` imports pandas, which would take longer than all the rest of the scan
    extremes = pa.Array.from_buffers(kind, 2, [None, pa.py_buffer(stored)])
    first, last = parse.wall_times(pa.chunked_array([extremes])).tolist()
    return first, last


def _clash(claims: list[Entry]) -> str:
    paths = ", ".join(str(entry.path) for entry in claims)
    return f"{len(claims)} files claim the name {claims[0].security}: {paths}"


def _name(entry: Entry) -> str:
    return entry.security
