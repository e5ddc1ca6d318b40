"""What a reader makes of a file: columns in file order, one security after the other, and where each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    columns: Arrays = field(repr=False)
    rows_in_file: NDArray[np.int32] = field(repr=False)
    """Of each row its place in the file, from 1; lines of a text, rows of a Parquet file."""
    zone: str | None = None
    """`UTC` where the timestamps are instants; None where they are what a wall clock shows."""
    securities: tuple[str, ...] = ()
    """Empty where the whole file is one security."""
    bounds: tuple[int, ...] = ()
    """The rows of security i are those from `bounds[i]` up to, not including, `bounds[i + 1]`."""
    _places: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {name: i for i, name in enumerate(self.securities)})

    def security(self, name: str) -> tuple[Arrays, NDArray[np.int32]] | None:
        """Views of its columns and of its rows in the file; None where it is not in the file."""
        if not self.securities:
            return self.columns, self.rows_in_file
        i = self._places.get(name)
        if i is None:
            return None
        where = slice(self.bounds[i], self.bounds[i + 1])
        return {name: array[where] for name, array in self.columns.items()}, self.rows_in_file[where]


def joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    """One array of all; the first is empty and says of which type."""
    return pieces[1] if len(pieces) == 2 else np.concatenate(pieces)
