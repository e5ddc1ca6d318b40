"""How far a sweep is, while it runs: a bar with one line below on a terminal, a few plain lines elsewhere.

Whoever follows a sweep enters one of these, shows it each status, and says the last word with `end`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from producer.run.records import OVER
from producer.view import screens, words
from producer.view.output import Output, is_terminal, mask
from tasks.names import DISTRIBUTION

if TYPE_CHECKING:
    from tasks.records.status import Status

FRAMES_PER_SECOND: Final = 8  # smooth to the eye, under 1 % of a core
WIDEST_BAR: Final = 40
NARROWEST_BAR: Final = 10
MARGIN: Final = 4  # the terminal writes `^C` behind the last line; if that wrapped, a stray bar would stay
LINE_SECONDS: Final = 10.0
LINE_STEP: Final = 10  # percent


class Display(Protocol):
    """Shows a sweep's way to its end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, status: Status) -> None: ...

    def say(self, text: str) -> None: ...


def display(out: Output, *, progress: bool = True) -> Display:
    """The bar where a person looks at both streams, lines elsewhere, nothing with --quiet."""
    if out.quiet:
        return Silence()
    if progress and bar_is_wanted(out):
        return Bar(terminal(out))
    return Lines(out)


def bar_is_wanted(out: Output) -> bool:
    return is_terminal(sys.stderr) and is_terminal(sys.stdout) and not out.json


def terminal(out: Output) -> Console:
    return Console(stderr=True, no_color=not out.colour, highlight=False, soft_wrap=False)


@contextmanager
def waiting(out: Output, what: str, *, progress: bool = True) -> Iterator[None]:
    """A sign of life while nothing can be counted yet."""
    if out.quiet or not progress or not bar_is_wanted(out):
        yield
        return
    with terminal(out).status(what):
        yield


class Silence:
    """For --quiet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, status: Status) -> None: ...

    def say(self, text: str) -> None: ...


class Lines:
    """A line at the start, one each ten percent but at most one in ten seconds, and one at the end."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._step = -1
        self._said_at = 0.0
        self._reason: str | None = None
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, status: Status) -> None:
        if self._ended:
            return
        if status.state in OVER:
            self._ended = True
            self._out.say(end_line(status))
            return
        now = time.monotonic()
        step = 100 * status.done // status.total // LINE_STEP if status.total else 0
        moved = step > self._step and now - self._said_at >= LINE_SECONDS
        if self._step < 0 or moved or status.reason != self._reason:
            self._step, self._said_at, self._reason = step, now, status.reason
            self._out.say(progress_line(status))

    def say(self, text: str) -> None:
        self._out.say(text)


def progress_line(status: Status) -> str:
    """`vcp-daily-7f3a1c 2410/24096 10% 405 bt/s eta 0:00:53`"""
    parts = [status.id, f"{status.done}/{status.total}", words.percent(status.done, status.total)]
    if status.reason:
        return " ".join([*parts, f"waiting: {status.reason}"])
    if screens.only_merges(status):
        return " ".join([*parts, "merging"])
    if status.rate_bt_s is not None:
        parts.append(words.rate(status.rate_bt_s).replace(",", ""))
    return " ".join([*parts, f"eta {words.duration(status.eta_s)}"])


def end_line(status: Status) -> str:
    """`vcp-daily-7f3a1c done 24096 ok 24000 failed 96 cached 6096 in 0:00:58 -> results/vcp-daily/7f3a1c`"""
    counts = {"ok": status.ok, "failed": status.failed, "empty": status.empty, "cached": status.cached}
    said = [f"{word} {n}" for word, n in counts.items() if n or word in ("ok", "failed")]
    done = f"{status.done}" if status.done == status.total else f"{status.done}/{status.total}"
    ended = status.finished if status.finished is not None else time.time()
    took = words.duration(ended - status.started)
    return f"{status.id} {status.state} {done} {' '.join(said)} in {took} -> {status.results}"


class Bar:
    """One bar and one line below, redrawn at a steady pace whatever the pace of the news."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._shown_at = 0.0
        self._logs: list[logging.StreamHandler[Any]] = []
        self._live = Live(
            self,
            console=console,
            refresh_per_second=FRAMES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        loggers = (logging.getLogger(), logging.getLogger(DISTRIBUTION))
        streams = [h for each in loggers for h in each.handlers if isinstance(h, logging.StreamHandler)]
        self._logs = [handler for handler in streams if handler.stream is sys.stderr]
        for handler in self._logs:  # a line in the middle of the bar would leave a second bar behind
            handler.setStream(FileProxy(self._console, sys.stderr))
        return self

    def __exit__(self, *_: object) -> None:
        for handler in self._logs:
            handler.setStream(sys.stderr)
        self._live.stop()

    def show(self, status: Status) -> None:
        self._status, self._shown_at = status, time.monotonic()

    def say(self, text: str) -> None:
        self._console.print(mask(text), markup=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._status is not None:
            width = options.max_width - MARGIN
            yield from frame(self._status, width, time.monotonic() - self._shown_at)


def frame(status: Status, width: int, since: float = 0.0) -> Iterator[Table | Text]:
    """The two lines, `since` seconds after the status was taken; none is longer than `width`."""
    label, counts = Text(f"{DISTRIBUTION} "), f"  {status.done:,}/{status.total:,}"
    share = f"  {words.percent(status.done, status.total)}"
    moves = status.rate_bt_s is not None and not status.reason  # while all wait, a speed is only a memory
    pace = f"  {words.rate(status.rate_bt_s)}" if moves else ""
    tail = f"  {_time_left(status, since)}"
    right = next(
        (
            text
            for text in (counts + share + pace + tail, counts + share + tail, share + tail)
            if len(label) + NARROWEST_BAR + len(text) <= width
        ),
        share,
    )
    room = max(0, min(WIDEST_BAR, width - len(label) - len(right)))
    bar = ProgressBar(total=max(1, status.total), completed=status.done, width=room, pulse=False)
    line = Table.grid(padding=0)
    line.add_row(label, bar, Text(right, no_wrap=True, overflow="ellipsis"))
    yield line
    yield Text(screens.INDENT + second_line(status), no_wrap=True, overflow="ellipsis", style="dim")


def _time_left(status: Status, since: float) -> str:
    if status.state in OVER:
        ended = status.finished if status.finished is not None else time.time()
        return f"{status.state} in {words.duration(ended - status.started)}"
    if status.state == "cancelling":
        return "ending"
    left = None if status.reason or status.eta_s is None else max(0.0, status.eta_s - since)
    return f"{words.duration(left)} left"


def second_line(status: Status) -> str:
    """`16/16 cores busy on 2 nodes · 2 failed (TWTR, FB) · chunk 48 combinations (a whole security)`"""
    if status.state in OVER:
        return screens.outcome(status)
    parts = [f"waiting: {status.reason}"] if status.reason else []
    if status.workers and (status.workers.nodes or not status.reason):
        parts.append(screens.busy(status))
    elif not status.reason:
        parts.append("planning" if status.state == "planning" else "starting workers")
    if screens.only_merges(status):
        parts.append("merging")
    if status.failing:
        parts.append(f"{len(status.failing):,} failed ({words.listed(status.failing)})")
    elif status.failed:
        parts.append(f"{status.failed:,} failed")
    if status.chunk_note:
        parts.append(status.chunk_note)
    return " · ".join(parts)
