"""Following a sweep: exit codes, Ctrl-C and SIGTERM on a private and a shared stack, one JSON document."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from producer.commands import following
from producer.commands.call import Call, Flags
from producer.run.session import Session
from tasks.records.status import Status
from tests.support.outcomes import FAILURE, a_record, a_results_folder
from tests.support.statuses import a_finished_status, a_status


class ASession:
    """Stands where a real session would: gives statuses, remembers what it was told."""

    def __init__(
        self, *statuses: Status, private: bool = False, signals: dict[int, int] | None = None
    ) -> None:
        self.id = "vcp-daily-7f3a1c"
        self.private = private
        self.told: list[str] = []
        self._statuses = statuses
        self._signals = signals or {}

    def statuses(self) -> Iterator[Status]:
        for place, status in enumerate(self._statuses):
            if place in self._signals:
                os.kill(os.getpid(), self._signals[place])
            yield status

    def interrupt(self) -> None:
        self.told.append("interrupt")

    def close(self) -> None:
        self.told.append("close")


def follow(session: ASession, tmp_path: Path, **flags: Any) -> int:
    call = Call(Flags(**flags))
    call.__dict__["settings"] = _settings(tmp_path)
    return following.follow_session(call, cast(Session, session), "submit")


def _settings(tmp_path: Path) -> Any:
    from tasks import settings

    return settings.load({"state_dir": tmp_path / "state", "cache_dir": tmp_path / "cache"})


@pytest.fixture
def done(tmp_path: Path) -> Status:
    folder = a_results_folder(tmp_path / "r", failures=[FAILURE])
    return a_finished_status(results=str(folder))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 3),
        ({"failed": 0, "failing": ()}, 0),
        ({"ok": 0}, 4),
        ({"ok": 0, "failed": 0, "empty": 24096}, 4),
        ({"total": 0, "done": 0, "ok": 0, "failed": 0}, 0),
        ({"state": "failed"}, 4),
        ({"state": "cancelled"}, 5),
        ({"state": "interrupted"}, 130),
    ],
)
def test_the_exit_code_says_how_the_sweep_ended(changes: dict[str, Any], code: int) -> None:
    assert following.exit_code(a_finished_status(**changes)) == code


def test_the_end_shows_the_best_rows_the_folder_and_what_is_next(
    tmp_path: Path, done: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    session = ASession(a_status(), done)

    code = follow(session, tmp_path)

    out, err = capsys.readouterr()
    assert (code, session.told) == (3, ["close"])
    assert len(out.splitlines()) == 6
    assert err.splitlines() == [
        "vcp-daily-7f3a1c 14880/24096 61% 412 bt/s eta 0:00:22",
        f"vcp-daily-7f3a1c done 24096 ok 24000 failed 96 cached 6096 in 0:00:58 -> {tmp_path / 'r'}",
        f"results: {tmp_path / 'r'}",
        "next: producer results vcp-daily-7f3a1c   producer failures vcp-daily-7f3a1c",
    ]


def test_json_is_one_document_with_the_exit_code(
    tmp_path: Path, done: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    code = follow(ASession(a_status(), done), tmp_path, json=True)

    document = json.loads(capsys.readouterr().out)
    assert code == document["exit_code"] == 3
    assert document["schema"] == "producer.submit/1"
    assert document["best"]["security"] == "EMAAR"


def test_quiet_says_nothing_but_what_went_wrong(
    tmp_path: Path, done: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(ASession(a_status(), done), tmp_path, quiet=True)
    assert capsys.readouterr() == ("", "")

    assert follow(ASession(a_finished_status(state="failed", ok=0)), tmp_path, quiet=True) == 4
    assert capsys.readouterr().err == (
        "error: no backtest of vcp-daily-7f3a1c succeeded: 96 failed (TWTR, FB) · 6,096 cached\n"
        "hint: producer failures vcp-daily-7f3a1c\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_ctrl_c_on_a_shared_redis_detaches(
    tmp_path: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    session = ASession(a_status(), a_status(), a_status(), signals={1: number})

    code = follow(session, tmp_path)

    assert (code, session.told) == (130, ["close"])
    assert capsys.readouterr().err.splitlines()[-1] == (
        "detached; the sweep goes on.  "
        "reattach: producer watch vcp-daily-7f3a1c   stop: producer cancel vcp-daily-7f3a1c"
    )


def test_the_first_ctrl_c_on_a_private_stack_ends_after_the_chunks_in_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = a_status(state="interrupted", done=15000, ok=15000, failed=0, finished=a_status().started + 40)
    session = ASession(a_status(), a_status(), a_status(), last, private=True, signals={1: signal.SIGINT})

    code = follow(session, tmp_path)

    assert (code, session.told) == (130, ["interrupt", "close"])
    said = capsys.readouterr().err.splitlines()
    assert "ending after the chunks in hand; press Ctrl-C again to stop now" in said
    assert said[-1] == (
        "interrupted; 15,000 of 24,096 backtests are kept.  go on: producer resume vcp-daily-7f3a1c"
    )


def test_the_second_ctrl_c_stops_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = ASession(*[a_status()] * 4, private=True, signals={1: signal.SIGINT, 2: signal.SIGINT})

    code = follow(session, tmp_path, json=True)

    out, err = capsys.readouterr()
    assert (code, session.told) == (130, ["interrupt", "close"])
    assert err.splitlines()[-1] == (
        "stopped; 14,880 of 24,096 backtests are kept.  go on: producer resume vcp-daily-7f3a1c"
    )
    assert json.loads(out)["exit_code"] == 130


def test_the_handlers_of_before_are_back_afterwards(tmp_path: Path, done: Status) -> None:
    before = signal.getsignal(signal.SIGINT)

    follow(ASession(done), tmp_path)

    assert signal.getsignal(signal.SIGINT) is before


def test_watching_only_looks_and_leaves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = Call(Flags(json=True))
    statuses = ASession(a_status(), a_status(), a_status(), signals={1: signal.SIGINT}).statuses()

    assert following.follow_statuses(call, "vcp-daily-7f3a1c", statuses) == 130

    out, err = capsys.readouterr()
    assert [json.loads(line)["schema"] for line in out.splitlines()] == ["producer.watch/1"] * 2
    assert err.startswith("detached; the sweep goes on.")


def test_the_best_point_is_noted_for_the_list(tmp_path: Path, done: Status) -> None:
    from producer.run import records

    records.save(tmp_path / "state", a_record(id="vcp-daily-7f3a1c"))

    follow(ASession(done), tmp_path)

    found = records.load(tmp_path / "state", "vcp-daily-7f3a1c")
    assert found is not None
    assert found.best == "EMAAR total_pnl 143,058.35"


def test_also_csv_lies_beside_the_summary(tmp_path: Path, done: Status) -> None:
    call = Call()
    call.__dict__["settings"] = _settings(tmp_path)

    following.follow_session(call, cast(Session, ASession(done)), "submit", also_csv=True)

    assert len((tmp_path / "r" / "summary.csv").read_text().splitlines()) == 7
