"""Extraction with language models that can be trusted: run it, score it against goldens, replay it offline."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """The version, asked for where it is needed: to find it takes longer than many a command."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("workbench")
    raise AttributeError(name)
