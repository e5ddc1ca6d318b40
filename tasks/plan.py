"""The plan of a sweep as data: the spec that every process agrees on, and how it is cut into chunks and
shards.

Made once by the producer, kept in Redis and in the results folder; nothing measures it anew. A spec says
*what* is computed and fixes the sweep's id; the chunk plan says in which pieces, and is fixed after the
pilot.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

import pyarrow as pa

from tasks.contract import DataKind
from tasks.data.slices import UNCLASSIFIED, SliceRef
from tasks.errors import PartDamaged, UsageError
from tasks.grid.combinations import Space
from tasks.messages import ChunkRequest, chunk_name
from tasks.plugins import references

MOST_BYTES: Final = 2**32  # of a plan in plain: a thousand times what the largest sweep has
ENGINE: Final = "1"
"""Raised when the same spec would give other results; part of every sweep's identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityWork:
    """One security's share of the sweep."""

    name: str
    path: str
    digest: str
    events: int
    """Rows of its data, for the cost estimate; 0 where unknown."""
    space: int
    """Its place in the spec's spaces."""
    last: int
    """Raw combinations below this belong to the sweep (`--limit`)."""
    backtests: int
    """Combinations among them that the constraints allow."""
    segment: str = UNCLASSIFIED
    """Of the market, as the data set says."""
    token: int | None = None
    """The instrument's number, as the data set says."""
    price_scale: float | None = None
    """By which whole prices are divided, where the data set says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Raw combinations `first` up to, not including, `last` of a security, or of each of a few neighbours."""

    security: int
    first: int
    last: int
    rows: int
    """Backtests in it: what constraints leave of the range, on all its securities."""
    cost_ms: int
    count: int = 1
    """Securities, from `security` on. More than one have the same space and are there with all of it."""

    @property
    def name(self) -> str:
        return chunk_name(self.security, self.count, self.first, self.last)

    @property
    def until(self) -> int:
        """The first security behind it."""
        return self.security + self.count

    def to_wire(self) -> list[int]:
        return [self.security, self.first, self.last, self.rows, self.cost_ms, self.count]

    @classmethod
    def from_wire(cls, wire: list[int]) -> Self:
        security, first, last, rows, cost_ms, count = wire
        return cls(security=security, first=first, last=last, rows=rows, cost_ms=cost_ms, count=count)


