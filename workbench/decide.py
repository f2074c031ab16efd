"""Goldens grow by decisions, and every decision is written down.

The line of the log is on its way to the disk before the golden is replaced: a process killed between the two leaves a decision that the golden does not
show, which `Standing.unwritten` names, and never a golden that nobody decided on.

A decision is made about what was shown. `decide` and `undo` are told the hash of the golden's file as it was then, and refuse if it is another: two windows,
two people or a hand that edits the file are noticed, and neither's work is lost.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue

from workbench.canonical import hash_bytes, hash_json
from workbench.decisions import Decision, Log
from workbench.errors import GoldenChanged, GoldenError, WishError
from workbench.goldens import Golden, golden_file, golden_text, parse_golden
from workbench.jsontext import Edit, edits, rewritten, undone
from workbench.wishes import Subject, Wish, apply

__all__ = ["decide", "read_shown", "record_hash", "undo", "unwritten"]


def read_shown(folder: Path, name: str, schema: type[BaseModel]) -> tuple[Golden | None, str | None]:
    """A golden and the hash of its file, of one reading; None and None if there is no file.

    Raises:
        GoldenError: If the golden does not hold.
    """
    file = golden_file(folder, name)
    content = _content(file)
    return None if content is None else parse_golden(content, file, schema), _file_hash(content)


def unwritten(log: Log) -> Iterator[Decision]:
    """The decisions that are in the log and not in their golden: see `Standing.unwritten`."""
    for article in log.articles:
        seen = _file_hash(_content(golden_file(log.folder, article)))
        lost = log.standing(article, seen).unwritten
        if lost:
            yield log.get(article, lost)


def record_hash(record: JsonValue) -> str | None:
    """What a record's form is known by; None of no record."""
    return None if record is None else hash_json(record)


def decide(
    log: Log,
    about: Subject,
    wish: Wish,
    schema: type[BaseModel],
    *,
    seen: str | None,
    by: str,
    now: datetime,
    writable: bool,
) -> Decision:
    """Do what somebody wishes of a golden, and write down that they did.

    Args:
        log: Of the task's goldens.
        about: What is decided about.
        wish: What is wished.
        schema: The task's.
        seen: The hash of the golden's file as it was shown, None for no file.
        by: Who decides.
        now: When.
        writable: Whether goldens may be written: see `may_write`.

    Raises:
        GoldenChanged: If the golden is not what was shown. Nothing was written, and so after every other error.
        WishError: If it cannot be done, or the schema does not take it.
        GoldenError: If goldens may not be written, or the golden or the log does not hold.
    """
    _check_writable(log, writable=writable)
    file = golden_file(log.folder, about.golden)
    shown = _shown(file, seen)
    golden = None if shown is None else parse_golden(shown, file, schema)
    change = apply(golden, wish, about, schema)
    if change.golden is None or change.golden is golden:
        changes: list[Edit] = []
    elif shown is None:
        changes = [Edit(0, "", golden_text(change.golden))]
    else:
        text = shown.decode()
        changes = edits(text, _fields(change.golden, text))
    return _commit(
        log,
        file,
        shown,
        changes,
        {
            "article": about.golden,
            "when": now,
            "by": by,
            "action": wish.action,
            "at": change.at,
            "record_at": wish.record_at,
            "record": record_hash(about.record),
            "value": change.value,
            "was": change.was,
            "selected": wish.selected,
            "note": wish.note,
            "item": change.item,
        },
    )


def undo(
    log: Log, article: str, decision: str, *, seen: str | None, by: str, now: datetime, writable: bool
) -> Decision:
    """Take a decision back, or an undo, to the byte; and write down that it was.

    Args:
        log: Of the task's goldens.
        article: The golden's id.
        decision: The id of what is taken back.
        seen: The hash of the golden's file as it was shown, None for no file.
        by: Who decides.
        now: When.
        writable: Whether goldens may be written.

    Raises:
        GoldenChanged: If the golden is not what was shown, or not what the decision left.
        WishError: If there is no such decision, or it is not in force.
        GoldenError: If goldens may not be written.
    """
    _check_writable(log, writable=writable)
    file = golden_file(log.folder, article)
    shown = _shown(file, seen)
    taken = log.get(article, decision)
    if not log.standing(article, seen).is_in_force(decision):
        raise WishError("this is not in force: it was undone before, or never came into the golden")
    if taken.edits and taken.after != seen:
        raise GoldenChanged(
            f"the golden has changed since {taken.by} decided this: byte for byte it cannot be taken back",
            where=str(file),
            way_out="undo first what was decided since, or decide anew what it should be",
        )
    return _commit(
        log,
        file,
        shown,
        undone(taken.edits),
        {
            "article": article,
            "when": now,
            "by": by,
            "action": "undo",
            "at": taken.at,
            "record_at": taken.record_at,
            "record": taken.record,
            "item": {"added": "removed", "removed": "added", None: None}[taken.item],
            "undoes": taken.id,
        },
    )


def _check_writable(log: Log, *, writable: bool) -> None:
    if not writable:
        raise GoldenError(
            "goldens are not written where CI is set", where=str(log.folder), way_out="pass --allow-writes"
        )


def _shown(file: Path, seen: str | None) -> bytes | None:
    """The file's bytes, if they are what was shown."""
    content = _content(file)
    if _file_hash(content) != seen:
        raise GoldenChanged(
            "the golden is not what was shown: somebody decided about it in between, or edited it by hand",
            where=str(file),
            way_out="look at it as it is now, and decide again",
        )
    return content


def _commit(log: Log, file: Path, shown: bytes | None, changes: list[Edit], fields: Mapping[str, Any]) -> Decision:
    """Append the decision, then replace the golden; both or neither, or the first and it will be said."""
    seen = _file_hash(shown)
    text = rewritten("" if shown is None else shown.decode(), changes)
    removed = not text  # the undo of a start
    after = seen if not changes else _file_hash(None if removed else text.encode())
    log.folder.mkdir(parents=True, exist_ok=True)
    with log.writing() as appender:
        _shown(file, seen)
        if "undoes" in fields and not log.standing(fields["article"], seen).is_in_force(fields["undoes"]):
            raise GoldenChanged("somebody else has taken this back in between", where=str(file))
        number = len(log.of(fields["article"]))
        unnamed = {**fields, "before": seen, "after": after, "edits": tuple(changes)}
        name = hash_json([number, *(str(part) for part in unnamed.values())])[7:19]
        decision = Decision(id=name, **unnamed)
        part = _written_aside(file, text) if changes and not removed else None
        appender.append(decision.line)
        if part:
            part.replace(file)
        elif changes:
            file.unlink()
    return decision


def _written_aside(file: Path, text: str) -> Path:
    """The golden's next text beside it, on the disk."""
    part = file.with_name(file.name + ".part")
    with part.open("wb") as writing:
        writing.write(text.encode())
        writing.flush()
        os.fsync(writing.fileno())
    return part


def _fields(golden: Golden, text: str) -> dict[str, Any]:
    """A golden as its file has it: the file's keys in the file's order; alternates also where it had none."""
    fields = golden.model_dump(mode="json", by_alias=True)
    kept = [*json.loads(text), *(["alternates"] if golden.alternates else [])]
    return {key: fields[key] for key in dict.fromkeys(kept)}


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GoldenError(f"the file cannot be read: {error.strerror}", where=str(file)) from error


def _file_hash(content: bytes | None) -> str | None:
    """What a golden's file is known by; None of no file."""
    return None if content is None else hash_bytes(content)
