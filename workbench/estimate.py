"""What a job would send and cost, before anything is sent."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from workbench import shards
from workbench.articles import Rejected
from workbench.completions import Usage
from workbench.jobs import Job, Resume
from workbench.ledger import recorded_in, totals_of
from workbench.meter import worst_case
from workbench.prices import NOTHING, Cost, Tokenizer, estimate_tokens, tokenizer_of
from workbench.recordings import Recordings
from workbench.resume import Kept
from workbench.summary import Watch
from workbench.tasks import render

__all__ = ["Estimate", "Remainder", "estimate"]


@dataclass(frozen=True)
class Remainder:
    """What a run that is gone on with has left of its budget.

    Attributes:
        money: Of the budget in money; None if it has none, or some of what it has spent has no known price.
        tokens: Of the budget in tokens; None if it has none.
        unpriced: How many requests have taken tokens whose price is not known: no budget in money can be kept.
    """

    money: Cost | None
    tokens: int | None
    unpriced: int


@dataclass(frozen=True)
class Estimate:
    """What a job would send.

    Attributes:
        articles: How many there are to be done; ``rejected`` of them cannot be read, ``recorded`` need not be sent.
        prompt_tokens: Of the requests to be sent, by ``tokenizer``, else by their Hangul.
        tokenizer: Of the model; None if it is not known.
        completion_tokens: At the most, from the prompt's ``max_tokens``; None if that is not set.
        cost: Of so many tokens; None if the price or the most tokens are not known.
        most_tokens: Prompt and completion at their worst case, as a budget counts them; None as before.
        most: What those cost.
        kept: How many articles beside them are not to be done, as a run that is gone on with keeps them.
        remainder: What that run has left of its budget; None where no run is gone on with, or it has no budget.
    """

    articles: int
    rejected: int
    recorded: int
    prompt_tokens: int
    tokenizer: Tokenizer | None
    completion_tokens: int | None
    cost: Cost | None
    most_tokens: int | None
    most: Cost | None
    kept: int = 0
    remainder: Remainder | None = None

    @property
    def requests(self) -> int:
        """How many are to be sent, re-asks aside."""
        return self.articles - self.rejected - self.recorded


def estimate(job: Job, store: Recordings, resume: Resume | None = None, watch: Watch | None = None) -> Estimate:
    """What a job would send and cost, about and at the most, sending nothing and writing nothing.

    Args:
        job: What is to be done.
        store: Where answers stand recorded.
        resume: The run that is gone on with: what it keeps is not counted.
        watch: Who is told.

    Raises:
        RunError: If that run is to be gone on with under another question, or has shards that are not merged.
    """
    articles = refused = recorded = stay = 0
    kept, tokenizer = _kept(job, resume, watch or Watch()), tokenizer_of(job.model.name)
    # How many requests there are of each length: a price need not be the same for a token of every request.
    about, worst = Counter[int](), Counter[int]()
    for article in job.articles():
        if not kept.wants(article):
            stay += 1
            continue
        articles += 1
        if isinstance(article, Rejected):
            refused += 1
            continue
        request = render(job.task, article, job.model, kept.sample(article))
        found = store.find(request)
        if found and job.takes(found, kept):
            recorded += 1
        else:
            about[estimate_tokens(request.text, tokenizer)] += 1
            worst[worst_case(request).prompt] += 1
    sent, each = about.total(), job.task.front.max_tokens
    completion = 0 if not sent else each and sent * each
    prompt, most = (sum(length * count for length, count in lengths.items()) for lengths in (about, worst))
    return Estimate(
        articles=articles,
        rejected=refused,
        recorded=recorded,
        prompt_tokens=prompt,
        tokenizer=tokenizer,
        completion_tokens=completion,
        cost=_cost(job, about),
        most_tokens=None if completion is None else most + completion,
        most=_cost(job, worst),
        kept=stay,
        remainder=_remainder(job, store, resume) if resume else None,
    )


def _kept(job: Job, resume: Resume | None, watch: Watch) -> Kept:
    """What need not be done."""
    if resume is None:
        return job.begun()
    resume.check(job)
    shards.check_merged(resume.run.folder)
    return resume.left(job, watch.notify).kept


def _remainder(job: Job, store: Recordings, resume: Resume) -> Remainder | None:
    if job.budget is None and job.most_tokens is None:
        return None
    totals = totals_of(resume.run.folder, recorded_in(store), job.price)
    one = job.price(Usage(1, 1))
    money = None
    if job.budget is not None and not totals.unpriced:
        money = Cost(max(Decimal(0), job.budget - totals.money), one.currency if one else totals.currency)
    tokens = None if job.most_tokens is None else max(0, job.most_tokens - totals.spend.tokens)
    return Remainder(money, tokens, totals.unpriced)


def _cost(job: Job, lengths: Counter[int]) -> Cost | None:
    """What requests cost whose answers are as long as they may be; None if that is not known."""
    if not lengths:
        return NOTHING
    if job.endpoint is None or job.task.front.max_tokens is None:
        return None
    total = NOTHING
    for length, count in lengths.items():
        cost = job.price(Usage(length, job.task.front.max_tokens))
        if cost is None:
            return None
        total += Cost(cost.amount * count, cost.currency)
    return total
