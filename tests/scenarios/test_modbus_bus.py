"""Eight slaves on one RS-485 line, half of them ill: the others must not notice."""

import os
import select
import subprocess
import sys
import threading
import time
import tty

import pytest

from lib import HERE, Gateway, Process, free_port, influx_output, wait_until

HEALTHY = (1, 2, 3, 4)
SLOW, SILENT, LATE, DAMAGED = 5, 6, 7, 8
SETTLE = 15  # seconds until those that will not answer are known
WATCH = 40


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def answer(unit, number):
    """The answer of UNIT that brings one register."""
    frame = bytes([unit, 3, 2]) + number.to_bytes(2, "big")
    return frame + crc(frame)


class Pty:
    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)

    def close(self):
        os.close(self.master)
        os.close(self.slave)


class Wire:
    """A two-wire line with eight slaves on it.

    The gateway has one end; python3-pymodbus has another and serves the healthy units;
    the ill ones are played here. Requests reach everybody. Answers reach the gateway only:
    pymodbus keeps no time between frames, and takes what it overhears of an answer for the
    head of its next request. The line notes when which unit was asked.
    """

    def __init__(self, home, echo=False, zero=False, ill=True):
        self.gateway, self.slaves = Pty(), Pty()
        self.port = self.gateway.port
        self.echo, self.zero, self.ill = echo, zero, ill
        self.asked = {unit: [] for unit in range(1, 9)}
        self.last_answer = b""
        self.later = []  # (time, bytes): what the ill ones will say
        self.stopping = False
        self.process = Process(home, "slaves", [
            sys.executable, str(HERE / "modbus_slave.py"), self.slaves.port,
            *map(str, HEALTHY)], stdin=subprocess.PIPE)
        home.keep(self)
        wait_until(lambda: "ready" in self.process.log(), 15, "the slaves")
        for unit in HEALTHY:
            self.set(unit, number(unit))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def set(self, unit, value):
        self.process.child.stdin.write(f"0 {value} {unit}\n".encode())
        self.process.child.stdin.flush()

    def end(self):
        if self.stopping:
            return
        self.stopping = True
        self.thread.join()
        self.process.end()
        self.gateway.close()
        self.slaves.close()

    def to_gateway(self, data):
        os.write(self.gateway.master, (b"\0" if self.zero else b"") + data)

    def play_ill(self, request, now):
        unit = request[0]
        if unit == SLOW:
            self.later.append((now + 0.8, answer(unit, number(unit))))
        elif unit == LATE:
            self.later.append((now + 0.03, self.last_answer))
        elif unit == DAMAGED:
            frame = bytearray(answer(unit, number(unit)))
            frame[4] ^= 0x10
            self.later.append((now + 0.03, bytes(frame)))

    def take_request(self, request, now):
        if len(request) != 8 or crc(request[:6]) != request[6:]:
            raise AssertionError(f"no request: {request.hex()}")
        self.asked[request[0]].append(now)
        if self.echo:
            os.write(self.gateway.master, request)
        if self.ill:
            self.play_ill(request, now)

    def run(self):
        ends = [self.gateway.master, self.slaves.master]
        while not self.stopping:
            now = time.monotonic()
            due = [data for when, data in self.later if when <= now]
            self.later = [item for item in self.later if item[0] > now]
            for data in due:
                self.to_gateway(data)
            ready, _, _ = select.select(ends, [], [], 0.005)
            for end in ready:
                data = os.read(end, 256)
                if end == self.gateway.master:
                    self.take_request(data, time.monotonic())
                    os.write(self.slaves.master, data)
                else:
                    self.last_answer = data
                    self.to_gateway(data)


def number(unit):
    return 100 * unit + 11


def sensor(unit, line, every="1s"):
    return {"name": f"unit{unit}", "driver": "modbus", **line, "unit_id": unit, "every": every,
            "registers": [{"metric": "rain_total", "address": 0, "scale": 0.1}]}


def values(sink, unit):
    """What the output was given of a unit's register."""
    return [point.fields["rain_total"] for point in sink.points()
            if point.sensor == f"unit{unit}"]


