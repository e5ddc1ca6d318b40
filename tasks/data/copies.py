"""The decoded copies on disk: a folder of columns per data file, mapped into every process that reads it.

A column's pages are in memory once, however many processes read them, and a column that nobody touches is not
read at all. Copies may be deleted at any time; who has one mapped keeps what is mapped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.data.decoded import Decoded
from tasks.data.whole import whole_folder

ABOUT: Final = "about.json"
ROWS: Final = "rows_in_file"
MAPPED_KEPT: Final = 4  # files that a process keeps mapped: a sweep over one reads it hundreds of times

Stamp = tuple[tuple[int, int, int], ...]

_mapped: OrderedDict[Path, tuple[Stamp, Decoded]] = OrderedDict()


def mapped(folder: Path, dtypes: Mapping[str, type[np.generic]]) -> Decoded | None:
    """The copy in a folder; None unless every column is there, whole, of its type and the others' length."""
    inside = f"{folder}{os.sep}"
    try:
        stamp = tuple(_stamp(inside + file) for file in (ABOUT, *(f"{name}.npy" for name in (*dtypes, ROWS))))
        known = _mapped.get(folder)
        if known is None or known[0] != stamp:
            found = _load(folder, dtypes)
            if found is None:
                return None
            known = _mapped[folder] = stamp, found
    except (OSError, ValueError, EOFError, LookupError, TypeError):
        return None
    _mapped.move_to_end(folder)
    while len(_mapped) > MAPPED_KEPT:
        _mapped.popitem(last=False)
    return known[1]


def write(folder: Path, decoded: Decoded) -> None:
    with whole_folder(folder) as temporary:
        for name, array in (*decoded.columns.items(), (ROWS, decoded.rows_in_file)):
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        about = {"zone": decoded.zone, "securities": decoded.securities, "bounds": decoded.bounds}
        (temporary / ABOUT).write_text(json.dumps(about))


def sweep_out(folder: Path) -> None:
    """Remove a damaged copy, and what a killed process left."""
    for left in (folder, *folder.parent.glob(f".{folder.name}.*")):
        if left.is_dir():
            shutil.rmtree(left)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Of those who want the same copy, one makes it and the others wait. The lock dies with its process."""
    handle = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _load(folder: Path, dtypes: Mapping[str, type[np.generic]]) -> Decoded | None:
    about = json.loads((folder / ABOUT).read_bytes())
    columns: dict[str, NDArray[Any]] = {}
    for name, dtype in {**dtypes, ROWS: np.int32}.items():
        file = folder / f"{name}.npy"
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        if array.dtype != dtype or array.ndim != 1 or file.stat().st_size != array.offset + array.nbytes:
            return None
        columns[name] = array.view(np.ndarray)
    rows = columns.pop(ROWS)
    securities, bounds = tuple(about["securities"]), tuple(about["bounds"])
    ends = (rows.size, len(securities) + 1) if securities else (0, 0)
    if any(array.size != rows.size for array in columns.values()) or ends != (max((0, *bounds)), len(bounds)):
        return None
    return Decoded(
        columns=columns, rows_in_file=rows, zone=about["zone"], securities=securities, bounds=bounds
    )


def _stamp(file: str) -> tuple[int, int, int]:
    found = os.stat(file)  # noqa: PTH116  # often asked, and a Path costs three times that
    return found.st_ino, found.st_size, found.st_mtime_ns
