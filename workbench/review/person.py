"""The person who decides: under which name, and with which browser."""

import getpass
import os
import subprocess
import webbrowser
from pathlib import Path
from threading import Thread

from workbench.errors import SettingsError

__all__ = ["name_of", "open_browser"]


def name_of(named: str | None, root: Path) -> str:
    """Under which name decisions are written down: the one given, else git's, else the account's.

    Args:
        named: What was given.
        root: The project's folder, whose git settings count.

    Raises:
        SettingsError: If there is none.
    """
    name = (named if named is not None else _git_name(root) or _account()).strip()
    if not name:
        raise SettingsError("nobody is named to decide", way_out="pass --as NAME, or set git's user.name")
    return name


def _git_name(root: Path) -> str:
    try:
        asked = subprocess.run(
            ["git", "config", "--get", "user.name"],  # noqa: S607 - whichever git the person uses
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):  # there need be no git
        return ""
    return asked.stdout


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return ""


def open_browser(address: str) -> bool:
    """Open an address in the person's browser, without waiting for it; False if there is none, or only one that would take over the terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if type(browser) is webbrowser.GenericBrowser and "BROWSER" not in os.environ:
        return False
    Thread(target=browser.open, args=(address,), daemon=True).start()
    return True
