"""A Redis whose own disk is full answers MISCONF to whoever writes: what has a result waits with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from tasks.chunks import chunk
from tasks.errors import StoreUnavailable
from tasks.wire.connection import LogNotKept, connect, translated
from tests.support.broker import running_broker, valkey_program
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import a_sweep


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def url(tmp_path: Path, disk: Path) -> Iterator[str]:
    """A server of this test's own, which writes snapshots and takes nothing where it cannot."""
    config = tmp_path / "server.conf"
    config.write_text(f'dir {disk}\nsave "100000 100000"\nstop-writes-on-bgsave-error yes\n')
    with running_broker(valkey_program(), tmp_path, config=config) as broker:
        yield broker.fresh_url()


@contextmanager
def disk_full(client: redis.Redis, disk: Path) -> Iterator[None]:
    """As good as full: where its snapshot would lie is something else."""
    (disk / "dump.rdb").unlink(missing_ok=True)
    (disk / "dump.rdb").mkdir()
    snapshot(client, "err")
    try:
        yield
    finally:
        (disk / "dump.rdb").rmdir()
        snapshot(client, "ok")


def snapshot(client: redis.Redis, ends: str) -> None:
    """Asks for one until it has ended so."""

    def ended() -> bool:
        with suppress(redis.ResponseError):  # one is being written
            client.bgsave()
        return bool(client.info("persistence")["rdb_last_bgsave_status"] == ends)

    wait_until(ended, 20, f"a snapshot that ends with {ends}")


def test_it_is_told_apart_and_may_be_tried_again(url: str, disk: Path) -> None:
    client = connect(url)

    with disk_full(client, disk):
        with pytest.raises(LogNotKept):
            client.set("a", "b")
        with pytest.raises(StoreUnavailable, match="unable to persist"), translated(url):
            client.set("a", "b")

    assert client.set("a", "b")


def test_a_commit_waits_for_it(
    tmp_path: Path, tiny: Path, url: str, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "COMMIT_PAUSE_SECONDS", 0.1)
    pause = tmp_path / "pause"
    pause.touch()
    monkeypatch.setenv("TINY_PAUSE", str(pause))
    sweep = a_sweep(tmp_path, url, {"x": range(5)}, securities=1)
    worker = threading.Thread(target=sweep.run, args=[sweep.plan.chunks[0]])
    worker.start()
    wait_until(lambda: sweep.ledger.in_hand() == 1, 10, "a chunk that was begun")

    with disk_full(sweep.ledger.client, disk):
        pause.unlink()
        time.sleep(0.5)
        waited = worker.is_alive()
    worker.join(10)

    assert waited
    assert sweep.ledger.totals().chunks == 1


@pytest.mark.fault
def test_a_node_outlives_it(tmp_path: Path, tiny: Path, url: str, disk: Path) -> None:
    sweep = a_sweep(tmp_path, url, {"x": range(300)}, size=1)
    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(PYTHONPATH=str(tiny))
        lead = sweep.lead()
        wait_until(lambda: lead.step() and sweep.ledger.totals().chunks > 20, 30, "some chunks")
        with disk_full(sweep.ledger.client, disk):
            time.sleep(3)
        state = sweep.follow(lead, 60)

        assert node.process.poll() is None, node.text()
    assert state == "done"
    assert sweep.table()["x"].to_pylist() == [*range(300)] * 2
