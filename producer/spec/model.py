"""The closed schema of sweep.yaml: every key there is, with its type and default. An unknown key is an error.

Only shape is decided here. What the words mean (is there such a strategy, such a security?) is for `meaning`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from producer.spec.fields import (
    NAME,
    Count,
    Duration,
    Failures,
    Instant,
    Number,
    Scalar,
    Version,
    Word,
    known_placeholders,
    refuse,
    time_zone,
)
from tasks import names


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Section(Closed):
    """A part of the file whose keys may be left empty, which means their default."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class Values(Closed):
    values: list[Any] = Field(min_length=1, description="these values")


class Fixed(Closed):
    value: Any = Field(description="one value, also where it is a list or a map")


class Range(Closed):
    """Numbers from `min` to `max`, both included."""

    min: Number = Field(description="first value")
    max: Number = Field(description="last value")
    step: Number | None = Field(default=None, description="distance of two values; whole numbers: 1")
    num: Count | None = Field(default=None, description="how many values, instead of step")
    log: bool = Field(default=False, description="equal ratios instead of equal distances; needs num")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not all(math.isfinite(n) for n in (self.min, self.max, self.step or 0)):
            raise refuse("a range goes from one number to another; infinity is none")
        if self.min > self.max:
            raise refuse(f"min {self.min} is greater than max {self.max}")
        if self.step is not None and self.step <= 0:
            raise refuse(f"step is greater than 0, was {self.step}")
        if self.step is not None and self.num is not None:
            raise refuse("step and num exclude each other")
        if self.log and self.num is None:
            raise refuse("log needs num, the number of values")
        if self.log and self.min <= 0:
            raise refuse(f"log needs a min greater than 0, was {self.min}")
        return self


def _form(written: Any) -> str:
    """Which of its forms a parameter has. In <>, so that it cannot be mistaken for a key."""
    if isinstance(written, list):
        return "<list>"
    if isinstance(written, dict):
        return "<values>" if "values" in written else "<value>" if "value" in written else "<range>"
    return "<scalar>"


ParameterSpec = Annotated[
    Annotated[Scalar, Tag("<scalar>")]
    | Annotated[Annotated[list[Any], Field(min_length=1)], Tag("<list>")]
    | Annotated[Values, Tag("<values>")]
    | Annotated[Fixed, Tag("<value>")]
    | Annotated[Range, Tag("<range>")],
    Discriminator(_form),
]
ParameterSpecs = Annotated[dict[str, ParameterSpec], BeforeValidator(lambda v: {} if v is None else v)]


class Selection(Section):
    include: list[Word] | None = Field(default=None, description="names or globs; all where left out")
    exclude: list[Word] = Field(default=[], description="names or globs")
    file: Word | None = Field(default=None, description="a text file with one name a line")


SecurityNames = Annotated[
    list[Word],
    Field(min_length=1),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}}),
]


def _selection(written: Any) -> str:
    return "<names>" if isinstance(written, list) else "<selection>" if isinstance(written, dict) else "<all>"


class Data(Section):
    source: Word = Field(description="folder or file with the data; ${VARIABLE} is replaced")
    kind: Literal["bars", "ticks"] | None = Field(default=None, description="the strategy's, where left out")
    timeframe: Duration | None = Field(
        default=None, description="length of a bar, like 5m or 1d; other data are refused"
    )
    securities: Annotated[
        Annotated[Literal["all"], Tag("<all>")]
        | Annotated[SecurityNames, Tag("<names>")]
        | Annotated[Selection, Tag("<selection>")],
        Discriminator(_selection),
    ] = Field(default="all", description="all, a list of names, or {include, exclude, file}")
    start: Instant | None = Field(
        default=None, description="first date or date-time that counts; the data's first"
    )
    end: Instant | None = Field(
        default=None, description="last date or date-time that counts; the data's last"
    )
    timezone: Annotated[Word, AfterValidator(time_zone)] | None = Field(
        default=None, description="IANA name: the zone of start and end, and of bars written without one"
    )