@dataclass(frozen=True, kw_only=True)
class SweepSpec:
    """What is computed. Everything that changes a result is in `identity`."""

    sweep_id: str
    name: str
    strategy: str
    fingerprint: str
    kind: DataKind
    keep: tuple[str, ...]
    start_ns: int | None
    end_ns: int | None
    timezone: str | None = None
    """The zone of these two, and of data that are written without one."""
    newest_ns: int | None = None
    """The newest timestamp of the data set, where that is known and not after the end."""
    seed: int
    parameters: tuple[tuple[str, str], ...]
    """Named parameters in order, each with its column's Arrow type."""
    metrics: tuple[tuple[str, str], ...]
    """The strategy's metrics, likewise."""
    traces: dict[str, list[list[str]]]
    """The further tables to keep, each with its columns likewise."""
    groups: tuple[str, ...]
    """Parameters whose equal values share work: chunks are cut along them first."""
    spaces: tuple[dict[str, Any], ...]
    securities: tuple[SecurityWork, ...]
    chunk: dict[str, Any]
    """The chunking rule as given."""
    results: str
    """The results folder, as the producer sees it."""
    timeout_seconds: float
    queue: str
    metric: dict[str, Any]
    retries: int = 2
    """How often a chunk is started again whose process ended; the last time in processes of its own."""
    max_failures: float | None = None
    """Failed backtests at which the sweep stops; None: never."""
    text: str = ""
    """sweep.yaml as submitted."""
    overrides: dict[str, Any]

    @cached_property
    def identity(self) -> str:
        """SHA-256 of everything that decides the results, and of the chunking rule."""
        decisive = {
            "engine": ENGINE,
            "strategy": references.label(self.strategy),
            "fingerprint": self.fingerprint,
            "kind": self.kind,
            "keep": sorted(self.keep),
            "dates": [self.start_ns, self.end_ns, self.timezone, self.newest_ns],
            "seed": self.seed,
            "parameters": self.parameters,
            "spaces": self.spaces,
            "securities": [
                [s.name, s.digest, s.space, s.last, s.segment, s.token, s.price_scale]
                for s in self.securities
            ],
            "chunk": self.chunk,
        }
        return hashlib.sha256(_canonical(decisive)).hexdigest()

    @property
    def total(self) -> int:
        return sum(s.backtests for s in self.securities)

    @cached_property
    def _spaces(self) -> tuple[Space, ...]:
        return tuple(Space.from_wire(wire) for wire in self.spaces)

    def space(self, security: int) -> Space:
        return self._spaces[self.securities[security].space]

    def slice_ref(self, security: int) -> SliceRef:
        work = self.securities[security]
        return SliceRef(
            security=work.name,
            path=work.path,
            digest=work.digest,
            kind=self.kind,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            timezone=self.timezone,
            segment=work.segment,
            token=work.token,
            price_scale=work.price_scale,
            newest_ns=self.newest_ns,
        )

    def request(self, chunk: Chunk, published: float) -> ChunkRequest:
        return ChunkRequest(
            sweep_id=self.sweep_id,
            security=chunk.security,
            first=chunk.first,
            last=chunk.last,
            count=chunk.count,
            label=self.label(chunk),
            cost_ms=chunk.cost_ms,
            published=published,
        )

    def label(self, chunk: Chunk) -> str:
        """For the eye: which securities and combinations."""
        first, last = (self.securities[i].name for i in (chunk.security, chunk.until - 1))
        whose = first if chunk.count == 1 else f"{first} to {last} ({chunk.count})"
        return f"{whose} {chunk.first}-{chunk.last - 1}"

    def with_id(self, sweep_id: str, results: str) -> SweepSpec:
        return replace(self, sweep_id=sweep_id, results=results)

    def to_bytes(self) -> bytes:
        return _pack(asdict(self))

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        raw = _unpack(packed)
        try:
            raw["securities"] = tuple(SecurityWork(**s) for s in raw["securities"])
            for name in ("keep", "groups", "spaces"):
                raw[name] = tuple(raw[name])
            for name in ("parameters", "metrics"):
                raw[name] = tuple((column, alias) for column, alias in raw[name])
            return cls(**raw)
        except (TypeError, KeyError, ValueError) as e:  # fields that another release had or has
            raise UsageError(
                f"sweep {raw.get('sweep_id')} was planned by another release", hint="submit it again"
            ) from e


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlan:
    """Chunks in the order of the result, and where each shard of them begins and ends."""

    chunks: tuple[Chunk, ...]
    shards: tuple[tuple[int, int], ...]

    @property
    def cost_ms(self) -> int:
        return sum(c.cost_ms for c in self.chunks)

    def shard(self, number: int) -> tuple[Chunk, ...]:
        first, last = self.shards[number]
        return self.chunks[first:last]

    def to_bytes(self) -> bytes:
        return _pack({"chunks": [c.to_wire() for c in self.chunks], "shards": self.shards})

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        raw = _unpack(packed)
        try:
            chunks = tuple(map(Chunk.from_wire, raw["chunks"]))
            return cls(chunks=chunks, shards=tuple((a, b) for a, b in raw["shards"]))
        except (TypeError, KeyError, ValueError) as e:
            raise UsageError("the chunks were planned by another release", hint="submit it again") from e


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _pack(value: Any) -> bytes:
    plain = _canonical(value)
    packed: bytes = pa.compress(plain, codec="zstd", asbytes=True)
    return len(plain).to_bytes(8, "little") + packed


def _unpack(packed: bytes) -> dict[str, Any]:
    size = int.from_bytes(packed[:8], "little")
    if size > MOST_BYTES:  # before the room for it is taken
        raise PartDamaged(f"a stored plan says that it has {size:,} bytes")
    try:
        plain = pa.decompress(packed[8:], decompressed_size=size, codec="zstd", asbytes=True)
        return dict(json.loads(plain))
    except (ValueError, TypeError, RecursionError, OSError) as e:  # OSError: what Arrow says of broken zstd
        raise PartDamaged(f"a stored plan cannot be read: {e}", hint="submit the sweep again") from e
