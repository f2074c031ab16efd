"""Fixtures for every test."""

from small_project import clean_environment, project, server, workbench

__all__ = ["clean_environment", "project", "server", "workbench"]
