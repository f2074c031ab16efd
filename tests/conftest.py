"""Fixtures for every test."""

from browsing import browser
from sittings import sittings
from small_project import clean_environment, project, server, workbench

__all__ = ["browser", "clean_environment", "project", "server", "sittings", "workbench"]
