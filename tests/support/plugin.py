"""Installs `tiny_strategy` into a folder of its own: on the path, it is a strategy like any other."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks import registry

SOURCE = Path(__file__).with_name("tiny_strategy.py")
METADATA = "Metadata-Version: 2.1\nName: tiny-strategy\nVersion: 1.0\n"
ENTRY_POINTS = "[sweepfleet.strategies]\ntiny = tiny_strategy:Tiny\n"


def install(folder: Path) -> Path:
    """Makes the folder what an installed distribution looks like; for a process, name it in PYTHONPATH."""
    facts = folder / "tiny_strategy-1.0.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    (facts / "METADATA").write_text(METADATA)
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    shutil.copy(SOURCE, folder / SOURCE.name)
    return folder


@contextmanager
def on_the_path(folder: Path) -> Iterator[None]:
    """This process sees the plugin until the block ends."""
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    registry.forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("tiny_strategy", None)
        registry.forget()
