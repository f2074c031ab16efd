"""Fixtures for every test."""

from browsing import browser
from small_project import clean_environment, project, server, workbench

__all__ = ["browser", "clean_environment", "project", "server", "workbench"]
