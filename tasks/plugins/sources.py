"""Which source files of this package a module is made of: its own and all that it imports, however far down.

Read from the text, without running it, so that imports inside functions count too. What hangs on a digest of
these files (a strategy's fingerprint, a kernel's compiled code) then changes when one of them changes, and
stays when others do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

ROOM: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOM.name


def closure(file: Path) -> list[Path]:
    """The file and every module of this package that it leads to, sorted by path."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(found)


def labelled(files: Iterable[Path]) -> list[tuple[str, Path]]:
    """Files of this package by where they lie in it; others by their name."""
    return [(f.relative_to(ROOM).as_posix() if f.is_relative_to(ROOM) else f.name, f) for f in files]


def digest(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 over labels and text, without regard to line ends: the same wherever the code is the same."""
    total = sha256()
    for label, path in files:
        text = "\n".join(line.rstrip() for line in path.read_text("utf-8").splitlines())
        total.update(f"{label}\0{text}\0".encode())
    return total.hexdigest()


@lru_cache(maxsize=512)
def _imported(file: Path) -> tuple[Path, ...]:
    tree = ast.parse(file.read_text("utf-8"), str(file))
    modules = {m for node in ast.walk(tree) for m in _modules(node)}
    return tuple(path for m in sorted(modules) if (path := _file(m)) is not None)


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)  # a module, or a name in one


def _file(module: str) -> Path | None:
    package, *rest = module.split(".")
    if package != PACKAGE or not rest:
        return None
    path = ROOM.joinpath(*rest).with_suffix(".py")
    return path if path.is_file() else None
