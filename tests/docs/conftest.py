"""A reader who types what the pages say, in an empty folder, with one stack running for all of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Reader:
    folder: Path
    environment: dict[str, str]

    def types(self, text: str) -> str:
        """What these shell commands print; fails where one of them does."""
        done = subprocess.run(
            ["bash", "-euc", text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """With a stack that stays: each example would spend its time on starting one."""
    with tempfile.TemporaryDirectory(prefix="reader-") as folder:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRODUCER_", "XDG_", "SWEEPFLEET_"))}
        programs = Path(sys.executable).parent
        mine = {"HOME": folder, "COLUMNS": "200", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        reader = Reader(Path(folder), kept | mine)
        reader.types("producer up --no-flower")
        yield reader
        reader.types("producer down")
