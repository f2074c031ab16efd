"""What a job would send and cost, before anything is sent."""

from collections import Counter
from dataclasses import dataclass

from workbench.articles import Rejected
from workbench.completions import Usage
from workbench.jobs import Job
from workbench.meter import worst_case
from workbench.prices import NOTHING, Cost, Tokenizer, estimate_tokens, tokenizer_of
from workbench.recordings import Recordings
from workbench.tasks import render

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """What a job would send.

    Attributes:
        articles: How many there are; ``rejected`` of them cannot be read, ``recorded`` need not be sent.
        prompt_tokens: Of the requests to be sent, by ``tokenizer``, else by their Hangul.
        tokenizer: Of the model; None if it is not known.
        completion_tokens: At the most, from the prompt's ``max_tokens``; None if that is not set.
        cost: Of so many tokens; None if the price or the most tokens are not known.
        most_tokens: Prompt and completion at their worst case, as a budget counts them; None as before.
        most: What those cost.
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

    @property
    def requests(self) -> int:
        """How many are to be sent, re-asks aside."""
        return self.articles - self.rejected - self.recorded


def estimate(job: Job, store: Recordings) -> Estimate:
    """What a job would send and cost, about and at the most, sending nothing."""
    articles = refused = recorded = 0
    kept, tokenizer = job.begun(), tokenizer_of(job.model.name)
    # How many requests there are of each length: a price need not be the same for a token of every request.
    about, worst = Counter[int](), Counter[int]()
    for article in job.articles():
        articles += 1
        if isinstance(article, Rejected):
            refused += 1
            continue
        request = render(job.task, article, job.model, kept.sample(article))
        if not job.refresh and store.find(request):
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
    )


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
