"""The ledger of one sweep in Redis: which chunks are planned, started, done; what decides when the sweep is
finished.

Every step that must be one step is a script of `tasks/records/scripts.py`. The first result of a chunk wins,
the queue may repeat or lose messages at will. No screen reads `done`: what they show is counted in `totals`,
in the same step as the receipt.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Literal

import redis

from tasks import names
from tasks.messages import ChunkReceipt, ChunkRequest
from tasks.plan import Chunk, ChunkPlan, SweepSpec
from tasks.records import scripts
from tasks.records.counts import Start, Totals

KEEP_SECONDS: Final = 14 * 86400  # longer than any holiday during which nobody looks
WORDS: Final = (
    *("spec", "plan", "meta", "done", "totals", "att", "lost", "hand"),
    *("shards", "failing", "sent", "final"),
)
"""Every key of a sweep but its parts and leases."""

LedgerState = Literal["open", "cancelling", "cancelled", "done", "failed"]


class Ledger:
    """One sweep's records. Holds no state of its own: any number may exist in any number of processes."""

    def __init__(self, client: redis.Redis, sweep_id: str) -> None:
        self.client = client
        self.sweep_id = sweep_id

    def _run(self, script: str, keys: Sequence[str], args: Iterable[Any]) -> Any:
        return scripts.run(self.client, script, keys, args)

    def key(self, what: str) -> str:
        return names.sweep_key(self.sweep_id, what)

    # Opening and closing ------------------------------------------------------------------------------------

    def create(self, spec: SweepSpec, epoch: int = 1) -> bool:
        """Opens the sweep; False where it is open already, by whomever."""
        meta = {
            "state": "open",
            "total": spec.total,
            "created": self.now(),
            "epoch": epoch,
            "name": spec.name,
        }
        fields = [part for pair in meta.items() for part in pair]
        keys = [self.key("spec"), self.key("meta"), names.OPEN_SWEEPS]
        packed = spec.to_bytes()
        stamp = hashlib.sha256(packed).hexdigest()
        args = [packed, KEEP_SECONDS, self.sweep_id, spec.identity, stamp, spec.retries, *fields]
        return bool(self._run(scripts.CREATE, keys, args))

    def note_pilots(self, chunks: Iterable[Chunk]) -> None:
        """Before they are published: whoever plans, now or after a crash, makes them part of the plan."""
        self.client.hset(self.key("meta"), "pilots", json.dumps([c.to_wire() for c in chunks]))
        self.client.hset(self.key("meta"), "piloted", self.now())

    def fix_plan(self, plan: ChunkPlan) -> bool:
        """Fixes chunks and shards; False where they are fixed already."""
        fixed = bool(self.client.set(self.key("plan"), plan.to_bytes(), nx=True, ex=KEEP_SECONDS))
        stands = plan if fixed else self.plan()
        if stands is not None:  # each time: who fixed it may have ended before it wrote the counts
            cost = stands.cost_ms - self._cost_of_pilots(stands)
            counts = {"chunks": len(stands.chunks), "shards": len(stands.shards), "cost_ms": cost}
            self.client.hset(self.key("meta"), mapping=counts)
        return fixed

    def _cost_of_pilots(self, plan: ChunkPlan) -> int:
        """They went out before anybody knew what they cost, and add nothing to the cost that is done."""
        names_ = {Chunk.from_wire(w).name for w in json.loads(self.meta().get("pilots", "[]"))}
        return sum(c.cost_ms for c in plan.chunks if c.name in names_) if names_ else 0

    def reopen(self) -> None:
        """After a cancel or an interruption: chunks may start again, and every shard is published anew. What
        failed before does not count against `max_failures` again.
        """
        failed = self.totals().failed
        with self.client.pipeline() as pipe:
            pipe.hset(self.key("meta"), mapping={"state": "open", "published": 0, "failed_before": failed})
            pipe.hincrby(self.key("meta"), "epoch", 1)
            pipe.hdel(self.key("meta"), "finished", "waiting")
            pipe.delete(*(self.key(word) for word in ("hand", "att", "lost", "lead", "final", "sent")))
            pipe.sadd(names.OPEN_SWEEPS, self.sweep_id)
            pipe.execute()
        self.refresh()

    def refresh(self) -> None:
        """Puts off the day on which the sweep is forgotten."""
        with self.client.pipeline(transaction=False) as pipe:
            for word in WORDS:
                pipe.expire(self.key(word), KEEP_SECONDS)
            pipe.execute()

    def refresh_parts(self, chunks: Iterable[str]) -> None:
        """The same for the parts of a shard that is long in coming."""
        with self.client.pipeline(transaction=False) as pipe:
            for chunk in chunks:
                pipe.expire(self.key(f"part:{chunk}"), KEEP_SECONDS)
            pipe.execute()

    def move(self, to: LedgerState, *, only_from: Iterable[LedgerState]) -> bool:
        """Changes the state if it is one of those named; decided in one step."""
        moved = bool(self._run(scripts.MOVE, [self.key("meta")], [",".join(only_from), to]))
        if moved and to in ("cancelled", "done", "failed"):
            self.note("meta", {"finished": self.now(), "waiting": ""})
            self.client.srem(names.OPEN_SWEEPS, self.sweep_id)
            self.refresh()
        return moved

    def note(self, word: str, fields: Mapping[str, Any]) -> None:
        """Sets fields of one of the sweep's hashes, and takes out those with an empty value; on a full Redis,
        too.
        """
        pairs = [str(part) for pair in fields.items() for part in pair]
        self._run(scripts.NOTE, [self.key(word)], [KEEP_SECONDS, *pairs])

    def purge(self) -> None:
        """Forgets the sweep: every key of it."""
        self.client.srem(names.OPEN_SWEEPS, self.sweep_id)
        for key in self.client.scan_iter(match=names.sweep_key(self.sweep_id, "*"), count=1000):
            self.client.unlink(key)

    # Reading ------------------------------------------------------------------------------------------------

    def spec(self) -> SweepSpec | None:
        packed = self.client.get(self.key("spec"))
        return SweepSpec.from_bytes(packed) if packed else None

    def plan(self) -> ChunkPlan | None:
        packed = self.client.get(self.key("plan"))
        return _plan_in(packed) if packed else None

    def meta(self) -> dict[str, str]:
        return {k.decode(): v.decode() for k, v in self.client.hgetall(self.key("meta")).items()}

    def totals(self) -> Totals:
        raw = self.client.hgetall(self.key("totals"))
        return Totals(**{k.decode(): int(v) for k, v in raw.items()})

    def failing(self) -> dict[str, int]:
        """Security to its failed backtests."""
        return {k.decode(): int(v) for k, v in self.client.hgetall(self.key("failing")).items() if int(v) > 0}

    def receipts(self, chunks: Iterable[str]) -> list[ChunkReceipt | None]:
        wanted = list(chunks)
        if not wanted:
            return []
        found = self.client.hmget(self.key("done"), wanted)
        return [ChunkReceipt.from_json(text) if text else None for text in found]

    def note_published(self, shards: int) -> None:
        """Shards below this number are on the queue, or have been."""
        self.note("meta", {"published": shards})

    def note_sent(self, what: Iterable[str | int], when: float) -> None:
        """When a shard, by number, or a single chunk, by name, was last put on the queue."""
        self.note("sent", dict.fromkeys(map(str, what), when))

    def sent(self, shard: int, chunks: Iterable[str]) -> dict[str, float]:
        """When each of these chunks of a shard was last put on the queue; 0 where nobody knows."""
        fields = [str(shard), *chunks]
        found = self.client.hmget(self.key("sent"), fields)
        whole = float(found[0] or 0)
        return {n: max(whole, float(t or 0)) for n, t in zip(fields[1:], found[1:], strict=True)}

    def node_cores(self, node: str) -> str:
        cores = self.client.hget(names.node_key(node), "cores")
        return cores.decode() if cores else ""

    def now(self) -> float:
        """The server's clock, seconds since 1970: one clock for all nodes."""
        seconds, micros = self.client.time()
        return float(seconds) + float(micros) / 1e6

    def missing(self, chunks: Iterable[str]) -> list[int]:
        """Places in `chunks` of those that have no receipt; reads none of the receipts."""
        wanted = list(chunks)
        return [int(i) - 1 for i in self._run(scripts.MISSING, [self.key("done")], wanted)] if wanted else []

    def in_hand(self) -> int:
        """Chunks that were started and have not come back."""
        return int(self.client.hlen(self.key("hand")))

    def hand(self, chunks: Iterable[str]) -> dict[str, tuple[float, str]]:
        """Those of these chunks that were started and have not come back: since when, by the node's clock,
        and where.
        """
        wanted = list(chunks)
        found = self.client.hmget(self.key("hand"), wanted) if wanted else []
        said = {n: text.decode().partition(" ") for n, text in zip(wanted, found, strict=True) if text}
        return {n: (float(when), node) for n, (when, _, node) in said.items()}

    # A chunk's life -----------------------------------------------------------------------------------------

    def start(self, request: ChunkRequest, *, hurried: bool = False, node: str = "") -> Start:
        """Counts a start, unless it is the last one allowed and the message is `hurried`: it allows no more
        time than others.
        """
        keys = [self.key(word) for word in ("done", "meta", "att", "hand", "lost")]
        args = [request.name, f"{time.time()} {node}", KEEP_SECONDS, int(hurried)]
        verdict, text, starts, chances, counted = self._run(scripts.START, keys, args)
        receipt = ChunkReceipt.from_json(text) if verdict == b"done" else None
        stamp = text.decode() if verdict in (b"start", b"alone") else ""
        return Start(
            verdict=verdict.decode(),
            starts=int(starts),
            chances=int(chances),
            counted=counted.decode(),
            stamp=stamp,
            receipt=receipt,
        )

    def put_back(self, request: ChunkRequest, *, uncounted: str = "") -> None:
        """The chunk is in nobody's hand until its next message is taken; `uncounted`, the start that was
        counted as this was none.
        """
        self.client.hdel(self.key("hand"), request.name)
        if uncounted:
            self.client.hincrby(self.key("att"), uncounted, -1)
        self.note_sent([request.name], self.now())

    def note_lost(self, request: ChunkRequest) -> None:
        """The process that had the chunk has ended, and its node has not."""
        self.client.hincrby(self.key("lost"), request.name, 1)

    def keep_in_hand(self, request: ChunkRequest, node: str) -> None:
        """It takes longer than a chunk may, and is not lost for that."""
        self.client.hset(self.key("hand"), request.name, f"{time.time()} {node}")

    def commit(self, request: ChunkRequest, receipt: ChunkReceipt, part: bytes) -> ChunkReceipt | None:
        """The receipt that stands, this one or an earlier one; None: the sweep is cancelled or forgotten."""
        keys = [self.key(f"part:{request.name}")]
        keys += [self.key(word) for word in ("done", "meta", "totals", "hand", "failing")]
        keys.append(names.node_key(receipt.node))
        args: list[Any] = [request.name, part, receipt.to_json(), KEEP_SECONDS, receipt.sha256]
        args += _numbers(receipt, request.cost_ms)
        code, text = self._run(scripts.COMMIT, keys, args)
        return None if code == -1 else ChunkReceipt.from_json(text)

    def adopt(self, receipt: ChunkReceipt, cost_ms: int) -> bool:
        """A receipt whose part is kept elsewhere, in a ledger that does not know it; False where it has
        one.
        """
        args: list[Any] = [receipt.chunk, receipt.to_json(), *_numbers(receipt, cost_ms)]
        return bool(
            self._run(scripts.ADOPT, [self.key(word) for word in ("done", "totals", "failing")], args)
        )

    def retract(self, receipt: ChunkReceipt, cost_ms: int) -> None:
        """Takes back a receipt whose part is missing or damaged, unless somebody did before."""
        args: list[Any] = [receipt.chunk, receipt.to_json(), *_numbers(receipt, cost_ms)]
        keys = [self.key(word) for word in ("done", "totals", "failing", "att", "lost")]
        self._run(scripts.RETRACT, keys, args)

    def part(self, chunk: str) -> bytes | None:
        return next(self.parts([chunk]))

    def parts(self, chunks: Iterable[str]) -> Iterator[bytes | None]:
        """In the order of `chunks`, in one question: together they should be small."""
        keys = [self.key(f"part:{chunk}") for chunk in chunks]
        return iter(self.client.mget(keys) if keys else [])

    def move_part(self, receipt: ChunkReceipt, file: str) -> bool:
        """The part lies in this file from now on, and no longer in Redis; False where that has changed."""
        moved = replace(receipt, file=file)
        keys = [self.key("done"), self.key(f"part:{receipt.chunk}")]
        return bool(self._run(scripts.MOVE_PART, keys, [receipt.chunk, receipt.to_json(), moved.to_json()]))

    def drop_parts(self, chunks: Iterable[str]) -> None:
        keys = [self.key(f"part:{chunk}") for chunk in chunks]
        if keys:
            self.client.unlink(*keys)

    # Shards and the end -------------------------------------------------------------------------------------

    def note_shard(self, shard: int, note: Mapping[str, Any]) -> None:
        self.note("shards", {str(shard): json.dumps(dict(note), sort_keys=True)})

    def noted_shards(self) -> set[int]:
        """The merged ones, without what is known of them."""
        return {int(k) for k in self.client.hkeys(self.key("shards"))}

    def shard_notes(self) -> dict[int, dict[str, Any]]:
        return {int(k): json.loads(v) for k, v in self.client.hgetall(self.key("shards")).items()}

    def forget_shard(self, shard: int) -> None:
        self.client.hdel(self.key("shards"), str(shard))

    def set_final(self, manifest: str) -> bool:
        return bool(self.client.set(self.key("final"), manifest, nx=True, ex=KEEP_SECONDS))

    def final(self) -> str | None:
        found = self.client.get(self.key("final"))
        return found.decode() if found else None

    # Leases -------------------------------------------------------------------------------------------------

    def hold(self, lease: str, holder: str, seconds: float, over: str = "") -> bool:
        """Takes or renews a lease; False while somebody else has it whose name does not begin with `over`."""
        return bool(self._run(scripts.HOLD, [self.key(lease)], [holder, int(seconds * 1000), over]))

    def release(self, lease: str, holder: str) -> None:
        self._run(scripts.RELEASE, [self.key(lease)], [holder])


@lru_cache(maxsize=1)
def _plan_in(packed: bytes) -> ChunkPlan:
    """Every merge asks for it, and it may have a hundred thousand chunks."""
    return ChunkPlan.from_bytes(packed)


def _numbers(receipt: ChunkReceipt, cost_ms: int) -> list[Any]:
    """What a receipt adds to the counts, as the scripts take it."""
    counters = {
        "chunks": 1,
        "backtests": receipt.rows,
        "ok": receipt.ok,
        "failed": receipt.failed,
        "empty": receipt.empty,
        "cost_ms": cost_ms,
        "compute_ms": round(receipt.compute_ms),
    }
    failing = [word for pair in receipt.failing.items() for word in pair]
    return [len(receipt.failing), *failing, *(word for pair in counters.items() for word in pair)]


def counted_as(request: ChunkRequest, *, alone: bool) -> str:
    """As what a start is counted whose message is known, and nothing else."""
    return f"{request.name} apart" if alone else request.name


def open_sweeps(client: redis.Redis) -> list[str]:
    return sorted(member.decode() for member in client.smembers(names.OPEN_SWEEPS))
