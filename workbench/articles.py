"""Files and folders become articles, one at a time.

An article is a ``.txt``, ``.md`` or ``.html`` file, or a line of a JSON Lines file. What is known of it (title, publisher, day of
publication) comes from the line's fields, the page's meta tags or a sidecar ``ID.json``, and is otherwise unknown. What cannot be read becomes a
``Rejected`` with its reason, and the others go on.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import jsonlines
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.canonical import canonical_text, hash_text
from workbench.errors import ArticleError

__all__ = ["Article", "Rejected", "check_ids", "decode", "read_articles", "read_text"]

TEXT, HTML, LINES = {".txt", ".md"}, {".html", ".htm"}, {".jsonl", ".ndjson"}
LARGEST = 4 * 2**20
"""Bytes. A news article is some ten thousand; what is larger than this is no article and is not read into memory."""
ID = re.compile(r"[^\s./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,99}")
PUBLISHED = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


class _Known(BaseModel):
    """What a sidecar or the fields of a line may say of an article."""

    model_config = ConfigDict(extra="forbid", str_min_length=1)

    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    source: str | None = None
    """Where the article was found, for people."""


class _Line(_Known):
    """One line of a JSON Lines file."""

    model_config = ConfigDict(extra="ignore", str_min_length=1)

    id: str
    text: str = Field(min_length=0)


@dataclass(frozen=True)
class Article:
    """One text and what is known of it.

    Attributes:
        id: Its name, unique in a run and fit to be a file's.
        text: In NFC, with LF line ends: what offsets count in, by code point.
        hash: Of the text, tagged.
        place: The file it came from, with the line for JSON Lines.
        title: The headline, if known.
        publisher: If known.
        published: ISO 8601 day, month or year, if known.
    """

    id: str
    text: str
    hash: str
    place: str
    title: str | None = None
    publisher: str | None = None
    published: str | None = None


@dataclass(frozen=True)
class Rejected:
    """What stood where an article was expected, and why it is none."""

    id: str
    place: str
    reason: str


def read_articles(paths: Sequence[Path]) -> Iterator[Article | Rejected]:
    """Every article in the files and folders given, in order; a folder's in the order of their paths.

    A folder's files with a leading dot are passed over, and a ``.json`` beside an article is its sidecar; everything else is an article or is rejected.

    Raises:
        ArticleError: If a path does not exist.
    """
    for file in _files(paths):
        yield from _read_file(file)


def read_text(text: str, article_id: str = "stdin") -> Article | Rejected:
    """The article that a text is, such as what came on standard input."""
    return _article(article_id, text, "stdin", _Known())


def check_ids(articles: Iterable[Article | Rejected]) -> int:
    """Count the articles, and refuse two with one id, before anything is sent.

    Raises:
        ArticleError: If an id stands for two texts; names both places.
    """
    places: dict[str, str] = {}
    for article in articles:
        if article.id in places:
            raise ArticleError(
                f"two articles have the id {article.id!r}",
                where=f"{places[article.id]} and {article.place}",
                expected="ids (file names without their ending) that differ",
                way_out="rename one, or give the articles one by one",
            )
        places[article.id] = article.place
    return len(places)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            articles = {p.with_suffix("") for p in files if p.suffix.lower() in TEXT | HTML}
            yield from (p for p in files if not (p.suffix.lower() == ".json" and p.with_suffix("") in articles))
        elif path.exists():
            yield path
        else:
            raise ArticleError(
                "there is no such file or folder", where=str(path), way_out="name a file or folder of articles"
            )


def _read_file(file: Path) -> Iterator[Article | Rejected]:
    suffix = file.suffix.lower()
    try:
        if suffix in LINES:
            yield from _read_lines(file)
            return
        if suffix not in TEXT | HTML:
            raise ArticleError(
                f"{suffix or 'a file without an ending'} is no kind of article", expected=".txt, .md, .html or .jsonl"
            )
        if file.stat().st_size > LARGEST:
            raise ArticleError(f"{file.stat().st_size:,} bytes are no article", expected=f"at most {LARGEST:,}")
        text = decode(file.read_bytes())
        known = _sidecar(file)
        if suffix in HTML:
            text, from_page = _read_html(text)
            known = from_page.model_copy(update=known.model_dump(exclude_none=True))
        yield _article(file.stem, text, str(file), known)
    except (ArticleError, OSError) as error:
        yield Rejected(canonical_text(file.stem), str(file), _flat(error))


def _read_lines(file: Path) -> Iterator[Article | Rejected]:
    """Bad lines are rejected one by one; a line's id, where it has none, is the file's name and the line's number."""
    with file.open("rb") as lines:
        for number, raw in enumerate(lines, 1):
            place, fallback = f"{file}:{number}", f"{file.stem}-{number}"
            if not raw.strip():
                continue
            try:
                if len(raw) > LARGEST:
                    raise ArticleError(f"{len(raw):,} bytes are no article", expected=f"at most {LARGEST:,}")
                with jsonlines.Reader(StringIO(decode(raw).strip() + "\n")) as reader:
                    fields: Any = reader.read(type=dict)
                fallback = str(fields.get("id", fallback))
                entry = _Line.model_validate(fields)
                yield _article(entry.id, entry.text, place, entry)
            except jsonlines.InvalidLineError as error:
                yield Rejected(fallback, place, f"the line is no JSON object: {error}".split(" (line")[0])
            except ValidationError as error:
                yield Rejected(fallback, place, _first(error))
            except ArticleError as error:
                yield Rejected(fallback, place, _flat(error))


