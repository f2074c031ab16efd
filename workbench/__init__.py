"""Extraction with language models that can be trusted: run it, score it against goldens, replay it offline."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("workbench")