def lateness(times):
    """How far each poll is from the grid of whole seconds that fits them best, ascending."""
    phases = sorted((when - times[0] + 0.5) % 1 for when in times)
    middle = phases[len(phases) // 2]
    return sorted(abs((when - times[0] + 0.5 - middle + 0.5) % 1 - 0.5) for when in times)


@pytest.mark.alone
def test_eight_slaves_half_of_them_ill(home, sink):
    wire = Wire(home)
    gateway = Gateway(home, sensors=[sensor(unit, {"port": wire.port, "baud": 9600})
                                     for unit in range(1, 9)],
                      outputs=[influx_output(sink)]).start()
    wait_until(lambda: all(len(times) >= 3 for times in wire.asked.values()), 60, "all are asked")
    time.sleep(SETTLE)
    began = time.monotonic()
    time.sleep(WATCH)
    ended = time.monotonic()
    for unit in HEALTHY:
        times = [when for when in wire.asked[unit] if began - 1.25 <= when <= ended]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        on_time = sum(gap <= 1.25 for gap in gaps)
        assert len(gaps) >= 0.95 * WATCH, f"unit {unit}: {len(gaps)} polls in {WATCH} s"
        assert on_time >= 0.95 * len(gaps), f"unit {unit}: {sorted(gaps)[-6:]}"
        assert min(gaps) > 0.5, f"unit {unit}: {sorted(gaps)[:6]}"
        # Not only one after the other: each in its own second, without drifting. Half a
        # second is where it would rather be the next one's.
        late = lateness(times)
        assert sum(seconds <= 0.5 for seconds in late) >= 0.95 * len(late), \
            f"unit {unit}: {late[-6:]}"
    # Those that bring nothing are asked rarely, and their counters say why.
    for unit in (SILENT, LATE):
        assert len([when for when in wire.asked[unit] if when >= began]) <= 6
    results = {unit: gateway.sensor(f"unit{unit}")["results"] for unit in range(1, 9)}
    assert results[SILENT]["timeout"] >= 3 and not results[SILENT].get("ok")
    assert results[LATE]["sync"] >= 3 and not results[LATE].get("ok")
    assert results[DAMAGED]["checksum"] >= 20 and not results[DAMAGED].get("ok")
    assert results[SLOW]["ok"] >= 0.6 * WATCH
    for unit in HEALTHY:
        assert results[unit]["ok"] >= 0.95 * WATCH
    # Every value that went out is the right one, and of the right unit.
    for unit in (*HEALTHY, SLOW):
        wait_until(lambda: len(values(sink, unit)) >= 0.6 * WATCH, 10, f"values of {unit}")
        assert set(values(sink, unit)) == {number(unit) / 10}
    for unit in (SILENT, LATE, DAMAGED):
        assert values(sink, unit) == []
    gateway.stop()
    wire.end()


def test_echo_and_a_leading_zero(home, sink):
    wire = Wire(home, echo=True, zero=True, ill=False)
    gateway = Gateway(home, sensors=[
        sensor(unit, {"port": wire.port, "baud": 9600}, "200ms") for unit in HEALTHY],
        outputs=[influx_output(sink)]).start()
    wait_until(lambda: all(gateway.sensor(f"unit{unit}")["results"].get("ok", 0) >= 10
                           for unit in HEALTHY), 20, "ten answers of each")
    for unit in HEALTHY:
        wait_until(lambda: values(sink, unit), 10, f"values of {unit}")
        assert set(values(sink, unit)) == {number(unit) / 10}
    gateway.stop()
    wire.end()


class TcpSlaves:
    """Modbus TCP, as a serial server or a controller speaks it."""

    def __init__(self, home, port):
        self.home, self.port = home, port
        self.start()

    def start(self):
        self.process = Process(self.home, "tcp-slaves", [
            sys.executable, str(HERE / "modbus_slave.py"), f"tcp:{self.port}",
            *map(str, HEALTHY)], stdin=subprocess.PIPE)
        wait_until(lambda: "ready" in self.process.log(), 15, "the slaves")
        for unit in HEALTHY:
            self.process.child.stdin.write(f"0 {number(unit)} {unit}\n".encode())
        self.process.child.stdin.flush()


def test_modbus_tcp_comes_back(home, sink):
    port = free_port()
    line = {"url": f"modbus://127.0.0.1:{port}"}
    gateway = Gateway(home, sensors=[sensor(unit, line, "200ms") for unit in HEALTHY],
                      outputs=[influx_output(sink)]).start()

    def good(unit):
        return gateway.sensor(f"unit{unit}")["results"].get("ok", 0)

    wait_until(lambda: "Connection refused" in gateway.log(), 10, "the refusal is said")
    slaves = TcpSlaves(home, port)
    wait_until(lambda: all(good(unit) >= 5 for unit in HEALTHY), 40, "five answers of each")
    slaves.process.kill()
    wait_until(lambda: not gateway.sensor("unit1")["connected"], 10, "the loss is noticed")
    before = {unit: good(unit) for unit in HEALTHY}
    slaves.start()
    wait_until(lambda: all(good(unit) >= before[unit] + 5 for unit in HEALTHY), 40, "they are back")
    for unit in HEALTHY:  # 0: before the slave was told its number
        wait_until(lambda: number(unit) / 10 in values(sink, unit), 10, f"values of {unit}")
        assert set(values(sink, unit)) <= {number(unit) / 10, 0}
    gateway.stop()
