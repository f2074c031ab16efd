"""One article becomes one extraction: asked, validated, asked again where that may help, and grounded in the text."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from statistics import fmean
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.articles import Article, Rejected
from workbench.canonical import canonical_json, check_json, first_problem
from workbench.completions import Usage
from workbench.endpoints import Model
from workbench.errors import (
    ArticleError,
    BudgetReached,
    ProviderError,
    ReplayMiss,
    RequestTooLong,
    RunError,
    SchemaError,
)
from workbench.evidence import Span, ground
from workbench.examples import Example
from workbench.findings import Finding, findings
from workbench.leaves import walk
from workbench.prices import NOTHING, Cost
from workbench.readings import RegionReading, readings
from workbench.recordings import Answer, Exchange
from workbench.requests import Request
from workbench.tasks import Task, render

__all__ = [
    "Extraction",
    "Price",
    "Reask",
    "State",
    "extract",
    "look_up_reasks",
    "noticed",
    "read_record",
    "rejected",
    "unextracted",
]

State = Literal["ok", "invalid", "truncated", "refused", "filtered", "failed", "missed", "unspent", "rejected"]

Reask = Callable[[Task, Request, Exchange, Answer, int], Awaitable[None]]
"""How an invalid answer is asked again, at most so many times."""
Price = Callable[[Usage], Cost | None]
"""What tokens cost at the endpoint, None if that is not known."""


class Extraction(BaseModel):
    """What became of one article: a line of ``extractions.jsonl``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    article: str
    text: str | None
    """The hash of the text, None where none could be read."""
    place: str
    """Where the article came from."""
    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    """The article's day, month or year, as far as it is known."""
    state: State
    reason: str | None = None
    error: str | None = None
    """The class of the error that ended it, if one did."""
    sample: int = 0
    """The number of the sample; a retried one is a new one."""
    record: JsonValue = None
    """As the model gave it, with its quotes."""
    confidence: dict[str, float] = Field(default={}, exclude_if=lambda given: not given)
    """Of a vote's record: the share of the runs with a record that say so, by JSON Pointer of each leaf; not written where there was no vote."""
    spans: dict[str, Span] = {}
    readings: dict[str, RegionReading] = {}
    """What code read in the record with the article as context, by JSON Pointer."""
    quotes: int = 0
    """How many quotes the record holds, found or not."""
    leaves: int = 0
    """How many copied values stand beside a quote."""
    findings: tuple[Finding, ...] = ()
    examples: tuple[str, ...] = ()
    """Ids of the goldens that were shown with it as examples."""
    exchanges: tuple[str, ...] = ()
    """Keys of the recordings, the last of them the one that was read."""
    origins: tuple[str, ...] = ()
    tokens: Usage = Usage()
    cost: Cost | None = NOTHING
    """Of what this run sent; None if its price is not known."""

    @cached_property
    def least_sure(self) -> Mapping[str, float]:
        """Of each place with leaves below it the least of their confidences."""
        least: dict[str, float] = {}
        for at, share in self.confidence.items():
            above = at
            while above:
                above = above.rpartition("/")[0]
                least[above] = min(share, least.get(above, share))
        return least

    @property
    def sure(self) -> float | None:
        """How sure a vote is of the record: the mean confidence of its leaves; None where there was no vote, or there is no leaf."""
        return fmean(self.confidence.values()) if self.confidence else None


def rejected(thing: Rejected) -> Extraction:
    """The extraction of what is no article."""
    return Extraction(article=thing.id, text=None, place=thing.place, state="rejected", reason=thing.reason)


def unextracted(article: Article, state: State, reason: str | None) -> Extraction:
    """The extraction of an article that was not asked about, or not yet."""
    return Extraction(
        article=article.id,
        text=article.hash,
        place=article.place,
        title=article.title,
        publisher=article.publisher,
        published=article.published,
        state=state,
        reason=reason,
    )


def read_record(extraction: Extraction, schema: type[BaseModel]) -> BaseModel | None:
    """An extraction's record as its schema has it, None where there is none.

    Raises:
        RunError: If the schema has changed since, so that the record does not fit it.
    """
    if extraction.state != "ok":
        return None
    try:
        return schema.model_validate_json(canonical_json(extraction.record))
    except ValidationError as error:
        raise RunError(
            f"its record does not fit the schema as it is now: {first_problem(error)}",
            where=extraction.article,
            way_out="replay the run with the present schema, or go back to the schema that it was made with",
        ) from error


