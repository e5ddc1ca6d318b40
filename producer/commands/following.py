"""Following a sweep to its end: the bar, Ctrl-C, the last words, the exit code.

On a private stack the first Ctrl-C (or SIGTERM) lets the chunks in hand end; on a shared Redis it detaches.
The second stops now.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from producer.commands.call import Call
from producer.run import records
from producer.run.records import OVER
from producer.view import documents, live, outcomes, screens
from producer.view.output import table_width

if TYPE_CHECKING:
    from producer.run.follower import Follower
    from producer.run.session import Session
    from tasks.records.status import Status

INTERRUPTED: Final = 130
SUMMARY_ROWS: Final = 5


class Asked:
    """How often the user asked to stop."""

    times = 0


@contextmanager
def listening() -> Iterator[Asked]:
    """Counts Ctrl-C and SIGTERM and raises only the second: a step of the run side is not cut in two."""
    asked = Asked()

    def heard(signum: int, frame: FrameType | None) -> None:
        asked.times += 1
        if asked.times > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow_session(call: Call, session: Session | Follower, command: str, *, also_csv: bool = False) -> int:
    """Runs what `submit` and `resume` started to its end, or to Ctrl-C."""
    last: Status | None = None
    try:
        with live.display(call.out, progress=call.progress) as shown, listening() as asked:
            noticed = False
            for status in session.statuses():
                last = status
                shown.show(status)
                if asked.times and not noticed:
                    noticed = True
                    if not session.private:
                        break
                    session.interrupt()
                    shown.say(screens.ENDING)
    except KeyboardInterrupt:
        said = screens.stopped_now(session.id, last) if session.private else screens.detached(session.id)
        return _left(call, command, session.id, last, said)
    finally:
        session.close()
    if last is None or (asked.times and not session.private and last.state not in OVER):
        return _left(call, command, session.id, last, screens.detached(session.id))
    return conclude(call, last, command, also_csv=also_csv)


def leave(call: Call, session: Session | Follower, command: str) -> int:
    """Gets a sweep under way and returns: the first status has published it, nodes lead it from there."""
    try:
        first = next(iter(session.statuses()), None)
    finally:
        session.close()
    if call.flags.json:
        known = documents.status(first) if first is not None else {"id": session.id}
        call.out.document(command, {**known, "exit_code": 0})
    call.out.say(screens.submitted(session.id))
    return 0


def follow_statuses(call: Call, sweep_id: str, statuses: Iterator[Status]) -> int:
    """Watches a sweep that others run; Ctrl-C only stops looking."""
    last: Status | None = None
    with live.display(call.out, progress=call.progress) as shown, listening() as asked:
        for status in statuses:
            last = status
            if call.flags.json:
                call.out.document("watch", documents.status(status))
            else:
                shown.show(status)
            if asked.times:
                break
    if last is None or last.state not in OVER:
        call.out.say(screens.detached(sweep_id))
        return INTERRUPTED
    return exit_code(last) if call.flags.json else conclude(call, last, "watch")


def conclude(call: Call, status: Status, command: str, *, also_csv: bool = False) -> int:
    """What is said about a sweep that has ended: the best rows, where the rest is, what to type next."""
    out, code = call.out, exit_code(status)
    best = _summary(call, status, also_csv=also_csv) if status.state == "done" else None
    if call.flags.json:
        out.document(command, {**documents.status(status, best=best), "exit_code": code})
    if status.state == "interrupted":
        out.say(screens.interrupted(status))
    elif status.state == "cancelled":
        out.say(screens.cancelled(status))
    else:
        if code == 4:
            out.problem(screens.unsuccessful(status), f"producer failures {status.id}")
        if status.mismatch:
            out.warn(screens.suspect(status.mismatch))
        out.say(screens.next_commands(status))
    return code


def exit_code(status: Status) -> int:
    match status.state:
        case "interrupted":
            return INTERRUPTED
        case "cancelled":
            return 5
        case "failed":
            return 4
    if status.total and not status.ok:
        return 4
    return 3 if status.failed else 0


def _summary(call: Call, status: Status, *, also_csv: bool) -> dict[str, object] | None:
    """Prints the top of the results; the best row for the JSON document."""
    from producer.outcome import query
    from producer.outcome.folder import opened

    with opened(Path(status.results)) as folder:
        if also_csv:
            from producer.outcome import export

            export.to_csv(folder, query.Question(), folder.path / "summary.csv")
        if not (call.flags.json or call.flags.quiet) and status.ok:
            answer = query.ask(folder, query.Question(top=SUMMARY_ROWS))
            call.out.answer(outcomes.results_table(answer, table_width()).text)
        best = query.best(folder)
    if said := screens.best_in_words(best):
        records.keep_best(call.settings.state_dir, status.id, said)
    return best


def _left(call: Call, command: str, sweep_id: str, last: Status | None, said: str) -> int:
    if call.flags.json:
        known = documents.status(last) if last is not None else {"id": sweep_id}
        call.out.document(command, {**known, "exit_code": INTERRUPTED})
    call.out.say(said)
    return INTERRUPTED
