"""What every scenario is given: a home that is left clean, and nothing shared."""

import os
import re
import shutil

import pytest

from lib import Broker, Home, HttpSink

SANITIZERS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")



def pytest_configure(config):
    config.addinivalue_line(
        "markers", "alone: measures time or load; runs when nothing runs beside it")


# Those that take longest come first, so that no worker is left alone with one of them.
LONG = ("test_mqtt_out.py", "test_tt10.py", "test_probe.py", "test_relay.py", "test_store.py",
        "test_upstream.py", "test_refuge.py", "test_demo.py", "test_alert_kill.py",
        "test_webpush.py", "test_events.py", "test_hostile_web.py")


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.name not in LONG)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    home = item.funcargs.get("home") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and home:
        report.sections.append(("logs of the scenario", home.logs()))


@pytest.fixture
def home():
    """Ends everything that was started in it, and removes its folder."""
    place = Home()
    try:
        yield place
        for gateway in place.gateways:
            if gateway.process and gateway.process.is_running():
                gateway.stop()
        for log in place.path.glob("*.log"):
            text = log.read_text(errors="replace")
            assert not SANITIZERS.search(text), f"{log.name}:\n{text[-8000:]}"
    finally:
        place.end()


@pytest.fixture
def broker(home):
    return Broker(home)


@pytest.fixture
def sink(home):
    return HttpSink(home)


@pytest.fixture
def small(home):
    """A file system of 6 MB."""
    folder = home.path / "small"
    folder.mkdir()
    if os.getuid() != 0 or not shutil.which("mount") or os.system(
            f"mount -t tmpfs -o size=6m tmpfs {folder} 2>/dev/null") != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        for gateway in home.gateways:
            gateway.process.end()
        os.system(f"umount {folder}")
