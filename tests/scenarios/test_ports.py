"""Serial ports as they behave in the field: pulled out, swapped, taken by somebody else."""

import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devices import Device, Rg15, Slave
from lib import SLOW, Gateway, Process, count, influx_output, pms5003_frame, wait_until

UNPLUGS = count("UNPLUGS", 5)


def fields(sink, sensor, field):
    return [point.fields[field] for point in sink.points()
            if point.sensor == sensor and field in point.fields]


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def test_unplugged_again_and_again(home, sink):
    """The counters go on where they were, and the gateway does not grow."""
    optical = Rg15(home)
    bucket = Slave(home, {0: 1000}, name="bucket")
    gateway = Gateway(home, sensors=[
        {"name": "optical", "driver": "rg15", "port": optical.port, "every": "100ms",
         "timeout": "200ms"},
        {"name": "bucket", "driver": "modbus", "port": bucket.port, "unit_id": 1, "every": "100ms",
         "timeout": "200ms",
         "registers": [{"metric": "rain_total", "address": 0, "scale": 0.1}]}],
        outputs=[influx_output(sink)]).start()

    def has_come(tips):
        return (fields(sink, "optical", "rain_total")[-1:] == [round(tips * 0.1, 2)]
                and fields(sink, "bucket", "rain_total")[-1:] == [round(100 + tips * 0.1, 1)])

    wait_until(lambda: has_come(0), 15, "both counters")
    began, slowest, tips, sizes = time.monotonic(), 0, 0, []
    for number in range(UNPLUGS):
        for device in (optical, bucket):
            device.unplug()
        tips += 1 + number % 7  # it rains while nobody listens
        optical.total, bucket.registers[0] = round(tips * 0.1, 2), 1000 + tips
        wait_until(lambda: not gateway.sensor("optical")["connected"]
                   and not gateway.sensor("bucket")["connected"], 10, "both losses are noticed")
        plugged = time.monotonic()
        for device in (optical, bucket):
            device.plug_in()
        wait_until(lambda: has_come(tips), 20, f"both counters after unplugging {number + 1}")
        slowest = max(slowest, time.monotonic() - plugged)
        if number == 0 or number == UNPLUGS - 1:
            sizes.append((len(os.listdir(f"/proc/{gateway.process.pid}/fd")),
                          resident_kib(gateway.process.pid)))
    took = time.monotonic() - began
    print(f"{UNPLUGS} times in {took:.0f} s, back within {slowest:.1f} s; "
          f"descriptors {sizes[0][0]}, {sizes[-1][0]}; {sizes[0][1]}, {sizes[-1][1]} KiB")
    # What was credited is what fell, to the tip.
    for sensor in ("optical", "bucket"):
        rain = fields(sink, sensor, "rain")
        assert sum(round(value * 10) for value in rain) == tips, sensor
        totals = fields(sink, sensor, "rain_total")
        assert totals == sorted(totals), sensor
    assert sizes[0][0] == sizes[-1][0], "descriptors leak"
    # Sanitizers keep what is freed.
    assert sizes[-1][1] - sizes[0][1] < 1024 + 10 * UNPLUGS or SLOW > 1, "memory grows"
    for name in ("optical", "bucket"):
        assert gateway.sensor(name)["state"] == "ok"
        assert gateway.sensor(name)["results"]["port"] >= UNPLUGS
    assert "jumped" not in gateway.log() and "set back" not in gateway.log()
    # One comes back: that is said; again and again is not said each time.
    assert gateway.log().count("no connection (port)") <= 2 * (1 + took / 60)
    gateway.stop()


