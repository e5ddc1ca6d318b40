"""What unit tests share: command lines run in this process, in a folder and with a state of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from producer.cli import main
from tests.support.command_line import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command line in a folder and with a state of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("PRODUCER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PRODUCER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PRODUCER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PRODUCER_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return call