class Metric(Section):
    name: Word | None = Field(
        default=None, description="one of the strategy's metrics; its own, where left out"
    )
    goal: Literal["maximize", "minimize"] | None = Field(default=None, description="which end is best")
    min_trades: int = Field(default=0, ge=0, description="combinations with fewer trades rank last")


class ChunkRule(Section):
    target: Duration = Field(
        default=2.0, description="how long a chunk should take", json_schema_extra={"default": "2s"}
    )
    min: Count = Field(default=1, description="fewest combinations in a chunk")
    max: Count | None = Field(
        default=None, description="most combinations in a chunk; no limit, where left out"
    )

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.max is not None and self.min > self.max:
            raise refuse(f"min {self.min} is greater than max {self.max}")
        return self


def _chunk(written: Any) -> str:
    if isinstance(written, dict):
        return "<rule>"
    return "<size>" if isinstance(written, int) and not isinstance(written, bool) else "<auto>"


class Execution(Section):
    chunk: Annotated[
        Annotated[Literal["auto"], Tag("<auto>")]
        | Annotated[Count, Tag("<size>")]
        | Annotated[ChunkRule, Tag("<rule>")],
        Discriminator(_chunk),
    ] = Field(default="auto", description="combinations in one task: auto, a number, or {target, min, max}")
    queue: Word = Field(default=names.QUEUE, description="Celery queue")
    timeout: Duration = Field(
        default=600.0, description="limit for one chunk", json_schema_extra={"default": "10m"}
    )
    retries: Annotated[int, Field(ge=0, lt=101)] = Field(
        default=2, description="how often a chunk is run again whose process was lost; what fails is not"
    )
    cache: Literal["use", "refresh", "skip"] = Field(
        default="use", description="whether finished work is used again"
    )
    on_failure: Literal["continue", "stop"] = Field(default="continue", description="after a failed backtest")
    max_failures: Failures = Field(
        default=1.0,
        description="backtests, or a share of them, that may fail",
        json_schema_extra={"default": "100%"},
    )


Points = Annotated[list[dict[str, Any]], Field(min_length=1)]


class Output(Section):
    dir: Annotated[Word, AfterValidator(known_placeholders)] = Field(
        default="results/{name}/{id}", description="results folder; {name} and {id} are replaced"
    )
    keep: list[Literal["summary", "trades", "equity", "signals"]] = Field(
        default=["summary"], description="tables to write"
    )


class SweepFile(Section):
    """One sweep: securities times parameter combinations, evaluated by one strategy."""

    version: Version = Field(default=1, description="version of this format")
    name: Annotated[str, Field(pattern=NAME)] = Field(description="becomes part of the sweep's id and folder")
    description: str = Field(default="", description="free text")
    tags: list[Word] = Field(default=[], description="words to find the sweep by")
    strategy: Word = Field(description="name of a strategy, package.module:OBJECT, or ./file.py:OBJECT")
    data: Data = Field(description="what the strategy is run on")
    parameters: ParameterSpecs = Field(description="a value, values or a range for each parameter")
    per_security: Annotated[dict[str, ParameterSpecs], BeforeValidator(lambda v: {} if v is None else v)] = (
        Field({}, description="parameters of single securities; they win over `parameters`")
    )
    per_security_file: Word | None = Field(
        default=None, description="the same as a JSON or YAML file, below per_security"
    )
    constraints: list[Word] = Field(default=[], description="expressions; where one is false, nothing is run")
    method: Literal["grid"] = Field(default="grid", description="how combinations are chosen")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(default=0, description="passed on to the strategy")
    metric: Metric = Field(default=Metric(), description="what ranks results")
    combinations: (
        Annotated[
            Annotated[Points, Tag("<points>")] | Annotated[Word, Tag("<file>")],
            Discriminator(lambda v: "<file>" if isinstance(v, str) else "<points>"),
        ]
        | None
    ) = Field(
        default=None,
        description="explicit points in place of ranges: a list of maps, or a CSV or Parquet file",
    )
    execution: Execution = Field(default=Execution(), description="how the work is cut and run")
    output: Output = Field(default=Output(), description="what is kept, and where")
