"""What ``workbench run --dry-run`` shows."""

from collections.abc import Sequence
from typing import Any

from workbench.cli.asking import price_words, sample_words
from workbench.cli.common import cost_fields, print_json, stdout
from workbench.estimate import Estimate, Remainder, estimate
from workbench.jobs import Job, Resume
from workbench.prices import PER_OTHER, PER_SYLLABLE
from workbench.recordings import Recordings
from workbench.report.terminal import cost_words, plain
from workbench.summary import Watch

__all__ = ["dry_run_of"]


def dry_run_of(jobs: Sequence[Job], store: Recordings, resume: Resume | None, watch: Watch, *, as_json: bool) -> None:
    """Print what jobs would send and cost, or what is left of the run that is gone on with; nothing is sent."""
    found = [(job, estimate(job, store, resume, watch)) for job in jobs]
    if as_json:
        shown = [_estimate_as_json(one, going_on=resume is not None) for _, one in found]
        print_json(shown[0] if len(shown) == 1 else {"runs": shown})
        return
    for job, one in found:
        if resume:
            stdout().print(
                plain(f"going on with {resume.run.info.id}, which leaves {one.kept:,} articles as they are"),
                soft_wrap=True,
            )
        _print_estimate(job, one)
        if one.remainder:
            _print_remainder(job, one, one.remainder)
    stdout().print("nothing was sent")


def _estimate_as_json(found: Estimate, *, going_on: bool) -> dict[str, Any]:
    return {
        "articles": found.articles,
        "rejected": found.rejected,
        "recorded": found.recorded,
        "requests": found.requests,
        "prompt_tokens": found.prompt_tokens,
        "tokenizer": found.tokenizer,
        "completion_tokens": found.completion_tokens,
        "most_tokens": found.most_tokens,
        "cost": cost_fields(found.cost),
        "most": cost_fields(found.most),
        **({"kept": found.kept} if going_on else {}),
        **({"left": {"tokens": left.tokens, "money": cost_fields(left.money)}} if (left := found.remainder) else {}),
    }


def _print_estimate(job: Job, found: Estimate) -> None:
    out = stdout()
    if job.samples > 1:
        out.print(plain(sample_words(job)))
    where = (
        job.endpoint.base_url
        if job.endpoint
        else "nobody: there is neither key nor endpoint, and a replay would miss them"
    )
    out.print(
        f"{found.articles:,} articles: {found.recorded:,} recorded, {found.rejected:,} rejected, {found.requests:,} to be sent to {where}",
        markup=False,
        soft_wrap=True,
    )
    most = "no limit is set" if found.completion_tokens is None else f"at most {found.completion_tokens:,}"
    by = (
        f"by {found.tokenizer}"
        if found.tokenizer
        else f"at {PER_SYLLABLE} a syllable of Hangul and {PER_OTHER} any other character: its tokenizer is not known"
    )
    out.print(f"prompt tokens about {found.prompt_tokens:,} ({by}), completion tokens {most}", soft_wrap=True)
    if found.completion_tokens is None:
        out.print("cost unknown: the prompt sets no max_tokens, so that an answer has no bound", soft_wrap=True)
    elif found.cost and found.most:
        name = job.model.name
        out.print(
            f"about {cost_words(found.cost, name)} if every answer is as long as it may be; at its worst case, which a budget "
            f"sets aside, {cost_words(found.most, name)} and {found.most_tokens:,} tokens; re-asks aside: each costs as much again, and more",
            soft_wrap=True,
        )
    else:
        out.print(plain(f"{cost_words(None, job.model.name)}; {price_words(job.model)}"), soft_wrap=True)


def _print_remainder(job: Job, found: Estimate, left: Remainder) -> None:
    """What is left of a budget, and whether that is enough."""
    lacks = "less than the worst case: what does not fit ends unspent"
    if job.budget is not None:
        money = f"{left.money.amount:f} {left.money.currency}" if left.money else "not known"
        why = f"the price of {left.unpriced:,} requests is not, and going on will be refused" if left.unpriced else ""
        if left.money and found.most and found.most.amount > left.money.amount:
            why = lacks
        _print_left(f"{job.budget:f}", money, why)
    if left.tokens is not None:
        short = found.most_tokens is not None and found.most_tokens > left.tokens
        _print_left(f"{job.most_tokens:,} tokens", f"{left.tokens:,}", lacks if short else "")


def _print_left(budget: str, left: str, why: str) -> None:
    stdout().print(plain(f"left of the budget of {budget}: {left}{why and f', {why}'}"), soft_wrap=True)
