"""After an outage: the live readings first, the backlog behind them, in little memory.

OUTAGE_REPORTS (of 20 readings; 2,160,000 are a day at 500 readings a second) and OUTAGE_RATE
(readings a second that must be reached) are what `make torture` raises.
"""

import pathlib
import subprocess
import threading
import time
import urllib.request

import pytest

from lib import (PROGRAM, SEQ, SLOW, Gateway, Influx, Process, count, influx_output, mqtt_sensor,
                 wait_until)
from mqtt_wire import Publisher

pytestmark = pytest.mark.alone  # a rate, and how long a live reading takes

BENCH = pathlib.Path(PROGRAM).parent / "bench"
READINGS = 20  # in a report of the backlog


class CountingSink:
    """tests/bench/sink: fast, and knows which sequence numbers it has seen."""

    def __init__(self, home, most):
        self.process = Process(home, "sink", [str(BENCH / "sink"), str(most)])
        wait_until(lambda: self.process.log().strip(), 10, "the sink's port")
        self.url = f"http://127.0.0.1:{int(self.process.log().split()[0])}"

    def ask(self, path="/"):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return [int(number) for number in answer.read().split()]

    def has(self, number):
        return self.ask(f"/seen/{number}") == [1]


def fill(path, reports):
    subprocess.run([BENCH / "fill_store", str(path), str(reports), str(READINGS)], check=True)


def peak_mib(gateway):
    status = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Live(threading.Thread):
    """Publishes a number every 200 ms and notes how long it takes to the far side."""

    def __init__(self, broker, sink, first):
        super().__init__(daemon=True)
        self.publisher = Publisher(broker, "live")
        self.sink = sink
        self.number = first
        self.delays = []
        self.stopping = False

    def run(self):
        while not self.stopping:
            began = time.monotonic()
            self.publisher.publish("env/LIVE/air", {"pm25": 12.5, "seq": self.number})
            while not self.sink.has(self.number) and time.monotonic() < began + 60:
                time.sleep(0.02)
            self.delays.append(time.monotonic() - began)
            self.number += 1
            time.sleep(0.2)

    def end(self):
        self.stopping = True
        self.join()
        self.publisher.close()


def test_a_drained_outage(home, broker):
    reports, rate = count("OUTAGE_REPORTS", 60000), count("OUTAGE_RATE", 20000)
    sink = CountingSink(home, reports + 1000000)
    gateway = Gateway(home, store={"path": home.path / "gateway" / "store.db"}, metrics=[SEQ],
                      sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(sink, jitter="3s")])
    fill(gateway.store, reports)
    gateway.start()
    gateway.wait_connected("nodes")
    live = Live(broker, sink, reports)
    live.start()
    began, first = None, 0
    end = time.monotonic() + 60 + reports * READINGS / rate * SLOW
    while (lines := sink.ask()[1]) < reports:
        assert time.monotonic() < end, f"{lines} of {reports} in time: {gateway.output('city')}"
        if began is None and lines > 100:
            began, first = time.monotonic(), lines
        time.sleep(0.05)
    took = time.monotonic() - began
    live.end()
    wait_until(lambda: sink.ask()[1] == live.number, 10, "the last live one")
    wait_until(lambda: gateway.output("city")["lag"] == 0, 10, "nothing owed")
    reached = (reports - first) * READINGS / took
    print(f"\n{gateway.cpu_seconds():.1f} s of CPU; {reports * READINGS} readings: {reached:,.0f}/s, peak {peak_mib(gateway):.1f} MiB, "
          f"live {max(live.delays):.2f} s at most, of {len(live.delays)}")
    lines, distinct, _ = sink.ask()
    assert lines == distinct, "nothing failed, so nothing may come twice"
    assert reached >= rate / SLOW
    assert max(live.delays) <= 2 * SLOW
    assert SLOW > 1 or peak_mib(gateway) < 24
    gateway.stop()


def test_kills_between_the_lanes_leave_no_gap(home, broker):
    reports = count("OUTAGE_KILL_REPORTS", 12000)
    sink = CountingSink(home, reports + 100000)
    gateway = Gateway(home, store={"path": home.path / "gateway" / "store.db",
                                   "commit_every": "100ms"},
                      metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(sink, jitter="0s", batch=200, rate=2000)])
    fill(gateway.store, reports)
    publisher = Publisher(broker)
    number = reports
    for _ in range(4):
        gateway.start()
        gateway.wait_connected("nodes")
        for _ in range(50):
            publisher.publish("env/LIVE/air", {"pm25": 12.5, "seq": number})
            number += 1
        wait_until(lambda: sink.has(number - 20), 10, "the live lane moves")
        gateway.kill9()
    publisher.close()
    assert sink.ask()[1] < number, "the backlog was gone before the last kill"
    gateway.start()
    wait_until(lambda: sink.ask()[1] == number, 30 * SLOW, lambda: f"{sink.ask()} of {number}")
    wait_until(lambda: gateway.output("city")["lag"] == 0, 10, "nothing owed")
    gateway.stop()


def test_a_backlog_arrives_in_influxdb_reading_by_reading(home, broker):
    reports = count("OUTAGE_INFLUX_REPORTS", 6000)
    influx = Influx(home)
    gateway = Gateway(home, metrics=[SEQ],
                      sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(influx, jitter="0s", batch=700)])
    fill(gateway.store, reports)
    gateway.start()
    gateway.wait_connected("nodes")
    publisher = Publisher(broker)
    for number in range(reports, reports + 20):
        publisher.publish("env/LIVE/air", {"pm25": 12.5, "seq": number})
    publisher.close()
    wait_until(lambda: gateway.output("city")["lag"] == 0
               and gateway.output("city")["cursor"] >= reports + 20, 60, "everything delivered")
    rows = influx.query("SELECT * FROM environment WHERE station != 'LIVE'")
    stored = {row["seq"]: row for row in rows}
    assert len(rows) == reports and set(stored) == set(range(reports))
    for number, row in stored.items():
        assert row["station"] == f"S{number % 100:02d}"
        values = {row[name] for name in row if name not in ("time", "station", "sensor", "seq")}
        # tests/bench/fill_store.c; metric number i holds the i-th value.
        assert values == {(number * 7 + i * 13) % 1000 / 10 for i in range(1, READINGS)}
        assert row["pm1"] == (number * 7 + 13) % 1000 / 10
    live = influx.query("SELECT seq FROM environment WHERE station = 'LIVE'")
    assert {row["seq"] for row in live} == set(range(reports, reports + 20))
    assert gateway.output("city")["dead"] == 0
    gateway.stop()
