"""`muabui simulate`: fixtures in a loop, faults that can be repeated, registers of a file."""

import os
import subprocess
import time
import tty

import pytest

from lib import PROGRAM, ROOT, Gateway, Simulator, influx_output, wait_until

PMS = ROOT / "tests/fixtures/pms5003"
FRAME = 32


def listen(home, device, *options, size=100 * FRAME, name="heard"):
    """The first SIZE bytes of what DEVICE says."""
    simulator = Simulator(home, device, "--every", "10ms", *options, name=name)
    fd = os.open(simulator.link, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)
    heard, end = b"", time.monotonic() + 60
    while len(heard) < size and time.monotonic() < end:
        heard += os.read(fd, size - len(heard))
    os.close(fd)
    simulator.unplug()
    return heard, simulator


def decode(driver, data):
    answer = subprocess.run([PROGRAM, "decode", driver], input=data.hex().encode(),
                            capture_output=True, check=True, timeout=20)
    return answer.stdout.decode().splitlines()


def test_fixtures_are_played_in_their_order(home):
    files = [PMS / "01-pms-1.hex", PMS / "02-pms-2.hex", PMS / "17-pms-bad.hex"]
    files = [file for file in files if file.exists()]
    heard, _ = listen(home, "pms5003", *[word for file in files for word in ("--fixture", str(file))],
                      size=12 * FRAME)
    frames = [bytes.fromhex("".join(line for line in file.read_text().splitlines()
                                    if not line.startswith("#"))) for file in files]
    # It has been talking before the port was opened: find the place.
    whole = b"".join(frames) * 20
    assert len(heard) == 12 * FRAME and heard in whole


def test_text_and_binary_captures(home):
    text = home.path / "lines.txt"
    text.write_text("$ENV,12:00:01,50.0,55.1%,P=100.98,1\r\n$ENV,12:00:02,59.0,55.1%,P=100.98,2\r\n")
    heard, _ = listen(home, "text", "--fixture", str(text), size=400, name="text")
    lines = heard.split(b"\r\n")[1:-1]
    assert set(lines) == set(text.read_bytes().split(b"\r\n")) - {b""}
    binary = home.path / "capture.bin"
    binary.write_bytes(bytes.fromhex("AAC0D4043A0AA1601DAB") + b"\0\1junk" * 2)
    heard, _ = listen(home, "sds011", "--fixture", str(binary), size=220, name="binary")
    assert binary.read_bytes() * 3 in heard


def test_the_same_seed_brings_the_same_faults(home):
    faults = ["--corrupt", "0.2", "--cut", "0.1", "--drop", "0.1"]
    first, one = listen(home, "pms5003", *faults, "--seed", "7", name="one")
    assert "--seed 7" in one.process.log()
    again, _ = listen(home, "pms5003", *faults, "--seed", "7", name="two")
    other, _ = listen(home, "pms5003", *faults, "--seed", "8", name="three")
    # Whoever opens the port a little later has missed some of it.
    middle = first[-20 * FRAME:-4 * FRAME]
    assert middle in again or again[-20 * FRAME:-4 * FRAME] in first
    assert middle not in other
    good = len(decode("pms5003", first)) - 1
    assert 40 <= good <= 85, "about two thirds of a hundred"


def test_a_bad_line_brings_no_wrong_value(home, sink):
    """Everything at once: what arrives is what was said, or nothing."""
    dust = Simulator(home, "pms5003", "--every", "20ms", "--corrupt", "0.1", "--cut", "0.1",
                     "--drop", "0.1", "--hang-up", "0.02", "--down", "100ms", name="dust")
    gateway = Gateway(home, sensors=[{"name": "dust", "driver": "pms5003", "port": dust.link}],
                      outputs=[influx_output(sink)]).start()
    least = {"ok": 200, "port": 2, "checksum": 5, "length": 5}

    def results():
        return gateway.sensor("dust")["results"]

    wait_until(lambda: all(results().get(name, 0) >= number for name, number in least.items()),
               60, results)
    points = [point.fields for point in sink.points()]
    assert len(points) > 100
    assert {(point["pm1"], point["pm25"], point["pm10"]) for point in points} == {(5, 13, 22)}
    gateway.stop()


def test_registers_of_a_file(home, sink):
    registers = home.path / "registers"
    registers.write_text("# a station\n500 23 0 3 112\n504 612 -15 # humidity, frost\n9:0 7\n")
    bus = Simulator(home, "modbus", "--registers", str(registers), "--unit", "4", name="bus")
    line = {"driver": "modbus", "port": bus.link, "every": "200ms", "timeout": "200ms"}
    gateway = Gateway(home, sensors=[
        {"name": "station", **line, "unit_id": 4, "registers": [
            {"metric": "wind_speed", "address": 500, "scale": 0.1},
            {"metric": "humidity", "address": 504, "scale": 0.1},
            {"metric": "temperature", "address": 505, "type": "int16", "scale": 0.1}]},
        {"name": "other", **line, "unit_id": 9, "registers": [
            {"metric": "rain_total", "address": 0, "scale": 0.1}]},
        {"name": "wrong", **line, "unit_id": 9, "registers": [
            {"metric": "rain_total", "address": 5}]}], outputs=[influx_output(sink)]).start()
    wait_until(lambda: all(any(point.sensor == name for point in sink.points())
                           for name in ("station", "other")), 10, "both units")
    for point in sink.points():
        expected = {"station": {"wind_speed": 2.3, "humidity": 61.2, "temperature": -1.5},
                    "other": {"rain_total": 0.7}}[point.sensor]
        assert {key: point.fields[key] for key in expected} == expected
    wait_until(lambda: gateway.sensor("wrong")["results"].get("device_error"), 10, "the exception")
    gateway.stop()


@pytest.mark.parametrize("argv", [
    [], ["toaster"], ["mqtt"], ["sds011", "--corrupt", "2"], ["sds011", "--hang-up", "-1"],
    ["sds011", "--hang-up", "1.5"], ["sds011", "--mode", "loud"], ["sds011", "--registers", "x"],
    ["sds011", "--link"], ["sds011", "--every", "1ms"], ["sds011", "--volume", "11"]])
def test_usage(argv):
    answer = subprocess.run([PROGRAM, "simulate", *argv], capture_output=True, text=True, timeout=10)
    assert answer.returncode == 2
    for word in ("usage: muabui simulate", "devices:", "  sds011 ", "  umb ", "options:", "--seed"):
        assert word in answer.stderr


def test_what_cannot_be_played_is_said(home):
    for options, words in ((["--fixture", "/nothing"], "/nothing"), (["--link", str(home.path)],
                                                                     "no symbolic link")):
        answer = subprocess.run([PROGRAM, "simulate", "sds011", *options], capture_output=True,
                                text=True, timeout=10)
        assert answer.returncode == 1 and words in answer.stderr
