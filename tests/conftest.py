"""Fixtures for every test."""

from sittings import sittings
from small_project import clean_environment, project, server, workbench

__all__ = ["clean_environment", "project", "server", "sittings", "workbench"]
