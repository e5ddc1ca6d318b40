"""Where a setting comes from: flag, environment, project file, user config, default, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import settings
from tasks.errors import UsageError
from tasks.settings import as_environment, load, load_with_origins


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a project file, and an environment that says nothing of us."""
    monkeypatch.chdir(tmp_path)
    for key in (*settings.Settings.model_fields, "config"):
        monkeypatch.delenv(f"PRODUCER_{key.upper()}", raising=False)
    for key in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{key}_HOME", str(tmp_path / key.lower()))


def user_config(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config" / "sweepfleet" / "producer.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_without_any_setting_places_are_those_of_the_system(tmp_path: Path) -> None:
    found = load()

    assert found.redis_url is None
    assert found.state_dir == tmp_path / "state" / "sweepfleet"
    assert found.cache_dir == tmp_path / "cache" / "sweepfleet"
    assert found.queue == "sweepfleet"


def test_each_layer_wins_over_those_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_config(tmp_path, 'queue = "user"\nredis_url = "redis://user"\ncores = "1"\nbeat_seconds = 3\n')
    (tmp_path / "producer.toml").write_text('queue = "project"\nredis_url = "redis://project"\ncores = "2"\n')
    monkeypatch.setenv("PRODUCER_QUEUE", "environment")
    monkeypatch.setenv("PRODUCER_REDIS_URL", "redis://environment")

    found, origins = load_with_origins({"queue": "flag", "cores": None})

    assert (found.queue, origins["queue"]) == ("flag", "flag")
    assert (found.redis_url, origins["redis_url"]) == ("redis://environment", "environment")
    assert (found.cores, origins["cores"]) == ("2", "project file")
    assert (found.beat_seconds, origins["beat_seconds"]) == (3, "user config")
    assert origins["cache_dir"] == "default"


def test_a_named_config_takes_the_place_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_config(tmp_path, 'queue = "user"\n')
    (tmp_path / "mine.toml").write_text('queue = "mine"\n')
    (tmp_path / "other.toml").write_text('queue = "other"\n')
    monkeypatch.setenv("PRODUCER_CONFIG", str(tmp_path / "mine.toml"))

    assert load().queue == "mine"
    assert load(config=tmp_path / "other.toml").queue == "other"


def test_a_named_config_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such config file: .*absent\.toml"):
        load(config=tmp_path / "absent.toml")


def test_an_unknown_setting_is_named_with_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "producer.toml").write_text('quue = "x"\n')

    with pytest.raises(UsageError, match="unknown setting 'quue'") as refused:
        load()

    assert "queue" in (refused.value.hint or "")


@pytest.mark.parametrize("content", [b"queue = ", b"\xff\xfe\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "producer.toml").write_bytes(content)

    with pytest.raises(UsageError, match=r"producer\.toml is not TOML"):
        load()


def test_a_value_of_the_wrong_type_is_named_with_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCER_BEAT_SECONDS", "soon")

    with pytest.raises(UsageError, match=r"setting 'beat_seconds' \(environment\)"):
        load()


def test_paths_are_absolute_whatever_was_written(tmp_path: Path) -> None:
    found = load({"state_dir": "here", "cache_dir": "~/there"})

    assert found.state_dir == tmp_path / "here"
    assert found.cache_dir == Path.home() / "there"


def test_a_child_process_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = load({"redis_url": "redis://host:1/2", "log_json": True, "lease_seconds": 4.5, "cores": "0-1"})

    for key, value in as_environment(given).items():
        monkeypatch.setenv(key, value)

    assert load() == given


def test_a_runtime_folder_counts_only_where_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    there = settings.runtime_folder()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "absent"))

    assert there == tmp_path
    assert settings.runtime_folder() is None
