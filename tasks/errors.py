"""Every error that this project raises on purpose, and what the shell then returns.

SweepError
├── UsageError            2  bad usage, or what validation finds before the first chunk
│   ├── SpecInvalid          sweep.yaml, with every problem in it
│   ├── DataNotFound         no such folder, file or security
│   ├── FolderRefused        the results folder holds another sweep, or cannot be written
│   └── PlanChanged          code or data are not those of the sweep to resume
├── SweepFailed           4  stopped by `on_failure` or `max_failures`, or nothing succeeded
├── SweepCancelled        5
├── NotFound              6  no such sweep or node
├── ClusterUnavailable    7  Redis or workers: unreachable, too old or misconfigured
│   └── StoreUnavailable     did not answer this time; nothing is lost
├── DataError             3  one security's data cannot be used
│   └── DataChanged          not the bytes that the plan was made from
├── StrategyError         2
│   ├── StrategyNotFound
│   ├── StrategyRefused      not below what may be imported here
│   ├── StrategyFaulty       it breaks a promise that every strategy makes
│   └── StrategyDrift        planner and worker have different code
├── ProcessEnded          4  a process that evaluated combinations ended without a result
│   ├── Crashed              by a fault of its own, or an exit in the middle
│   ├── Killed               from outside
│   ├── OutOfMemory          by the system, for want of memory
│   └── TimeLimit            by us, for it took longer than `execution.timeout`
└── PartDamaged           4  a stored result does not match its checksum
"""

from __future__ import annotations

from typing import ClassVar


class SweepError(Exception):
    """Base of every error this project raises on purpose: one line of what happened, one of what to do."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 4  # 1 is kept for bugs

    def __init__(self, message: str, *, hint: str | None = None, **context: object) -> None:
        super().__init__(message)  # the message alone in args: the error survives being rebuilt elsewhere
        self.message = message
        self.hint = hint
        self.context = context


class UsageError(SweepError):
    """Something was asked for in a way that cannot work; nothing was started."""

    exit_code = 2


class SpecInvalid(UsageError):
    """A sweep.yaml has problems; `report` is the whole printed list of them."""

    def __init__(self, message: str, *, report: str = "", hint: str | None = None, **context: object) -> None:
        super().__init__(message, hint=hint, **context)
        self.report = report


class DataNotFound(UsageError):
    """No data where the sweep looks for it."""


class FolderRefused(UsageError):
    """The results folder holds another sweep, or cannot be written."""


class PlanChanged(UsageError):
    """The code or the data are no longer those that the sweep was planned with."""


class SweepFailed(SweepError):
    """The sweep ended without a usable result, or as its own failure limit asked."""

    exit_code = 4


class SweepCancelled(SweepError):
    """Somebody cancelled the sweep; what was finished is kept."""

    exit_code = 5


class NotFound(SweepError):
    """No sweep or node of that name."""

    exit_code = 6


class ClusterUnavailable(SweepError):
    """Redis or the workers cannot be used: unreachable, too old, or configured so that results could be
    lost.
    """

    exit_code = 7


class StoreUnavailable(ClusterUnavailable):
    """The result store did not answer; the chunk is not lost, only not yet kept."""

    retryable = True


class DataError(SweepError):
    """The data of one security cannot be used; the other securities go on."""

    exit_code = 3


class DataChanged(DataError):
    """A node's copy of the data is not the one that the plan was made from."""


class StrategyError(SweepError):
    """The strategy cannot be used as asked."""

    exit_code = 2


class StrategyNotFound(StrategyError):
    """No strategy of that name is built in or installed, or no such object, module or file."""


class StrategyRefused(StrategyError):
    """The strategy's code lies outside the packages and folders that this process may import from."""


class StrategyFaulty(StrategyError):
    """A strategy breaks promises that results rest on; `findings` says which, each with what to do."""

    def __init__(
        self, message: str, *, findings: tuple[str, ...] = (), hint: str | None = None, **context: object
    ) -> None:
        super().__init__(message, hint=hint, **context)
        self.findings = findings


class StrategyDrift(StrategyError):
    """Planner and worker have different code for the strategy; nothing was computed."""


class ProcessEnded(SweepError):
    """A process of its own, in which combinations were evaluated, ended without a result."""


class Crashed(ProcessEnded):
    """The strategy's code, or a library below it, brought the process down."""


class Killed(ProcessEnded):
    """Somebody or something ended the process with a signal that cannot be refused."""


class OutOfMemory(ProcessEnded):
    """The system ended the process because memory had run out."""


class TimeLimit(ProcessEnded):
    """There was no result within the sweep's `execution.timeout`."""


class PartDamaged(SweepError):
    """A stored result does not match its checksum; its chunk runs again."""

    retryable = True
