"""What a job would send and cost at the most, before anything is sent."""

from dataclasses import dataclass

from workbench.articles import Rejected
from workbench.completions import Usage
from workbench.jobs import Job
from workbench.prices import NOTHING, Cost, count_tokens
from workbench.recordings import Recordings
from workbench.tasks import render

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """What a job would send.

    Attributes:
        articles: How many there are; ``rejected`` of them cannot be read, ``recorded`` need not be sent.
        prompt_tokens: Of the requests to be sent, by o200k.
        completion_tokens: At the most, from the prompt's ``max_tokens``; None if that is not set.
        cost: At the most; None if the price or the most tokens are not known.
    """

    articles: int
    rejected: int
    recorded: int
    prompt_tokens: int
    completion_tokens: int | None
    cost: Cost | None

    @property
    def requests(self) -> int:
        """How many are to be sent, re-asks aside."""
        return self.articles - self.rejected - self.recorded


def estimate(job: Job, store: Recordings) -> Estimate:
    """What a job would send and cost at the most, sending nothing."""
    articles = refused = recorded = prompt = 0
    kept = job.begun()
    for article in job.articles():
        articles += 1
        if isinstance(article, Rejected):
            refused += 1
            continue
        request = render(job.task, article, job.model, kept.sample(article))
        if not job.refresh and store.find(request):
            recorded += 1
        else:
            prompt += count_tokens(request.text)
    sent, each = articles - refused - recorded, job.task.front.max_tokens
    completion = 0 if not sent else each and sent * each
    cost = None
    if completion is not None and job.endpoint:
        cost = job.price(Usage(prompt, completion)) if sent else NOTHING
    return Estimate(articles, refused, recorded, prompt, completion, cost)
