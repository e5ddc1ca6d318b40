"""The repository's pages of text: their code blocks, links, and the commands that people are to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.checkout import ROOT

BLOCK: Final = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
ASSIGNMENT: Final = re.compile(r"[A-Z_]+=.*")
THROUGH_COMPOSE: Final = ["docker", "compose", "run", "--rm", "producer"]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(*languages: str) -> Iterator[Block]:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            if found["language"] in languages:
                line = text.count("\n", 0, found.start()) + 2
                yield Block(str(page.relative_to(ROOT)), line, found["language"], found["text"])


def typed(program: str) -> list[tuple[str, list[str]]]:
    """Each line of a shell block that starts `program`: where it stands, and what follows the name."""
    found = []
    for block in blocks("sh"):
        for offset, line in enumerate(block.text.splitlines()):
            words = [w for w in shlex.split(line, comments=True) if w != "|"]
            while words and ASSIGNMENT.fullmatch(words[0]):
                words = words[1:]
            if words[:5] == THROUGH_COMPOSE:
                words = words[4:]
            if words and words[0] == program:
                found.append((f"{block.page}:{block.line + offset}", words[1:]))
    return found


def links() -> list[tuple[Path, str]]:
    return [(page, target) for page in pages() for target in LINK.findall(page.read_text(encoding="utf-8"))]
