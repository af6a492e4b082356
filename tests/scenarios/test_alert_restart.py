"""Alert states outlive the process (DESIGN §7)."""

import time
from datetime import datetime

import pytest

from lib import SLOW, Gateway, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def make_gateway(home, broker, hook, **rule):
    rule = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0, **rule}
    return Gateway(home, sensors=[mqtt_sensor(broker)],
                   alerts={"rules": [rule],
                           "channels": [{"name": "hook", "type": "webhook", "url": hook.url}]})


def say(gateway, node, pm25):
    """Publishes, and waits until the gateway shows it."""
    before = (gateway.value("A", "nodes", "pm25") or {}).get("time")
    node.publish("env/A/air", {"pm25": pm25})
    wait_until(lambda: (gateway.value("A", "nodes", "pm25") or {}).get("time") not in
               (None, before), 10, "the reading")


def milliseconds(text):
    return datetime.fromisoformat(text).timestamp() * 1000


@pytest.mark.parametrize("how", ["stop", "kill9"])
def test_a_standing_condition_alerts_once_over_a_restart(home, broker, sink, how):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    say(gateway, node, 200)
    firing, = wait_until(sink.messages, 10, "the alert")
    if how == "kill9":  # delivered and recorded as delivered
        wait_until(lambda: gateway.channel("hook")["waiting"] == 0, 5, "an empty outbox")
    for level in (210, 130, 220):
        getattr(gateway, how)()
        gateway.start()
        gateway.wait_connected("nodes")
        say(gateway, node, level)
    say(gateway, node, 100)
    wait_until(lambda: len(sink.messages()) > 1, 10, "the all-clear")
    resolved, = sink.messages()[1:]
    assert resolved["state"] == "resolved" and resolved["id"] == firing["id"]
    assert resolved["since"] == firing["since"]
    # The next one is an episode of its own.
    say(gateway, node, 200)
    wait_until(lambda: len(sink.messages()) > 2, 10, "the next alert")
    assert sink.messages()[2]["state"] == "firing"
    assert sink.messages()[2]["id"] != firing["id"]
    gateway.stop()


@pytest.mark.parametrize("how", ["stop", "kill9"])
def test_a_restart_in_the_middle_of_for_does_not_begin_it_anew(home, broker, sink, how):
    gateway = make_gateway(home, broker, sink, **{"for": "5s"}).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    say(gateway, node, 200)
    began = milliseconds(gateway.value("A", "nodes", "pm25")["time"])
    # In the store: out of the ring the rules would see it a second time.
    wait_until(lambda: gateway.query("SELECT id FROM report"), 5, "the reading is stored")
    getattr(gateway, how)()
    gateway.start()
    gateway.wait_connected("nodes")

    def alert():
        say(gateway, node, 210)
        return sink.messages()

    firing, = wait_until(alert, 15, "the alert", every=0.3)
    assert abs(milliseconds(firing["since"]) - began) <= 1
    assert 5000 <= time.time() * 1000 - began < 5000 + 4000 * SLOW
    gateway.stop()


def test_silence_over_a_restart_is_no_all_clear(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    say(gateway, node, 200)
    wait_until(sink.messages, 10, "the alert")
    gateway.restart()
    gateway.wait_connected("nodes")
    node.publish("env/B/air", {"pm25": 10})  # another station's air is another matter
    wait_until(lambda: gateway.value("B", "nodes", "pm25"), 10, "B")
    node.publish("env/A/air", {"pm25": "no number"})
    wait_until(lambda: gateway.sensor("nodes")["results"].get("value") == 1, 10, "the bad one")
    gateway.stop()
    assert len(sink.messages()) == 1


def test_steps_of_one_episode_over_restarts(home, broker, sink):
    levels = [{"above": 100.0, "clear_below": 90.0, "severity": "moderate"},
              {"above": 150.0, "clear_below": 130.0, "severity": "severe"}]
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)],
                      alerts={"rules": [{"name": "steps", "metric": "pm25", "steps": levels}],
                              "channels": [{"name": "hook", "type": "webhook",
                                            "url": sink.url}]}).start()
    node = Publisher(broker)
    for level, told in ((120, 1), (170, 2), (110, 2), (160, 2), (80, 3)):
        gateway.wait_connected("nodes")
        say(gateway, node, level)
        wait_until(lambda: len(sink.messages()) >= told, 10, f"message {told} at {level}")
        wait_until(lambda: gateway.channel("hook")["waiting"] == 0, 5, "an empty outbox")
        gateway.kill9()
        gateway.start()
    gateway.stop()
    assert [(message["state"], message["severity"], message["threshold"], message["value"])
            for message in sink.messages()] == [("firing", "moderate", 100, 120),
                                                ("firing", "severe", 150, 170),
                                                ("resolved", "severe", 150, 80)]
    assert [message["revision"] for message in sink.messages()] == [1, 2, 3]
    assert len({message["id"] for message in sink.messages()}) == 1
    assert sink.messages()[1]["title"].startswith("Nặng hơn: ")


def test_a_rise_over_a_restart(home, broker, sink):
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)],
                      alerts={"rules": [{"name": "jump", "metric": "pm25", "rise": 50.0,
                                         "within": "10m"}],
                              "channels": [{"name": "hook", "type": "webhook",
                                            "url": sink.url}]}).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    say(gateway, node, 20)
    wait_until(lambda: gateway.query("SELECT state FROM alert_state"), 10, "the window is kept")
    gateway.kill9()
    gateway.start()
    gateway.wait_connected("nodes")
    say(gateway, node, 75)
    message, = wait_until(sink.messages, 10, "the alert")
    assert (message["value"], message["threshold"]) == (55, 50)
    assert "tăng 55 µg/m³ trong 10 phút" in message["text"]
    gateway.stop()


def local_time(hours):
    """The hour of the day in Viet Nam, so many hours from now, "HH:MM"."""
    return time.strftime("%H:%M", time.gmtime(time.time() + (7 + hours) * 3600))


def test_quiet_hours_keep_back_all_but_the_worst(home, broker, sink):
    levels = [{"at_least": "xấu", "severity": "moderate"},
              {"at_least": "nguy hại", "severity": "extreme"}]
    quiet = f"{local_time(-1)}-{local_time(2)}"
    gateway = Gateway(home, sensors=[mqtt_sensor(broker, metrics=("vn_aqi",))],
                      alerts={"rules": [{"name": "air", "metric": "vn_aqi", "steps": levels,
                                         "quiet": quiet}],
                              "channels": [{"name": "hook", "type": "webhook",
                                            "url": sink.url}]}).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    for station, level in (("A", 180), ("A", 320), ("B", 180), ("B", 20), ("C", 301)):
        node.publish(f"env/{station}/air", {"vn_aqi": level})
    wait_until(lambda: len(sink.messages()) == 2, 10, "the two that are hazardous")
    gateway.stop()
    assert [(message["station"], message["severity"], message["value"], message["revision"])
            for message in sink.messages()] == [("A", "extreme", 320, 1), ("C", "extreme", 301, 1)]
    assert sink.messages()[0]["title"] == "Không khí nguy hại (VN_AQI 320) tại A"
