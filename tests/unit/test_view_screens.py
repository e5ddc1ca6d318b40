"""Every sentence of the screens, word for word: a changed text is a changed contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producer.outcome.failed import FailureGroup
from producer.outcome.folder import opened
from producer.outcome.query import Question, ask
from producer.run.doctor import Finding
from producer.view import documents, machines, outcomes, screens
from producer.view.output import as_json
from tasks.records.heartbeat import Node
from tasks.records.status import Workers
from tests.support.outcomes import a_record, a_results_folder
from tests.support.statuses import STARTED, a_finished_status, a_status


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (
            {"securities": 502, "combinations": 48, "total": 24096, "cached": 6096, "chunks": 375},
            "vcp-daily-7f3a1c  502 securities x 48 combinations = 24,096 backtests (6,096 cached) "
            "in 375 tasks",
        ),
        (
            {"securities": 1, "combinations": 1, "total": 1, "chunks": 1},
            "vcp-daily-7f3a1c  1 security x 1 combination = 1 backtest in 1 task",
        ),
        (
            {"securities": 3, "combinations": 10, "total": 25},  # 10, 10 and 5
            "vcp-daily-7f3a1c  3 securities = 25 backtests",
        ),
    ],
)
def test_the_header_counts_what_is_to_be_done(counts: dict[str, int], text: str) -> None:
    assert screens.header(sweep_id="vcp-daily-7f3a1c", **counts) == text


def test_a_dry_run_says_the_same_and_the_cost() -> None:
    counts = {
        "id": "mm-1",
        "securities": 2,
        "combinations": 3,
        "backtests": 6,
        "cached": 0,
        "core_hours": 0.25,
    }

    assert screens.of_counts(counts) == (
        "mm-1  2 securities x 3 combinations = 6 backtests, about 0.25 core-hours"
    )
    del counts["id"]
    assert screens.valid("a.yaml", {**counts, "core_hours": None}) == (
        "a.yaml: ok  2 securities x 3 combinations = 6 backtests"
    )
    assert screens.right_shape("a.yaml") == "a.yaml: ok  (its shape; strategy and data were not looked at)"


def test_leaving_a_sweep_says_how_to_come_back() -> None:
    assert screens.detached("vcp-daily-7f3a1c") == (
        "detached; the sweep goes on.  "
        "reattach: producer watch vcp-daily-7f3a1c   stop: producer cancel vcp-daily-7f3a1c"
    )
    assert screens.submitted("mm-1") == (
        "submitted; the sweep goes on.  follow: producer watch mm-1   stop: producer cancel mm-1"
    )
    assert screens.ENDING == "ending after the chunks in hand; press Ctrl-C again to stop now"
    assert screens.interrupted(a_status()) == (
        "interrupted; 14,880 of 24,096 backtests are kept.  go on: producer resume vcp-daily-7f3a1c"
    )
    assert screens.cancelled(a_status()) == (
        "cancelled; 14,880 of 24,096 backtests are kept.  go on: producer resume vcp-daily-7f3a1c"
    )
    assert screens.stopped_now("mm-1") == "stopped; what was finished is kept.  go on: producer resume mm-1"
    assert screens.stopped_now("mm-1", a_status()) == (
        "stopped; 14,880 of 24,096 backtests are kept.  go on: producer resume mm-1"
    )


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (
            "done",
            "vcp-daily-7f3a1c was done already; nothing to cancel.  next: producer results vcp-daily-7f3a1c",
        ),
        (
            "interrupted",
            "vcp-daily-7f3a1c is not running; 14,880 of 24,096 backtests are kept.  "
            "go on: producer resume vcp-daily-7f3a1c",
        ),
        (
            "cancelling",
            "cancelling vcp-daily-7f3a1c: the chunks in hand end first; "
            "14,880 of 24,096 backtests are kept.  "
            "go on: producer resume vcp-daily-7f3a1c",
        ),
        (
            "cancelled",
            "cancelled vcp-daily-7f3a1c; 14,880 of 24,096 backtests are kept.  "
            "go on: producer resume vcp-daily-7f3a1c",
        ),
    ],
)
def test_cancel_says_what_was_done_and_what_is_kept(state: str, text: str) -> None:
    assert screens.after_cancel(a_status(state=state)) == text


def test_the_end_names_the_folder_and_the_next_commands() -> None:
    assert screens.next_commands(a_finished_status()) == (
        "results: results/vcp-daily/7f3a1c\n"
        "next: producer results vcp-daily-7f3a1c   producer failures vcp-daily-7f3a1c"
    )
    assert screens.next_commands(a_finished_status(failed=0)) == (
        "results: results/vcp-daily/7f3a1c\nnext: producer results vcp-daily-7f3a1c"
    )


def test_a_failed_sweep_says_why() -> None:
    assert screens.unsuccessful(a_status(state="failed")) == (
        "vcp-daily-7f3a1c was stopped by its failures: 14,784 ok · 96 failed (TWTR, FB) · 6,096 cached"
    )
    assert screens.unsuccessful(a_status(ok=0, failed=0, empty=5, cached=0)) == (
        "no backtest of vcp-daily-7f3a1c succeeded: 5 empty"
    )


def test_the_status_screen_of_a_running_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.view.words.local_time", lambda _: "2026-11-18 16:26:40")

    assert screens.status_screen(a_status(), now=STARTED + 36) == (
        "vcp-daily-7f3a1c  running  61%\n"
        "  backtests    14,880/24,096 · 14,784 ok · 96 failed (TWTR, FB) · 6,096 cached\n"
        "  tasks        232/375 · chunk 48 combinations (a whole security)\n"
        "  rate         412 bt/s · 0:00:22 left\n"
        "  workers      16/16 cores busy on 2 nodes\n"
        "  started      2026-11-18 16:26:40\n"
        "  running for  0:00:36\n"
        "  results      results/vcp-daily/7f3a1c"
    )


def test_the_status_screen_of_a_finished_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.view.words.local_time", lambda _: "2026-11-18 16:26:40")
    best = screens.best_in_words({"security": "NVDA", "metric": "signals", "value": 1100})

    assert screens.status_screen(a_finished_status(chunk_note=""), best=best) == (
        "vcp-daily-7f3a1c  done  100%\n"
        "  backtests  24,096/24,096 · 24,000 ok · 96 failed (TWTR, FB) · 6,096 cached\n"
        "  tasks      232/375\n"
        "  started    2026-11-18 16:26:40\n"
        "  took       0:00:58\n"
        "  best       NVDA signals 1,100\n"
        "  results    results/vcp-daily/7f3a1c"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "next: producer watch vcp-daily-7f3a1c   producer cancel vcp-daily-7f3a1c"),
        ({"state": "interrupted"}, "next: producer resume vcp-daily-7f3a1c"),
        ({"state": "done"}, "next: producer results vcp-daily-7f3a1c   producer failures vcp-daily-7f3a1c"),
        ({"state": "done", "failed": 0}, "next: producer results vcp-daily-7f3a1c"),
    ],
)
def test_every_state_has_a_next_command(changes: dict[str, Any], text: str) -> None:
    assert screens.next_for_state(a_status(**changes)) == text


def test_failing_securities_by_name() -> None:
    assert screens.failing(a_status()) == "failed in 2 securities: TWTR, FB"
    assert screens.failing(a_status(failed=0, failing=())) == "no backtest failed"


def test_the_status_document() -> None:
    best = {"security": "NVDA", "metric": "signals", "value": 11}

    assert as_json({"schema": "producer.status/1", **documents.status(a_status(), best=best)}) == (
        '{"schema":"producer.status/1","id":"vcp-daily-7f3a1c","name":"vcp-daily","state":"running","total":24096,'
        '"done":14880,"ok":14784,"failed":96,"empty":0,"cached":6096,"chunks":{"total":375,"done":232},'
        '"rate_bt_s":412.3,"eta_s":22.4,"reason":null,"started":"2026-11-18T11:06:40Z","finished":null,'
        '"workers":{"nodes":2,"cores":16,"busy":16},"failing":["TWTR","FB"],"mismatch":0,'
        '"best":{"security":"NVDA","metric":"signals","value":11},"results":"results/vcp-daily/7f3a1c"}'
    )


def test_the_list_of_sweeps() -> None:
    records = [
        a_record(state="running", total=24096, done=14880, failed=96, created=940.0),
        a_record(id="vcp-daily-11aa22", created=1000 - 7200, best="NVDA signals 11", failed=0),
    ]

    assert screens.sweeps_table(records, width=None, now=1000.0).text == (
        "id                state       done/total  failed  age  best\n"
        "mm-7f3a1c         running  14,880/24,096      96   1m  -\n"
        "vcp-daily-11aa22  done               6/6       0   2h  NVDA signals 11"
    )


def test_the_table_of_results(tmp_path: Path) -> None:
    with opened(a_results_folder(tmp_path)) as folder:
        answer = ask(folder, Question(top=5))

    assert outcomes.results_table(answer, None).text == (
        "security   total_pnl  trades  sharpe  refill  variant  combination\n"
        "EMAAR     143,058.35      84    2.31      30  v1       9c1f04aa\n"
        "EMAAR          99.00      79    1.95      30  v2       e07d11c9\n"
        "FAB            99.00      12    0.50      30  v1       9c1f04aa\n"
        "EMAAR         -12.50     102    1.97      60  v1       51b77e02\n"
        "FAB                -       -       -      60  v1       51b77e02"
    )
    narrow = outcomes.results_table(answer, 50)
    assert narrow.lines[0] == "security   total_pnl  trades  sharpe  refill"
    assert outcomes.not_shown(answer, narrow) == (
        "… 1 more, --all\nno room for variant, combination: choose with --columns"
    )
    assert outcomes.not_shown(answer, outcomes.results_table(answer, None)) == "… 1 more, --all"


def a_group(**changes: Any) -> FailureGroup:
    values: dict[str, Any] = {
        "error": "DataError",
        "message": "no rows after 2022-10-27",
        "securities": ("FB", "TWTR"),
        "backtests": 96,
        "attempts": 1,
        "example_security": "FB",
        "example_combination": None,
        "traceback": None,
        "example_parameters": {},
    }
    return FailureGroup(**{**values, **changes})


def test_failures_are_grouped_with_what_to_do() -> None:
    strategy = a_group(
        error="ZeroDivisionError",
        message="float division\nby zero\x1b[2J",
        securities=("EMAAR",),
        backtests=2,
        attempts=3,
        example_security="EMAAR",
        example_combination="9c1f04aa00000001",
        traceback="Traceback (most recent call last):\n  File …\nZeroDivisionError: float division by zero\n",
    )

    assert outcomes.failure_screen("mm-7f3a1c", "mm.yaml", [a_group(), strategy], traceback=False) == (
        "FB, TWTR   96 backtests   DataError: no rows after 2022-10-27 (retries 0)\n"
        "           fix the data of FB, TWTR, then: producer resume mm-7f3a1c --failed\n"
        "EMAAR      2 backtests    ZeroDivisionError: float division by zero (retries 2)\n"
        "           example: EMAAR 9c1f04aa00000001\n"
        "           fix the strategy or its parameters, then: producer submit mm.yaml"
    )
    assert outcomes.failure_screen("mm-7f3a1c", "mm.yaml", [strategy], traceback=True).splitlines()[-3:] == [
        "        Traceback (most recent call last):",
        "          File …",
        "        ZeroDivisionError: float division by zero",
    ]


@pytest.mark.parametrize("error", ["Quarantined", "TimeLimit", "MemoryError"])
def test_what_may_succeed_another_time_is_tried_again_under_its_id(error: str) -> None:
    group = a_group(error=error, message="the worker process ended 3 times while it ran this chunk")

    assert outcomes.failure_screen("mm-7f3a1c", "mm.yaml", [group], traceback=False).splitlines()[-1] == (
        "           give it more memory or time, or leave it out; "
        "to try again: producer resume mm-7f3a1c --failed"
    )


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("Killed", "find what kills it, or leave it out"),
        ("OutOfMemory", "give it more memory, or leave it out"),
    ],
)
def test_a_killed_backtest_is_not_blamed_on_code_that_must_be_submitted_anew(error: str, advice: str) -> None:
    group = a_group(
        error=error, message="its process was killed; see dmesg, then: producer resume ID --failed"
    )

    said = outcomes.failure_screen("mm-7f3a1c", "mm.yaml", [group], traceback=False)

    assert said.splitlines()[0].endswith("see dmesg, then: producer resume mm-7f3a1c --failed (retries 0)")
    assert said.splitlines()[-1].strip() == f"{advice}; to try again: producer resume mm-7f3a1c --failed"


def test_a_sweep_with_other_results_the_second_time_is_suspect_on_its_screen() -> None:
    screen = screens.status_screen(a_status(mismatch=2), now=STARTED + 60)

    assert "  warning " in screen
    assert (
        "suspect: 2 chunks gave other results when run a second time; "
        "the strategy depends on more than its data and parameters" in screen
    )
    assert "suspect" not in screens.status_screen(a_status(), now=STARTED + 60)


def test_a_sweep_that_only_has_to_be_merged_says_who_can_do_it() -> None:
    screen = screens.status_screen(a_status(chunks_total=375, chunks_done=375), now=STARTED + 60)

    said = "merging; where no node sees the results folder: producer resume vcp-daily-7f3a1c"
    assert said in screen
    assert said not in screens.status_screen(a_status(), now=STARTED + 60)


def test_a_sweep_that_is_being_cancelled_says_what_it_waits_for_and_how_not_to_wait() -> None:
    status = a_status(state="cancelling", rate_bt_s=None, eta_s=None)

    assert "  rate         the chunks in hand end first\n" in screens.status_screen(status, now=STARTED + 60)
    assert screens.next_for_state(status).endswith("   producer cancel vcp-daily-7f3a1c --now")


def test_a_sweep_that_waits_says_for_what_and_neither_a_speed_nor_that_nobody_is_busy() -> None:
    status = a_status(reason="no workers", rate_bt_s=161.0, workers=Workers(nodes=0, cores=0, busy=0))

    screen = screens.status_screen(status, now=STARTED + 60)

    assert "  waiting      no workers\n" in screen
    assert "rate" not in screen
    assert "busy" not in screen


def test_a_resume_of_what_is_complete_says_so_and_what_can_be_retried() -> None:
    said = "mm-7f3a1c is complete; nothing is left to run"

    assert screens.nothing_left("mm-7f3a1c", failed=0, retried=False) == said
    assert screens.nothing_left("mm-7f3a1c", failed=0, retried=True) == said
    assert screens.nothing_left("mm-7f3a1c", failed=2, retried=False) == (
        f"{said}.  what failed: producer resume mm-7f3a1c --failed"
    )


def test_the_table_of_nodes() -> None:
    nodes = [
        Node(
            name="alpha",
            cores="0-7",
            slots=8,
            busy=8,
            rate_bt_s=46600.4,
            memory_bytes=int(3.1 * 2**30),
            memory_total_bytes=64 * 2**30,
            version="0.1.0",
            wire=1,
            queue="sweepfleet",
            pid=1,
            host="alpha.lan",
            seen=999.0,
        )
    ]

    assert machines.nodes_table(nodes, width=None, now=1000.5).text == (
        "NODE   CORES  BUSY    BT/S  MEM      VERSION  SEEN  QUEUE\n"
        "alpha  0-7    8/8   46,600  3.1/64G  0.1.0      1s  sweepfleet"
    )


def test_a_finding_of_doctor_is_one_line() -> None:
    found = Finding(verdict="warn", subject="persistence", said="no append-only file")

    assert machines.finding(found) == "warn  persistence    no append-only file"


def test_settings_show_no_password() -> None:
    values = {
        "redis_url": "redis://:secret@host:6379/0",
        "queue": "sweepfleet",
        "cores": None,
        "log_json": False,
    }
    origins = {"redis_url": "environment", "queue": "default", "cores": "default", "log_json": "project file"}

    assert machines.settings_table(values, origins) == (
        "setting    value                     from\n"
        "redis_url  redis://:***@host:6379/0  environment\n"
        "queue      sweepfleet                default\n"
        "cores      -                         default\n"
        "log_json   false                     project file"
    )
