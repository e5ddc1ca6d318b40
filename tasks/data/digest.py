"""The SHA-256 of a data file, computed once per machine for as long as the file stays as it is.

A plan names its data by this digest and every chunk compares it, so the answer must cost no more than a look
at the file's own record (size, times, inode). That record is coarse: two writes in quick succession can carry
the same time. So an answer is only remembered when the file had been left alone for a while before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Final

from tasks.data.whole import whole_file
from tasks.errors import DataError

SETTLED_SECONDS: Final = 2.0  # the coarsest clock of a file system in use (FAT, some network mounts)
ATTEMPTS: Final = 3
UNREADABLE_HINT: Final = "check the path, the mount and the file's permissions"

Stamp = list[int]

_known: dict[str, tuple[Stamp, str]] = {}
"""What this process has found remembered: a sweep over the securities of one file asks hundreds of times."""


def file_digest(path: str | Path, cache_dir: Path) -> str:
    """SHA-256 of the file's bytes, in hex; remembered under `cache_dir` where that can be written."""
    name = os.fspath(path)
    try:
        stamp = _stamp(name)
        if (kept := _known.get(name)) is not None and kept[0] == stamp:
            return kept[1]
        path = Path(path)
        memo = cache_dir / "digests" / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}.json"
        if known := _remembered(memo, stamp):
            _known[name] = stamp, known
            return known
        return _computed(path, stamp, memo)
    except OSError as e:
        raise DataError(f"{path}: {(e.strerror or str(e)).lower()}", hint=UNREADABLE_HINT) from e


def _computed(path: Path, before: Stamp, memo: Path) -> str:
    for _ in range(ATTEMPTS):
        started = time.time()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = _stamp(os.fspath(path))
        if after == before:
            if started - max(after[1], after[2]) / 1e9 > SETTLED_SECONDS:
                _remember(memo, after, digest)
            return digest
        before = after
    raise DataError(f"{path}: the file is being written", hint="submit again when it is complete")


def _stamp(path: str) -> Stamp:
    found = os.stat(path)  # noqa: PTH116  # asked for every chunk, and a Path costs three times that
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _remembered(memo: Path, stamp: Stamp) -> str | None:
    try:
        kept = json.loads(memo.read_bytes())
        return str(kept["sha256"]) if kept["stamp"] == stamp else None
    except (OSError, ValueError, LookupError, TypeError):
        return None  # never written, or damaged: computing it again is always right


def _remember(memo: Path, stamp: Stamp, digest: str) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the answer
        memo.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(memo) as temporary:
            temporary.write_text(json.dumps({"stamp": stamp, "sha256": digest}))
