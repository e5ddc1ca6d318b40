"""What goes wrong at random, from one seed: processes, nodes, server, connections and messages."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import redis

from tasks import names
from tasks.wire.connection import connect
from tests.support.fault.lab import Lab

EVERY_SECONDS: Final = (2.0, 5.0)
AWAY_SECONDS: Final = (0.5, 4.0)
PAUSE_SECONDS: Final = 5.0
MESSAGES: Final = 5


class Faults:
    """Strikes the lab every few seconds, until it is told to end; counts what it did."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self.lab, self.chance = lab, chance
        self.done: Counter[str] = Counter()
        self.broken: str | None = None  # a fault of the chaos itself
        self.ways: list[tuple[int, Callable[[], bool]]] = [
            (4, self.child),
            (3, self.worker),
            (1, self.all_nodes),
            (2, self.server),
            (2, self.pause),
            (3, self.blip),
            (3, self.duplicate),
            (3, self.steal),
        ]
        self._client = connect(lab.server.url, retries=0)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._strike, daemon=True)

    def __enter__(self) -> Faults:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(30)

    def _strike(self) -> None:
        weights = [weight for weight, _ in self.ways]
        while not self._ends.wait(self.chance.uniform(*EVERY_SECONDS)):
            _, way = self.chance.choices(self.ways, weights)[0]
            with contextlib.suppress(redis.RedisError, OSError):  # the server is away just now
                if way():
                    self.done[way.__name__] += 1

    # each says whether there was something to break

    def child(self) -> bool:
        return self.lab.crew.kill_child(self._node(), self.chance) is not None

    def worker(self) -> bool:
        self.lab.crew.kill(self._node())
        return True

    def all_nodes(self) -> bool:
        self.lab.crew.kill_all()
        return True

    def server(self) -> bool:
        self.lab.server.kill()
        time.sleep(self.chance.uniform(*AWAY_SECONDS))
        self.lab.server.start()
        return True

    def pause(self) -> bool:
        self.lab.server.pause(PAUSE_SECONDS).join()
        return True

    def blip(self) -> bool:
        return self.lab.server.drop_clients() > 0

    def duplicate(self) -> bool:
        messages = self._client.lrange(self._queue, 0, MESSAGES - 1)
        if messages:
            self._client.lpush(self._queue, *messages)
        return bool(messages)

    def steal(self) -> bool:
        return bool(self._client.rpop(self._queue, MESSAGES))

    @property
    def _queue(self) -> str:
        return names.PREFIX + names.QUEUE

    def _node(self) -> int:
        return self.chance.randrange(len(self.lab.crew.nodes))
