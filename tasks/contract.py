"""What a strategy is: five attributes and one method, checked by shape. No base class, no import of ours.

Everything below `Strategy` in this file is optional for an author; the runner looks for it by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NoReturn, Protocol, runtime_checkable

from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
"""Named columns of equal length; read-only where they come from us."""


class ColumnSet(Mapping[str, NDArray[Any]]):
    """The columns that a field `columns` holds, as a mapping that has facts beside them."""

    __slots__ = ()
    columns: Columns

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


DataKind = Literal["bars", "ticks"]

MISSING_TIME: Final = -(2**63)
"""What the column `timestamp` holds where there is no time; the same bits as NumPy's own "not a time"."""

PRICES: Final = ("open", "high", "low", "close")
"""The columns of bars that hold prices."""

# What the column `type` of ticks holds: what its text means without regard to case.
BID: Final = 0
ASK: Final = 1
TRADE: Final = 2
OTHER: Final = 3
PADDED: Final = 4  # added to the first three where the text has blanks around the word


class Refuse(Protocol):
    """`tasks.api.refuse_row`, for kernels, which do not know where data comes from.

    It raises, naming the file and the row.
    """

    def __call__(self, data: Columns, row: int, message: str, hint: str | None = None) -> NoReturn: ...


@runtime_checkable
class Strategy(Protocol):
    """What a sweep evaluates.

    `params` is a frozen dataclass: what a sweep may vary, with defaults; bounds, unit and help in each
    field's `metadata` (`min`, `max`, `choices`, `unit`, `doc`). `metrics` names the columns that `evaluate`
    returns.
    """

    name: str
    data: DataKind
    params: type[Any]
    metrics: tuple[str, ...]

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        """One row out per combination in, in the same order.

        `combinations` holds one array per field of `params`, whether swept or not: int64, float64 (a missing
        value is NaN) or bool where the field is a number or a flag, else an object array.

        A column `empty` (bool), if there is one, says for which combinations there was nothing to evaluate:
        their status is `empty`, their metrics null.
        """
        ...


class Traced(Protocol):
    """A strategy that can also show what it did: needed for `output.keep: [trades]`."""

    traces: Mapping[str, Mapping[str, str]]
    """Table (`trades`, `equity`, `signals`) to its columns in order, each with its Arrow type's name:
    `int64`, `double`, `bool`, `string`, `timestamp[ns]`, `date32[day]`, `list<struct<number: int64>>`.
    """

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]: ...


class Prepared(Protocol):
    """A strategy with work that all combinations of a slice share, done once per slice and process."""

    def prepare(self, data: Columns) -> Columns:
        """What `evaluate` and `trace` are given in place of the slice."""
        ...


class Ranked(Protocol):
    """A strategy that says which of its metrics ranks results when the sweep does not."""

    metric: str
    goal: Literal["maximize", "minimize"]


class Counting(Protocol):
    """A strategy some of whose metrics are whole numbers, stored as int64; all others are float64."""

    whole_numbers: tuple[str, ...]


class Seeded(Protocol):
    """A strategy that draws random numbers, always the same for the same sweep, security and combination."""

    seeded: bool
    """Where true, `combinations` and `trace`'s combination hold `seed`, an int64 from 0."""


class Informed(Protocol):
    """A strategy that asks its slice for more than rows: `newest_ns` of the whole data set, its `segment`, or
    its `token`.

    Results then depend on these too, so that they are part of a sweep's identity only where they are named.
    """

    facts: tuple[Literal["newest", "segment", "token"], ...]


class Sessions(Protocol):
    """A strategy of one market, in whose time zone dates are meant where the sweep names none."""

    timezone: str


class Grouped(Protocol):
    """A strategy some of whose parameters share work where equal: chunks are cut along them first."""

    groups: tuple[str, ...]
