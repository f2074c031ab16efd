"""One article becomes one extraction: asked, validated, asked again where that may help, and grounded in the text."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from workbench.articles import Article, Rejected
from workbench.canonical import canonical_json
from workbench.completions import Usage, read_completion
from workbench.errors import ArticleError, EndpointRefused, ProviderError, ReplayMiss, RunError
from workbench.evidence import Grounding, Span, ground
from workbench.findings import Finding, findings
from workbench.prices import NOTHING, Cost
from workbench.recordings import Answer, Exchange
from workbench.tasks import Request, Task, render

__all__ = [
    "Extraction",
    "Price",
    "Reask",
    "State",
    "extract",
    "look_up_reasks",
    "read_record",
    "rejected",
    "unextracted",
]

State = Literal["ok", "invalid", "truncated", "refused", "filtered", "failed", "missed", "unspent", "rejected"]

Reask = Callable[[Task, Request, Exchange, Answer, int], Awaitable[Sequence[Exchange]]]
"""How an invalid answer is asked again: the exchanges that follow the first, at most so many."""
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
    record: JsonValue = None
    """As the model gave it, with its quotes."""
    spans: dict[str, Span] = {}
    quotes: int = 0
    """How many quotes the record holds, found or not."""
    leaves: int = 0
    """How many copied values stand beside a quote."""
    findings: tuple[Finding, ...] = ()
    exchanges: tuple[str, ...] = ()
    """Keys of the recordings, the last of them the one that was read."""
    origins: tuple[str, ...] = ()
    tokens: Usage = Usage()
    cost: Cost | None = NOTHING
    """Of what this run sent; None if its price is not known."""


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
        first = error.errors()[0]
        raise RunError(
            f"its record does not fit the schema as it is now: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=extraction.article,
            way_out="replay the run with the present schema, or go back to the schema that it was made with",
        ) from error


async def extract(
    article: Article, task: Task, model: str, *, answer: Answer, reask: Reask, reasks: int, price: Price
) -> Extraction:
    """Fill the task's schema from an article.

    Whatever happens to the one article is a state of its extraction, not an error.

    Raises:
        EndpointRefused: If the rest of the run would fail in the same way.
    """
    request = render(task, article, model)
    exchanges: list[Exchange] = []
    state: State
    try:
        first = await answer(request)
        exchanges.append(first)
        record, state, reason = _read(task, first)
        if state == "invalid" and reasks:
            exchanges += await reask(task, request, first, answer, reasks)
            record, state, reason = _read(task, exchanges[-1])
    except ReplayMiss as error:
        record, state, reason = None, "missed", error.what
    except ArticleError as error:
        record, state, reason = None, "rejected", str(error)
    except EndpointRefused:
        raise
    except ProviderError as error:
        record, state, reason = None, "failed", str(error)
    grounding = ground(record, article.text) if record is not None else Grounding()
    return unextracted(article, state, reason).model_copy(
        update={
            "record": record.model_dump(mode="json") if record is not None else None,
            "spans": grounding.spans,
            "quotes": grounding.quotes,
            "leaves": grounding.leaves,
            "findings": tuple(findings(record, grounding, article.published)) if record is not None else (),
            "exchanges": tuple(exchange.recording.key for exchange in exchanges),
            "origins": tuple(sorted({exchange.recording.origin for exchange in exchanges})),
            "tokens": sum((_usage(exchange) for exchange in exchanges), Usage()),
            "cost": _cost([exchange for exchange in exchanges if exchange.sent], price),
        }
    )


async def look_up_reasks(
    task: Task, request: Request, first: Exchange, answer: Answer, reasks: int
) -> Sequence[Exchange]:
    """The re-asks of a recorded answer, by their keys alone: the short way of replay, without instructor."""
    exchanges = [first]
    for attempt in range(1, reasks + 1):
        exchanges.append(await answer(request.reask(attempt)))
        if _read(task, exchanges[-1])[1] != "invalid":
            break
    return exchanges[1:]


def _read(task: Task, exchange: Exchange) -> tuple[BaseModel | None, State, str | None]:
    """What an exchange gave: the record, or a state and its reason. Validated each time, recorded or not."""
    completion = read_completion(exchange.recording.response)
    if completion.state != "answered":
        return None, completion.state, completion.reason
    try:
        return task.schema.model_validate_json(completion.text, strict=True), "ok", None
    except ValidationError as error:
        return None, "invalid", _why_invalid(error)


def _why_invalid(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    shown = [f"{'.'.join(map(str, problem['loc'])) or 'the answer'}: {problem['msg']}" for problem in problems[:3]]
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(shown) + more


def _usage(exchange: Exchange) -> Usage:
    return read_completion(exchange.recording.response).usage


def _cost(sent: Sequence[Exchange], price: Price) -> Cost | None:
    total = NOTHING
    for exchange in sent:
        cost = price(_usage(exchange))
        if cost is None:
            return None
        total = Cost(total.amount + cost.amount, cost.currency)
    return total
