"""An HTML page as text, and what its meta tags say of it."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from workbench.errors import ArticleError

__all__ = ["Page", "read_page"]

HIDDEN = {"title", "script", "style", "noscript", "template"}
BLOCKS = re.compile(
    "address|article|aside|blockquote|br|d[dlt]|div|fieldset|figcaption|figure|footer|form|h[1-6r]|header|li|main|nav|[ou]l"
    "|option|p|pre|section|table|tr"
)


@dataclass(frozen=True)
class Page:
    """What a page shows and says of itself.

    Attributes:
        text: What it shows, a line a block; nothing but scripts, styles and the like is left out.
        title: From ``og:title`` or the title.
        publisher: From ``og:site_name`` or ``article:publisher``.
        published: The date as the page writes it, from ``article:published_time`` and the like.
    """

    text: str
    title: str | None
    publisher: str | None
    published: str | None


class _Parser(HTMLParser):
    """What a page shows, with a line's end around each block, and what its meta tags say."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.titles: list[str] = []
        self._meta: dict[str, str] = {}
        self._hidden: list[str] = []

    def meta(self, *names: str) -> str | None:
        return next((self._meta[name] for name in names if name in self._meta), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden.append(tag)
            self.titles += [""] if tag == "title" else []
        elif tag == "meta":
            fields = {name: " ".join((value or "").split()) for name, value in attrs}
            for name in ("property", "name", "itemprop"):
                if fields.get(name) and fields.get("content"):
                    self._meta.setdefault(fields[name].lower(), fields["content"])
        else:
            self.text.append("\n" if BLOCKS.fullmatch(tag) else " " if tag in {"td", "th"} else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            self._hidden.remove(tag)
        elif tag != "br" and BLOCKS.fullmatch(tag):
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)
        elif self._hidden == ["title"]:
            self.titles[-1] += data


def read_page(text: str) -> Page:
    """Read a page.

    Raises:
        ArticleError: If it is too malformed to be read.
    """
    parser = _Parser()
    try:
        parser.feed(text)
        parser.close()
    except AssertionError as error:  # how html.parser says it
        raise ArticleError(f"the page is malformed: {error}", way_out="save its text as .txt") from error
    lines = (" ".join(line.split()) for line in "".join(parser.text).split("\n"))
    return Page(
        re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(),
        title=parser.meta("og:title") or " ".join("".join(parser.titles[:1]).split()) or None,
        publisher=parser.meta("og:site_name", "article:publisher"),
        published=parser.meta("article:published_time", "datepublished", "pubdate", "date"),
    )
