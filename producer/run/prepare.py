"""From a checked sweep.yaml to the spec of a sweep: data and code get their checksums, the sweep its id and
folder.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from producer.spec.check import CheckedSweep
from tasks import names
from tasks.data.bar_times import newest_until
from tasks.data.digest import file_digest
from tasks.data.slices import UNCLASSIFIED
from tasks.data.whole import whole_file
from tasks.errors import DataError, DataNotFound, FolderRefused
from tasks.grid.parameters import ParameterType
from tasks.home import expanded
from tasks.plan import SecurityWork, SweepSpec
from tasks.plugins import registry
from tasks.results import kept, store
from tasks.roots import Roots
from tasks.settings import Settings

ID_DIGITS: Final = 6
FOREIGN: Final = "unknown"
SPEC_FILE: Final = "spec"
OTHER_FOLDER: Final = "choose another output.dir"
ALIASES: Final[dict[ParameterType, str]] = {
    "int": "int64",
    "float": "float64",
    "bool": "bool",
    "str": "string",
    "list": "string",
    "map": "string",
}


def spec_of(checked: CheckedSweep, settings: Settings) -> SweepSpec:
    """The spec, with id and results folder. Reads every data file that was not read before (its checksum is
    kept).
    """
    about = checked.about
    facts = getattr(about.strategy, "facts", ())
    timezone = _timezone(checked, about)
    types = {p.name: ALIASES[p.type] for p in about.parameters}
    spaces: dict[str, int] = {}
    wires: list[dict[str, Any]] = []
    works: list[SecurityWork] = []
    digests: dict[Path, str] = {}
    for item in checked.securities:
        wire = item.space.to_wire()
        key = json.dumps(wire, sort_keys=True)
        if key not in spaces:
            spaces[key] = len(wires)
            wires.append(wire)
        path = item.entry.path
        if path not in digests:
            digests[path] = file_digest(path, settings.cache_dir)
        works.append(
            SecurityWork(
                name=item.security,
                path=str(path),
                digest=digests[path],
                events=item.entry.rows or 0,
                space=spaces[key],
                last=item.last,
                backtests=item.backtests,
                price_scale=item.entry.price_scale,
                segment=item.entry.segment if "segment" in facts else UNCLASSIFIED,
                token=item.entry.token if "token" in facts else None,
            )
        )
    metrics = tuple((m, "int64" if m in about.whole_numbers else "float64") for m in about.metrics)
    traces = {t: [[n, a] for n, a in about.traces[t].items()] for t in checked.keep if t != "summary"}
    spec = SweepSpec(
        sweep_id="",
        name=checked.name,
        strategy=checked.strategy,
        fingerprint=about.fingerprint,
        kind=checked.kind,
        keep=tuple(checked.keep),
        start_ns=checked.start_ns,
        end_ns=checked.end_ns,
        timezone=timezone,
        newest_ns=newest_until(checked.catalog.entries.values(), checked.end_ns, timezone)
        if "newest" in facts
        else None,  # of the whole data set, also of securities that the sweep leaves out
        seed=checked.seed,
        parameters=tuple((name, types[name]) for name in checked.parameters),
        metrics=metrics,
        traces=traces,
        groups=about.groups,
        spaces=tuple(wires),
        securities=tuple(works),
        chunk=dict(checked.chunk_rule),
        results="",
        timeout_seconds=checked.timeout_s,
        retries=checked.retries,
        queue=settings.queue if checked.queue == names.QUEUE else checked.queue,
        metric={"name": checked.metric, "goal": checked.goal, "min_trades": checked.min_trades},
        max_failures=_most_failures(checked),
        text=checked.text,
        overrides=dict(checked.overrides),
    )
    return placed(spec, checked.output_dir)


def _timezone(checked: CheckedSweep, about: registry.Description) -> str | None:
    """Of bars; ticks are in their own wall time, whatever the zone."""
    own: str | None = getattr(about.strategy, "timezone", None)
    return (checked.timezone or own) if checked.kind == "bars" else None


def placed(spec: SweepSpec, template: str) -> SweepSpec:
    """With the shortest id that no other sweep's folder has, and that folder."""
    for digits in range(ID_DIGITS, len(spec.identity)):
        short = spec.identity[:digits]
        folder = expanded(template.replace("{name}", spec.name).replace("{id}", short)).absolute()
        owner = owner_of(folder)
        if owner in (None, spec.identity):
            return spec.with_id(f"{spec.name}-{short}", str(folder))
        if "{id}" not in template:
            break
    held = "files that are no sweep's" if owner == FOREIGN else "another sweep"
    raise FolderRefused(
        f"results folder {folder} holds {held}",
        hint="put {id} into output.dir, for example results/{name}/{id}",
    )


