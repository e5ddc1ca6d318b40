"""How a strategy is named: `gap_fade`, `desk.gap_fade:GapFade` or `./gap_fade.py:GapFade`.

The text in sweep.yaml and in messages is the same, but for a file, which a message names by its absolute
path.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.errors import StrategyNotFound
from tasks.home import expanded

IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")
MODULE: Final = re.compile(rf"{IDENTIFIER.pattern}(\.{IDENTIFIER.pattern})*")
FORMS: Final = "write the name of an installed strategy, package.module:OBJECT, or ./file.py:OBJECT"


@dataclass(frozen=True, slots=True)
class Named:
    """One that is built in or installed."""

    name: str


@dataclass(frozen=True, slots=True)
class InModule:
    """An object of an importable module."""

    module: str
    attribute: str

    @property
    def text(self) -> str:
        return f"{self.module}:{self.attribute}"


@dataclass(frozen=True, slots=True)
class InFile:
    """An object of a Python file."""

    path: Path
    attribute: str

    @property
    def text(self) -> str:
        return f"{self.path}:{self.attribute}"


Reference = Named | InModule | InFile


def parse(text: str) -> Reference:
    """What the text means; `StrategyNotFound` where it can mean nothing."""
    place, colon, attribute = text.rpartition(":")
    if not colon:
        if text.endswith(".py"):
            raise StrategyNotFound(
                f"'{text}' does not say which object of the file", hint=f"write {text}:NAME"
            )
        return Named(text)
    if not IDENTIFIER.fullmatch(attribute):
        raise StrategyNotFound(f"'{attribute}' in '{text}' is not the name of an object", hint=FORMS)
    if place.endswith(".py"):
        return InFile(Path(place), attribute)
    if MODULE.fullmatch(place):
        return InModule(place, attribute)
    raise StrategyNotFound(f"'{place}' in '{text}' is neither a module nor a .py file", hint=FORMS)


def located(text: str, folder: Path) -> str:
    """The reference as it goes into messages: a file relative to `folder` by its absolute path."""
    reference = parse(text)
    if not isinstance(reference, InFile):
        return text
    return InFile((folder / expanded(reference.path)).resolve(), reference.attribute).text


def seen_from(text: str, folder: Path) -> str:
    """The reference as it is written in a sweep.yaml of the folder."""
    reference = parse(text)
    if not isinstance(reference, InFile):
        return text
    relative = os.path.relpath(reference.path, folder.resolve())
    return f"{relative if relative.startswith('.') else './' + relative}:{reference.attribute}"


def label(text: str) -> str:
    """The reference without the folder of a file: the same code has the same label wherever it lies."""
    return text.rpartition("/")[2]
