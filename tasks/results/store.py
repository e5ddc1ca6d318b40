"""Parts too large for Redis, as files below the sweep's work folder: written once, whole or not at all.

The producer leaves a marker in that folder. A process that does not find the marker, or finds another
sweep's, does not see the folder, whatever else lies at that path on its machine.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Final

from tasks import names
from tasks.data.whole import whole_file
from tasks.errors import FolderRefused, PartDamaged

MARKER: Final = "sweep"
PART: Final = re.compile(r"parts/[0-9][0-9_+-]*\.part")


def work_folder(results: str | Path) -> Path:
    return Path(results) / names.WORK_FOLDER


def mark(results: str | Path, identity: str) -> None:
    """Says whose folder this is; workers and later producers look for it."""
    write_whole(work_folder(results) / MARKER, identity.encode())


def marked(results: str | Path) -> str | None:
    """The identity of the sweep that the folder belongs to, if any."""
    try:
        return (work_folder(results) / MARKER).read_text(encoding="utf-8")
    except OSError:
        return None


def write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as scratch:
        scratch.write_bytes(content)


def refused(results: str | Path, sweep_id: str, error: OSError) -> FolderRefused:
    """What to say of a results folder that cannot be written: what was done stays, and space can be freed."""
    why = os.strerror(error.errno) if error.errno else str(error)  # Arrow's own words are about its bytes
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return FolderRefused(
        f"results folder {results} cannot be written: {why}",
        hint=f"{'free some space' if full else 'mend it'}, then: producer resume {sweep_id}",
    )


def part_path(chunk: str) -> str:
    return f"parts/{chunk.replace(':', '_')}.part"


def part_file(results: str | Path, file: str) -> Path:
    """Where a part lies. Whatever a receipt says, nothing outside the parts' folder is read or deleted."""
    if not PART.fullmatch(file):
        raise PartDamaged(f"{file!r} is not the name of a part")
    return work_folder(results) / file


def read_part(results: str | Path, file: str) -> bytes:
    try:
        return part_file(results, file).read_bytes()
    except OSError as e:
        raise PartDamaged(f"part {file} is missing from the work folder") from e