def test_two_adapters_without_serial_numbers(home, sink):
    """They are told apart by the socket they are in, whatever the kernel calls them."""
    by_path = home.path / "by-path"
    by_path.mkdir()
    left, right = Device(home, "usb0"), Device(home, "usb1")
    names = {"left": by_path / "pci-0000:00:14.0-usb-0:1:1.0-port0",
             "right": by_path / "pci-0000:00:14.0-usb-0:2:1.0-port0"}

    def put(name, device):
        names[name].unlink(missing_ok=True)
        names[name].symlink_to(os.readlink(device.link))

    put("left", left)
    put("right", right)
    gateway = Gateway(home, sensors=[
        {"name": name, "driver": "pms5003", "port": path} for name, path in names.items()],
        outputs=[influx_output(sink)]).start()
    for name in names:
        gateway.wait_connected(name)

    def says(device, name, value):
        device.say(pms5003_frame(value))
        wait_until(lambda: fields(sink, name, "pm25")[-1:] == [value], 10, f"{value} of {name}")

    says(left, "left", 11)
    says(right, "right", 22)
    # The hub lost its power; the kernel numbers them the other way round.
    for device in (left, right):
        device.unplug()
    for path in names.values():
        path.unlink()
    for name in names:
        wait_until(lambda: not gateway.sensor(name)["connected"], 10, f"{name} is gone")
    right.plug_in()
    left.plug_in()
    put("left", left)
    put("right", right)
    for name in names:
        gateway.wait_connected(name)
    says(left, "left", 12)
    says(right, "right", 23)
    # Somebody swaps the plugs: the place is what counts, and not the adapter.
    for device in (left, right):
        device.unplug()
    for path in names.values():
        path.unlink()
    for name in names:
        wait_until(lambda: not gateway.sensor(name)["connected"], 10, f"{name} is gone")
    left.plug_in()
    right.plug_in()
    put("left", right)
    put("right", left)
    for name in names:
        gateway.wait_connected(name)
    says(right, "left", 13)
    says(left, "right", 24)
    assert fields(sink, "left", "pm25") == [11, 12, 13]
    assert fields(sink, "right", "pm25") == [22, 23, 24]
    gateway.stop()


TAKE = """
import fcntl, sys, termios, time
port = open(sys.argv[1], "r+b", buffering=0)
if sys.argv[2] == "flock":
    fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
else:
    fcntl.ioctl(port, termios.TIOCEXCL)
print("taken", flush=True)
sys.stdin.readline()
if sys.argv[2] != "flock":
    fcntl.ioctl(port, termios.TIOCNXCL)
"""


@pytest.mark.parametrize("how", ["flock", "TIOCEXCL"])
def test_a_port_that_another_program_has(home, how):
    dust = Device(home, "dust")
    other = Process(home, "other", [sys.executable, "-c", TAKE, str(dust.port), how],
                    stdin=subprocess.PIPE)
    wait_until(lambda: "taken" in other.log(), 10, "the other program has the port")
    gateway = Gateway(home, sensors=[
        {"name": "dust", "driver": "pms5003", "port": dust.port}]).start()
    wait_until(lambda: "taken by another program" in gateway.log(), 10, "the message")
    line, = [line for line in gateway.log().splitlines() if "taken by" in line]
    assert str(dust.port) in line and "sensor dust" in line
    name = Path(f"/proc/{other.pid}/comm").read_text().strip()
    if how == "flock":
        assert line.endswith(f"taken by another program: {name}, process {other.pid}"), line
    else:  # who of those that have it open did it, nobody says: this scenario has it open, too
        assert re.search(rf", process ({other.pid}|{os.getpid()})$", line), line
    assert not gateway.sensor("dust")["connected"]
    cpu, began = gateway.cpu_seconds(), time.monotonic()
    wait_until(lambda: gateway.sensor("dust")["results"]["port"] >= 4, 20, "it tries again")
    assert gateway.cpu_seconds() - cpu < 0.3 * (time.monotonic() - began) + 0.2
    other.child.stdin.write(b"\n")
    other.child.stdin.flush()
    gateway.wait_connected("dust", 40)
    wait_until(lambda: (dust.say(pms5003_frame(7)),
                        gateway.sensor("dust")["results"].get("ok", 0) > 0)[1], 10, "a reading",
               every=0.3)
    # Now it is ours, and others are kept off.
    with open(dust.port, "r+b", buffering=0) as port:
        with pytest.raises(OSError):
            fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
    gateway.stop()
