"""`muabui watch`: the newest values, and what to look at where there are none."""

import os
import pty
import re
import signal
import subprocess

from devices import Device, Slave
from lib import PROGRAM, Gateway, pms5003_frame, wait_until


def test_values_and_what_is_amiss(home):
    dust, noisy = Device(home, "dust"), Device(home, "noisy")
    bus = Slave(home, {0: 1}, unit=1, name="bus")
    gauge = {"driver": "modbus", "port": bus.port, "every": "300ms", "timeout": "100ms",
             "registers": [{"metric": "rain_total", "address": 0}]}
    gateway = Gateway(home, sensors=[
        {"name": "dust", "driver": "pms5003", "port": dust.port},
        {"name": "noisy", "driver": "sds011", "port": noisy.port},
        {"name": "gone", "driver": "sds011", "port": home.path / "nothing"},
        {"name": "here", "unit_id": 1, **gauge},
        {"name": "deaf", "unit_id": 9, **gauge}]).start()
    gateway.wait_connected("dust")
    gateway.wait_connected("noisy")
    dust.say(pms5003_frame(42))
    noisy.say(bytes.fromhex("AAC0D4043A0AA16000AB") * 3)
    wait_until(lambda: gateway.value("HN-CG-01", "dust", "pm25"), 10, "the dust")
    wait_until(lambda: gateway.sensor("noisy")["state"] == "checksum"
               and gateway.sensor("deaf")["state"] == "timeout", 10, "the others")
    answer = gateway.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"dust.*PM2\.5.* 42\b|pm25.* 42\b", answer.stdout, re.S), answer.stdout
    lines = [line for line in answer.stdout.splitlines() if line.startswith("!")]
    assert [re.match(r"! (\w+) \((\w+)\): ", line).groups() for line in lines] == [
        ("noisy", "checksum"), ("gone", "port"), ("deaf", "timeout")], answer.stdout
    assert "\x1b" not in answer.stdout
    # On a terminal it is drawn again each second, until somebody has seen enough.
    master, slave = pty.openpty()
    child = subprocess.Popen([PROGRAM, "watch", "-c", str(gateway.config)], stdout=slave,
                             env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    os.set_blocking(master, False)
    seen = b""

    def drawn():
        nonlocal seen
        try:
            seen += os.read(master, 65536)
        except BlockingIOError:
            pass
        return seen.count(b"! deaf") >= 3 and b"\x1b[" in seen

    wait_until(drawn, 15, "three pictures")
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 0
    gateway.stop()
    answer = gateway.run("watch", "--once")
    assert answer.returncode == 1 and "no gateway is running" in answer.stderr
    assert gateway.run("watch", "--twice").returncode == 2
    os.close(master)