async def extract(
    article: Article,
    task: Task,
    model: Model,
    *,
    answer: Answer,
    reask: Reask,
    reasks: int,
    price: Price,
    sample: int = 0,
) -> Extraction:
    """Fill the task's schema from an article.

    Whatever happens to the one article is a state of its extraction, not an error.

    Raises:
        TaskError: If the prompt's template fails, or it cannot be shown the examples that the prompt asks for.
        SchemaError: If the schema's own code fails.
    """
    exchanges: list[Exchange] = []

    async def kept(request: Request) -> Exchange:
        exchanges.append(await answer(request))  # at once: should a later one fail, this one was paid for
        return exchanges[-1]

    answered: _Answered | None = None
    state: State
    ended_by: Exception | None = None
    try:
        request = render(task, article, model, sample)
        first = await kept(request)
        answered, state, reason = _read(task, first)
        if state == "invalid" and reasks:
            await reask(task, request, first, kept, reasks)
            answered, state, reason = _read(task, exchanges[-1])
    except ReplayMiss as error:
        state, reason, ended_by = "missed", error.what, error
    except BudgetReached as error:
        state, reason, ended_by = "unspent", error.what, error
    except (ArticleError, RequestTooLong) as error:
        # A first request that is too long is no article for this model; a re-ask that is, is the end of asking.
        state, reason, ended_by = "invalid" if exchanges else "rejected", str(error), error
    except ProviderError as error:
        state, reason, ended_by = "failed", str(error), error
    examples = task.examples_of(article)
    return unextracted(article, state, reason).model_copy(
        update={
            **(noticed(answered.record, answered.plain, article, examples) if answered else {}),
            "error": type(ended_by).__name__ if ended_by else None,
            "sample": sample,
            "examples": tuple(example.golden for example in examples) if exchanges else (),
            "exchanges": tuple(exchange.recording.key for exchange in exchanges),
            "origins": tuple(sorted({exchange.recording.origin for exchange in exchanges})),
            "tokens": sum((exchange.completion.usage for exchange in exchanges), Usage()),
            "cost": _cost([exchange for exchange in exchanges if exchange.sent], price),
        }
    )


def noticed(record: BaseModel, plain: JsonValue, article: Article, examples: Sequence[Example] = ()) -> dict[str, Any]:
    """What an extraction says of a record: the record itself, where its evidence stands, and what there is to notice about it.

    Args:
        record: The record.
        plain: The same as plain JSON.
        article: What it is of.
        examples: What the model was shown with it.
    """
    walked = walk(record)
    grounding, read = ground(walked, article.text), readings(walked, article)
    return {
        "record": plain,
        "spans": grounding.spans,
        "readings": read,
        "quotes": grounding.quotes,
        "leaves": grounding.leaves,
        "findings": tuple(findings(walked, grounding, read, article, examples)),
    }


async def look_up_reasks(task: Task, request: Request, _first: Exchange, answer: Answer, reasks: int) -> None:
    """The re-asks of a recorded answer, by their keys alone: the short way of replay, without instructor."""
    for attempt in range(1, reasks + 1):
        if _read(task, await answer(request.reask(attempt)))[1] != "invalid":
            return


class _Answered(NamedTuple):
    """A record, and the same as plain JSON."""

    record: BaseModel
    plain: JsonValue


def _read(task: Task, exchange: Exchange) -> tuple[_Answered | None, State, str | None]:
    """What an exchange gave: the record, or a state and its reason. Validated each time, recorded or not."""
    completion = exchange.completion
    if completion.state != "answered":
        return None, completion.state, completion.reason
    try:
        record = task.schema.model_validate_json(completion.text, strict=True)
        plain = record.model_dump(mode="json")
        check_json(plain)  # NaN and infinity pass Pydantic, and are no JSON
    except ValidationError as error:
        return None, "invalid", _why_invalid(error)
    except ValueError as error:
        return None, "invalid", f"the answer holds what JSON does not have: {error}"
    except Exception as error:
        raise SchemaError(f"a validator fails: {type(error).__name__}: {error}", where=task.front.schema_) from error
    return _Answered(record, plain), "ok", None


def _why_invalid(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    shown = [f"{'.'.join(map(str, problem['loc'])) or 'the answer'}: {problem['msg']}" for problem in problems[:3]]
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(shown) + more


def _cost(sent: Sequence[Exchange], price: Price) -> Cost | None:
    total = NOTHING
    for exchange in sent:
        cost = (exchange.price or price)(exchange.completion.usage)
        if cost is None:
            return None
        total += cost
    return total
