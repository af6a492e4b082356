"""A siren: a program of the installer's, told by arguments, environment and standard input."""

import json
import os
import time

import pytest

from lib import wait_until
from test_channels import make_gateway, say, start

SIREN = """#!/usr/bin/python3
import json, os, sys
with open(os.environ.get("OUT", "{out}"), "a") as out:
    out.write(json.dumps({{
        "argv": sys.argv[1:], "stdin": json.load(sys.stdin), "cwd": os.getcwd(),
        "env": {{k: v for k, v in os.environ.items()}},
        "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
        "group": os.getpgid(0) == os.getpid()}}, ensure_ascii=False) + "\\n")
print("the siren says so")
{more}
"""


class Siren:
    def __init__(self, home):
        self.path = home.path / "siren"
        self.out = home.path / "siren.out"
        self.write()

    def write(self, more=""):
        self.path.write_text(SIREN.format(out=self.out, more=more))
        self.path.chmod(0o755)

    def runs(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()] \
            if self.out.exists() else []

    def channel(self, **more):
        return {"name": "siren", "type": "exec", "command": self.path, **more}


@pytest.fixture
def siren(home):
    return Siren(home)


def test_it_is_told_everything_and_gets_nothing_else(home, broker, siren):
    gateway = make_gateway(home, broker, [siren.channel(
        arguments=["--level", "{severity}", "{title}; $(reboot) `id`"])])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(siren.runs()) == 1, 15, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: len(siren.runs()) == 2, 15, "the all-clear")
    alert, clear = siren.runs()
    message = alert["stdin"]
    assert (message["state"], clear["stdin"]["state"]) == ("firing", "resolved")
    assert message["id"] == clear["stdin"]["id"] == alert["env"]["MUABUI_ID"]
    assert alert["argv"] == ["--level", "severe", message["title"] + "; $(reboot) `id`"]
    assert alert["env"]["MUABUI_TITLE"] == message["title"] and "ạ" in message["title"]
    assert alert["env"]["MUABUI_TEXT"] == message["text"]
    assert alert["env"]["MUABUI_TEST"] == "0"
    assert alert["cwd"] == "/" and alert["group"]
    assert alert["fds"] in ([0, 1, 2, 3], [0, 1, 2, 3, 4]), "its own, and what lists them"
    assert not {key for key in alert["env"]
                if not key.startswith(("MUABUI_", "PATH", "LANG", "LC_CTYPE"))}
    gateway.stop()


def test_the_exit_status_is_the_outcome(home, broker, siren):
    gateway = make_gateway(home, broker, [siren.channel()])
    for more, outcome, reason in (("", "done", ""), ("sys.exit(75)", "retry", "exit status 75"),
                                  ("sys.exit(1)", "refused", "the siren says so"),
                                  ("os.kill(os.getpid(), 9)", "refused", "signal 9")):
        siren.write(more)
        said, text = gateway.try_channel("siren")
        assert said == outcome and reason in text, text
    assert siren.runs()[0]["env"]["MUABUI_TEST"] == "1"
    siren.path.chmod(0o644)
    said, text = gateway.try_channel("siren")
    assert said == "held" and str(siren.path) in text
    siren.path.unlink()
    assert gateway.try_channel("siren")[0] == "held"
    siren.path.write_text("#!/bin/sh\nexit 0\n")  # reads nothing of what it is given
    siren.path.chmod(0o755)
    assert gateway.try_channel("siren")[0] == "done"


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


HANGS = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
open("{out}.pids", "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(60)
"""


def test_what_hangs_is_ended_with_all_it_started(home, broker, siren):
    siren.write(HANGS.format(out=siren.out))
    gateway = make_gateway(home, broker, [siren.channel(timeout="700ms")])
    began = time.monotonic()
    said, text = gateway.try_channel("siren")
    assert said == "retry" and "ended after 700 ms" in text
    assert time.monotonic() - began < 4
    for pid in map(int, (home.path / "siren.out.pids").read_text().split()):
        wait_until(lambda: not is_alive(pid), 5, f"the end of {pid}")


def test_a_stop_does_not_wait_for_it(home, broker, siren):
    siren.write(HANGS.format(out=siren.out))
    gateway = make_gateway(home, broker, [siren.channel(timeout="5m")])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: (home.path / "siren.out.pids").exists(), 15, "the siren runs")
    assert gateway.stop() < 8
    for pid in map(int, (home.path / "siren.out.pids").read_text().split()):
        wait_until(lambda: not is_alive(pid), 5, f"the end of {pid}")


def test_much_output_is_read_and_thrown_away(home, broker, siren):
    siren.write("sys.stdout.write('x' * 5_000_000); sys.exit(3)")
    gateway = make_gateway(home, broker, [siren.channel()])
    said, text = gateway.try_channel("siren")
    assert said == "refused" and "exit status 3" in text and len(text) < 400
