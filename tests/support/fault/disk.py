"""A disk of a few kilobytes that nobody else sees: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

BALLAST: Final = "ballast"


class SmallDisk:
    """`path` leads there from outside, too: through the process that holds the namespace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leave_bytes: int = 0) -> None:
        """All of it but that many bytes, in whole pages."""
        ballast = self.path / BALLAST
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        if leave_bytes:
            with ballast.open("r+b") as file:
                file.truncate(max(0, ballast.stat().st_size - leave_bytes))

    def free(self) -> None:
        (self.path / BALLAST).unlink()


@contextmanager
def a_small_disk(folder: Path, kilobytes: int) -> Iterator[SmallDisk]:
    """Skips where this machine allows no namespaces."""
    program = shutil.which("unshare")
    if program is None:
        pytest.skip("no program `unshare` on this machine")
    folder.mkdir(parents=True)
    script = f'mount -t tmpfs -o size={kilobytes}k small "$0" && echo ready && exec cat'
    holder = subprocess.Popen(
        [program, "--user", "--map-root-user", "--mount", "sh", "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            pytest.skip("a small file system cannot be mounted here")
        yield SmallDisk(Path(f"/proc/{holder.pid}/root{folder}"))
