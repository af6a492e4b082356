"""Many alerts of an area: no more messages than it may have, the rest in a digest."""

import pytest

from lib import Gateway, HttpSink, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def make_gateway(home, broker, sink, limit, rules=(), **more):
    return Gateway(
        home, sensors=[mqtt_sensor(broker)],
        alerts={"limit": limit,
                "rules": [{"name": "dust", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
                           **more}, *rules],
                "channels": [{"name": "hook", "type": "webhook", "url": sink.url}]})


def start(gateway):
    gateway.start()
    gateway.wait_connected("nodes")


def say(gateway, node, pm25, *stations):
    for station in stations:
        node.publish(f"env/{station}/air", {"pm25": pm25})
    wait_until(lambda: all((gateway.value(station, "nodes", "pm25") or {}).get("value") == pm25
                           for station in stations), 10, "the readings")


def of(sink, rule):
    return [message for message in sink.messages() if message["rule"] == rule]


@pytest.mark.parametrize("how", ["stop", "kill9"])
def test_what_is_beyond_the_limit_comes_together(home, broker, sink, how):
    gateway = make_gateway(home, broker, sink,
                           {"per_area": 2, "within": "1h", "digest_every": "4s"})
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 200, "A", "B", "C", "D", "E")
    wait_until(lambda: of(sink, "digest"), 10, "the digest")
    assert [message["station"] for message in of(sink, "dust")] == ["A", "B"]
    digest, = of(sink, "digest")
    assert digest["title"].startswith("hn-cau-giay: 5 trạm vượt ngưỡng")
    assert (digest["station"], digest["area"], digest["revision"]) == (
        "hn-cau-giay", "hn-cau-giay", 1)
    wait_until(lambda: gateway.channel("hook")["waiting"] == 0, 5, "an empty outbox")

    # A restart within the hour forgets neither the count nor that the digest was told.
    getattr(gateway, how)()
    start(gateway)
    say(gateway, node, 300, "F")
    wait_until(lambda: len(of(sink, "digest")) == 2, 15, "the next digest")
    second = of(sink, "digest")[1]
    assert (second["id"], second["revision"], second["value"]) == (digest["id"], 2, 300)
    assert "6 trạm" in second["title"]
    assert [message["station"] for message in of(sink, "dust")] == ["A", "B"]

    # All-clears: each by itself of those told so, one for the others.
    say(gateway, node, 100, "A", "C", "D", "E", "F")
    wait_until(lambda: len(of(sink, "digest")) == 3, 10, "the digest's all-clear")
    over = of(sink, "digest")[2]
    assert (over["id"], over["state"], over["revision"]) == (digest["id"], "resolved", 3)
    say(gateway, node, 100, "B")
    wait_until(lambda: len(of(sink, "dust")) == 4, 10, "all-clears")
    assert [(message["station"], message["state"]) for message in of(sink, "dust")[2:]] == [
        ("A", "resolved"), ("B", "resolved")]
    gateway.stop()


def test_the_highest_severity_is_never_limited(home, broker, sink):
    gateway = make_gateway(home, broker, sink, {"per_area": 1}, severity="extreme")
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 200, *"ABCDEF")
    wait_until(lambda: len(of(sink, "dust")) == 6, 10, "all of them")
    assert of(sink, "digest") == []
    gateway.stop()


def test_alerts_that_begin_together_are_told_together(home, broker, sink):
    gateway = make_gateway(home, broker, sink, {"gather": "2s"},
                           [{"name": "windy", "metric": "pm25", "above": 160.0, "hazard": "wind"}])
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 155, "A", "B", "C")
    wait_until(lambda: of(sink, "digest"), 10, "those that came together")
    assert [message["station"] for message in of(sink, "dust")] == ["A"]
    assert "3 trạm" in of(sink, "digest")[0]["title"]
    # Another hazard is another matter.
    say(gateway, node, 170, "A")
    wait_until(lambda: of(sink, "windy"), 10, "the other hazard")
    gateway.stop()


def test_an_area_alert_stands_for_its_stations(home, broker, sink):
    officers = HttpSink(home)
    gateway = make_gateway(
        home, broker, sink, {"per_area": 100},
        [{"name": "ward", "metric": "pm25", "above": 180.0, "clear_below": 170.0,
          "scope": "area"}])
    gateway.configure(
        stations=[{"id": name, "name": f"Trạm {name}", "area": area}
                  for name, area in (("A", "one"), ("B", "one"), ("C", "two"))])
    if gateway.run("check").returncode != 0:
        pytest.skip("rules have no scope yet")
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 160, "A")
    wait_until(lambda: of(sink, "dust"), 10, "A's alert")
    assert of(sink, "dust")[0]["station_name"] == "Trạm A"
    say(gateway, node, 200, "A", "B", "C")
    wait_until(lambda: len(of(sink, "ward")) == 2, 10, "both areas' alerts")
    assert {message["station"] for message in of(sink, "ward")} == {"one", "two"}
    say(gateway, node, 100, "A", "C")
    wait_until(lambda: {message["station"] for message in of(sink, "dust")
                        if message["state"] == "resolved"} >= {"A"}, 10, "A's all-clear")
    assert "B" not in {message["station"] for message in of(sink, "dust")}
    # The area's is over, B's own level is still too high.
    say(gateway, node, 165, "B")
    wait_until(lambda: "B" in {message["station"] for message in of(sink, "dust")}, 10,
               "B's alert")
    assert officers.messages() == []
    gateway.stop()
