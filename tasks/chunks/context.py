"""What one worker process keeps between tasks: its settings, its connection, and the specs and slices it has
opened.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property, lru_cache
from typing import Final

import redis

from tasks import settings
from tasks.contract import Columns
from tasks.data import shared
from tasks.errors import ClusterUnavailable, NotFound, StrategyDrift
from tasks.plan import SweepSpec
from tasks.plugins import registry
from tasks.plugins.registry import Description
from tasks.records.ledger import Ledger
from tasks.records.pressure import Gauge
from tasks.roots import Roots
from tasks.wire.connection import connect

SLICES_KEPT: Final = 2  # chunks of one security come in runs; the columns themselves are shared by the node


class Context:
    """One per process; made on first use, after the fork."""

    def __init__(self, given: settings.Settings) -> None:
        self.settings = given
        self._specs: OrderedDict[str, tuple[str, SweepSpec]] = OrderedDict()
        self._slices: OrderedDict[tuple[str, int], Columns | None] = OrderedDict()

    @cached_property
    def client(self) -> redis.Redis:
        if self.settings.redis_url is None:
            raise ClusterUnavailable("no Redis is configured", hint="give --redis URL or PRODUCER_REDIS_URL")
        return connect(self.settings.redis_url)

    @cached_property
    def gauge(self) -> Gauge:
        return Gauge(self.client)

    def ledger(self, sweep_id: str) -> Ledger:
        return Ledger(self.client, sweep_id)

    def spec(self, sweep_id: str, stamp: str) -> SweepSpec:
        """The sweep's spec, read once while it is the same; NotFound where the sweep is forgotten."""
        known = self._specs.get(sweep_id)
        if known is None or known[0] != stamp:
            found = self.ledger(sweep_id).spec()
            if found is None:
                raise NotFound(f"no sweep {sweep_id} in Redis", sweep=sweep_id)
            known = self._specs[sweep_id] = stamp, found
            while len(self._specs) > SLICES_KEPT:
                self._specs.popitem(last=False)
        return known[1]

    def strategy(self, spec: SweepSpec) -> Description:
        """The strategy, refused where its code is not the planner's."""
        about = registry.describe(spec.strategy, Roots.of(self.settings.allow))
        if about.fingerprint != spec.fingerprint:
            raise StrategyDrift(
                f"strategy '{spec.strategy}' has other code here than where the sweep was planned",
                hint="install the same release on producer and workers, start workers anew, submit again",
            )
        return about

    def data(self, spec: SweepSpec, security: int, about: Description) -> Columns | None:
        """The prepared slice, kept for the next chunk of the same security; None where it has no usable row.

        Raises DataError. That the file is still the planned one is checked every time.
        """
        opened = shared.open_slice(spec.slice_ref(security), self.settings.cache_dir)
        key = (spec.identity, security)
        if key not in self._slices:
            prepare = getattr(about.strategy, "prepare", None)
            usable = shared.usable_rows(opened) > 0
            self._slices[key] = (prepare(opened) if prepare else opened) if usable else None
            while len(self._slices) > SLICES_KEPT:
                self._slices.popitem(last=False)
        return self._slices[key]


@lru_cache(maxsize=1)
def current() -> Context:
    return Context(settings.load())
