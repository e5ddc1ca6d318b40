"""`producer doctor` tells of messages that nodes refused."""

from __future__ import annotations

from pathlib import Path

from producer.run.doctor import Finding, examine
from tasks import dropped
from tasks.connection import connect
from tasks.settings import load


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
