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
