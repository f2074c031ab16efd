"""A real browser, for the tests of pages."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

PATIENCE = 300_000
"""Milliseconds for whatever is waited for: how fast the machine is, is not what is tested. A page has it of its context."""
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, where there is one: pages are plain HTML, and the tests beside these read them without one."""
    with sync_playwright() as engines:
        found = shutil.which("chromium") or engines.chromium.executable_path
        if not Path(found).exists():
            if os.environ.get("CI"):
                pytest.fail("in CI the pages must be tried in a browser, and there is none")
            pytest.skip("there is no chromium to try the page in")
        started = engines.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield started
        started.close()