def owner_of(folder: Path) -> str | None:
    """The identity of the sweep whose results, finished or not, the folder holds; None where it holds
    none.
    """
    if marked := store.marked(folder):
        return marked
    try:
        document = json.loads((folder / names.MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a work folder without a marker is what a disk that was full left of a sweep that never began
        others = [f for f in folder.iterdir() if f.name != names.WORK_FOLDER] if folder.is_dir() else []
        return FOREIGN if others else None
    return str(document.get("identity", FOREIGN))


def claim(spec: SweepSpec) -> None:
    """Makes the results folder this sweep's own. Raises FolderRefused where it cannot be written."""
    with writing(spec):
        store.mark(spec.results, spec.identity)
        store.write_whole(store.work_folder(spec.results) / SPEC_FILE, spec.to_bytes())


@contextmanager
def writing(spec: SweepSpec) -> Iterator[None]:
    """Whatever the results folder refuses is said with its path and what to do."""
    try:
        yield
    except OSError as e:
        refused = store.refused(spec.results, spec.sweep_id, e)
        begun = store.marked(spec.results) == spec.identity
        if not begun:
            full = e.errno in (errno.ENOSPC, errno.EDQUOT)
            refused.hint = "free some space there, or choose another output.dir" if full else OTHER_FOLDER
        raise refused from e


def clear(spec: SweepSpec) -> None:
    """What an earlier run left: the sweep begins afresh, and is not finished before it is."""
    folder = store.work_folder(spec.results)
    (Path(spec.results) / names.MANIFEST_FILE).unlink(missing_ok=True)
    (folder / kept.PLAN_FILE).unlink(missing_ok=True)
    for pieces in (kept.FOLDER, "parts"):
        shutil.rmtree(folder / pieces, ignore_errors=True)


def renewed(spec: SweepSpec, settings: Settings) -> SweepSpec:
    """The same sweep, by the same id, with code and data as they are now."""
    try:
        works = tuple(replace(w, digest=file_digest(w.path, settings.cache_dir)) for w in spec.securities)
    except DataError as e:
        raise DataNotFound(e.message, hint="put it back, or submit the sweep without it") from e
    code = registry.fingerprint(spec.strategy, Roots.of(settings.allow))
    return replace(spec, fingerprint=code, securities=works)


def finished(spec: SweepSpec) -> dict[str, Any] | None:
    """The manifest, where this very sweep is finished in its folder and nothing of it is missing."""
    folder = Path(spec.results)
    try:
        document = json.loads((folder / names.MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    files = [f"{table}.parquet" for table in ("summary", "failures", *spec.traces)]
    whole = document.get("identity") == spec.identity and all((folder / f).is_file() for f in files)
    return dict(document) if whole else None


def fill(spec: SweepSpec, source: Path) -> None:
    """The sweep's folder from another one that holds the same results; the manifest last, as it says that all
    is there.
    """
    if finished(spec):
        return
    tables = [f"{table}.parquet" for table in ("summary", "failures", *spec.traces)]
    notes = [
        str(f.relative_to(source)) for f in (store.work_folder(source) / kept.FOLDER).glob("[0-9]*.json")
    ]
    plan = [f"{names.WORK_FOLDER}/{kept.PLAN_FILE}"] if notes else []
    try:
        (store.work_folder(spec.results) / kept.FOLDER).mkdir(parents=True, exist_ok=True)
        for file in (*tables, names.SWEEP_FILE, *plan, *notes, names.MANIFEST_FILE):
            with whole_file(Path(spec.results) / file) as scratch:
                shutil.copyfile(source / file, scratch)
    except FileNotFoundError as e:
        raise FolderRefused(
            f"the results of {spec.sweep_id} lie in {source}, which is not seen from here",
            hint="take them from there, or submit again to compute them here",
        ) from e
    except OSError as e:
        raise FolderRefused(f"results folder {spec.results} cannot be written: {e.strerror or e}") from e


def _most_failures(checked: CheckedSweep) -> float | None:
    """Failed backtests above which the sweep stops."""
    if checked.on_failure == "stop":
        return 0
    return checked.max_failures
