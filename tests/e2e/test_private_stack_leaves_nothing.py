"""However a submit on its private stack ends: no process, no socket, and no file that nobody needs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.cli import Desk, done_in, the_open_sweep
from tests.support.cluster import wait_until

pytestmark = pytest.mark.timeout(300)

END_SECONDS = 20.0


def a_sweep(desk: Desk, ticks: Path, *, intervals: int = 200) -> Path:
    """Backtests of one chunk each: long enough to be met in the middle."""
    return desk.write(
        {
            "name": "stack",
            "strategy": "market_making",
            "data": {"source": str(ticks), "kind": "ticks"},
            "parameters": {"refill_interval_sec": {"min": 1, "max": intervals}},
            "execution": {"chunk": 1},
        }
    )


def assert_nothing_runs(desk: Desk) -> None:
    wait_until(lambda: not desk.processes(), END_SECONDS, f"no process; there are {desk.processes()}")
    assert list(desk.sockets.iterdir()) == []


def kept(desk: Desk) -> set[str]:
    """What the state folder holds, by the names of its first two levels."""
    return {"/".join(p.relative_to(desk.state).parts[:2]) for p in desk.state.rglob("*") if p.is_file()}


def wait_until_under_way(desk: Desk) -> None:
    wait_until(lambda: done_in(the_open_sweep(desk.private_client())) > 3, 120, "a few chunks that are done")


def test_after_success_one_small_file_is_left(desk: Desk, ticks: Path) -> None:
    document = desk.submit(a_sweep(desk, ticks, intervals=5))

    assert_nothing_runs(desk)
    assert kept(desk) == {f"sweeps/{document['id']}.json"}
    assert (desk.state / f"sweeps/{document['id']}.json").stat().st_size < 2000


def test_after_a_sweep_without_any_success_one_small_file_is_left(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "ticks").mkdir()
    (tmp_path / "ticks" / "abc.parquet").write_bytes(b"PAR1 cut off")

    answer = desk.run("submit", a_sweep(desk, tmp_path / "ticks", intervals=2))

    assert answer.code == 4, answer.err
    assert_nothing_runs(desk)
    assert {name.partition("/")[0] for name in kept(desk)} == {"sweeps"}


def test_a_node_that_cannot_start_ends_it_all_with_its_own_words(desk: Desk, ticks: Path) -> None:
    answer = desk.run("submit", a_sweep(desk, ticks), PRODUCER_CORES="4096")

    assert answer.code == 7
    first, second = answer.err.splitlines()[-2:]
    assert first.startswith("error: the worker node does not start: --cores 4096: this process may use ")
    assert second == "hint: write a count (4) or cores by number (0-3,8)"
    assert_nothing_runs(desk)


def test_after_ctrl_c_the_ledger_is_kept_until_the_sweep_is_complete(desk: Desk, ticks: Path) -> None:
    running = desk.start("submit", a_sweep(desk, ticks))
    wait_until_under_way(desk)

    running.interrupt()
    ended = running.answer()

    assert ended.code == 130
    (sweep,) = (p.stem for p in (desk.state / "sweeps").iterdir())
    said = ended.err.splitlines()
    assert "ending after the chunks in hand; press Ctrl-C again to stop now" in said
    assert said[-1].endswith(f"backtests are kept.  go on: producer resume {sweep}")
    assert_nothing_runs(desk)
    assert kept(desk) == {f"sweeps/{sweep}.json", f"stacks/{sweep}"}
    assert (desk.state / "stacks" / sweep / "appendonlydir").is_dir()
    resumed = desk.run("resume", "--json")
    assert (resumed.code, resumed.document["done"]) == (0, 600), resumed.err
    assert_nothing_runs(desk)
    assert kept(desk) == {f"sweeps/{sweep}.json"}


def test_a_second_ctrl_c_stops_at_once_and_keeps_what_is_done(desk: Desk, ticks: Path) -> None:
    running = desk.start("submit", a_sweep(desk, ticks))
    wait_until_under_way(desk)

    running.interrupt()
    running.interrupt()
    ended = running.answer()

    assert ended.code == 130
    assert "go on: producer resume" in ended.err
    assert_nothing_runs(desk)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_after_a_signal_to_the_producer_alone_nothing_runs_on(
    desk: Desk, ticks: Path, how: signal.Signals
) -> None:
    running = desk.start("submit", a_sweep(desk, ticks))
    wait_until_under_way(desk)

    running.process.send_signal(how)
    code = running.process.wait(60)

    assert code == (130 if how is signal.SIGTERM else -how)
    assert_nothing_runs(desk)
    status = desk.run("status", "--json").document
    assert status["state"] == "interrupted"
    resumed = desk.run("resume", "--json")
    assert (resumed.code, resumed.document["done"]) == (0, 600), resumed.err
    assert {name.partition("/")[0] for name in kept(desk)} == {"sweeps"}


def test_ctrl_c_while_the_node_still_compiles_does_not_wait_for_it(desk: Desk, ticks: Path) -> None:
    running = desk.start("submit", a_sweep(desk, ticks), NUMBA_CACHE_DIR=str(desk.folder / "empty"))
    wait_until(lambda: the_open_sweep(desk.private_client()), 30, "an open sweep")

    running.interrupt()
    ended = running.answer(20)

    assert ended.code == 130, ended.err
    assert_nothing_runs(desk)
