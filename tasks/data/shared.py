"""One decoded copy of the data per node: columns in files that every process maps into its memory.

A column's pages are in memory once, however many processes read them, and a column that nobody touches is not
read at all. The copies are named by the content they were made from, so they are right for as long as they
exist, and they may be deleted at any time: the next reader makes them again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.data.digest import file_digest
from tasks.data.parse import MISSING_TIME
from tasks.data.readers import DTYPES, Arrays, reader
from tasks.data.slices import Slice, SliceRef
from tasks.data.whole import whole_folder
from tasks.errors import DataChanged, DataError
from tasks.names import LOGGER

log = logging.getLogger(f"{LOGGER}.data")

DECODER_VERSION: Final = 1  # raised when the same file would be decoded to other columns

MOUNT_HINT: Final = "every node needs the data under the same path: check its mount"

_unshared: dict[str, Columns] = {}
"""The last data that could not be kept on disk, so that its next chunk need not decode it again."""


def open_slice(ref: SliceRef, cache_dir: Path) -> Slice:
    """The columns of a slice, after making sure that the file is the one that the plan was made from."""
    _check_unchanged(ref, cache_dir)
    columns = _unshared.get(_name(ref))
    if columns is None:
        columns = _kept_columns(ref, cache_dir)
    if columns is None:
        columns = _unshared_columns(ref, cache_dir)
    return Slice(security=ref.security, columns=_cut(columns, ref.start_ns, ref.end_ns))


def usable_rows(ticks: Columns) -> int:
    """How many rows the cleaning of market_making.md §1.3 leaves: those with a time and a price above 0."""
    return int(np.count_nonzero((ticks["timestamp"] != MISSING_TIME) & (ticks["price"] > 0.0)))


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


def _kept_columns(ref: SliceRef, cache_dir: Path) -> Columns | None:
    """The node's copy, made now if there is none; None where the cache folder takes no files."""
    folder = cache_dir / "columns" / _name(ref)
    if (columns := _mapped(folder, DTYPES[ref.kind])) is not None:
        return columns
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if (columns := _mapped(folder, DTYPES[ref.kind])) is not None:
                return columns  # another process has made it meanwhile
            _sweep_out(folder)
            _write(folder, _decoded(ref, cache_dir))
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
    return _mapped(folder, DTYPES[ref.kind])


def _unshared_columns(ref: SliceRef, cache_dir: Path) -> Columns:
    columns = {name: _read_only(array) for name, array in _decoded(ref, cache_dir).items()}
    _unshared.clear()
    _unshared[_name(ref)] = columns
    return columns


def _name(ref: SliceRef) -> str:
    return f"{ref.digest}-{ref.kind}-{DECODER_VERSION}"


def _decoded(ref: SliceRef, cache_dir: Path) -> Arrays:
    arrays = reader(ref.kind)(Path(ref.path))
    _check_unchanged(ref, cache_dir)  # nobody replaced the file between the first check and the reading
    pa.default_memory_pool().release_unused()  # Arrow would keep its buffers for a next file
    return arrays


def _mapped(folder: Path, dtypes: Mapping[str, type[np.generic]]) -> Columns | None:
    """The columns in a folder; None unless every one is there, whole, of its type and the others' length."""
    columns: dict[str, NDArray[Any]] = {}
    try:
        for name, dtype in dtypes.items():
            file = folder / f"{name}.npy"
            array = np.load(file, mmap_mode="r", allow_pickle=False)
            if array.dtype != dtype or array.ndim != 1 or file.stat().st_size != array.offset + array.nbytes:
                return None
            columns[name] = array.view(np.ndarray)
    except (OSError, ValueError, EOFError):
        return None
    return columns if len({array.size for array in columns.values()}) == 1 else None


def _write(folder: Path, arrays: Arrays) -> None:
    with whole_folder(folder) as temporary:
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)


def _sweep_out(folder: Path) -> None:
    """Remove a damaged copy, and what a killed process left. Who has it mapped keeps what is mapped."""
    for left in (folder, *folder.parent.glob(f".{folder.name}.*")):
        if left.is_dir():
            shutil.rmtree(left)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of those who want the same copy, one makes it and the others wait. The lock dies with its process."""
    handle = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _cut(columns: Columns, start_ns: int | None, end_ns: int | None) -> Columns:
    """The rows between two instants, both included, in file order. A missing time lies between none."""
    if start_ns is None and end_ns is None:
        return columns
    times = columns["timestamp"]
    inside = times != MISSING_TIME
    if start_ns is not None:
        inside &= times >= start_ns
    if end_ns is not None:
        inside &= times <= end_ns
    rows = int(np.count_nonzero(inside))
    first = int(np.argmax(inside)) if rows else 0
    if inside[first : first + rows].all():
        return {name: array[first : first + rows] for name, array in columns.items()}
    return {name: _read_only(array[inside]) for name, array in columns.items()}


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
