"""A31, A21: a process set up otherwise than the fleet, or on a server that forgets, does not begin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from tasks import names
from tasks.errors import ClusterUnavailable
from tasks.records.heartbeat import beat, leave
from tasks.settings import Settings, as_environment, load
from tasks.wire import agreement
from tasks.wire.connection import connect
from tests.support.broker import running_broker, valkey_program
from tests.support.builders import a_node
from tests.support.cluster import a_cluster, wait_until

KEY: Final = "a key that only this test's fleet has"
OTHER: Final = "a key that somebody else made up himself"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return load({"redis_url": redis_url, "cache_dir": tmp_path / "cache", "warm": "tiny"})


def changed(settings: Settings, **fields: Any) -> Settings:
    return settings.model_copy(update=fields)


def begin(settings: Settings, **environment: str) -> subprocess.CompletedProcess[str]:
    """The node's answer, which must be a refusal."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "workers", "--cores", "1"],
        env={**os.environ, **as_environment(settings), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_same_settings_agree_and_others_are_told_what_differs(settings: Settings) -> None:
    client = connect(settings.redis_url or "")
    agreement.agree(client, settings)
    beat(client, a_node())

    agreement.agree(client, settings)
    with pytest.raises(ClusterUnavailable, match=r"lease_seconds: 60.0 there, 5.0 here") as raised:
        agreement.agree(client, changed(settings, lease_seconds=5.0))

    assert "PRODUCER_LEASE_SECONDS" in str(raised.value.hint)


@pytest.mark.parametrize(("theirs", "mine"), [(None, KEY), (KEY, None), (KEY, OTHER)])
def test_another_key_or_none_is_refused_and_not_shown(
    settings: Settings, theirs: str | None, mine: str | None
) -> None:
    client = connect(settings.redis_url or "")
    agreement.agree(client, changed(settings, signing_key=theirs and SecretStr(theirs)))
    beat(client, a_node())

    with pytest.raises(ClusterUnavailable) as raised:
        agreement.agree(client, changed(settings, signing_key=mine and SecretStr(mine)))

    said = f"{raised.value.message} {raised.value.hint} {client.get(names.CONFIG)}"
    assert "PRODUCER_SIGNING_KEY" in said
    assert KEY not in said
    assert OTHER not in said


def test_another_release_of_kombu_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(settings.redis_url or "")
    agreement.agree(client, settings)
    beat(client, a_node())
    monkeypatch.setattr(agreement, "version", lambda _: "9.9.1")

    with pytest.raises(ClusterUnavailable, match=r"kombu: 5\.\d+ there, 9\.9 here") as raised:
        agreement.agree(client, settings)

    assert "install the same release" in str(raised.value.hint)


def test_settings_may_change_when_no_node_lives(settings: Settings) -> None:
    client = connect(settings.redis_url or "")
    agreement.agree(client, settings)
    beat(client, a_node())
    leave(client, a_node().name)

    agreement.agree(client, changed(settings, lease_seconds=5.0))

    assert agreement.renew(client, agreement.document(changed(settings, lease_seconds=5.0)))
    assert not agreement.renew(client, agreement.document(settings))


def test_a_key_that_somebody_spoilt_is_written_anew(settings: Settings) -> None:
    client = connect(settings.redis_url or "")
    client.set(names.CONFIG, b"\xff not ours")

    agreement.agree(client, settings)

    assert agreement.renew(client, agreement.document(settings))


def test_a_node_that_is_set_up_otherwise_does_not_start(settings: Settings, tmp_path: Path) -> None:
    with a_cluster(settings, tmp_path / "nodes") as cluster:
        first = cluster.start(cores="1")

        refused = begin(changed(settings, lease_seconds=5.0))

        assert refused.returncode == ClusterUnavailable.exit_code
        assert "lease_seconds: 60.0 there, 5.0 here" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert first.process.poll() is None
        connect(settings.redis_url or "").delete(names.CONFIG)  # as after a restart without a log
        wait_until(lambda: connect(settings.redis_url or "").exists(names.CONFIG), 10, "a beat that tells it")
        assert begin(changed(settings, lease_seconds=5.0)).returncode == ClusterUnavailable.exit_code


def test_a_node_refuses_a_server_that_evicts(settings: Settings, tmp_path: Path) -> None:
    with running_broker(valkey_program(), tmp_path) as broker:
        url = broker.fresh_url()
        connect(url).config_set("maxmemory-policy", "allkeys-lru")

        refused = begin(changed(settings, redis_url=url))

    assert refused.returncode == ClusterUnavailable.exit_code
    assert "allkeys-lru" in refused.stderr
    assert "noeviction" in refused.stderr
