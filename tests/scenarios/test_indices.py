"""Hourly means and indices, live: an hour in three seconds."""

import json
import threading
from datetime import datetime, timedelta

import pytest
from lib import Gateway, HttpSink, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher

SPEED = 1200
HOUR_MS = 3600 * 1000
STATION = "HN-CG-02"


class Node(threading.Thread):
    """Says PM2.5 about once a minute of the gateway's time."""

    def __init__(self, broker, value):
        super().__init__(daemon=True)
        self.publisher = Publisher(broker, "node")
        self.value = value
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(45 / SPEED):
            self.publisher.publish(f"env/{STATION}/air", {"pm25": self.value})

    def end(self):
        self.ending.set()
        self.join()


def rules():
    return [{"name": "bad-air", "metric": "vn_aqi", "above": 150.0, "clear_below": 140.0,
             "severity": "severe", "expires": "12h"}]


@pytest.fixture
def parts(home, broker):
    influx, hook = HttpSink(home), HttpSink(home)
    late = mqtt_sensor(broker, name="buffer", topic="env/+/buffer", time="/time")
    gateway = Gateway(
        home, sensors=[mqtt_sensor(broker), late], outputs=[influx_output(influx)],
        alerts={"rules": rules(),
                "channels": [{"name": "hook", "type": "webhook", "url": hook.url}]})
    gateway.arguments = ["--speed", str(SPEED)]
    gateway.start()
    gateway.wait_connected("nodes")
    gateway.wait_connected("buffer")
    node = home.keep(Node(broker, 120))
    return gateway, influx, hook, node, Publisher(broker)


def index_points(influx):
    return [point for point in influx.points() if point.sensor == "index"]


def hours_with(influx, metric):
    """What was sent of METRIC, by hour; the last word counts, as for InfluxDB."""
    return {point.time_ms: point.fields[metric] for point in index_points(influx)
            if metric in point.fields}


def test_an_index_each_hour_an_alert_and_a_correction(parts):
    gateway, influx, hook, node, publisher = parts
    indices = wait_until(lambda: (lambda h: len(h) >= 2 and h)(hours_with(influx, "vn_aqi")),
                         40, "two hours with an index")
    # 120 µg/m³ all the time: 150 + 50 / 70 · 40
    assert set(indices.values()) == {179}
    assert all(time_ms % HOUR_MS == 0 for time_ms in indices)
    first, second = sorted(indices)[:2]
    assert second - first == HOUR_MS
    assert hours_with(influx, "pm25_1h")[first] == 120
    assert hours_with(influx, "us_aqi")[first] == 196
    assert hours_with(influx, "eaqi")[first] == 5
    assert hours_with(influx, "pm25_nowcast")[first] == 120

    wait_until(hook.count, 10, "the alert of an hour's index")
    told = hook.taken[0].json()
    assert (told["rule"], told["metric"], told["value"]) == ("bad-air", "vn_aqi", 179)
    assert told["state"] == "firing" and told["station"] == STATION
    assert datetime.fromisoformat(told["at"]).timestamp() * 1000 == first
    assert gateway.value(STATION, "index", "vn_aqi")["value"] == 179

    def air():
        return json.loads(gateway.get(f"/api/v1/stations/{STATION}")[2])["air"]

    hour = air()["hour"]
    index = hour["vn_aqi"]
    assert (index["value"], index["pollutant"], index["parts"]) == (179, "pm25", {"pm25": 179})
    assert (index["category"], index["colour"]) == ({"vi": "Xấu", "en": "Bad"}, "#FF0000")
    assert index["advice"]["en"].startswith("Cut heavy exertion outdoors")
    assert hour["indicative"] and hour["means"] == {"pm25": 120}
    assert hour["completeness"]["pm25"] >= 0.75
    # The hour that runs is shown, and is only shown.
    closed = max(hours_with(influx, "vn_aqi"))
    running = wait_until(lambda: air()["provisional"], 10, "a provisional value")
    assert running["vn_aqi"]["value"] == 179
    end = datetime.fromisoformat(running["end"]).timestamp() * 1000
    assert end % HOUR_MS == 0 and end > closed

    # A node's buffer with a whole hour of other values: 20 and 120, the median is 70.
    start = datetime.fromisoformat(told["at"]) - timedelta(hours=1)
    publisher.publish_all(
        (f"env/{STATION}/buffer",
         {"pm25": 20, "time": (start + timedelta(minutes=minute)).isoformat()})
        for minute in range(1, 61))
    wait_until(lambda: hours_with(influx, "pm25_1h").get(first) == 70, 20, "the corrected mean")
    wait_until(lambda: hours_with(influx, "vn_aqi")[second] != 179, 20,
               "the hour after, by the same NowCast")
    node.end()
    gateway.stop()
    assert hook.count() == 1, "a correction is no news"
    kept = gateway.query(
        "SELECT sum FROM hour JOIN source ON source.id = source JOIN metric ON metric.id = metric"
        " WHERE sensor = 'index' AND name = 'pm25_1h' AND end = ?", first)
    assert kept == [(70,)]


def test_what_was_told_is_what_the_back_test_tells(parts, home):
    gateway, influx, hook, node, _ = parts
    wait_until(lambda: len(hours_with(influx, "vn_aqi")) >= 2, 40, "two hours with an index")
    node.value = 30
    wait_until(lambda: hook.count() >= 2, 40, "the all-clear")
    node.end()
    gateway.stop()
    live = [request.json() for request in hook.taken]
    assert [message["state"] for message in live] == ["firing", "resolved"]

    recorded = gateway.run("store", "export")
    assert recorded.returncode == 0, recorded.stderr
    readings = home.path / "readings.csv"
    readings.write_text(recorded.stdout)
    played = gateway.run("backtest", str(readings))
    assert played.returncode == 0, played.stderr
    again = [json.loads(line) for line in played.stdout.splitlines()]
    summary = again.pop()["summary"]
    for message in live + again:
        # By chance, and by the moment at which it was noticed.
        del message["id"], message["expires"]
    assert again == live
    assert summary["skipped"] == 0 and summary["messages"] == 2
