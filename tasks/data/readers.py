"""From a data file to arrays, by the kind of data that a strategy asks for.

A data kind is a reader, and the columns it makes: `READERS` and `DTYPES` are where one is added. How the file
is stored is `tables`' matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from tasks.contract import DataKind
from tasks.data.bars import BAR_DTYPES, decode_bars
from tasks.data.decoded import Decoded
from tasks.data.ticks import TICK_DTYPES, decode_ticks, read_ticks
from tasks.errors import UsageError

__all__ = ["DTYPES", "READERS", "Reader", "dtypes", "read_ticks", "reader"]

T = TypeVar("T")
Reader = Callable[[Path, float | None], Decoded]
"""A path, and the scale of prices that the universe file beside it states."""

READERS: Final[Mapping[DataKind, Reader]] = {"bars": decode_bars, "ticks": decode_ticks}
DTYPES: Final[Mapping[DataKind, Mapping[str, type[np.generic]]]] = {"bars": BAR_DTYPES, "ticks": TICK_DTYPES}


def reader(kind: DataKind) -> Reader:
    return _of_kind(READERS, kind)


def dtypes(kind: DataKind) -> Mapping[str, type[np.generic]]:
    return _of_kind(DTYPES, kind)


def _of_kind(table: Mapping[Any, T], kind: DataKind) -> T:
    if kind not in table:
        raise UsageError(f"data kind '{kind}' cannot be read", hint=f"this version reads: {', '.join(table)}")
    return table[kind]
