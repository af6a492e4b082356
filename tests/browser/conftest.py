"""What the tests in browsers are given: the scenarios' parts, and the browsers."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
sys.path.insert(0, str(SCENARIOS))

spec = importlib.util.spec_from_file_location("scenario_fixtures", SCENARIOS / "conftest.py")
scenario_fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scenario_fixtures)
pytest_runtest_makereport = scenario_fixtures.pytest_runtest_makereport
home = scenario_fixtures.home
broker = scenario_fixtures.broker


@pytest.fixture(scope="module")
def place():
    """A home for what the tests of a file have in common."""
    from lib import Home

    place = Home()
    try:
        yield place
    finally:
        place.end()
