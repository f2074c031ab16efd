"""Which model is asked: its name, where it is, with which key, and how its endpoint differs from others.

A key is only ever sent where the person said: the environment and the command line are theirs, a project's files may be anybody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import urlsplit

from workbench.errors import SettingsError
from workbench.settings import OWN, Differences, EndpointSettings, ModelSettings, Price, Settings, model_table

__all__ = ["LOOPBACK_HOSTS", "Endpoint", "Model", "resolve_endpoint", "resolve_model"]

OPENAI = "https://api.openai.com/v1"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
SUCH_AS = "such as https://host/v1"


@dataclass(frozen=True)
class Endpoint:
    """Where requests go, and the key that goes with them. The key shows in no repr."""

    base_url: str
    key: str | None = field(repr=False)
    source: str
    """Who named the address: shown before the first call."""

    @property
    def host(self) -> str:
        """The machine that the address names."""
        return urlsplit(self.base_url).hostname or ""

    def scrub(self, text: str) -> str:
        """What it said, without the key: an endpoint may quote what it was sent, and nobody else is to see that."""
        return text.replace(self.key, "[key]") if self.key else text


@dataclass(frozen=True)
class Model:
    """A model as a run asks it.

    Attributes:
        name: At the endpoint: it is in every request.
        endpoint: Where it is asked; None to replay only.
        alias: What the settings call it, where that is not its name.
        requests_per_minute: The most that may be sent; None for what the endpoint allows.
        tokens_per_minute: The most that may be sent and answered together; None for what the endpoint allows.
        context_tokens: What it reads and writes at most; None for what its provider says.
        price: Its own, before any price list; None for the list's.
        differences: How its endpoint differs.
        batch_price: What a request costs in a batch, as a share of its price.
    """

    name: str
    endpoint: Endpoint | None = None
    alias: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    context_tokens: int | None = None
    price: Price | None = None
    differences: Differences = field(default_factory=Differences)
    batch_price: Decimal = ModelSettings().batch_price

    @property
    def label(self) -> str:
        """What people know it by: what the settings call it, else its name."""
        return self.alias or self.name

    @property
    def table(self) -> str:
        """Where its settings stand, or would: ``[tool.workbench.models.NAME]``."""
        return model_table(self.label)


def resolve_model(settings: Settings, named: str | None, endpoint: Endpoint | None = None) -> Model:
    """The model that is named on the command line, else in the settings: as its table says if it has one, else by its plain name.

    Raises:
        SettingsError: If none is named.
    """
    name = named or settings.model
    if name is None:
        raise SettingsError("no model was named", way_out="pass --model, or set `model` under [tool.workbench]")
    table = settings.models.get(name)
    if table is None:
        return Model(name, endpoint, context_tokens=settings.context_tokens)
    return Model(
        name=table.name or name,
        endpoint=endpoint,
        alias=name,
        requests_per_minute=table.requests_per_minute,
        tokens_per_minute=table.tokens_per_minute,
        context_tokens=table.context_tokens or settings.context_tokens,
        price=table.price,
        batch_price=table.batch_price,
        differences=table.differences,
    )


def resolve_endpoint(
    settings: Settings,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str],
    *,
    model: str | None = None,
    base_url: str | None = None,
    allow_http: bool = False,
) -> Endpoint | None:
    """The endpoint that a model is asked at, or None if neither key nor endpoint is given: then a run replays.

    The order is command line, environment, ``.env``, the table of the model named, the project's ``endpoint``. A project's address uses the
    key variable that it names, which begins with ``WORKBENCH_``; a ``.env`` file may not point the environment's key elsewhere.

    Raises:
        SettingsError: If address and key do not belong together, or the address is plain http beyond this machine.
    """
    key = _key("OPENAI_API_KEY", environ, dotenv)
    named = model or settings.model or ""
    own = (settings.models.get(named) or ModelSettings()).endpoint
    if base_url:
        endpoint = Endpoint(base_url, key, "--base-url")
    elif environ.get("OPENAI_BASE_URL"):
        endpoint = Endpoint(environ["OPENAI_BASE_URL"], key, "OPENAI_BASE_URL")
    elif dotenv.get("OPENAI_BASE_URL"):
        if environ.get("OPENAI_API_KEY"):
            raise SettingsError(
                "the address is from .env but the key is from the environment",
                where=".env OPENAI_BASE_URL",
                expected="key and address from the same place",
                way_out="set OPENAI_BASE_URL in the environment, or pass --base-url",
            )
        endpoint = Endpoint(dotenv["OPENAI_BASE_URL"], key, ".env")
    elif own:
        endpoint = _project_endpoint(own, model_table(named), environ, dotenv)
    elif settings.endpoint:
        endpoint = _project_endpoint(settings.endpoint, "[tool.workbench.endpoint]", environ, dotenv)
    elif key:
        endpoint = Endpoint(OPENAI, key, "OPENAI_API_KEY")
    else:
        return None
    if own and endpoint.source in {"OPENAI_BASE_URL", ".env"}:
        endpoint = replace(endpoint, source=f"{endpoint.source}, which goes before {model_table(named)}")
    _check_address(endpoint, allow_http=allow_http)
    return endpoint


def _project_endpoint(
    named: EndpointSettings, table: str, environ: Mapping[str, str], dotenv: Mapping[str, str]
) -> Endpoint:
    variable = named.key_variable
    if variable and not variable.startswith(OWN):
        raise SettingsError(
            f"a project's settings may not send {variable} to an address of their own",
            where=f"{table} key_variable",
            expected=f"a variable that is set for this alone, such as {OWN}MY_ENDPOINT_KEY",
            way_out="or leave the address out and pass --base-url",
        )
    key = _key(variable, environ, dotenv) if variable else None
    if variable and not key:
        raise SettingsError(
            f"{variable} is not set",
            where=f"{table} key_variable",
            way_out=f"set {variable}, or --replay",
        )
    return Endpoint(named.base_url, key, table)


def _key(variable: str, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> str | None:
    """A key, without the line end that its file left on it. What no header can carry, the client would quote in an error: it is refused here."""
    key = (environ.get(variable) or dotenv.get(variable) or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(
            "the key holds a control character or a letter beyond ASCII", where=variable, way_out="copy the key anew"
        )
    return key or None


def _check_address(endpoint: Endpoint, *, allow_http: bool) -> None:
    if not endpoint.base_url.isprintable():
        raise SettingsError("the address holds a control character", where=endpoint.source, expected=SUCH_AS)
    if "?" in endpoint.base_url or "#" in endpoint.base_url:
        raise SettingsError(
            "the address holds a query string or a fragment, and what it says would be printed and stored",
            where=endpoint.source,
            expected=SUCH_AS,
            way_out="leave it out; a key goes in the variable of the endpoint's key",
        )
    try:
        parts = urlsplit(endpoint.base_url)
        _ = parts.port
    except ValueError as error:
        raise SettingsError(f"the address is malformed: {error}", where=endpoint.source, expected=SUCH_AS) from error
    if parts.username or parts.password:
        raise SettingsError(
            "the address holds a user name or password", where=endpoint.source, way_out="give the key in OPENAI_API_KEY"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{endpoint.base_url!r} is no http address", where=endpoint.source, expected=SUCH_AS)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS and not allow_http:
        raise SettingsError(
            "plain http would send the key and the articles unencrypted",
            where=f"{endpoint.source} {endpoint.base_url}",
            expected="https, or an address of this machine",
            way_out="use https, or pass --allow-http",
        )
