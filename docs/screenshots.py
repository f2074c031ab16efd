"""Takes the README's pictures of the review page, of the last run: `make demo` makes one. Nothing is decided, and nothing changes but the pictures.

Run it with ``make docs``; without a browser it says so and leaves the pictures as they are.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
ARTICLE = "gumi-2025"
PICTURES = {"review-list": ("/", ()), "review-article": (f"/article/{ARTICLE}", ("j", "j", "j"))}
"""By name: the address, and the keys that are pressed there."""


@contextmanager
def review() -> Iterator[str]:
    """The page's address, while it is served."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "review", "--no-browser", "--json", "--as", "docs"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "CI"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        said = process.stdout.readline() if process.stdout else ""
        if not said.rstrip().endswith("}"):  # an error is an object of several lines, or of none
            process.communicate()  # to its end: it says itself what is wrong
            sys.exit("the review has no run to show, and the pictures stay as they are: `make demo` makes one")
        yield json.loads(said)["url"]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def take(context: Any, url: str, into: Path) -> None:
    """Every picture."""
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#looking", state="detached")  # until every score is there: the page fills itself
    origin, _, _ = url.partition("/?")
    for name, (address, keys) in PICTURES.items():
        page.goto(origin + address)
        page.wait_for_selector("#one[data-open], #list")
        for key in keys:
            page.keyboard.press(key)
        page.screenshot(path=into / f"{name}.png", animations="disabled")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--into", type=Path, default=ROOT / "docs")
    arguments.add_argument("--width", type=int, default=1280)
    arguments.add_argument("--height", type=int, default=680)
    arguments.add_argument("--scheme", choices=["light", "dark"], default="light")
    given = arguments.parse_args()
    with sync_playwright() as engines:
        found = shutil.which("chromium") or engines.chromium.executable_path
        if not Path(found).exists():
            sys.stderr.write("there is no browser: docs/review-list.png and docs/review-article.png stay as they are\n")
            return
        browser = engines.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        with review() as url:
            size: Any = {"width": given.width, "height": given.height}
            take(browser.new_context(viewport=size, color_scheme=given.scheme), url, given.into)
        browser.close()


if __name__ == "__main__":
    main()
