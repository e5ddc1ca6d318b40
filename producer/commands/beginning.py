"""The files that a new user begins with: a commented sweep.yaml and the schema beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tasks.errors import UsageError

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
DATA_FOLDERS: Final = ("data/ticks", "ticks", "data")
DATA_FILES: Final = ("*.parquet", "*.csv")


def write(path: Path, name: str | None, strategy: str, *, force: bool) -> None:
    """A sweep.yaml for the strategy, with the data folder beside it where there is one."""
    from producer.spec.template import init_text

    if name is not None and not NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a sweep",
            hint=f"small letters, digits, - and _, at most 63: for example {_slug(name)}",
        )
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already", hint="add --force to overwrite it, or -o for another file"
        )
    write_text(path, init_text(strategy, name=name, source=_data_folder(path.parent)))


def write_schema(folder: Path) -> Path:
    """The schema that the first line of the file points to; made by us alone, so it is always renewed."""
    from producer.spec.schema import FILE_NAME, schema_text

    path = folder / FILE_NAME
    write_text(path, schema_text())
    return path


def write_text(path: Path, text: str) -> None:
    from tasks.data.whole import whole_file

    try:
        with whole_file(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    except OSError as e:
        raise UsageError(f"{path} cannot be written: {e.strerror}", hint="choose another place") from e


def _data_folder(beside: Path) -> str:
    """The first folder of a usual name that holds data files."""
    for name in DATA_FOLDERS:
        if any(next((beside / name).glob(pattern), None) for pattern in DATA_FILES):
            return name
    return "data"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:63] or "my-sweep"
