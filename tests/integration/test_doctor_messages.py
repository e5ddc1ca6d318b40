"""`producer doctor` tells of messages that nodes refused, and of settings that they would refuse."""

from __future__ import annotations

from pathlib import Path

from producer.run.doctor import Finding, examine
from tasks.records.heartbeat import beat
from tasks.settings import load
from tasks.wire import agreement, dropped
from tasks.wire.connection import connect
from tests.support.builders import a_node


def test_refused_messages_are_told_by_reason(tmp_path: Path, redis_url: str) -> None:
    assert found(tmp_path, redis_url).verdict == "ok"
    for reason in ("forged", "invalid", "invalid"):
        dropped.count(connect(redis_url), reason)

    finding = found(tmp_path, redis_url)

    assert finding.verdict == "warn"
    assert "3 of strangers (1 forged, 2 invalid)" in finding.said


def found(folder: Path, url: str) -> Finding:
    settings = load({"redis_url": url, "state_dir": folder / "state", "cache_dir": folder / "cache"})
    (finding,) = (f for f in examine(settings, url) if f.subject == "messages")
    return finding


def test_settings_that_the_nodes_do_not_have_are_told_before_a_start_is_refused(
    tmp_path: Path, redis_url: str
) -> None:
    settings = load(
        {"redis_url": redis_url, "state_dir": tmp_path / "state", "cache_dir": tmp_path / "cache"}
    )
    client = connect(redis_url)
    agreement.agree(client, settings)
    beat(client, a_node())
    other = settings.model_copy(update={"lease_seconds": 20.0})

    same, differing = (
        [f for f in examine(s, redis_url) if f.subject == "settings"] for s in (settings, other)
    )

    assert [f.verdict for f in same] == ["ok"]
    assert [f.verdict for f in differing] == ["fail"]
    assert "lease_seconds: 60.0 there, 20.0 here: give PRODUCER_LEASE_SECONDS" in differing[0].said
    assert agreement.disagreement(client, settings) is None
