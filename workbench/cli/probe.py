"""What ``workbench doctor --probe`` does: ask a model what its endpoint takes, and say it as settings."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import click
from pydantic import JsonValue
from rich.text import Text

from workbench.cli.common import cost_fields, say, stdout
from workbench.completions import Usage
from workbench.endpoints import Endpoint, Model
from workbench.errors import ProviderError
from workbench.limits import RateLimits
from workbench.meter import Tally
from workbench.prices import NOTHING, Cost, price
from workbench.probes import MOST_REQUESTS, MOST_USAGE, Probed, context_of, entry_of, probe, settings_lines
from workbench.report.terminal import cost_words, plain
from workbench.requests import Request
from workbench.settings import ModelSettings, Settings
from workbench.tasks import FrontMatter

__all__ = ["Found", "as_fields", "ask", "show"]

RETRIES = 2
"""How often a request that fails in passing is sent again."""


@dataclass(frozen=True)
class Found:
    """What probing found, and what it took.

    Attributes:
        model: Its name at the endpoint.
        probed: What the endpoint takes.
        requests: How many were sent.
        tokens: Of their answers, as far as they were counted.
        cost: None if the price is not known.
        limits: The ``x-ratelimit-*`` headers of the last answer.
        settings: The lines for the project's ``pyproject.toml``.
    """

    model: str
    probed: Probed
    requests: int
    tokens: Usage
    cost: Cost | None
    limits: dict[str, str]
    settings: list[str]

    @property
    def words(self) -> str:
        """What it took."""
        counted = (
            f"{self.tokens.prompt:,} + {self.tokens.completion:,} tokens" if self.tokens.prompt else "no tokens counted"
        )
        return f"{self.requests} requests, {counted}, {cost_words(self.cost, self.model)}"


def ask(model: Model, endpoint: Endpoint, front: FrontMatter, settings: Settings) -> Found:
    """Say what will be sent, and send it.

    Raises:
        ProviderError: If the endpoint does not answer, or refuses the plainest request.
    """
    from workbench.model import Client  # noqa: PLC0415 - 2.5 s, and doctor alone does not need it

    most = price(model, MOST_USAGE)
    cost = f"at most {cost_words(most, model.name)}" if most else cost_words(None, model.name)
    say(
        f"probing {model.name} at {endpoint.base_url} (from {endpoint.source}): at most {MOST_REQUESTS} requests "
        f"(one that fails in passing again, up to {RETRIES} times), {MOST_USAGE.prompt:,} + {MOST_USAGE.completion:,} tokens, {cost}; no article is sent"
    )
    gate = Tally(RateLimits(notify=say), lambda usage: price(model, usage))

    async def send(request: Request) -> dict[str, JsonValue]:
        answered = await client.send(request, gate)
        gate.ended(answered.sending, answered.attempt)
        return answered.body

    async def asked() -> tuple[Probed, int | None]:
        async with client:
            found = await probe(send, model.name, front.mode, front.reasoning_effort)
            listed = []
            with suppress(ProviderError):  # not every endpoint lists its models
                listed = await client.models()
            return found, context_of(entry_of(listed, model.name))

    client = Client(endpoint, retries=RETRIES, timeout=settings.timeout)
    found, context = asyncio.run(asked())
    table = settings.models.get(model.alias or "") or ModelSettings()
    written = replace(model, context_tokens=table.context_tokens or context)
    costs = [attempt.cost for attempt in gate.attempts]
    known = [each for each in costs if each]
    return Found(
        model.name,
        found,
        len(gate.attempts),
        sum((attempt.usage for attempt in gate.attempts), Usage()),
        sum(known, NOTHING) if len(known) == len(costs) else None,
        gate.limits.said,
        settings_lines(written, found.differences, table.key_variable, gate.limits.said),
    )


def as_fields(found: Found) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "requests": found.requests,
        "tokens": {"prompt": found.tokens.prompt, "completion": found.tokens.completion},
        "cost": cost_fields(found.cost),
        "found": [{"about": each.about, "works": each.works, "says": each.says} for each in found.probed.probes],
        "limits": found.limits,
        "differences": found.probed.differences.model_dump(mode="json", exclude_defaults=True),
        "settings": "\n".join(found.settings) + "\n",
    }


def show(found: Found) -> None:
    """For a terminal."""
    out = stdout()
    for each in found.probed.probes:
        mark = {True: ("yes", "green"), False: ("no ", "yellow"), None: ("?  ", "dim")}[each.works]
        out.print(Text.assemble("   ", mark, f" {each.about:<27}", plain(each.says)), soft_wrap=True)
    for name, value in found.limits.items():
        out.print(plain(f"       {name}: {value}"), soft_wrap=True)
    out.print("\nfor the project's pyproject.toml:\n")
    for line in found.settings:
        click.echo(line)
