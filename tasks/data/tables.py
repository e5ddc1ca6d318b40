"""A data file as a table, however it is stored: by the suffix of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.data.csv_table import CsvTable
from tasks.data.parquet_table import ParquetTable
from tasks.data.reading import CSV, PARQUET, listed
from tasks.errors import DataError


class DataTable(Protocol):
    path: Path
    schema: Any
    """Of Arrow; in a file of text all columns are text."""
    facts: Mapping[str, str]
    """What the file says of itself."""

    @property
    def rows(self) -> int: ...

    def batches(self, names: Sequence[str], words: str | None = None) -> Iterator[Any]:
        """Arrow tables with these columns, all rows of the file in its order."""

    def place(self, row: int) -> str:
        """What a person calls the row, counted from 0."""

    def numbers(self, rows: int) -> NDArray[np.int32]:
        """Of each row its place in the file, as `place` counts."""


SYMBOL: Final = "symbol"
"""The column, or the fact that a file states, that names the security."""

FORMATS: Final[Mapping[str, Callable[[Path], DataTable]]] = {PARQUET: ParquetTable, CSV: CsvTable}


def open_table(path: Path) -> DataTable:
    """Raises DataError where it cannot be looked into. A name without a known suffix is taken for Parquet."""
    return FORMATS.get(path.suffix.lower(), ParquetTable)(path)


def only(part: str, names: list[str], path: Path) -> str:
    """The one column for a part; of several, the one that is called exactly so."""
    exact = [name for name in names if name.strip().lower() == part]
    candidates = exact or names
    if len(candidates) > 1:
        raise DataError(
            f"{path}: {len(candidates)} columns could be the {part}: {listed(candidates)}",
            hint=f"name one of them '{part}'" if not exact else f"keep one '{part}' column",
        )
    return candidates[0]
