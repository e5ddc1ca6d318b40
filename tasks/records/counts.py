"""What a ledger tells: the counts of a sweep, and the verdict on the start of a chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.messages import ChunkReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a worker is told when it wants to begin a chunk."""

    verdict: Literal["start", "done", "closed", "alone"]
    """`alone`: not begun, for this start needs a message that allows more time."""
    starts: int = 0
    """With this one."""
    chances: int = 0
    """What is left after it: 0, it is the last one; below, there was none any more."""
    counted: str = ""
    """As what it is counted."""
    stamp: str = ""
    """The spec's, as it is now: code, data and results folder may change under the same id."""
    receipt: ChunkReceipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What is committed, in backtests unless it says chunks; `cost_ms` as planned, `compute_ms` as
    measured.
    """

    chunks: int = 0
    backtests: int = 0
    ok: int = 0
    failed: int = 0
    empty: int = 0
    cost_ms: int = 0
    compute_ms: int = 0
