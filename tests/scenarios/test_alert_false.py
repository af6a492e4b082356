"""No false alert and no lost all-clear, whatever arrives late, old, silent or doubtful."""

import time
from datetime import datetime, timedelta, timezone

import pytest

from lib import Gateway, HttpSink, mqtt_sensor, wait_until
from mqtt_wire import Publisher
from test_clock import Clock

HOUR = 3600


def make_gateway(home, broker, sink, *rules, **rule):
    return Gateway(
        home, sensors=[mqtt_sensor(broker, time="/time")],
        alerts={"rules": [{"name": "dust", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
                           **rule}, *rules],
                "channels": [{"name": "hook", "type": "webhook", "url": sink.url},
                             {"name": "officers", "type": "webhook", "url": sink.url,
                              "audience": "operators"}]})


def start(gateway):
    gateway.start()
    gateway.wait_connected("nodes")


def say(gateway, node, pm25, station="A"):
    node.publish(f"env/{station}/air", {"pm25": pm25})
    wait_until(lambda: (gateway.value(station, "nodes", "pm25") or {}).get("value") == pm25, 10,
               "the reading")


def told(sink):
    return [(message["rule"], message["state"]) for message in sink.messages()]


def begin(gateway, broker, sink):
    """An alert that stands."""
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 200)
    wait_until(lambda: told(sink) == [("dust", "firing")], 10, "the alert")
    return node


def finish(gateway, node, sink):
    """The all-clear comes after all, and once."""
    say(gateway, node, 101)
    wait_until(lambda: told(sink)[-1] == ("dust", "resolved"), 10, "the all-clear")
    assert told(sink).count(("dust", "resolved")) == 1
    assert told(sink).count(("dust", "firing")) == 1
    gateway.stop()


def stored(gateway):
    return gateway.query("SELECT count(*) FROM report")[0][0]


def test_noise_at_the_threshold_is_one_alert(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    start(gateway)
    node = Publisher(broker)
    node.publish_all([("env/A/air", {"pm25": 151 + number % 7 if number % 2 else 149 - number % 7})
                      for number in range(2000)])
    wait_until(lambda: stored(gateway) == 2000, 20, "all of it")
    wait_until(lambda: told(sink), 10, "the alert")
    assert told(sink) == [("dust", "firing")]
    node.publish_all([("env/A/air", {"pm25": 119 + number % 3}) for number in range(2000)])
    finish(gateway, node, sink)


@pytest.mark.parametrize("level", [30, 300])
def test_a_day_that_is_filled_back_says_nothing_of_now(home, broker, sink, level):
    """Neither an alert from its dust, nor the end of one from its clean air."""
    gateway = make_gateway(home, broker, sink)
    if level < 100:
        node = begin(gateway, broker, sink)
    else:
        start(gateway)
        node = Publisher(broker)
    begun, before = datetime.now(timezone.utc) - timedelta(days=1), stored(gateway)
    node.publish_all([("env/A/air", {"pm25": level, "time": (
        begun + timedelta(minutes=minute)).isoformat(timespec="seconds")})
        for minute in range(1420)])
    wait_until(lambda: stored(gateway) >= before + 1420, 20, "the whole day")
    if level < 100:
        finish(gateway, node, sink)
    else:
        say(gateway, node, 20)
        gateway.restart()
        gateway.stop()
        assert told(sink) == []


def test_old_retained_messages_end_nothing(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    # With a session the broker keeps it as a message of its own, which is news.
    gateway.configure(sensors=[{**gateway.sections["sensors"][0], "session": "clean"}])
    node = begin(gateway, broker, sink)
    gateway.kill9()
    node.publish("env/A/air", {"pm25": 7}, retain=True)
    start(gateway)  # the retained one comes with the subscription
    wait_until(lambda: gateway.query("SELECT 1 FROM report WHERE id > 1"), 10, "it is stored")
    say(gateway, node, 210)
    gateway.restart()
    gateway.wait_connected("nodes")
    finish(gateway, node, sink)


def test_a_silent_station_stays_unknown(home, broker, sink):
    """Longer than max_age without a word: no all-clear, no repeat, no second alert."""
    gateway = make_gateway(
        home, broker, sink, {"name": "silent", "metric": "pm25", "absent_for": "4s",
                             "audience": "operators"}, max_age="2s", repeat="1s")
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 200)
    wait_until(lambda: ("silent", "firing") in told(sink), 15, "that it is silent")
    repeats = told(sink).count(("dust", "firing"))
    assert ("dust", "resolved") not in told(sink)
    gateway.kill9()
    start(gateway)
    say(gateway, node, 100)
    wait_until(lambda: ("silent", "resolved") in told(sink), 10, "data again")
    wait_until(lambda: ("dust", "resolved") in told(sink), 10, "the all-clear")
    gateway.stop()
    assert told(sink).count(("dust", "firing")) == repeats <= 4
    ids = {message["id"] for message in sink.messages() if message["rule"] == "dust"}
    assert len(ids) == 1


def test_a_silent_hour_by_the_clock(home, broker, sink):
    """The machine's clock is set an hour ahead: nobody was silent, nothing is over."""
    gateway = make_gateway(
        home, broker, sink, {"name": "silent", "metric": "pm25", "absent_for": "30m",
                             "audience": "operators"}, repeat="30m")
    clock = Clock(home, gateway)
    clock.set(0)
    node = begin(gateway, broker, sink)
    for step, ahead in enumerate((HOUR, -2 * HOUR, 0), 1):
        clock.set(ahead)
        wait_until(lambda: gateway.status()["clock"]["steps"] == step, 15, "a step")
        say(gateway, node, 200 + step)
        assert told(sink) == [("dust", "firing")]
    finish(gateway, node, sink)


def test_a_sensor_in_calibration_neither_alerts_nor_ends(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    node = begin(gateway, broker, sink)
    say(gateway, node, 20, "B")
    assert gateway.run("sensor", "nodes", "calibrating", "30m").returncode == 0
    for pm25 in (5, 900, 6):
        say(gateway, node, pm25)
        say(gateway, node, pm25, "B")
    gateway.kill9()
    start(gateway)
    say(gateway, node, 7)
    assert gateway.run("sensor", "nodes", "measuring").returncode == 0
    say(gateway, node, 210)
    finish(gateway, node, sink)


def test_a_restart_in_the_middle_of_an_unheard_alert(home, broker):
    """Nobody could be told yet: told once after the restart, and its end as well."""
    sink = HttpSink(home, start=False)
    gateway = make_gateway(home, broker, sink)
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.query("SELECT 1 FROM outbox"), 5, "it waits")
    gateway.kill9()
    start(gateway)
    say(gateway, node, 205)
    sink.start()
    wait_until(lambda: told(sink) == [("dust", "firing")], 20, "the alert")
    finish(gateway, node, sink)


def test_a_condition_that_stood_before_the_start_alerts_once(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    start(gateway)
    gateway.stop()
    node = Publisher(broker)
    node.publish("env/A/air", {"pm25": 200})  # kept by the broker's session
    start(gateway)
    wait_until(lambda: told(sink) == [("dust", "firing")], 10, "the alert")
    for _ in range(2):
        gateway.restart()
        gateway.wait_connected("nodes")
        say(gateway, node, 201 + time.time() % 1)
    finish(gateway, node, sink)
