"""Installs a strategy of the tests into a folder of its own: on the path, it is one like any other."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks.plugins import registry

SOURCE: Final = Path(__file__).with_name("tiny_strategy.py")
TINY: Final = {"tiny": "Tiny"}


def install(folder: Path, source: Path = SOURCE, strategies: dict[str, str] = TINY) -> Path:
    """Makes the folder what an installed distribution looks like; for a process, name it in PYTHONPATH."""
    module = source.stem
    facts = folder / f"{module}-1.0.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    name = module.replace("_", "-")
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = [f"{name} = {module}:{kind}\n" for name, kind in strategies.items()]
    (facts / "entry_points.txt").write_text("[sweepfleet.strategies]\n" + "".join(points))
    shutil.copy(source, folder / source.name)
    return folder


@contextmanager
def on_the_path(folder: Path, module: str = SOURCE.stem) -> Iterator[None]:
    """This process sees the plugin until the block ends."""
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    registry.forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(module, None)
        registry.forget()
