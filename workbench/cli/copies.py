"""Files of requests, copied to where somebody wants them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import InputError

__all__ = ["check_free", "copies"]


def check_free(to: Path) -> None:
    """Refuse to copy onto a file that is there, before there is anything to copy.

    Raises:
        InputError: If it is.
    """
    if _is_one_file(to) and to.exists():
        raise InputError("this file is there already", where=str(to), way_out="name another, or a folder")


def copies(files: Sequence[Path], run: str, to: Path) -> list[Path]:
    """The files where somebody wants them.

    Raises:
        InputError: If one file is to hold several, or a file of that name is there.
    """
    if _is_one_file(to):
        if len(files) > 1:
            raise InputError(
                f"there are {len(files)} files, more than fit into one",
                where=str(to),
                way_out=f"they stand in {files[0].parent}; or copy them into a folder",
            )
        made = [to for _ in files]
    else:
        made = [to / f"{run}-{file.name}" for file in files]
    for file, copy in zip(files, made, strict=True):
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("rb") as content, copy.open("xb") as new:
                shutil.copyfileobj(content, new)
        except FileExistsError as error:
            raise InputError(
                "this file is there already", where=str(copy), way_out=f"take the requests from {file}"
            ) from error
    return made


def _is_one_file(to: Path) -> bool:
    return to.suffix == ".jsonl" and not to.is_dir()
