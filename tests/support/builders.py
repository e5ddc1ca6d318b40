"""Valid objects with the least in them; a test states the one thing that matters to it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from tasks.grid.combinations import Space
from tasks.messages import WIRE_VERSION, ChunkReceipt, ChunkRequest
from tasks.plan import Chunk, ChunkPlan, SecurityWork, SweepSpec
from tasks.records.heartbeat import Node


def a_space(values: int = 10, *constraints: str) -> Space:
    """`x` from 0 up to `values`."""
    return Space(axes=(("x", tuple(range(values))),), constraints=constraints)


def a_security(name: str = "EMAAR", of: Space | None = None, **changed: Any) -> SecurityWork:
    """A security with all the combinations `of` a space, or those below `last`."""
    space = of or a_space()
    last = changed.get("last", space.raw_size)
    fields: dict[str, Any] = {
        "name": name,
        "path": f"/data/{name.lower()}.parquet",
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "events": 1000,
        "space": 0,
        "last": last,
        "backtests": space.count_between(0, last),
    }
    return SecurityWork(**{**fields, **changed})


def a_spec(spaces: Sequence[Space] | None = None, **changed: Any) -> SweepSpec:
    """One security with one space each, unless the securities are given."""
    spaces = spaces or (a_space(),)
    fields: dict[str, Any] = {
        "sweep_id": "try-abc123",
        "name": "try",
        "strategy": "tiny",
        "fingerprint": "f" * 64,
        "kind": "ticks",
        "keep": ("summary",),
        "start_ns": None,
        "end_ns": None,
        "seed": 0,
        "parameters": (("x", "int64"),),
        "metrics": (("y", "float64"), ("n", "int64")),
        "traces": {},
        "groups": (),
        "spaces": tuple(s.to_wire() for s in spaces),
        "securities": tuple(a_security(f"S{i}", s, space=i) for i, s in enumerate(spaces)),
        "chunk": {"size": None, "target_seconds": 2.0, "least": 1, "most": None},
        "results": "/nowhere",
        "timeout_seconds": 600.0,
        "queue": "sweepfleet",
        "metric": {"name": "y", "goal": "maximize", "min_trades": 0},
        "overrides": {},
    }
    return SweepSpec(**{**fields, **changed})


def a_plan(spec: SweepSpec, size: int = 5, shard: int = 500) -> ChunkPlan:
    """Chunks of `size` raw combinations, `shard` of them a shard."""
    chunks = []
    for security, work in enumerate(spec.securities):
        for first in range(0, work.last, size):
            last = min(work.last, first + size)
            rows = spec.space(security).count_between(first, last)
            if rows:
                chunks.append(Chunk(security=security, first=first, last=last, rows=rows, cost_ms=rows))
    shards = [(at, min(len(chunks), at + shard)) for at in range(0, len(chunks), shard)]
    return ChunkPlan(chunks=tuple(chunks), shards=tuple(shards))


def a_request(**changed: Any) -> ChunkRequest:
    fields: dict[str, Any] = {"sweep_id": "try-abc123", "security": 0, "first": 0, "last": 8, "cost_ms": 80}
    return ChunkRequest(**{**fields, **changed})


def a_receipt(request: ChunkRequest | None = None, **changed: Any) -> ChunkReceipt:
    """All of the request's combinations succeeded."""
    request = request or a_request()
    fields: dict[str, Any] = {
        "chunk": request.name,
        "outcome": "ok",
        "sha256": "a" * 64,
        "size_bytes": 4,
        "ok": request.last - request.first,
        "failed": 0,
        "empty": 0,
        "attempt": 1,
        "node": "sweepfleet@here",
        "compute_ms": 40.0,
        "failing": {"EMAAR": changed["failed"]} if changed.get("failed") else {},
    }
    return ChunkReceipt(**{**fields, **changed})


def a_node(name: str = "sweepfleet@here", **changed: Any) -> Node:
    fields: dict[str, Any] = {
        "name": name,
        "cores": "0-1",
        "slots": 2,
        "busy": 0,
        "rate_bt_s": 0.0,
        "memory_bytes": 2**28,
        "memory_total_bytes": 2**34,
        "version": "0.1.0",
        "wire": WIRE_VERSION,
        "queue": "sweepfleet",
        "pid": 1,
        "host": "here",
    }
    return Node(**{**fields, **changed})
