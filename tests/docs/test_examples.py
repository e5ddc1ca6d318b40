"""The sweep.yaml of each strategy in `examples`: the commands in its first lines run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tasks.plugins import registry
from tests.docs.conftest import Reader
from tests.support.checkout import ROOT

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/sweep.yaml"))
OF_A_USER = {"own-strategy"}
OF_MAKE = {"demo"}  # market_making: what `make demo` runs


def commands(sweep_file: Path) -> str:
    lines = sweep_file.read_text(encoding="utf-8").splitlines()
    typed = [line.removeprefix("#   .venv/bin/") for line in lines if line.startswith("#   ")]
    return "\n".join(typed)


def test_every_strategy_has_an_example() -> None:
    assert {*EXAMPLES} - OF_A_USER - OF_MAKE == {*registry.names()} - {"market_making"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [e for e in EXAMPLES if e not in OF_A_USER | OF_MAKE])
def test_the_commands_of_an_example_run_it(name: str, reader: Reader) -> None:
    shutil.copytree(ROOT / "examples" / name, reader.folder / "examples" / name)

    reader.types(commands(reader.folder / "examples" / name / "sweep.yaml"))

    (results,) = (reader.folder / "demo" / "results").iterdir()
    summary = pq.read_table(results / "summary.parquet")
    assert set(summary["status"].to_pylist()) == {"ok"}
    assert len(summary) > len(set(summary["security"].to_pylist()))
    shutil.rmtree(results)
