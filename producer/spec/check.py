"""Both stages of checking a sweep.yaml: its shape, then what its words mean. All problems in one run.

`load` and `check` raise `SpecInvalid`, whose report lists them by position. What they return can be counted,
planned and run; nothing behind them doubts it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from producer.spec import meaning, nodes, shape
from producer.spec.meaning import Meaning
from producer.spec.model import ChunkRule
from producer.spec.nodes import Source, Unreadable
from producer.spec.overrides import Overrides, apply
from producer.spec.report import Problems
from producer.spec.securities import reason
from producer.spec.sweep import CheckedSweep, SecuritySpace, Sweep
from producer.spec.tried import try_out
from tasks.errors import UsageError
from tasks.plugins import references

__all__ = ["CheckedSweep", "Overrides", "SecuritySpace", "Sweep", "check", "load"]


def load(
    path: Path,
    overrides: Overrides | None = None,
    *,
    meaning_too: bool = True,
    allow: Sequence[str] = (),
) -> Sweep:
    """Stage one. If it finds errors, stage two looks at the rest, so that all are told at once.

    The strategy may be imported from the file's folder and from what `allow` names besides.
    """
    overrides = overrides or Overrides()
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as e:
        raise UsageError(f"no such file: {path}", hint="producer init writes one to begin with") from e
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"cannot read {path}: {reason(e)}", hint="name the sweep.yaml to run") from e
    source = Source(str(path), text)
    problems = Problems(source)
    try:
        document = nodes.read(source)
    except Unreadable as e:
        problems.error(e.place, e.message)
        problems.refuse()
        raise
    for place, message in document.problems:
        problems.error(place, message)
    changed = apply(shape.root(document.tree, source, problems), overrides, problems)
    sweep = Sweep(
        path=path,
        text=text,
        root=changed.root,
        file=shape.read(changed.root, problems),
        overridden=changed.names,
        overrides=changed.given,
        limit=overrides.limit if (overrides.limit or 0) > 0 else None,
        problems=problems,
        allow=tuple(allow),
    )
    if problems.errors and meaning_too:
        meaning.find(sweep)
    problems.refuse()
    return sweep


def check(sweep: Sweep, *, trial: bool = False) -> CheckedSweep:
    """Stage two: the sweep, ready to be planned. Reads the footers of its data files.

    With `trial` a strategy that is not ours is also tried on a few invented rows.
    """
    found = meaning.find(sweep)
    if trial and found.about is not None:
        try_out(sweep, found.about)
    sweep.problems.refuse()
    return _checked(sweep, found)


def _checked(sweep: Sweep, found: Meaning) -> CheckedSweep:
    file, about = sweep.file, found.about
    if about is None or found.catalog is None:
        raise AssertionError("what is missing was a problem, and problems are refused")
    chunk = file.execution.chunk
    rule: dict[str, Any] = {"size": chunk} if isinstance(chunk, int) else {}
    if isinstance(chunk, ChunkRule):
        rule = {"target_seconds": chunk.target, "least": chunk.min, "most": chunk.max}
    total = sum(s.backtests for s in found.securities)
    return CheckedSweep(
        path=sweep.path,
        text=sweep.text,
        overrides=sweep.overrides,
        name=file.name,
        description=file.description,
        tags=tuple(file.tags),
        strategy=references.located(file.strategy, sweep.path.parent),
        about=about,
        kind=about.data,
        catalog=found.catalog,
        securities=found.securities,
        parameters=found.layers.names,
        metric=file.metric.name or about.metric,
        goal=file.metric.goal or (about.goal if file.metric.name in (None, about.metric) else "maximize"),
        min_trades=file.metric.min_trades,
        keep=tuple(dict.fromkeys(["summary", *file.output.keep])),
        start_ns=found.start_ns,
        end_ns=found.end_ns,
        timezone=file.data.timezone,
        seed=file.seed,
        chunk_rule=rule,
        timeout_s=file.execution.timeout,
        retries=file.execution.retries,
        queue=file.execution.queue,
        cache=file.execution.cache,
        on_failure=file.execution.on_failure,
        max_failures=_most_failures(file.execution.max_failures, total),
        output_dir=file.output.dir,
        limit=sweep.limit,
        total=total,
        warnings=sweep.problems.warnings,
    )


def _most_failures(written: int | float, total: int) -> int | None:
    """Failed backtests above which the sweep stops; a share is one of all backtests, 100% is no limit."""
    if isinstance(written, int):
        return written
    return None if written >= 1 else math.floor(written * total)
