"""`make demo`: alerts and all-clears in time, a summary, and nothing left behind."""

import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOW = float(os.environ.get("SLOW", "1"))
SUMMARY = re.compile(r"^(\d+) readings of \d sensors stored, (\d+) alerts sent, lost (\d+)\r?$", re.M)

# Runs a command; whoever it leaves behind becomes our child, and is named.
KEEPER = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
status = subprocess.call(sys.argv[1:])
for task in os.listdir("/proc/self/task"):
    for pid in open(f"/proc/self/task/{task}/children").read().split():
        line = open(f"/proc/{pid}/cmdline").read().replace("\\0", " ")
        print("left behind:", pid, line or open(f"/proc/{pid}/comm").read())
sys.exit(status)
"""


def environment(folder, **more):
    """The demo's; its temporary files go where we can look for them."""
    program = (ROOT / os.environ.get("MUABUI", "build/muabui")).resolve()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DEMO_")}
    return {**kept, "MUABUI": str(program), "TMPDIR": str(folder), **more}


@pytest.fixture
def occupied():
    """Somebody else's broker on the usual port."""
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", 1883))
            other.listen()
        except OSError:
            pass  # there is a real one
        yield


def assert_summary(output, at_least, alerts):
    summary = SUMMARY.search(output)
    assert summary, output
    readings, sent, lost = map(int, summary.groups())
    assert readings >= at_least
    assert sent >= alerts
    assert lost == 0
    assert "left behind" not in output


def test_demo_tells_of_dust_and_rain(tmp_path, occupied):
    command = [sys.executable, "-c", KEEPER, str(ROOT / "tests/demo/run")]
    demo = subprocess.Popen(command, env=environment(tmp_path, DEMO_SECONDS="45"),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    said, start = {}, time.monotonic()
    output = ""
    try:
        for line in demo.stdout:
            output += line
            said.setdefault(line.rstrip("\n"), time.monotonic() - start)
        status = demo.wait(timeout=20)
    finally:
        demo.kill()

    dust, rain = "Bụi PM2.5 cao tại Cầu Giấy", "Mưa lớn tại Cầu Giấy"
    for title, limit in ((f"🟡 {dust}", 20), (f"🟠 {rain}", 20),
                         (f"🟢 Đã hết cảnh báo: {rain}", 40), (f"🟢 Đã hết cảnh báo: {dust}", 45)):
        assert title in said, output
        assert said[title] <= limit * SLOW, f"{title} after {said[title]:.1f} s"
    assert "\033" not in output
    for station in ("HN-CG-01  Cầu Giấy", "HN-TX-02  Thanh Xuân", "HN-HK-03  Hoàn Kiếm",
                    "HN-BD-04  Ba Đình"):
        assert station in said
    assert "rain_rate 120.0 mm/h" in output
    assert_summary(output, 1000, 4)
    assert status == 0
    assert list(tmp_path.iterdir()) == []


def test_demo_ends_by_control_c(tmp_path):
    # make stands above it, as in `make demo`: it would call an interrupt a failure.
    folder, makefile = tmp_path / "tmp", tmp_path / "Makefile"
    folder.mkdir()
    makefile.write_text(f"demo:\n\t@{ROOT}/tests/demo/run\n")
    pid, terminal = pty.fork()
    if pid == 0:
        # Who runs the tests in the background has it ignored, and so would all below.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execve(sys.executable, [sys.executable, "-c", KEEPER, "make", "-f", str(makefile)],
                  environment(folder, TERM="xterm"))
    output, told = b"", False
    end = time.monotonic() + 30 * SLOW
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            output += piece
        # The table is drawn with sequences; HN-BD-04 comes with the nodes' first messages.
        if not told and b"HN-BD-04" in output:
            os.write(terminal, b"\x03")
            told = True
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    text = output.decode()
    assert told, text
    assert "\033[" in text
    assert os.waitstatus_to_exitcode(status) == 0, text
    assert_summary(text, 1, 0)
    assert list(folder.iterdir()) == []
