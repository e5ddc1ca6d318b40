"""What commands print, word for word: headers, tables, last lines, and the next command to type."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from producer.run.records import OVER
from producer.view import words
from producer.view.table import Column, Drawn, draw

if TYPE_CHECKING:
    from producer.run.records import SweepRecord
    from tasks.records.status import Status

INDENT: Final = "   "


def header(
    *, sweep_id: str, securities: int, combinations: int, total: int, cached: int = 0, chunks: int = 0
) -> str:
    """`vcp-daily-7f3a1c  502 securities x 48 combinations = 24,096 backtests (6,096 cached) in 375 tasks`"""
    text = words.count(securities, "security")
    if (
        securities * combinations == total
    ):  # else the number of combinations differs from security to security
        text += f" x {words.count(combinations, 'combination')}"
    text += f" = {words.count(total, 'backtest')}"
    if cached:
        text += f" ({cached:,} cached)"
    if chunks:
        text += f" in {words.count(chunks, 'task')}"
    return f"{sweep_id}  {text}" if sweep_id else text


def of_counts(counts: Mapping[str, Any]) -> str:
    """The header of a sweep that was only counted, and what it would cost where that is known."""
    text = header(
        sweep_id=counts.get("id", ""),
        securities=counts["securities"],
        combinations=counts["combinations"],
        total=counts["backtests"],
        cached=counts.get("cached", 0),
        chunks=counts.get("chunks") or 0,
    )
    hours = counts.get("core_hours")
    return text if hours is None else f"{text}, about {hours:,.2f} core-hours"


def valid(file: str, counts: Mapping[str, Any]) -> str:
    """`sweep.yaml: ok  2 securities x 48 combinations = 96 backtests`"""
    return f"{file}: ok  {of_counts(counts)}"


def right_shape(file: str) -> str:
    return f"{file}: ok  (its shape; strategy and data were not looked at)"


def aligned(lines: Sequence[tuple[str, str]], indent: str = "  ") -> str:
    widest = max(len(name) for name, _ in lines)
    return "\n".join(f"{indent}{name:<{widest}}  {value}".rstrip() for name, value in lines)


def detached(sweep_id: str) -> str:
    return (
        "detached; the sweep goes on.  "
        f"reattach: producer watch {sweep_id}   stop: producer cancel {sweep_id}"
    )


def submitted(sweep_id: str) -> str:
    return (
        f"submitted; the sweep goes on.  follow: producer watch {sweep_id}   stop: producer cancel {sweep_id}"
    )


def nothing_left(sweep_id: str, *, failed: int, retried: bool) -> str:
    """A resume of a sweep that is complete."""
    said = f"{sweep_id} is complete; nothing is left to run"
    if failed and not retried:
        return f"{said}.  what failed: producer resume {sweep_id} --failed"
    return said


NO_SWEEP: Final = "no sweep yet; start one with: producer submit sweep.yaml"
ENDING: Final = "ending after the chunks in hand; press Ctrl-C again to stop now"


def interrupted(status: Status) -> str:
    return f"interrupted; {kept(status)}.  go on: producer resume {status.id}"


def stopped_now(sweep_id: str, last: Status | None = None) -> str:
    """`stopped; 5,345 of 12,744 backtests are kept.  go on: producer resume mm-1`"""
    what = "what was finished is kept" if last is None else kept(last)
    return f"stopped; {what}.  go on: producer resume {sweep_id}"


def cancelled(status: Status) -> str:
    return f"cancelled; {kept(status)}.  go on: producer resume {status.id}"


def kept(status: Status) -> str:
    """`1,024 of 24,096 backtests are kept`"""
    verb = "is" if status.done == 1 and status.total == 1 else "are"
    return f"{status.done:,} of {words.count(status.total, 'backtest')} {verb} kept"


def after_cancel(status: Status) -> str:
    """What a cancel did, what is kept, how to go on."""
    match status.state:
        case "done" | "failed":
            over = f"{status.id} was {status.state} already; nothing to cancel"
            return f"{over}.  next: producer results {status.id}"
        case "interrupted":
            return f"{status.id} is not running; {kept(status)}.  go on: producer resume {status.id}"
        case "cancelling":
            what = f"cancelling {status.id}: the chunks in hand end first"
        case _:
            what = f"cancelled {status.id}"
    return f"{what}; {kept(status)}.  go on: producer resume {status.id}"


def next_commands(status: Status) -> str:
    """Where the results are, and what one would type next."""
    commands = [f"producer results {status.id}"]
    if status.failed:
        commands.append(f"producer failures {status.id}")
    return f"results: {status.results}\nnext: {'   '.join(commands)}"


def unsuccessful(status: Status) -> str:
    """Why a sweep ends with exit code 4."""
    if status.ok:
        return f"{status.id} was stopped by its failures: {outcome(status)}"
    return f"no backtest of {status.id} succeeded: {outcome(status) or 'nothing ran'}"


def outcome(status: Status) -> str:
    """`24,000 ok · 96 failed (TWTR, FB) · 6,096 cached`"""
    parts = [f"{status.ok:,} ok"] if status.ok else []
    if status.failed:
        names = f" ({words.listed(status.failing)})" if status.failing else ""
        parts.append(f"{status.failed:,} failed{names}")
    if status.empty:
        parts.append(f"{status.empty:,} empty")
    if status.cached:
        parts.append(f"{status.cached:,} cached")
    return " · ".join(parts)


def best_in_words(best: Mapping[str, Any] | None) -> str | None:
    """`NVDA signals 11`"""
    if best is None:
        return None
    value = words.cells([best["value"]], measured=isinstance(best["value"], float))[0]
    return f"{best['security']} {best['metric']} {value}"


def suspect(chunks: int) -> str:
    """What to say of a sweep whose chunks did not give the same bytes twice."""
    return (
        f"suspect: {words.count(chunks, 'chunk')} gave other results when run a second time; "
        "the strategy depends on more than its data and parameters"
    )


def status_screen(status: Status, *, best: str | None = None, now: float | None = None) -> str:
    now = time.time() if now is None else now
    runs = status.state not in OVER
    lines = [("backtests", f"{status.done:,}/{status.total:,}" + _after(outcome(status)))]
    if status.chunks_total:
        note = _after(status.chunk_note)
        lines.append(("tasks", f"{status.chunks_done:,}/{status.chunks_total:,}{note}"))
    if runs and status.reason:
        lines.append(("waiting", status.reason))
    elif runs:
        lines.append(("rate", " · ".join(p for p in (words.rate(status.rate_bt_s), _left(status)) if p)))
    if status.workers and status.workers.nodes:
        lines.append(("workers", busy(status)))
    lines.append(("started", f"{words.local_time(status.started)}"))
    if runs:
        lines.append(("running for", words.duration(now - status.started)))
    elif status.finished is not None:
        lines.append(("took", words.duration(status.finished - status.started)))
    if best:
        lines.append(("best", best))
    if status.mismatch:
        lines.append(("warning", suspect(status.mismatch)))
    lines.append(("results", status.results or words.NOTHING))
    return f"{status.id}  {status.state}  {words.percent(status.done, status.total)}\n{aligned(lines)}"


def _left(status: Status) -> str:
    if status.state == "cancelling":
        return "the chunks in hand end first"
    if only_merges(status):
        # nodes that do not see the folder leave the merge to a producer, which may have gone
        return f"merging; where no node sees the results folder: producer resume {status.id}"
    return f"{words.duration(status.eta_s)} left"


def only_merges(status: Status) -> bool:
    """Every backtest is computed; what is missing is the table."""
    return status.state == "running" and 0 < status.chunks_total == status.chunks_done


def next_for_state(status: Status) -> str:
    match status.state:
        case "done" | "failed" if status.failed:
            return f"next: producer results {status.id}   producer failures {status.id}"
        case "done" | "failed":
            return f"next: producer results {status.id}"
        case "cancelled" | "interrupted":
            return f"next: producer resume {status.id}"
        case "cancelling":
            return f"next: producer watch {status.id}   producer cancel {status.id} --now"
        case _:
            return f"next: producer watch {status.id}   producer cancel {status.id}"


def busy(status: Status) -> str:
    workers = status.workers
    if workers is None:
        return ""
    return f"{workers.busy}/{workers.cores} cores busy on {words.count(workers.nodes, 'node')}"


def failing(status: Status) -> str:
    """One failing security a line: what `status --failures` adds."""
    if not status.failed:
        return "no backtest failed"
    names = ", ".join(status.failing) or words.NOTHING
    return f"failed in {words.count(len(status.failing), 'security')}: {names}"


def sweeps_table(records: Sequence[SweepRecord], *, width: int | None, now: float) -> Drawn:
    return draw(
        [
            Column(title="id", cells=[r.id for r in records]),
            Column(title="state", cells=[r.state for r in records]),
            Column(title="done/total", cells=[f"{r.done:,}/{r.total:,}" for r in records], align="right"),
            Column(title="failed", cells=[f"{r.failed:,}" for r in records], align="right"),
            Column(title="age", cells=[words.age(now - r.created) for r in records], align="right"),
            Column(title="best", cells=[words.plain(r.best) if r.best else words.NOTHING for r in records]),
        ],
        width,
    )


def _after(text: str) -> str:
    return f" · {text}" if text else ""
