"""How far a sweep is, as a value: what every screen, `--json` and Flower's row show. Quick to load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["planning", "running", "cancelling", "cancelled", "interrupted", "done", "failed"]
"""`interrupted`: the private stack ended before the sweep was complete; `resume` goes on with it."""

TERMINAL: frozenset[State] = frozenset({"cancelled", "interrupted", "done", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    nodes: int
    cores: int
    busy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One sweep, now. Counts are backtests unless they say chunks; times are seconds since 1970, UTC."""

    id: str
    name: str
    state: State
    total: int
    done: int
    ok: int
    failed: int
    empty: int
    cached: int
    chunks_total: int
    chunks_done: int
    started: float
    finished: float | None = None
    rate_bt_s: float | None = None
    eta_s: float | None = None
    chunk_note: str = ""
    """How large chunks are, in words: `chunk 48 combinations`."""
    failing: tuple[str, ...] = ()
    """Securities with failed backtests, by name."""
    reason: str | None = None
    """Why nothing moves: `no workers`, `paused`, `Redis unreachable`, `Redis is 62 % full`."""
    mismatch: int = 0
    """Chunks of which two executions gave different results: the sweep is suspect."""
    workers: Workers | None = None
    results: str = ""
    """The results folder."""
