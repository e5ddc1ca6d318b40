"""A password and a signing key are given once, and found nowhere afterwards: no output, no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.wire.connection import connect
from tests.support import plugin
from tests.support.broker import Broker, free_port, running_broker, valkey_program
from tests.support.cli import a_desk

pytestmark = pytest.mark.timeout(300)

PASSWORD = "Open-Sesame-4711"
KEY = "5i9n-" * 8 + "k3y"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A server that wants the password."""
    (tmp_path / "server").mkdir()
    with running_broker(valkey_program(), tmp_path / "server") as broker:
        connect(broker.fresh_url()).config_set("requirepass", PASSWORD)
        yield broker


def spec(ticks: Path) -> dict[str, object]:
    return {
        "name": "hush",
        "strategy": "tiny",
        "data": {"source": str(ticks), "kind": "ticks"},
        "parameters": {"x": [1, 2, 3], "way": ["count", "raise"]},
        "execution": {"chunk": 1},
    }


def test_neither_is_in_any_output_or_file(tmp_path: Path, ticks: Path, broker: Broker) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{broker.port}/0"
    dead = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"
    told = {
        "PYTHONPATH": str(plugin.install(tmp_path / "plugin")),
        "PRODUCER_SIGNING_KEY": KEY,
        "PRODUCER_REDIS_URL": url,
    }
    said: dict[str, str] = {}
    with a_desk(tmp_path / "desk", **told) as desk:
        node = desk.start_node(url, cores=1, PRODUCER_WARM="tiny")
        file = desk.write(spec(ticks))
        for words in (
            ["submit", file, "-v"],
            ["ls", "--json"],
            ["status", "--json"],
            ["watch", "--json"],
            ["results", "--json"],
            ["failures", "--traceback"],
            ["resume", "--failed", "-vv"],
            ["cancel", "-y", "--json"],
            ["worker", "ls", "--json"],
            ["doctor", "--json"],
            ["doctor"],
            ["config", "show"],
            ["config", "show", "--json"],
            ["submit", file, "--cache", "refresh", "--redis", dead, "-vv"],
            ["doctor", "--redis", dead, "-v"],
            ["status", "--redis", f"http://:{PASSWORD}@nowhere/0", "-v"],
            ["submit", file, "--cache", "refresh", "--redis", url + "?no_such_option=1", "-v"],
        ):
            answer = desk.run(*words)
            said[" ".join(map(str, words))] = answer.out + answer.err
        said["node"] = node.text()
        files = with_secret(desk.folder.parent)

    assert "failed" in said["status --json"]
    assert {call: text for call, text in said.items() if PASSWORD in text or KEY in text} == {}
    assert files == []


def test_without_the_password_a_sweep_that_runs_there_says_what_to_give(
    tmp_path: Path, ticks: Path, broker: Broker
) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{broker.port}/0"
    with a_desk(tmp_path / "desk", PYTHONPATH=str(plugin.install(tmp_path / "plugin"))) as desk:
        started = desk.run(
            "submit", desk.write(spec(ticks)), "--redis", url, "--require-workers", "0", "-d", "--json"
        )
        refused, listed = desk.run("status"), desk.run("ls")

    assert started.code == 0, started.err
    assert refused.code == 7
    assert refused.err.splitlines() == [
        f"error: the server of {started.document['id']} wants its password: "
        f"redis://:***@127.0.0.1:{broker.port}/0",
        "hint: none is kept; give --redis URL or PRODUCER_REDIS_URL",
    ]
    assert listed.code == 0


def with_secret(folder: Path) -> list[str]:
    found = [p for p in folder.rglob("*") if p.is_file()]
    return [str(p) for p in found if any(s in p.read_bytes() for s in (PASSWORD.encode(), KEY.encode()))]
