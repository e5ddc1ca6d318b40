"""A node that would import somebody else's `tasks` does not start, and says which stands in front."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers import guard


def test_nothing_stands_in_front_here() -> None:
    assert guard.foreign() is None


@pytest.mark.parametrize("name", guard.OURS)
@pytest.mark.parametrize("shape", ["package", "module", "namespace"])
def test_a_foreign_package_in_front_is_named_and_nothing_of_it_runs(
    tmp_path: Path, name: str, shape: str
) -> None:
    if shape == "module":
        (tmp_path / f"{name}.py").write_text("raise SystemExit('ran')")
    else:
        (tmp_path / name).mkdir()
        if shape == "package":
            (tmp_path / name / "__init__.py").write_text("raise SystemExit('ran')")
    command = [sys.executable, "-P", "-S", "-c", f"import sys; sys.path.append({str(HOME)!r}); {ASK}"]

    ended = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    if shape == "namespace":  # a mere folder gives way to a real package
        assert ended.stdout.strip() == "None"
    else:
        assert f"own package '{name}'" in ended.stdout
        assert str(tmp_path) in ended.stdout
    assert "ran" not in ended.stderr


HOME = Path(guard.__file__).resolve().parents[1]
ASK = "from workers import guard; print(guard.foreign())"
