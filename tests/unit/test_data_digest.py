"""A digest is remembered for as long as the file stays as it is, and not a moment longer."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from tasks.data.digest import file_digest
from tasks.errors import DataError

AN_HOUR_AGO = time.time() - 3600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(b"ticks")
    return path


def memos(cache: Path) -> list[Path]:
    return sorted((cache / "digests").glob("*")) if cache.exists() else []


def settle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the file had been written long ago: its times cannot all be set back, so the clock goes on."""
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)


def test_a_digest_is_that_of_the_content(path: Path, tmp_path: Path) -> None:
    assert file_digest(path, tmp_path / "cache") == hashlib.sha256(b"ticks").hexdigest()


def test_a_settled_file_is_read_once(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(path, monkeypatch)
    file_digest(path, tmp_path / "cache")
    [memo] = memos(tmp_path / "cache")
    memo.write_text(json.dumps({**json.loads(memo.read_bytes()), "sha256": "remembered"}))

    assert file_digest(str(path), tmp_path / "cache") == "remembered"


def test_a_file_of_this_moment_is_not_remembered(path: Path, tmp_path: Path) -> None:
    os.utime(
        path, (AN_HOUR_AGO, AN_HOUR_AGO)
    )  # what a copy that keeps times does: the inode's own time tells

    file_digest(path, tmp_path / "cache")

    assert memos(tmp_path / "cache") == []


def test_another_content_of_the_same_size_and_time_has_another_digest(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(path, (AN_HOUR_AGO, AN_HOUR_AGO))
    settle(path, monkeypatch)
    file_digest(path, tmp_path / "cache")
    path.write_bytes(b"TICKS")
    os.utime(path, (AN_HOUR_AGO, AN_HOUR_AGO))

    assert file_digest(path, tmp_path / "cache") == hashlib.sha256(b"TICKS").hexdigest()


def test_a_file_put_in_its_place_has_its_own_digest(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(path, monkeypatch)
    file_digest(path, tmp_path / "cache")
    other = tmp_path / "other"
    other.write_bytes(b"TICKS")
    os.utime(other, ns=(0, path.stat().st_mtime_ns))
    other.replace(path)

    assert file_digest(path, tmp_path / "cache") == hashlib.sha256(b"TICKS").hexdigest()


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"stamp": 1}', b"\xff\xfe"])
def test_a_damaged_memory_is_made_again(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    settle(path, monkeypatch)
    digest = file_digest(path, tmp_path / "cache")
    [memo] = memos(tmp_path / "cache")
    memo.write_bytes(damage)

    assert file_digest(path, tmp_path / "cache") == digest
    assert json.loads(memo.read_bytes())["sha256"] == digest


def test_a_cache_that_cannot_be_written_costs_no_answer(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(path, monkeypatch)
    (tmp_path / "cache").touch()

    assert file_digest(path, tmp_path / "cache") == hashlib.sha256(b"ticks").hexdigest()


def test_a_file_that_is_not_there_is_an_error_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        file_digest(tmp_path / "nowhere", tmp_path / "cache")

    assert caught.value.message == f"{tmp_path / 'nowhere'}: no such file or directory"
    assert caught.value.hint == "check the path, the mount and the file's permissions"
