"""Files and folders become articles, one at a time.

An article is a ``.txt``, ``.md`` or ``.html`` file, or a line of a JSON Lines file. What is known of it (title, publisher, day of
publication) comes from the line's fields, the page's meta tags or a sidecar ``ID.json``, and is otherwise unknown. What cannot be read becomes a
``Rejected`` with its reason, and the others go on.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from workbench.canonical import canonical_text, fingerprint, first_problem, hash_text
from workbench.errors import ArticleError
from workbench.pages import read_page

__all__ = [
    "LARGEST",
    "Article",
    "Rejected",
    "check_ids",
    "decode",
    "is_id",
    "is_lines",
    "iso_day",
    "placed_articles",
    "read_articles",
    "read_bytes",
    "text_at",
]

TEXT, HTML, LINES = {".txt", ".md"}, {".html", ".htm"}, {".jsonl", ".ndjson"}
LARGEST = 4 * 2**20
"""Bytes. A news article is some ten thousand; what is larger than this is no article and is not read into memory."""
UNSEEN = r"/\\\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""What no id may hold: slashes, control characters, marks that turn text around, halves of characters."""
ID = re.compile(rf"[^\s.{UNSEEN}][^{UNSEEN}]{{0,99}}")
PUBLISHED = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
BINARY = (b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff")


class _Known(BaseModel):
    """What a sidecar or the fields of a line may say of an article."""

    model_config = ConfigDict(extra="forbid", str_min_length=1)

    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    source: str | None = None
    """Where the article was found, for people."""

    @field_validator("title", "publisher", "published", "source", mode="before")
    @classmethod
    def _blank_is_unknown(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value


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


def is_id(text: str) -> bool:
    """Whether a text is fit to be an article's id: a file may be named by it, wherever the id comes from."""
    return bool(ID.fullmatch(text)) and len(text.encode()) <= 200


def read_articles(paths: Sequence[Path], passed_over: Collection[Path] = ()) -> Iterator[Article | Rejected]:
    """Every article in the files and folders given, in order; a folder's in the order of their paths. What is given twice is read once.

    A folder's files and folders with a leading dot are passed over, and a ``.json`` beside an article is its sidecar; everything else is an
    article or is rejected. What lies in the folders ``passed_over`` is no article: a run would read its own lines, and never end.

    Raises:
        ArticleError: If a path does not exist.
    """
    for found in _files(paths, passed_over):
        yield from [found] if isinstance(found, Rejected) else _read_file(found)


def read_bytes(raw: bytes) -> Article | Rejected:
    """The article that came on standard input, decoded as a file is."""
    try:
        if len(raw) > LARGEST:
            # Not how many: nobody reads on to count them.
            raise ArticleError(f"more than {LARGEST:,} bytes are no article", expected=f"at most {LARGEST:,}")
        return _article("stdin", decode(raw), "stdin", _Known())
    except ArticleError as error:
        return Rejected("stdin", "stdin", _flat(error))


def check_ids(read: Callable[[], Iterable[Article | Rejected]]) -> int:
    """Count what there is to read, and refuse two articles with one id, before anything is sent.

    A million ids are held as a number each; ``read`` gives the articles anew, so that the first of two can be looked up.

    Raises:
        ArticleError: If an id stands for an article and something else; names both places.
    """
    total = 0
    readable: set[int] = set()
    others: set[int] = set()
    for article in read():
        mark = fingerprint(article.id)
        is_article = isinstance(article, Article)
        if mark in readable or (is_article and mark in others):
            first = next(one for one in read() if one.id == article.id)
            if first.place != article.place:
                raise ArticleError(
                    f"two articles have the id {article.id!r}",
                    where=f"{first.place} and {article.place}",
                    expected="ids (file names without their ending) that differ",
                    way_out="rename one, or give the articles one by one",
                )
        (readable if is_article else others).add(mark)
        total += 1
    return total


def _files(paths: Sequence[Path], passed_over: Collection[Path]) -> Iterator[Path | Rejected]:
    seen: set[Path] = set()
    for path in paths:
        try:
            there, folder = path.exists(), path.is_dir()
        except OSError as error:
            raise ArticleError(_flat(error), where=_storable(path)) from error
        if not there:
            raise ArticleError(
                "there is no such file or folder", where=_storable(path), way_out="name a file or folder of articles"
            )
        for found in _beneath(path) if folder else [path]:
            if isinstance(found, Path):
                once = found.parent.resolve() / found.name
                if once in seen or any(once.is_relative_to(folder) for folder in passed_over):
                    continue
                seen.add(once)
            yield found


def _beneath(folder: Path) -> Iterator[Path | Rejected]:
    try:
        inside = [(path, path.is_dir()) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    except OSError as error:
        yield _rejected_file(folder, _flat(error))
        return
    articles = {path.with_suffix("") for path, _ in inside if path.suffix.lower() in TEXT | HTML}
    for path, is_folder in inside:
        if is_folder and path.is_symlink():
            yield _rejected_file(path, "this is a link to another folder, and is not followed; name that folder")
        elif is_folder:
            yield from _beneath(path)
        elif path.suffix != ".json" or path.with_suffix("") not in articles:
            yield path


def _read_file(file: Path) -> Iterator[Article | Rejected]:
    suffix = file.suffix.lower()
    try:
        if suffix not in TEXT | HTML | LINES:
            raise ArticleError(
                f"{suffix or 'a file without an ending'} is no kind of article", expected=".txt, .md, .html or .jsonl"
            )
        if file.exists() and not file.is_file():
            raise ArticleError("this is no file that can be read again", expected="a regular file")
        if is_lines(file):
            yield from (read for _, read in placed_articles(file))
            return
        if file.stat().st_size > LARGEST:
            raise ArticleError(f"{file.stat().st_size:,} bytes are no article", expected=f"at most {LARGEST:,}")
        text = decode(file.read_bytes())
        known = _sidecar(file)
        if suffix in HTML:
            page = read_page(text)
            # A page's date that is no ISO date is unknown, not guessed at.
            published = page.published and iso_day(page.published)
            says = _Known(title=page.title, publisher=page.publisher, published=published)
            text, known = page.text, says.model_copy(update=known.model_dump(exclude_none=True))
        yield _article(file.stem, text, _storable(file), known)
    except (ArticleError, OSError) as error:
        yield _rejected_file(file, _flat(error))


def _rejected_file(file: Path, reason: str) -> Rejected:
    """By its stem if it should have been an article, else by its whole name, so that ``a.pdf`` may lie beside ``a.txt``."""
    name = file.stem if file.suffix.lower() in TEXT | HTML | LINES else file.name
    return Rejected(_shown(name), _storable(file), reason)


def is_lines(file: Path) -> bool:
    """Whether a file holds an article a line."""
    return file.suffix.lower() in LINES


def placed_articles(file: Path) -> Iterator[tuple[int, Article | Rejected]]:
    """The articles of a JSON Lines file, each with the offset in bytes of its line, for `text_at`.

    Bad lines are rejected one by one; one without an id goes by the file's name and the line's number.

    Raises:
        ArticleError: If it is no such file.
        OSError: If it cannot be read.
    """
    with file.open("rb") as lines:
        start = lines.peek(4)[:4]
        if start.startswith(UTF_16):
            raise ArticleError("the file is in UTF-16", expected="JSON Lines in UTF-8 or CP949")
        _refuse_binary(start)
        number = offset = 0
        while raw := lines.readline(LARGEST + 1):
            number, here, offset = number + 1, offset, offset + len(raw)
            place, fallback = _storable(f"{file}:{number}"), _shown(f"{file.stem}-{number}")
            if len(raw) > LARGEST:
                while raw and not raw.endswith(b"\n"):
                    raw = lines.readline(LARGEST)
                    offset += len(raw)
                says = f"the line is too long for an article; expected: at most {LARGEST:,} bytes"
                yield here, Rejected(fallback, place, says)
            elif read := _read_line(raw, place, fallback):
                yield here, read


def text_at(file: Path, offset: int) -> str | None:
    """The text of the article whose line begins at an offset of a JSON Lines file; None where no article's does.

    Raises:
        OSError: If the file cannot be read.
    """
    with file.open("rb") as lines:
        lines.seek(offset)
        read = _read_line(lines.readline(LARGEST + 1), str(file), "article")
    return read.text if isinstance(read, Article) else None


def _read_line(raw: bytes, place: str, fallback: str) -> Article | Rejected | None:
    import jsonlines  # noqa: PLC0415 - few articles are lines

    try:
        text = decode(raw).strip()
        if not text:
            return None
        with jsonlines.Reader([text]) as reader:
            fields: Any = reader.read(type=dict)
        if isinstance(fields.get("id"), str | int):
            fallback = _shown(str(fields["id"]))
        entry = _Line.model_validate(fields)
        return _article(entry.id, entry.text, place, entry)
    except (jsonlines.InvalidLineError, RecursionError) as error:
        return Rejected(fallback, place, f"the line is no JSON object: {error}".split(" (line")[0])
    except ValidationError as error:
        return Rejected(fallback, place, first_problem(error))
    except ArticleError as error:
        return Rejected(fallback, place, _flat(error))


def _article(article_id: str, text: str, place: str, known: _Known) -> Article | Rejected:
    article_id, text = canonical_text(article_id), canonical_text(text)
    if not is_id(article_id):
        fit = "up to 100 characters and 200 bytes, no slash, no leading dot, nothing unseen"
        return Rejected(_shown(article_id), place, f"this id could not name a file; expected: {fit}")
    if not text.strip():
        return Rejected(article_id, place, "there is no text in it")
    if "\x00" in text:
        return Rejected(article_id, place, "there is a NUL in it; expected: text")
    published = known.published and iso_day(known.published)
    if known.published and not published:
        return Rejected(article_id, place, f"published {known.published!r} is no ISO 8601 date")
    return Article(
        article_id,
        text,
        hash_text(text),
        place,
        title=known.title and canonical_text(known.title),
        publisher=known.publisher and canonical_text(known.publisher),
        published=published,
    )


def iso_day(text: str) -> str | None:
    """The day, month or year that an ISO 8601 date or time begins with; None if it is no such thing."""
    if not PUBLISHED.fullmatch(text.strip()):
        return None
    day = text.strip()[:10]
    try:
        date.fromisoformat(f"{day}-01-01"[:10])
    except ValueError:
        return None
    return day


def _shown(article_id: str) -> str:
    """An id that is none, as far as a line of a file or a terminal can show it."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in canonical_text(article_id))
    return shown if len(shown) <= 100 else shown[:99] + "…"


def _storable(place: Path | str) -> str:
    """A path in a legacy encoding has halves of characters in it, which no UTF-8 file can hold."""
    return str(place).encode(errors="backslashreplace").decode()


def decode(raw: bytes) -> str:
    """A file's bytes as text: UTF-8 or UTF-16 by its mark, UTF-8 without, else CP949 (which holds EUC-KR) if that gives Korean.

    Raises:
        ArticleError: If the bytes are no text, or in no encoding known here.
    """
    unknown = ArticleError(
        "the encoding is unknown", expected="UTF-8, UTF-16 with its mark, or CP949/EUC-KR", way_out="save it as UTF-8"
    )
    if raw.startswith(UTF_16):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError as error:
            raise unknown from error
    _refuse_binary(raw)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # CP949 never begins as UTF-8 that spells Hangul; and UTF-8 that breaks off can pass for CP949 that spells nonsense.
        if re.search(r"[가-힣]", error.object[: error.start].decode(errors="ignore")):
            raise ArticleError(
                f"the text is UTF-8, but broken at byte {error.start:,}", way_out="get it whole, or save it anew"
            ) from error
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError as error:
        raise unknown from error
    if not re.search(r"[가-힣]{2}", text):
        raise unknown
    return text


def _refuse_binary(raw: bytes) -> None:
    if b"\x00" in raw or raw.startswith(BINARY):
        raise ArticleError("the file is binary", expected="text", way_out="convert it to .txt first")


def _sidecar(file: Path) -> _Known:
    sidecar = file.with_suffix(".json")
    if not sidecar.is_file():
        return _Known()
    try:
        return _Known.model_validate(json.loads(sidecar.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        raise ArticleError(
            first_problem(error), where=_storable(sidecar), expected="title, publisher, published, source"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArticleError(f"the sidecar is no JSON: {error}", where=_storable(sidecar)) from error


def _flat(error: Exception) -> str:
    return re.sub(r"\n\s*", "; ", str(error))
