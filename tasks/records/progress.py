"""How far a sweep is: the one status function that every screen, `--json` and Flower's row read."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tasks.plan import SweepSpec
from tasks.records.counts import Totals
from tasks.records.heartbeat import Node, live_nodes
from tasks.records.ledger import Ledger
from tasks.records.status import TERMINAL, State, Status, Workers

WINDOW_SECONDS: Final = 30.0
STILL_SECONDS: Final = 30.0
CHUNKS_FOR_ETA: Final = 3  # fewer say nothing about the rest


class Rate:
    """Speed of a sweep, smoothed over the last half minute; remembers what it saw between two looks."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def look(self, now: float, backtests: int, cost_ms: int) -> None:
        if self._seen and backtests < self._seen[-1][1]:
            self._seen.clear()  # a chunk was taken back: begin anew rather than report a negative speed
        if not backtests:
            self._seen.clear()  # nodes that warm up say nothing about speed
        self._seen.append((now, backtests, cost_ms))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW_SECONDS:
            self._seen.popleft()

    def per_second(self) -> tuple[float, float] | None:
        """Backtests and planned milliseconds per second; None before there are two looks apart."""
        if len(self._seen) < 2:
            return None
        (t0, b0, c0), (t1, b1, c1) = self._seen[0], self._seen[-1]
        return ((b1 - b0) / (t1 - t0), (c1 - c0) / (t1 - t0)) if t1 > t0 else None

    def still_seconds(self) -> float:
        """How long nothing has been committed."""
        if not self._seen:
            return 0.0
        moved = next((t for t, b, _ in reversed(self._seen) if b != self._seen[-1][1]), self._seen[0][0])
        return self._seen[-1][0] - moved


def read(ledger: Ledger, spec: SweepSpec, rate: Rate | None = None) -> Status | None:
    """One sweep from its ledger; None where the ledger does not know it. A few small reads, whatever its
    size.
    """
    meta = ledger.meta()
    if not meta:
        return None
    totals, now = ledger.totals(), ledger.now()
    started = float(meta.get("created", now))
    state, planned = _state(meta), int(meta.get("chunks", 0))
    nodes = live_nodes(ledger.client)
    speed = _speed(rate, totals, started, now)
    left = int(meta.get("cost_ms", 0)) - totals.cost_ms
    finished = float(meta["finished"]) if "finished" in meta and state in TERMINAL else None
    running, cores = state in ("planning", "running"), sum(n.slots for n in nodes)
    return Status(
        id=ledger.sweep_id,
        name=spec.name,
        state=state,
        total=spec.total,
        done=totals.backtests,
        ok=totals.ok,
        failed=totals.failed,
        empty=totals.empty,
        cached=0,
        chunks_total=planned,
        chunks_done=totals.chunks,
        started=started,
        finished=finished,
        rate_bt_s=speed[0] if speed and running else None,
        eta_s=left / speed[1]
        if running and speed and speed[1] > 0 and totals.chunks >= CHUNKS_FOR_ETA and planned
        else None,
        chunk_note=chunk_note(spec.total, planned),
        failing=tuple(sorted(ledger.failing())) if totals.failed else (),
        reason=_reason(rate, nodes, ledger, running) or (meta.get("waiting") if running else None),
        mismatch=int(meta.get("mismatch", 0)),
        workers=Workers(nodes=len(nodes), cores=cores, busy=min(ledger.in_hand(), cores)),
        results=spec.results,
    )


def interrupted(status: Status) -> Status:
    """The same, where what ended was the private stack and not the sweep."""
    return replace(status, state="interrupted")


def line(status: Status) -> str:
    """A sweep in one line: the result text of Flower's row."""
    share = f"{100 * status.done // status.total}%" if status.total else "0%"
    parts = [f"{status.state} {status.done:,}/{status.total:,} {share}"]
    if status.rate_bt_s is not None:
        parts.append(f"{status.rate_bt_s:,.0f} bt/s")
    if status.eta_s is not None:
        parts.append(f"{timedelta(seconds=round(status.eta_s))} left")
    if status.failed:
        parts.append(f"{status.failed:,} failed")
    return " · ".join(parts + ([status.reason] if status.reason else []))


def chunk_note(total: int, chunks: int) -> str:
    return f"chunk {round(total / chunks):,} combinations" if chunks else "measuring cost"


def _state(meta: dict[str, str]) -> State:
    state = meta.get("state", "open")
    if state == "open":
        return "running" if "chunks" in meta else "planning"
    return state  # type: ignore[return-value]  # the ledger's other words are among ours


def _speed(rate: Rate | None, totals: Totals, started: float, now: float) -> tuple[float, float] | None:
    """From what was seen lately, else from the whole run."""
    if rate is not None:
        rate.look(now, totals.backtests, totals.cost_ms)
        if lately := rate.per_second():
            return lately
    elapsed = now - started
    return (totals.backtests / elapsed, totals.cost_ms / elapsed) if elapsed > 0 and totals.chunks else None


def _reason(rate: Rate | None, nodes: list[Node], ledger: Ledger, running: bool) -> str | None:
    if not running:
        return None
    if not nodes:
        return "no workers"
    if rate is not None and rate.still_seconds() >= STILL_SECONDS and not ledger.in_hand():
        return "chunks wait behind other work"
    return None
