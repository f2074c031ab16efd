"""The command line: it parses, calls, prints, and decides nothing."""

from workbench.cli.main import main

__all__ = ["main"]
