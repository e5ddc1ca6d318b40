"""What Arrow and the system say about a file that cannot be read, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from tasks.data.digest import UNREADABLE_HINT
from tasks.errors import DataError

CSV: Final = ".csv"
PARQUET: Final = ".parquet"
CONVERT_HINT: Final = "convert the column and write the file again"
DAMAGED_HINT: Final = "copy or convert it again"
ROW_HINT: Final = "correct that row or leave it out"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around everything that looks into a data file."""
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty", hint=DAMAGED_HINT)
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as e:
        if isinstance(e, OSError) and e.errno is not None and e.strerror:
            raise DataError(f"{path}: {e.strerror.lower()}", hint=UNREADABLE_HINT) from e
        raise DataError(f"{path}: {_damage(path, e)}", hint=DAMAGED_HINT) from e


def damaged(path: Path) -> DataError:
    """For what a sound file cannot hold, and Arrow let pass."""
    return DataError(f"{path}: not a Parquet file, damaged or cut short", hint=DAMAGED_HINT)


def listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _damage(path: Path, error: Exception) -> str:
    if path.suffix.lower() != CSV:
        return "not a Parquet file, damaged or cut short"
    if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
        return "not UTF-8 text"
    return f"not a table of text that can be read ({str(error).splitlines()[0]})"
