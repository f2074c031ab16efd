"""A log of 100,000 decisions on 10,000 goldens: how long it takes to read, to say what stands, and to decide once more; and the memory of it.

python benchmarks/decisions.py
"""

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from workbench.canonical import line
from workbench.decide import decide, read_shown
from workbench.decisions import Decision, Log
from workbench.goldens import Golden, write_golden
from workbench.jsontext import Edit
from workbench.wishes import Subject, Wish

ARTICLES, EACH = 10_000, 10
HASH = "sha256:" + "a" * 64
NOW = datetime(2031, 2, 3, tzinfo=UTC)


class Street(BaseModel):
    version: ClassVar[str] = "1"

    names: list[str]


def made_up(folder: Path) -> None:
    with (folder / "decisions.jsonl").open("w", encoding="utf-8") as file:
        for article in range(ARTICLES):
            for number in range(EACH):
                made = Decision(
                    id=f"{article}-{number}",
                    article=f"a{article}",
                    when=NOW,
                    by="김하나",
                    action="correct",
                    at=f"/names/{number}",
                    record=HASH,
                    value="동문로",
                    was="서문길",
                    before=HASH,
                    after=HASH,
                    edits=(Edit(123, '"서문길"', '"동문로"'),),
                )
                file.write(line(made.line))


def megabytes() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_up(folder)
        write_golden(
            Golden.model_validate({"id": "a7", "schema": "1", "texts": [], "record": {"names": ["동문로"] * EACH}}),
            folder,
        )
        before = megabytes()
        start = time.perf_counter()
        log = Log(folder)
        found = log.articles
        print(f"{len(found) * EACH:,} lines read          {time.perf_counter() - start:6.2f} s")
        start = time.perf_counter()
        for article in found:
            log.standing(article, HASH).of("/names/3", "/names/3", HASH, None)
        print(f"what stands of {len(found):,}     {time.perf_counter() - start:6.2f} s")
        _, seen = read_shown(folder, "a7", Street)
        start = time.perf_counter()
        wish = Wish(action="correct", at="/names/0", value="남문로")
        decide(log, Subject("a7", None, None, None), wish, Street, seen=seen, by="나", now=NOW, writable=True)
        print(f"one more decision         {time.perf_counter() - start:6.3f} s")
        print(f"memory                    {megabytes() - before:6.0f} MB more than before")


if __name__ == "__main__":
    main()
