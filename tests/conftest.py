"""Fixtures for every test."""

from browsing import browser
from deciding import desk
from hypothesis import HealthCheck, settings
from sittings import sittings
from small_project import clean_environment, project, server, workbench

__all__ = ["browser", "clean_environment", "desk", "project", "server", "sittings", "workbench"]

# No test depends on how fast the machine is. Here, as a test has the profile that is loaded when its module is.
settings.register_profile("workbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("workbench")
