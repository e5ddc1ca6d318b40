"""A Redis that is emptied under a sweep: whoever leads opens it anew, and nothing that stands runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import names
from tasks.lead import reconcile
from tasks.records.heartbeat import beat
from tasks.records.ledger import open_sweeps
from tasks.wire.celery_app import make_app
from tasks.wire.connection import connect
from tests.support.builders import a_node
from tests.support.sweeps import Sweep, a_sweep, request_in
from workers.fleet import Fleet

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """Twenty chunks in two shards; the first is merged, half of the second is computed."""
    monkeypatch.setattr(reconcile, "LOOK_SECONDS", 0.0)
    sweep = a_sweep(tmp_path, redis_url, {"x": range(10)}, size=1, shard=10)
    beat(sweep.ledger.client, a_node())
    return sweep


def half_done(sweep: Sweep) -> None:
    for piece in sweep.plan.chunks[:15]:
        sweep.run(piece)
    assert sweep.merge_all() == ["merged", "incomplete"]


def emptied(sweep: Sweep) -> None:
    sweep.ledger.client.flushdb()
    beat(sweep.ledger.client, a_node())


def test_a_producer_opens_the_sweep_anew_and_keeps_what_stands(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    half_done(sweep)

    emptied(sweep)
    lead.step()
    lead.step()

    messages = sweep.deliver()
    assert sweep.ledger.plan() == sweep.plan
    assert sweep.ledger.noted_shards() == {0}
    assert sweep.ledger.totals().chunks == 10
    assert {request_in(m).name for m in messages} == {c.name for c in sweep.plan.shard(1)}
    assert {m["headers"]["id"].rpartition("-")[2] for m in messages} == {"2"}, "another epoch"


def test_the_sweep_then_ends_with_the_same_bytes(
    sweep: Sweep, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "HELP_YOURSELF_SECONDS", 0.0)
    other = a_sweep(tmp_path / "other", connect_to_another(redis_url), {"x": range(10)}, size=1, seed=1)
    other.run_all()
    other.follow(other.lead(), 10)
    lead = sweep.lead()
    lead.step()
    half_done(sweep)

    emptied(sweep)
    lead.step()
    lead.step()
    sweep.work_off()
    state = sweep.follow(lead, 10)

    assert state == "done"
    assert sweep.content() == other.content()


def connect_to_another(url: str) -> str:
    """A database of its own, for the run that nobody disturbs."""
    base, _, number = url.rpartition("/")
    return f"{base}/{(int(number) + 1000) % 2000}"


def test_a_node_that_leads_opens_the_sweep_anew_where_no_producer_is_left(sweep: Sweep) -> None:
    fleet = Fleet(make_app(sweep.settings), connect(sweep.settings.redis_url or ""), "sweepfleet@here")
    fleet.step(None)
    before = sweep.queued()

    emptied(sweep)
    fleet.step(None)
    fleet.step(None)

    assert (before, sweep.queued()) == (20, 20)
    assert open_sweeps(sweep.ledger.client) == [sweep.spec.sweep_id]


def test_a_node_that_did_not_lead_says_that_it_cannot(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    sweep.ledger.hold("lead", "another", 60)
    fleet = Fleet(make_app(sweep.settings), connect(sweep.settings.redis_url or ""), "sweepfleet@here")
    fleet.step(None)

    emptied(sweep)
    fleet.step(None)

    assert [r.__dict__["event"] for r in caplog.records] == ["sweep_lost"]
    assert sweep.ledger.meta() == {}


def test_a_sweep_that_somebody_took_away_stays_away(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()

    sweep.ledger.purge()
    led = lead.step()

    assert not led
    assert sweep.ledger.meta() == {}


def test_a_cancel_that_redis_forgot_is_remembered(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    sweep.ledger.start(request_in(sweep.deliver(1)[0]))
    sweep.ledger.move("cancelling", only_from=("open",))
    lead.step()

    emptied(sweep)
    lead.step()

    assert sweep.ledger.meta()["state"] == "cancelled"


def test_messages_reach_the_queue_though_the_connection_had_declared_it_before(sweep: Sweep) -> None:
    """kombu tells Redis once a connection where a queue's messages go, and drops them when that is gone."""
    lead = sweep.lead()
    lead.step()
    emptied(sweep)

    lead.step()

    bound = [*sweep.ledger.client.scan_iter(match=names.PREFIX + "_kombu.binding.*")]
    assert {key.decode().rpartition(".binding.")[2] for key in bound} >= {
        names.QUEUE,
        names.QUEUE + names.MERGE_QUEUE_SUFFIX,
    }
    assert sweep.ledger.meta()["state"] == "open"
