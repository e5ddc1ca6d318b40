"""Sweeps and nodes that run already: stop them, go on with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from producer.run import prepare, records
from producer.run.follower import Follower
from producer.run.look import alive_url, live_url, nodes, shared_url
from producer.run.records import SweepRecord
from producer.run.session import Session
from producer.run.submit import finished_session, open_session
from tasks import names
from tasks.data.digest import file_digest
from tasks.errors import DataError, NotFound, PlanChanged, UsageError
from tasks.lead import retry
from tasks.plan import SweepSpec
from tasks.plugins import registry
from tasks.records import progress
from tasks.records.heartbeat import Node
from tasks.records.ledger import Ledger
from tasks.records.status import Status
from tasks.results import kept, store
from tasks.roots import Roots
from tasks.settings import Settings, allowing
from tasks.wire.celery_app import make_app
from tasks.wire.connection import connect, translated

NAMED: Final = 3  # securities in a message


def cancel(record: SweepRecord, settings: Settings, *, now: bool) -> Status:
    """What waits is not begun. What runs ends and is kept; with `now` it is killed and its result refused."""
    url = live_url(record, settings)
    if url is None:
        raise UsageError(f"{record.id} does not run", hint=f"producer status {record.id} says how it stands")
    ledger = Ledger(connect(url), record.id)
    with translated(url):
        spec = ledger.spec()
        if spec is None:
            raise NotFound(f"Redis does not know sweep {record.id}", hint="producer ls shows what is there")
        ledger.move("cancelled" if now else "cancelling", only_from=("open", "cancelling"))
        if now:
            app = make_app(settings.model_copy(update={"redis_url": url}))
            app.control.broadcast(names.KILL_SWEEP, arguments={"sweep": record.id})
        found = progress.read(ledger, spec)
    if found is None:
        raise NotFound(f"Redis does not know sweep {record.id}")
    records.save(settings.state_dir, records.updated(record, found))
    return found


def resume(
    record: SweepRecord, settings: Settings, *, force: bool = False, failed: bool = False
) -> Session | Follower:
    """A session on what is missing; with `failed` on what failed as well.

    Refuses where code or data have changed; `force` takes them as they are now. Data of a security of which
    nothing is kept may have changed: that is how it was mended.
    """
    settings = allowing(settings, Path(record.sweep_file).parent)
    spec = _kept_spec(record)
    manifest = prepare.finished(spec)
    counts = manifest["counts"] if manifest else {}
    if manifest and not (failed and counts["failed"]):
        return finished_session(spec, record, settings, manifest)
    changes = changed(spec, settings)
    if changes and not force:
        free = _free_to_change(spec) if failed else set()
        if set(changes.data) - free or changes.code:
            raise PlanChanged(
                f"{changes} changed since {record.id} was planned",
                hint=f"producer submit {record.sweep_file} runs it as it is now; --force mixes old and new",
            )
    if changes:
        spec = prepare.renewed(spec, settings)
    url = record.redis_url if record.redis_url is None else alive_url(record, settings)
    record = replace(record, state="planning", redis_url=url, finished=None)
    return open_session(spec, settings, record, url, fresh=False, failed=failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is no longer as it was planned; in words: `code of market_making and data of EMAAR, ALDAR`."""

    code: tuple[str, ...]
    data: tuple[str, ...]
    """Securities."""

    def __bool__(self) -> bool:
        return bool(self.code or self.data)

    def __str__(self) -> str:
        more = len(self.data) - NAMED
        data = ", ".join(self.data[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
        parts = [*(f"code of {name}" for name in self.code), *([f"data of {data}"] if data else [])]
        return " and ".join(parts)


def changed(spec: SweepSpec, settings: Settings) -> Changes:
    code = registry.fingerprint(spec.strategy, Roots.of(settings.allow))
    data = []
    for work in spec.securities:
        try:
            same = file_digest(work.path, settings.cache_dir) == work.digest
        except (OSError, DataError):  # it is gone
            same = False
        if not same:
            data.append(work.name)
    return Changes(code=() if code == spec.fingerprint else (spec.strategy,), data=tuple(data))


def _free_to_change(spec: SweepSpec) -> set[str]:
    plan = kept.plan_of(spec)
    return retry.failing_securities(spec, plan, kept.notes_of(spec, plan)) if plan else set()


def stop_node(name: str, settings: Settings, *, now: bool) -> Node:
    """Asks a node to end: after what it has in hand and can finish within its grace time, or `now`, when that
    goes back to the queue.
    """
    found = [n for n in nodes(settings) if name in (n.name, n.host, n.name.partition("@")[0])]
    if len(found) != 1:
        said = f"no node '{name}'" if not found else f"'{name}' means {len(found)} nodes"
        raise NotFound(said, hint="producer worker ls lists them by their full names")
    url = shared_url(settings)
    app = make_app(settings.model_copy(update={"redis_url": url}))
    with translated(url or ""):
        app.control.broadcast("shutdown", arguments={"now": now}, destination=[found[0].name])
    return found[0]


def _kept_spec(record: SweepRecord) -> SweepSpec:
    try:
        spec = SweepSpec.from_bytes((store.work_folder(record.results) / prepare.SPEC_FILE).read_bytes())
    except OSError as e:
        raise NotFound(
            f"the results folder of {record.id} is gone: {record.results}",
            hint=f"producer submit {record.sweep_file}",
        ) from e
    if spec.sweep_id != record.id:  # an id names folders: one that somebody else wrote is not taken
        raise NotFound(
            f"{record.results} holds another sweep than {record.id}",
            hint=f"producer submit {record.sweep_file}",
        )
    return spec
