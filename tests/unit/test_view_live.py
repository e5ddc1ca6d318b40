"""The bar and the lines: exact texts, and when they are said."""

from __future__ import annotations

import io
import logging
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group

from producer.view import live
from producer.view.output import Output
from tasks.records.status import Workers
from tests.support.statuses import STARTED, a_finished_status, a_status


def drawn(width: int, since: float = 0.0, **changes: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    status = a_finished_status(**changes) if changes.get("state") == "done" else a_status(**changes)
    console.print(Group(*live.frame(status, width, since)))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_frame_is_one_bar_and_one_line() -> None:
    assert drawn(120) == [
        "sweepfleet ━━━━━━━━━━━━━━━━━━━━━━━━╸                 14,880/24,096  61%  412 bt/s  0:00:22 left",
        "   16/16 cores busy on 2 nodes · 2 failed (TWTR, FB) · chunk 48 combinations (a whole security)",
    ]


def test_the_time_left_counts_down_between_two_statuses() -> None:
    assert drawn(120, since=12.0)[0].endswith("0:00:10 left")
    assert drawn(120, since=60.0)[0].endswith("0:00:00 left")


def test_nothing_is_promised_before_anything_is_known() -> None:
    first, second = drawn(100, done=0, rate_bt_s=None, eta_s=None, workers=None, failing=(), failed=0)

    assert first.endswith("  0/24,096  0%  --:-- left")
    assert second == "   starting workers · chunk 48 combinations (a whole security)"


def test_a_standstill_shows_why() -> None:
    first, second = drawn(120, reason="no workers", workers=Workers(nodes=0, cores=0, busy=0), rate_bt_s=12.0)

    assert first.endswith("  14,880/24,096  61%  --:-- left")
    assert second.startswith("   waiting: no workers · 2 failed (TWTR, FB)")


def test_a_full_bar_that_goes_on_says_what_is_left_to_do() -> None:
    merging = {"done": 24096, "chunks_total": 375, "chunks_done": 375, "rate_bt_s": 0.0, "eta_s": 0.0}

    assert " · merging · " in drawn(120, **merging)[1]
    assert live.progress_line(a_status(**merging)) == "vcp-daily-7f3a1c 24096/24096 100% merging"
    assert "merging" not in drawn(120, chunks_total=375, chunks_done=374)[1]


def test_what_is_logged_stands_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_to, raw = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", raw)
    handler = logging.StreamHandler(raw)
    monkeypatch.setattr(logging.getLogger("sweepfleet"), "handlers", [handler])

    with live.Bar(Console(file=drawn_to, width=80, force_terminal=True)) as bar:
        bar.show(a_status())
        logging.getLogger("sweepfleet.x").warning("Redis was emptied")

    assert handler.stream is raw

    assert "Redis was emptied\n" in drawn_to.getvalue()
    assert raw.getvalue() == ""


def test_many_failing_securities_are_counted() -> None:
    assert "5 failed (A, B, C, … 2 more)" in drawn(120, failing=tuple("ABCDE"))[1]


def test_a_sweep_that_ends_early_says_so() -> None:
    assert drawn(120, state="cancelling")[0].endswith("412 bt/s  ending")


def test_the_last_frame_stays_as_the_record_of_the_run() -> None:
    first, second = drawn(120, state="done")

    assert first.endswith("  24,096/24,096  100%  412 bt/s  done in 0:00:58")
    assert second == "   24,000 ok · 96 failed (TWTR, FB) · 6,096 cached"


@pytest.mark.parametrize(
    ("width", "end"),
    [(62, "14,880/24,096  61%  0:00:22 left"), (45, "  61%  0:00:22 left"), (30, "  61%")],
)
def test_a_narrow_terminal_keeps_the_bar_and_drops_numbers(width: int, end: str) -> None:
    first = drawn(width)[0]

    assert first.startswith("sweepfleet ━")
    assert first.endswith(end)


@given(
    width=st.integers(20, 200),
    done=st.integers(0, 24096),
    rate=st.one_of(st.none(), st.floats(0, 1e9)),
    eta=st.one_of(st.none(), st.floats(0, 1e7)),
    state=st.sampled_from(
        ["planning", "running", "cancelling", "cancelled", "interrupted", "failed", "done"]
    ),
)
def test_no_frame_is_wider_than_the_terminal(
    width: int, done: int, rate: float | None, eta: float | None, state: str
) -> None:
    lines = drawn(width, done=done, rate_bt_s=rate, eta_s=eta, state=state)

    assert len(lines) == 2
    assert all(cell_len(line) <= width for line in lines)


def lines_of(capsys: pytest.CaptureFixture[str], shown: live.Lines, *statuses: Any) -> list[str]:
    for status in statuses:
        shown.show(status)
    return capsys.readouterr().err.splitlines()


def test_the_first_line_comes_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = a_status(done=0, rate_bt_s=None, eta_s=None)

    assert lines_of(capsys, live.Lines(Output()), nothing) == ["vcp-daily-7f3a1c 0/24096 0% eta --:--"]


def test_a_line_each_ten_percent_but_at_most_one_in_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    shown = live.Lines(Output())
    said = []
    for second, done in (
        (0, 0),
        (5, 2409),
        (6, 2410),
        (11, 2410),
        (12, 4900),
        (20, 4900),
        (21, 4900),
        (60, 4901),
    ):
        clock[0] = 1000.0 + second
        said.append((second, lines_of(capsys, shown, a_status(done=done, rate_bt_s=405.0, eta_s=53.4))))

    assert [(second, lines) for second, lines in said if lines] == [
        (0, ["vcp-daily-7f3a1c 0/24096 0% 405 bt/s eta 0:00:53"]),
        (11, ["vcp-daily-7f3a1c 2410/24096 10% 405 bt/s eta 0:00:53"]),
        (21, ["vcp-daily-7f3a1c 4900/24096 20% 405 bt/s eta 0:00:53"]),
    ]


def test_a_standstill_and_its_end_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    still = a_status(reason="no workers")

    assert lines_of(capsys, live.Lines(Output()), still, still, a_status(), a_status()) == [
        "vcp-daily-7f3a1c 14880/24096 61% waiting: no workers",
        "vcp-daily-7f3a1c 14880/24096 61% 412 bt/s eta 0:00:22",
    ]


def test_numbers_in_lines_have_no_separators(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines_of(capsys, live.Lines(Output()), a_status(rate_bt_s=46600.0))

    assert said == ["vcp-daily-7f3a1c 14880/24096 61% 46600 bt/s eta 0:00:22"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {},
            "vcp-daily-7f3a1c done 24096 ok 24000 failed 96 cached 6096 in 0:00:58 "
            "-> results/vcp-daily/7f3a1c",
        ),
        (
            {"state": "interrupted", "done": 100, "ok": 90, "failed": 0, "empty": 10, "cached": 0},
            "vcp-daily-7f3a1c interrupted 100/24096 ok 90 failed 0 empty 10 in 0:00:58 "
            "-> results/vcp-daily/7f3a1c",
        ),
    ],
)
def test_the_last_line_has_all_counts(
    changes: dict[str, Any], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = a_finished_status(**changes)

    assert lines_of(capsys, live.Lines(Output()), ended, ended) == [line]


def test_quiet_means_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with live.display(Output(quiet=True)) as shown:
        shown.show(a_status())
        shown.say("something")

    assert capsys.readouterr() == ("", "")


def test_what_is_said_beside_the_bar_stands_above_it() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    with live.Bar(console) as bar:
        bar.show(a_status(finished=STARTED))
        bar.say("redis://:secret@host is away")

    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", console.file.getvalue())
    assert "redis://:***@host is away\n" in text
    assert text.rstrip().splitlines()[-1].startswith("   16/16 cores busy on 2 nodes")
