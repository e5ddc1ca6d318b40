"""A slice: what a task loads. One security between two dates, as read-only arrays with a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from tasks.contract import DataKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRef:
    """The name of a slice: small enough for a message, exact enough that it cannot mean other data."""

    security: str
    path: str
    digest: str
    """SHA-256 of the file's bytes."""
    kind: DataKind
    start_ns: int | None = None
    """First instant that belongs to it, nanoseconds since 1970 in the data's wall time; None: the first."""
    end_ns: int | None = None
    """Last instant that belongs to it, inclusive."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(Mapping[str, NDArray[Any]]):
    """Read-only columns by name, and which security they belong to.

    Ticks: `timestamp` (int64, nanoseconds of exchange-local wall time), `type` (int8, see `readers`), `price`
    (float64), `volume` (int64), in file order.
    """

    security: str
    columns: Mapping[str, NDArray[Any]] = field(repr=False)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0