def _article(article_id: str, text: str, place: str, known: _Known) -> Article | Rejected:
    article_id, text = canonical_text(article_id), canonical_text(text)
    if not ID.fullmatch(article_id):
        return Rejected(
            article_id, place, "this id could not name a file; expected: up to 100 characters, no slash, no leading dot"
        )
    if not text.strip():
        return Rejected(article_id, place, "there is no text in it")
    if known.published is not None and not PUBLISHED.match(known.published):
        return Rejected(article_id, place, f"published {known.published!r} is no ISO 8601 date")
    published = known.published and PUBLISHED.match(known.published)
    return Article(
        article_id,
        text,
        hash_text(text),
        place,
        title=known.title and canonical_text(known.title),
        publisher=known.publisher and canonical_text(known.publisher),
        published=published.group() if published else None,
    )


def decode(raw: bytes) -> str:
    """A file's bytes as text: UTF-8 or UTF-16 by its mark, UTF-8 without, else CP949 (which holds EUC-KR) if that gives Korean.

    Raises:
        ArticleError: If the bytes are no text, or in no encoding known here.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in raw or raw.startswith((b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff")):
        raise ArticleError("the file is binary", expected="text", way_out="convert it to .txt first")
    else:
        encodings = ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "cp949" or re.search(r"[가-힣]{2}", text):
            return text
    raise ArticleError(
        "the encoding is unknown", expected="UTF-8, UTF-16 with its mark, or CP949/EUC-KR", way_out="save it as UTF-8"
    )


def _sidecar(file: Path) -> _Known:
    sidecar = file.with_suffix(".json")
    if not sidecar.is_file():
        return _Known()
    try:
        return _Known.model_validate(json.loads(sidecar.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ArticleError(_first(error), where=str(sidecar), expected="title, publisher, published, source") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArticleError(f"the sidecar is no JSON: {error}", where=str(sidecar)) from error


def _read_html(text: str) -> tuple[str, _Known]:
    from bs4 import BeautifulSoup  # noqa: PLC0415 - 0.2 s, and few articles are pages

    page = BeautifulSoup(text, "html.parser")

    def meta(*names: str) -> str | None:
        for name in names:
            for attribute in ("property", "name", "itemprop"):
                tag = page.find("meta", attrs={attribute: name})
                content = str(tag.get("content") or "").strip() if tag else ""
                if content:
                    return content
        return None

    title = meta("og:title") or (page.title.get_text().strip() if page.title else None) or None
    published = meta("article:published_time", "datePublished", "pubdate", "date")
    known = _Known(
        title=title,
        publisher=meta("og:site_name", "article:publisher"),
        # A page's date that is no ISO date is unknown, not guessed at.
        published=published if published and PUBLISHED.match(published) else None,
    )
    for tag in page(["script", "style", "noscript", "template", "head"]):
        tag.decompose()
    for tag in page(
        ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "figcaption"]
    ):
        tag.insert_before("\n")
        tag.insert_after("\n")
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in page.get_text().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), known


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"


def _flat(error: Exception) -> str:
    return re.sub(r"\n\s*", "; ", str(error))
