"""The how-to pages about strategies of one's own: every file in them is written, every command typed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.checkout import ROOT
from tests.support.pages import blocks

FILE: Final = re.compile(r"# (\S+\.(?:py|ya?ml))")
WRITE: Final = "docs/how-to/write-a-strategy.md"
WRAP: Final = "docs/how-to/wrap-another-library.md"
ELSEWHERE: Final = ("worker start", "producer up")  # a server and other machines: typed in tests/e2e


@pytest.fixture
def folder() -> Iterator[Path]:
    """A reader's empty folder, with a short name."""
    with tempfile.TemporaryDirectory(prefix="reader-") as made:
        yield Path(made)


def follow(page: str, folder: Path) -> dict[str, str]:
    """Goes through the page from top to bottom; what each command block printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRODUCER_", "XDG_", "SWEEPFLEET_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed = {}
    for block in (b for b in blocks("python", "yaml", "sh") if b.page == page):
        if block.language != "sh":
            named = FILE.match(block.text)
            assert named, f"{page}:{block.line}: the first line names the file"
            (folder / named[1]).write_text(block.text, encoding="utf-8")
        elif not any(words in block.text for words in ELSEWHERE):
            done = subprocess.run(
                ["bash", "-euc", block.text],
                cwd=folder,
                env=kept | {"HOME": str(folder), "PATH": path, "COLUMNS": "120"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
            assert done.returncode == 0, f"{page}:{block.line}: {done.stderr}"
            printed[block.text] = done.stdout
    return printed


@pytest.mark.timeout(300)
def test_the_way_from_a_function_to_a_tested_class_can_be_walked(folder: Path) -> None:
    printed = follow(WRITE, folder)

    said = next(text for typed, text in printed.items() if "submit" in typed)
    assert "sweep.yaml: ok  3 securities x 40 combinations = 120 backtests" in said
    assert "return_pct" in said
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fade.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout
    assert "2 passed" in tests.stdout


@pytest.mark.timeout(300)
def test_the_class_of_the_page_sweeps_to_the_functions_numbers(folder: Path) -> None:
    follow(WRITE, folder)
    sweep = (folder / "sweep.yaml").read_text().replace("./fade.py:fade", "./fade_class.py:Fade")
    (folder / "class.yaml").write_text(sweep.replace("  max_gap: [0.05, 0.1]\n", ""))

    for file in ("sweep.yaml", "class.yaml"):
        words = ["submit", file, "-q"] if file == "class.yaml" else ["validate", file]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("producer")), *words],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
def test_a_class_of_another_library_is_swept_where_it_is_installed(folder: Path) -> None:
    if importlib.util.find_spec("backtesting") is None:
        pytest.skip("backtesting.py is not installed here (it is AGPL, and no dependency)")
    subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "tasks.data.synth",
            "--kind",
            "daily",
            "--out",
            "bars",
            "--securities",
            "1",
        ],
        cwd=folder,
        check=True,
    )

    assert "9 combinations" in "".join(follow(WRAP, folder).values())


def test_without_the_library_the_page_is_still_a_valid_sweep(folder: Path) -> None:
    (code,) = (b.text for b in blocks("python") if b.page == WRAP)
    (folder / "wrapped.py").write_text(code)

    done = subprocess.run(
        [str(Path(sys.executable).with_name("producer")), "strategies", "./wrapped.py:sma_cross"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "return_pct *  number" in done.stdout
    assert (ROOT / WRAP).exists()
