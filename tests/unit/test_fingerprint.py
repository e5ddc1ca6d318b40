"""Which files a strategy's digest is made of: no fewer than decide its results, and as few as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.plugins import fingerprint, sources

FILES = {
    "gap.py": "import signals\nfrom lab import tools\nfrom lab.deep import thing\nimport numpy\n",
    "signals.py": "from more import x\n",
    "more.py": "x = 1\n",
    "unused.py": "y = 1\n",
    "lab/__init__.py": "",
    "lab/tools.py": "from . import beside\nfrom ..up import nothing\n",
    "lab/beside.py": "",
    "lab/other.py": "",
    "lab/deep/__init__.py": "",
    "lab/deep/thing.py": "def late():\n    from lab import other\n",
    "lab/.venv/x.py": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_of_a_file_it_is_what_it_imports_below_its_folder(folder: Path) -> None:
    assert set(fingerprint.of_file(folder / "gap.py")) == set(FILES) - {"unused.py", "lab/.venv/x.py"}
    assert set(fingerprint.of_file(folder / "signals.py")) == {"signals.py", "more.py"}


def test_of_a_module_it_is_its_whole_package(folder: Path) -> None:
    of_package = fingerprint.of_module("lab.deep.thing", folder / "lab/deep/thing.py")

    assert set(of_package) == {f for f in FILES if f.startswith("lab/") and ".venv" not in f}
    assert fingerprint.of_module("lab", folder / "lab/__init__.py") == of_package
    assert set(fingerprint.of_module("signals", folder / "signals.py")) == {"signals.py", "more.py"}


def test_of_a_shipped_one_it_is_what_it_leads_to_and_no_other_strategy() -> None:
    found = set(fingerprint.of_shipped(sources.ROOM / "strategies" / "sma_cross.py"))

    assert "strategies/sma_cross.py" in found
    assert not any(f.startswith("strategies/") for f in found - {"strategies/sma_cross.py"})
    assert "kernels/market_making/sweep.py" not in found


@pytest.mark.parametrize("changed", ["gap.py", "more.py", "lab/other.py"])
def test_a_change_in_any_of_them_is_seen(folder: Path, changed: str) -> None:
    files = fingerprint.of_file(folder / "gap.py")
    before, state = fingerprint.digest(files), fingerprint.state(files)

    (folder / changed).write_text(FILES[changed] + "z = 1\n")

    assert fingerprint.digest(files) != before
    assert fingerprint.state(files) != state


def test_what_decides_for_every_strategy_counts_too() -> None:
    assert all((sources.ROOM / file).is_file() for file in fingerprint.ENGINE)
    assert fingerprint.digest({}) != ""
