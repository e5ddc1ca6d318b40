"""Paths in sweep.yaml: `${VARIABLE}` is replaced, and a relative one is looked for beside the file first.

A sweep that is moved together with its data keeps working; so does one that is started where the data is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tasks.errors import UsageError
from tasks.home import expanded

VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")


class PathRefused(ValueError):
    """A path that cannot mean anything here."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def resolved(written: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """The path meant: beside the sweep file where it exists there, else from the current folder."""
    for name in VARIABLE.findall(written):
        if name not in environment:
            raise PathRefused(f"environment variable {name} is not set", f"export {name}=… or write the path")
    text = VARIABLE.sub(lambda m: environment[m[1]], written)
    if "://" in text:
        raise PathRefused(f"'{text}' is a URL; data is read from a folder or a file here")
    try:
        path = expanded(text)
    except UsageError as e:
        raise PathRefused(e.message, e.hint) from e
    beside = folder / path
    return (beside if beside.exists() else path).absolute()
