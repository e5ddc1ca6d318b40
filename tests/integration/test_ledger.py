"""Every step of the ledger against a real server: first result wins, numbers agree, all of it expires."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks import names
from tasks.messages import ChunkReceipt
from tasks.records.counts import Totals
from tasks.records.ledger import KEEP_SECONDS, Ledger, open_sweeps
from tasks.wire.connection import connect
from tests.support.builders import a_plan, a_receipt, a_request, a_spec

REQUEST = a_request()


@pytest.fixture
def ledger(redis_url: str) -> Ledger:
    """An open sweep with a fixed plan."""
    ledger = Ledger(connect(redis_url), "try-abc123")
    spec = a_spec()
    ledger.create(spec)
    ledger.fix_plan(a_plan(spec))
    return ledger


def commit(ledger: Ledger, receipt: ChunkReceipt | None = None, part: bytes = b"part") -> ChunkReceipt | None:
    return ledger.commit(REQUEST, receipt or a_receipt(REQUEST), part)


# --- opening ---------------------------------------------------------------------------------------------


def test_a_sweep_is_opened_once_and_is_on_the_list_of_open_ones(ledger: Ledger) -> None:
    again = ledger.create(a_spec())

    assert not again
    assert open_sweeps(ledger.client) == ["try-abc123"]
    assert ledger.meta()["state"] == "open"
    assert ledger.spec() == a_spec()


def test_opening_again_renews_spec_and_identity_and_leaves_the_state(ledger: Ledger) -> None:
    ledger.move("cancelled", only_from=("open",))
    renewed = a_spec(fingerprint="e" * 64)

    ledger.create(renewed)

    assert ledger.spec() == renewed
    assert ledger.meta()["identity"] == renewed.identity
    assert ledger.meta()["state"] == "cancelled"


def test_a_sweep_whose_opening_was_cut_off_is_opened_by_the_next_one(redis_url: str) -> None:
    ledger = Ledger(connect(redis_url), "try-abc123")
    ledger.client.set(ledger.key("spec"), a_spec().to_bytes())

    assert ledger.create(a_spec())

    assert ledger.meta()["state"] == "open"


def test_the_first_plan_stands(ledger: Ledger) -> None:
    other = a_plan(a_spec(), size=2)

    fixed = ledger.fix_plan(other)

    assert not fixed
    assert ledger.plan() == a_plan(a_spec())
    assert ledger.meta()["chunks"] == "2"


def test_a_plan_whose_counts_were_not_written_gets_them(ledger: Ledger) -> None:
    ledger.client.hdel(ledger.key("meta"), "chunks", "shards", "cost_ms")

    ledger.fix_plan(a_plan(a_spec()))

    assert {k: ledger.meta()[k] for k in ("chunks", "shards", "cost_ms")} == {
        "chunks": "2",
        "shards": "1",
        "cost_ms": "10",
    }


def test_every_key_of_a_sweep_expires(ledger: Ledger) -> None:
    ledger.start(REQUEST)
    ledger.start(a_request(first=8, last=10))
    commit(ledger, a_receipt(REQUEST, ok=7, failed=1))
    ledger.note_shard(0, {"ms": 1})
    ledger.set_final("{}")
    ledger.hold("lead", "me", 6)

    keys = list(ledger.client.scan_iter(match=names.sweep_key("try-abc123", "*")))

    assert len(keys) == 12
    assert all(0 < ledger.client.ttl(key) <= KEEP_SECONDS for key in keys)


def test_purge_forgets_this_sweep_and_no_other(ledger: Ledger) -> None:
    other = Ledger(ledger.client, "try-abc1234")
    other.create(a_spec(sweep_id="try-abc1234"))
    commit(ledger)

    ledger.purge()

    assert ledger.meta() == {}
    assert list(ledger.client.scan_iter(match=names.sweep_key("try-abc123", "*"))) == []
    assert open_sweeps(ledger.client) == ["try-abc1234"]


# --- a chunk's life --------------------------------------------------------------------------------------


def test_starts_are_counted_and_the_chunk_is_in_hand_until_it_is_committed(ledger: Ledger) -> None:
    first, second = ledger.start(REQUEST), ledger.start(REQUEST)
    in_hand = ledger.in_hand()
    commit(ledger)

    assert (first.verdict, first.starts, second.starts) == ("start", 1, 2)
    assert (in_hand, ledger.in_hand()) == (1, 0)


def test_a_chunk_that_is_done_is_answered_with_its_receipt(ledger: Ledger) -> None:
    commit(ledger)

    start = ledger.start(REQUEST)

    assert start.verdict == "done"
    assert start.receipt == a_receipt(REQUEST)
    assert ledger.in_hand() == 0


@pytest.mark.parametrize("state", ["cancelling", "cancelled", "failed", "done"])
def test_no_chunk_starts_unless_the_sweep_is_open(ledger: Ledger, state: str) -> None:
    ledger.client.hset(ledger.key("meta"), "state", state)

    assert ledger.start(REQUEST).verdict == "closed"


def test_no_chunk_of_a_forgotten_sweep_starts(ledger: Ledger) -> None:
    ledger.purge()

    assert ledger.start(REQUEST).verdict == "closed"


def test_a_commit_keeps_part_receipt_and_numbers(ledger: Ledger) -> None:
    receipt = a_receipt(REQUEST, ok=5, failed=2, empty=1)

    kept = commit(ledger, receipt)

    assert kept == receipt
    assert ledger.part(REQUEST.name) == b"part"
    assert ledger.receipts([REQUEST.name, "0:8-9"]) == [receipt, None]
    assert ledger.totals() == Totals(
        chunks=1, backtests=8, ok=5, failed=2, empty=1, cost_ms=80, compute_ms=40
    )
    assert ledger.failing() == {"EMAAR": 2}
    assert ledger.client.hget(names.node_key(receipt.node), "backtests") == b"8"


def test_the_first_result_wins_and_an_equal_second_one_is_no_alarm(ledger: Ledger) -> None:
    commit(ledger)

    kept = commit(ledger, a_receipt(REQUEST, node="sweepfleet@there", attempt=2))

    assert kept == a_receipt(REQUEST)
    assert ledger.totals().chunks == 1
    assert "mismatch" not in ledger.meta()


def test_a_second_result_that_differs_is_counted_and_not_kept(ledger: Ledger) -> None:
    commit(ledger)

    kept = commit(ledger, a_receipt(REQUEST, sha256="b" * 64), b"other")

    assert kept == a_receipt(REQUEST)
    assert ledger.part(REQUEST.name) == b"part"
    assert ledger.meta()["mismatch"] == "1"


def test_of_many_who_commit_at_once_one_is_kept(ledger: Ledger, redis_url: str) -> None:
    ready = threading.Barrier(8)

    def race(i: int) -> ChunkReceipt | None:
        mine = Ledger(connect(redis_url), "try-abc123")
        mine.client.ping()
        ready.wait()
        return commit(mine, a_receipt(REQUEST, sha256=f"{i}" * 64), f"part {i}".encode())

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(race, range(8)))

    winner = kept[0]
    assert winner is not None
    assert set(map(repr, kept)) == {repr(winner)}
    assert ledger.part(REQUEST.name) == f"part {winner.sha256[0]}".encode()
    assert ledger.totals().backtests == 8
    assert ledger.meta()["mismatch"] == "7"


def test_a_cancelled_sweep_refuses_results_and_a_cancelling_one_takes_them(ledger: Ledger) -> None:
    other = a_request(first=8, last=10)
    ledger.start(other)
    ledger.move("cancelling", only_from=("open",))
    taken = commit(ledger)
    ledger.move("cancelled", only_from=("cancelling",))

    refused = ledger.commit(other, a_receipt(other), b"part")

    assert taken is not None
    assert refused is None
    assert ledger.part(other.name) is None
    assert ledger.totals().chunks == 1
    assert ledger.in_hand() == 0


def test_a_forgotten_sweep_leaves_nothing_behind_when_a_result_comes_late(ledger: Ledger) -> None:
    ledger.purge()

    assert commit(ledger) is None
    assert list(ledger.client.scan_iter(match=names.sweep_key("try-abc123", "*"))) == []


@pytest.mark.parametrize(
    ("lost", "with_their_node", "chances"),
    [(0, 0, 2), (1, 0, 1), (2, 0, 0), (5, 0, -1), (0, 2, 2), (0, 3, 1), (0, 6, 0), (0, 9, -1), (1, 3, 0)],
)
def test_a_node_that_ends_blames_its_chunks_a_third_as_much_as_a_lost_process(
    ledger: Ledger, lost: int, with_their_node: int, chances: int
) -> None:
    for _ in range(lost):
        ledger.start(REQUEST)
        ledger.note_lost(REQUEST)
    for _ in range(with_their_node):
        ledger.start(REQUEST)

    start = ledger.start(REQUEST)

    assert (start.starts, start.chances) == (lost + with_their_node + 1, chances)


def test_copies_that_are_lost_together_leave_the_chance_to_run_apart(ledger: Ledger) -> None:
    for step in (ledger.start, ledger.note_lost):
        for _ in range(5):
            step(REQUEST)

    assert ledger.start(REQUEST, hurried=True).verdict == "alone"
    assert ledger.start(REQUEST).chances == 0


def test_retracting_gives_every_number_back_and_lets_the_chunk_start_anew(ledger: Ledger) -> None:
    receipt = a_receipt(REQUEST, ok=5, failed=3)
    for _ in range(3):
        ledger.start(REQUEST)
        ledger.note_lost(REQUEST)
    commit(ledger, receipt)

    ledger.retract(receipt, REQUEST.cost_ms)

    assert ledger.totals() == Totals()
    assert ledger.failing() == {}
    start = ledger.start(REQUEST)
    assert (start.verdict, start.starts, start.chances) == ("start", 1, 2)


def test_a_receipt_is_retracted_once_and_never_its_successor(ledger: Ledger) -> None:
    first, second = a_receipt(REQUEST), a_receipt(REQUEST, attempt=2)
    commit(ledger, first)
    ledger.retract(first, REQUEST.cost_ms)
    commit(ledger, second)

    ledger.retract(first, REQUEST.cost_ms)

    assert ledger.receipts([REQUEST.name]) == [second]
    assert ledger.totals().backtests == 8


# --- state and leases ------------------------------------------------------------------------------------


def test_a_state_is_left_only_from_where_it_was_said(ledger: Ledger) -> None:
    refused = ledger.move("cancelled", only_from=("cancelling",))
    moved = ledger.move("done", only_from=("open", "cancelling"))

    assert (refused, moved) == (False, True)
    assert float(ledger.meta()["finished"]) == pytest.approx(ledger.now(), abs=5)
    assert open_sweeps(ledger.client) == []


def test_reopening_begins_a_new_epoch_and_publishes_anew(ledger: Ledger) -> None:
    ledger.start(REQUEST)
    ledger.note_published(1)
    ledger.move("cancelled", only_from=("open",))

    ledger.reopen()

    meta = ledger.meta()
    assert (meta["state"], meta["epoch"], meta["published"]) == ("open", "2", "0")
    assert "finished" not in meta
    assert ledger.in_hand() == 0
    assert open_sweeps(ledger.client) == ["try-abc123"]


def test_a_lease_has_one_holder_who_may_renew_it(ledger: Ledger) -> None:
    assert ledger.hold("lead", "one", 60)
    assert ledger.hold("lead", "one", 60)
    assert not ledger.hold("lead", "two", 60)


def test_a_lease_goes_on_when_it_is_released_by_its_holder_only(ledger: Ledger) -> None:
    ledger.hold("lead", "one", 60)

    ledger.release("lead", "two")
    held = ledger.hold("lead", "two", 60)
    ledger.release("lead", "one")

    assert not held
    assert ledger.hold("lead", "two", 60)


def test_a_lease_whose_holder_is_silent_ends(ledger: Ledger) -> None:
    ledger.hold("lead", "one", 60)
    assert 0 < ledger.client.pttl(ledger.key("lead")) <= 60_000

    ledger.client.pexpire(ledger.key("lead"), 0)

    assert ledger.hold("lead", "two", 60)


def test_only_the_first_final_word_counts(ledger: Ledger) -> None:
    assert ledger.set_final("first")
    assert not ledger.set_final("second")
    assert ledger.final() == "first"


def test_notes_of_shards_are_kept_and_forgotten(ledger: Ledger) -> None:
    ledger.note_shard(0, {"ms": 1})
    ledger.note_shard(3, {"ms": 2})
    ledger.forget_shard(0)

    assert ledger.shard_notes() == {3: {"ms": 2}}
