"""The compose file and `deploy/` say what our processes need: what can be checked without an engine."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
from ruamel.yaml import YAML

from tasks.settings import SHORTEST_KEY, Settings
from tests.support.broker import running_broker, valkey_program
from tests.support.secured import ROLES

ROOT = Path(__file__).resolve().parents[2]
GRACE_SECONDS = Settings.model_fields["grace_seconds"].default  # what the chunks in hand are given


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string((ROOT / "deploy" / "worker@.service").read_text(encoding="utf-8"))
    return parser


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s?", text)
    assert found
    return int(found.group(1))


def test_the_fleet_is_redis_workers_flower_and_a_producer_that_is_called(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"redis", "worker", "flower", "producer"}
    assert compose["services"]["producer"]["profiles"] == ["producer"]
    assert "container_name" not in compose["services"]["worker"]  # or --scale would fail


def test_a_worker_is_given_longer_to_stop_than_its_chunks_are_to_end(
    compose: dict[str, Any], unit: configparser.RawConfigParser
) -> None:
    assert seconds(compose["services"]["worker"]["stop_grace_period"]) > GRACE_SECONDS
    assert seconds(unit["Service"]["TimeoutStopSec"]) > GRACE_SECONDS


def test_every_lasting_service_says_whether_it_is_well(compose: dict[str, Any]) -> None:
    lasting = {name for name, service in compose["services"].items() if "profiles" not in service}

    assert {name for name in lasting if "healthcheck" in compose["services"][name]} == lasting


def test_no_port_is_open_to_other_machines_until_someone_says_so(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if ":-127.0.0.1:" not in port] == []


def test_each_part_comes_to_redis_in_a_role_of_its_own_and_no_password_is_written_down(
    compose: dict[str, Any],
) -> None:
    for part in ("producer", "worker", "flower"):
        given = compose["services"][part]["environment"]
        assert given["PRODUCER_REDIS_URL"].startswith(
            f"redis://{part}:${{SWEEPFLEET_{part.upper()}_PASSWORD:?"
        )
        assert given["PRODUCER_SIGNING_KEY"] == "${SWEEPFLEET_SIGNING_KEY:-}"
    told = compose["services"]["redis"]["environment"]
    assert {f"SWEEPFLEET_{role.upper()}_PASSWORD" for role in ROLES} < set(told)
    assert all(value.startswith("${SWEEPFLEET_") for value in told.values())
    assert "--aclfile" in compose["services"]["redis"]["command"][-1]


def test_flower_in_a_container_asks_for_a_login_that_is_configured(compose: dict[str, Any]) -> None:
    login = compose["services"]["flower"]["environment"]["FLOWER_BASIC_AUTH"]

    assert login.startswith("sweepfleet:${SWEEPFLEET_PAGE_PASSWORD:?")


def test_the_head_of_the_compose_file_makes_every_secret_that_it_wants(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    head = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    recipe = "\n".join(line for line in head if line.startswith(("for ", "echo ", "chmod ")))
    subprocess.run(["sh", "-euc", recipe], cwd=tmp_path, check=True)

    made = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())

    assert set(re.findall(r"\$\{(SWEEPFLEET_\w+):\?", text)) <= set(made)
    assert len(set(made.values())) == len(made)
    assert len(made["SWEEPFLEET_SIGNING_KEY"]) >= SHORTEST_KEY
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def test_the_default_user_is_off_and_has_no_open_password() -> None:
    users = [line.split() for line in (ROOT / "deploy/users.acl").read_text().splitlines()]

    assert users[0][:3] == ["user", "default", "off"]
    assert [user[1] for user in users if "nopass" in user] == []  # it would also switch protected mode on
    assert {user[1] for user in users} == {"default", *ROLES}


def test_every_file_that_the_compose_file_names_is_there(compose: dict[str, Any]) -> None:
    named = [compose["x-sweepfleet"]["build"]["dockerfile"]]
    for service in compose["services"].values():
        named += [service["env_file"]] if "env_file" in service else []
        named += [v.split(":")[0] for v in service.get("volumes", []) if v.startswith("./")]

    assert len(named) > 2
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_image_gets_every_file_that_it_copies() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    wanted = {name for line in copies for name in line.split()}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert wanted == let_in
    assert [name for name in wanted if not (ROOT / name).exists()] == []


def test_a_node_under_systemd_comes_back_and_ends_its_chunks(unit: configparser.RawConfigParser) -> None:
    service = unit["Service"]

    assert (service["Restart"], service["RestartSec"]) == ("always", "2")
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"  # never gives up


def test_redis_takes_our_settings_and_loses_nothing(tmp_path: Path) -> None:
    settings = (ROOT / "deploy/redis.conf").read_text(encoding="utf-8")
    config = tmp_path / "redis.conf"
    config.write_text(f"{settings}\ndir {tmp_path}\n", encoding="utf-8")

    with (
        running_broker(valkey_program(), tmp_path, config=config) as broker,
        redis.Redis.from_url(broker.fresh_url()) as client,
    ):
        told = client.config_get("append*", "maxmemory*", "save")

    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "everysec"
    assert told["maxmemory-policy"] == "noeviction"
    assert int(told["maxmemory"]) > 0
    assert told["save"] == ""


@pytest.mark.parametrize("script", [".ci/run", "deploy/users.sh", "deploy/tls/certificates.sh"])
def test_the_scripts_that_are_run_may_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
