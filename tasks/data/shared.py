"""One decoded copy of the data per node, and slices of it: what a task opens.

Copies are named by the content they were made from, so they are right for as long as they exist, and they may
be deleted at any time: the next reader makes them again.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.contract import MISSING_TIME, Columns
from tasks.data import copies, universe
from tasks.data.decoded import Decoded
from tasks.data.digest import file_digest
from tasks.data.readers import dtypes, reader
from tasks.data.slices import Slice, SliceRef, in_data_time
from tasks.errors import DataChanged, DataError
from tasks.names import LOGGER

log = logging.getLogger(f"{LOGGER}.data")

DECODER_VERSION: Final = 2  # raised when the same file would be decoded to other columns

MOUNT_HINT: Final = "every node needs the data under the same path: check its mount"

_unshared: dict[str, Decoded] = {}
"""The last data that could not be kept on disk, so that its next chunk need not decode it again."""


def open_slice(ref: SliceRef, cache_dir: Path) -> Slice:
    """The columns of a slice, after making sure that the file is the one that the plan was made from."""
    _check_unchanged(ref, cache_dir)
    name = _name(ref)
    decoded = _unshared.get(name)
    if decoded is None:
        decoded = _kept(ref, cache_dir, name)
    if decoded is None:
        decoded = _unkept(ref, cache_dir, name)
    found = decoded.security(ref.security)
    if found is None:
        raise DataError(f"{ref.path}: no security '{ref.security}' in it", hint=MOUNT_HINT)
    columns, rows = found
    if (inside := _inside(columns["timestamp"], ref, decoded.zone)) is not None:
        columns = {name: _read_only(array[inside]) for name, array in columns.items()}
        rows = _read_only(rows[inside])
    return Slice(
        security=ref.security,
        columns=columns,
        zone=decoded.zone or ref.timezone,
        segment=ref.segment,
        token=ref.token,
        newest_ns=ref.newest_ns,
        source=ref.path,
        rows_in_file=rows,
    )


def usable_rows(data: Columns) -> int:
    """How many rows a strategy could use: bars with a time; ticks that market_making.md §1.3 does not drop,
    which are those with a time and a price above 0.
    """
    timed = data["timestamp"] != MISSING_TIME
    return int(np.count_nonzero(timed & (data["price"] > 0.0) if "price" in data else timed))


def _check_unchanged(ref: SliceRef, cache_dir: Path) -> None:
    try:
        found = file_digest(ref.path, cache_dir)
    except DataError as e:
        raise DataChanged(f"{e.message}, on this node", hint=MOUNT_HINT) from e
    if found != ref.digest:
        raise DataChanged(
            f"{ref.path}: its content is not what the sweep was planned with "
            f"(SHA-256 {found[:12]}…, was {ref.digest[:12]}…)",
            hint="submit the sweep again; on several nodes, check that all have the same file",
        )


def _kept(ref: SliceRef, cache_dir: Path, name: str) -> Decoded | None:
    """The node's copy, made now if there is none; None where the cache folder takes no files."""
    folder = cache_dir / "columns" / name
    wanted = dtypes(ref.kind)
    if (decoded := copies.mapped(folder, wanted)) is not None:
        return decoded
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with copies.alone(folder):
            if (decoded := copies.mapped(folder, wanted)) is not None:
                return decoded  # another process has made it meanwhile
            copies.sweep_out(folder)
            copies.write(folder, _decoded(ref, cache_dir))
            log.info("decoded %s", ref.path, extra={"event": "data_decoded", "security": ref.security})
    except OSError as e:
        reason = (e.strerror or str(e)).lower()
        log.warning(
            "cannot keep the decoded %s in %s (%s); each process holds its own copy",
            ref.security,
            cache_dir,
            reason,
            extra={"event": "data_not_shared", "security": ref.security},
        )
        return None
    return copies.mapped(folder, wanted)


def _unkept(ref: SliceRef, cache_dir: Path, name: str) -> Decoded:
    decoded = _decoded(ref, cache_dir)
    for array in (*decoded.columns.values(), decoded.rows_in_file):
        _read_only(array)
    _unshared.clear()
    _unshared[name] = decoded
    return decoded


def _name(ref: SliceRef) -> str:
    scale = _scale_beside(ref)
    return f"{ref.digest}-{ref.kind}-{DECODER_VERSION}" + ("" if scale is None else f"-{scale:.17g}")


def _scale_beside(ref: SliceRef) -> float | None:
    """Part of what the columns are made from, and not of the file's own content."""
    if ref.kind != "bars" or ref.price_scale is not None:
        return ref.price_scale
    return universe.beside(Path(ref.path)).price_scale


def _decoded(ref: SliceRef, cache_dir: Path) -> Decoded:
    decoded = reader(ref.kind)(Path(ref.path), _scale_beside(ref))
    _check_unchanged(ref, cache_dir)  # nobody replaced the file between the first check and the reading
    pa.default_memory_pool().release_unused()  # Arrow would keep its buffers for a next file
    return decoded


def _inside(times: NDArray[Any], ref: SliceRef, zone: str | None) -> slice | NDArray[Any] | None:
    """The rows between two instants, both included, in file order; None: all. A missing time lies between
    none.
    """
    start_ns, end_ns = (in_data_time(at, zone, ref.timezone) for at in (ref.start_ns, ref.end_ns))
    if start_ns is None and end_ns is None:
        return None
    inside = times != MISSING_TIME
    if start_ns is not None:
        inside &= times >= start_ns
    if end_ns is not None:
        inside &= times <= end_ns
    rows = int(np.count_nonzero(inside))
    first = int(np.argmax(inside)) if rows else 0
    return slice(first, first + rows) if inside[first : first + rows].all() else inside


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
