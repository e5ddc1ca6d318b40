"""The one page a strategy author may import: the contract's words, and what ticks are coded with.

Nothing here is needed to write a strategy, whose shape is enough; it is for those who want types and names.
"""

from __future__ import annotations

from tasks.contract import (
    ASK,
    BID,
    MISSING_TIME,
    OTHER,
    PADDED,
    PRICES,
    TRADE,
    Columns,
    Counting,
    DataKind,
    Grouped,
    Informed,
    Prepared,
    Ranked,
    Seeded,
    Sessions,
    Strategy,
    Traced,
)
from tasks.data.slices import UNCLASSIFIED, Slice, refuse_row
from tasks.data.zones import to_local, to_utc
from tasks.errors import DataError

__all__ = [
    "ASK",
    "BID",
    "MISSING_TIME",
    "OTHER",
    "PADDED",
    "PRICES",
    "TRADE",
    "UNCLASSIFIED",
    "Columns",
    "Counting",
    "DataError",
    "DataKind",
    "Grouped",
    "Informed",
    "Prepared",
    "Ranked",
    "Seeded",
    "Sessions",
    "Slice",
    "Strategy",
    "Traced",
    "refuse_row",
    "to_local",
    "to_utc",
]
