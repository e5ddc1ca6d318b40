"""The tutorial, typed by a machine from its first block to its last."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.pages import Block, blocks

PAGE = "docs/tutorial/first-sweep.md"


class Reader:
    """Someone with an empty home folder, who types what the page says in the clone, then where it leads."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "first"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRODUCER_", "XDG_", "SWEEPFLEET_"))}
        self.environment = kept | {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def types(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", text],
            cwd=self.folder if self.folder.is_dir() else ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def the_block(steps: list[Block], *words: str) -> int:
    (index,) = (i for i, block in enumerate(steps) if all(word in block.text for word in words))
    return index


@pytest.mark.timeout(300)
def test_the_tutorial_leads_from_nothing_to_a_queried_result(reader: Reader) -> None:
    steps = [block for block in blocks("sh", "yaml") if block.page == PAGE]
    written, checked = the_block(steps, "quote_sise"), the_block(steps, "producer validate")

    for step in steps[:written]:
        done = reader.types(step.text)
        assert done.returncode == 0, f"{PAGE}:{step.line}: {done.stderr}"
    sweep = reader.folder / "sweep.yaml"
    sweep.write_text(steps[written].text, encoding="utf-8")
    refused = reader.types(steps[checked].text)
    sweep.write_text(steps[written].text.replace("quote_sise", "quote_size"), encoding="utf-8")
    for step in steps[checked:]:
        done = reader.types(step.text)
        assert done.returncode == 0, f"{PAGE}:{step.line}: {done.stderr}"

    assert refused.returncode == 2
    assert "sweep.yaml:9:3: error: " in refused.stderr
    assert "did you mean 'quote_size'?" in refused.stderr
    with (reader.folder / "syn1.csv").open(encoding="utf-8", newline="") as file:
        assert {row["security"] for row in csv.DictReader(file)} == {"SYN1"}
