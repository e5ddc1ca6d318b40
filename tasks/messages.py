"""The two messages that cross the queue: what to evaluate, and what came of it.

A request names its work (sweep, security, range of combinations); it carries no data and no code.
A receipt names its result (where it is kept, its checksum) and counts it; it carries no table.
Both are small, versioned, and safe to deliver twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, Self

from tasks.errors import UsageError

WIRE_VERSION: Final = 2

Outcome = Literal["ok", "failed", "quarantined"]
_KINDS: Final[dict[str, tuple[type, ...]]] = {"str": (str,), "int": (int,), "float": (int, float)}


def chunk_name(security: int, count: int, first: int, last: int) -> str:
    more = f"+{count - 1}" if count > 1 else ""
    return f"{security}{more}:{first}-{last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRequest:
    """Raw combinations `first` up to, not including, `last` of one security, or of each of a few."""

    sweep_id: str
    security: int
    """The place of the first in the spec's securities."""
    first: int
    last: int
    count: int = 1
    """Securities."""
    label: str = ""
    """For the eye, in Flower: security and range in words."""
    cost_ms: int = 0
    """What the planner expects it to take; progress counts it when the chunk is done."""
    published: float = 0.0
    """Seconds since 1970, by the publisher's clock."""

    def __post_init__(self) -> None:
        if self.security < 0 or self.count < 1 or not 0 <= self.first < self.last:
            raise UsageError(f"chunk of security {self.security} runs from {self.first} to {self.last}")

    @property
    def name(self) -> str:
        """The same work has the same name, so that a second delivery finds the first result."""
        return chunk_name(self.security, self.count, self.first, self.last)

    def to_wire(self) -> dict[str, Any]:
        return {"v": WIRE_VERSION, **asdict(self)}

    @classmethod
    def from_wire(cls, wire: Any) -> Self:
        """Raises UsageError for whatever `to_wire` has not made."""
        version = wire.get("v") if isinstance(wire, dict) else None
        if version != WIRE_VERSION:
            raise UsageError(
                f"chunk message has version {version!r}, this worker speaks {WIRE_VERSION}",
                hint="run the same release on producer and workers",
            )
        given = {k: v for k, v in wire.items() if k != "v"}
        kinds = {f.name: _KINDS[str(f.type)] for f in fields(cls)}
        if wrong := [k for k, v in given.items() if k not in kinds or type(v) not in kinds[k]]:
            raise UsageError(f"chunk message says {wrong[0]!r} in a way that no producer does")
        try:
            return cls(**given)
        except TypeError as e:  # something is not said at all
            raise UsageError(f"chunk message is not whole: {e}") from e


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkReceipt:
    """What became of a chunk: enough to find its part, check it and count it. Times are milliseconds."""

    chunk: str
    outcome: Outcome
    sha256: str
    size_bytes: int
    ok: int
    failed: int
    empty: int
    attempt: int
    node: str
    file: str | None = None
    """The part's file below the sweep's work folder; None: it is in Redis."""
    load_ms: float = 0.0
    compute_ms: float = 0.0
    cpu_ms: float = 0.0
    encode_ms: float = 0.0
    wait_ms: float = 0.0
    started: float = 0.0
    """Seconds since 1970, by the node's clock."""
    peak_bytes: int = 0
    error: str = ""
    """First failure in short; the part has them all."""
    failing: dict[str, int] = field(default_factory=dict)
    """Security to its failed backtests, where there are any."""

    @property
    def rows(self) -> int:
        return self.ok + self.failed + self.empty

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        return cls(**json.loads(text))
