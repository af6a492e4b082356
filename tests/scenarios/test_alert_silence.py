"""Operators silence and acknowledge: kept over SIGKILL, with author and end, and told after."""

import getpass
import json

from lib import Gateway, HttpSink, mqtt_sensor, wait_until
from mqtt_wire import Publisher

REASON = "Bảo trì trạm"


def make_gateway(home, broker, sink, officers):
    return Gateway(
        home, sensors=[mqtt_sensor(broker)],
        alerts={"rules": [{"name": "dust", "metric": "pm25", "above": 150.0, "clear_below": 120.0},
                          {"name": "low", "metric": "pm25", "below": 5.0, "repeat": "1s",
                           "audience": "operators"}],
                "channels": [{"name": "hook", "type": "webhook", "url": sink.url},
                             {"name": "officers", "type": "webhook", "url": officers.url,
                              "audience": "operators"}]})


def start(gateway):
    gateway.start()
    gateway.wait_connected("nodes")


def say(gateway, node, pm25, station="A"):
    node.publish(f"env/{station}/air", {"pm25": pm25})
    wait_until(lambda: (gateway.value(station, "nodes", "pm25") or {}).get("value") == pm25, 10,
               "the reading")


def alert(gateway, *argv, status=0):
    answer = gateway.run("alert", *argv)
    assert answer.returncode == status, answer.stdout + answer.stderr
    return answer.stdout if status == 0 else answer.stderr


def listed(gateway):
    return json.loads(alert(gateway, "list", "--json"))["alerts"]


def states(sink):
    return [message["state"] for message in sink.messages()]


def test_a_silence_survives_a_kill_and_what_stands_is_told_afterwards(home, broker, sink):
    gateway = make_gateway(home, broker, sink, HttpSink(home))
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 10)
    assert alert(gateway, "silence", "--station", "A", "--for", "1h", "--reason", REASON
                 ).startswith("1: station A, until ")
    gateway.kill9()
    start(gateway)
    silence, = json.loads(alert(gateway, "silences", "--json"))["silences"]
    assert (silence["author"], silence["reason"], silence["in_force"]) == (
        getpass.getuser(), REASON, True)
    assert "1 silence in force" in gateway.run("status").stdout
    assert "\nmuabui_alert_silences 1\n" in gateway.get("/metrics")[2]
    say(gateway, node, 200)
    say(gateway, node, 200, "B")  # another station's alert shows that nothing is stuck
    wait_until(lambda: states(sink) == ["firing"], 10, "B's alert")
    assert sink.messages()[0]["station"] == "B"
    mine, = [item for item in listed(gateway) if item["station"] == "A"]
    assert (mine["silenced_by"], mine["told_to"]) == (1, [])
    gateway.kill9()
    start(gateway)
    say(gateway, node, 201)
    assert alert(gateway, "unsilence", "1") == "1: ended\n"
    wait_until(lambda: len(states(sink)) == 2, 10, "A's alert")
    told = sink.messages()[1]
    assert (told["station"], told["state"], told["value"]) == ("A", "firing", 201)
    assert told["id"] == mine["id"] and told["revision"] == 1
    say(gateway, node, 10)
    wait_until(lambda: len(states(sink)) == 3, 10, "A's all-clear")
    assert sink.messages()[2]["id"] == mine["id"] and states(sink)[2] == "resolved"
    # Who it was is still known, and it cannot be ended twice.
    assert "no such silence" in alert(gateway, "unsilence", "1", status=1)
    assert f"by {getpass.getuser()}; {getpass.getuser()}: {REASON}" in alert(
        gateway, "silences", "--all")
    gateway.stop()


def test_an_all_clear_of_silent_times_is_not_lost(home, broker, sink):
    gateway = make_gateway(home, broker, sink, HttpSink(home))
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 200)
    wait_until(lambda: states(sink) == ["firing"], 10, "the alert")
    alert(gateway, "silence", "--rule", "dust", "--area", "hn-cau-giay", "--for", "1h",
          "--reason", REASON, "--author", "phong-moi-truong")
    say(gateway, node, 10)
    wait_until(lambda: [item["over"] for item in listed(gateway)] == [True], 5, "it is over")
    gateway.kill9()
    start(gateway)
    assert states(sink) == ["firing"]
    alert(gateway, "unsilence", "1")
    wait_until(lambda: states(sink) == ["firing", "resolved"], 10, "the all-clear")
    assert len({message["id"] for message in sink.messages()}) == 1
    gateway.restart()
    gateway.wait_connected("nodes")
    say(gateway, node, 20)
    assert states(sink) == ["firing", "resolved"] and listed(gateway) == []
    gateway.stop()


def test_a_silence_ends_by_itself(home, broker, sink):
    gateway = make_gateway(home, broker, sink, HttpSink(home))
    start(gateway)
    node = Publisher(broker)
    alert(gateway, "silence", "--rule", "dust", "--for", "3s", "--reason", REASON)
    say(gateway, node, 200)
    assert sink.messages() == []
    wait_until(lambda: states(sink) == ["firing"], 10, "the alert")
    assert alert(gateway, "silences") == "nothing is silenced\n"
    gateway.stop()


def test_what_is_acknowledged_is_not_repeated(home, broker, sink):
    officers = HttpSink(home)
    gateway = make_gateway(home, broker, sink, officers)
    start(gateway)
    node = Publisher(broker)

    def tell(pm25):
        node.publish("env/A/air", {"pm25": pm25})
        return officers.messages()

    wait_until(lambda: len(tell(2)) >= 2, 15, "a repeat", every=0.3)
    assert alert(gateway, "ack", "low", "A") == f"low at A: acknowledged by {getpass.getuser()}\n"
    gateway.kill9()
    start(gateway)
    item, = listed(gateway)
    assert (item["acknowledged_by"], item["told_to"]) == (getpass.getuser(), ["officers"])
    wait_until(lambda: gateway.channel("officers")["waiting"] == 0, 10, "an empty outbox")
    before = len(officers.messages())
    # B's repeats show that time has passed for A's, too.
    def others():
        node.publish("env/A/air", {"pm25": 2})
        node.publish("env/B/air", {"pm25": 2})
        return [message for message in officers.messages() if message["station"] == "B"]

    wait_until(lambda: len(others()) >= 4, 20, "B's repeats", every=0.3)
    mine = [message for message in officers.messages()[before:] if message["station"] == "A"]
    assert mine == []
    tell(50)
    wait_until(lambda: [message["state"] for message in officers.messages()
                        if message["station"] == "A"][-1] == "resolved", 10, "the all-clear")
    assert "there is no such alert" in alert(gateway, "ack", "low", "A", status=1)
    gateway.stop()


def test_what_cannot_be_meant_is_refused(home, broker, sink):
    gateway = make_gateway(home, broker, sink, HttpSink(home))
    start(gateway)
    node = Publisher(broker)
    say(gateway, node, 10)
    why = "--for", "1h", "--reason", REASON
    for argv in (("--rule", "dust", "--for", "1h"), ("--rule", "dust", "--reason", REASON), why,
                 ("--rule", "dust", "--for", "31d", "--reason", REASON)):
        alert(gateway, "silence", *argv, status=2)
    for argv, reason in ((("--rule", "dusty"), "no such rule"), (("--station", "C"), "no such station"),
                         (("--area", "hn-ba-dinh"), "no such area"),
                         (("--rule", "dust", "--author", "a/b"), "author's name")):
        assert reason in alert(gateway, "silence", *argv, *why, status=1)
    alert(gateway, "unsilence", "first", status=2)
    assert "no such silence" in alert(gateway, "unsilence", "7", status=1)
    say(gateway, node, 200)
    wait_until(lambda: listed(gateway), 5, "the alert")
    assert "for citizens" in alert(gateway, "ack", listed(gateway)[0]["id"], status=1)
    gateway.stop()
    assert "no gateway is running" in alert(gateway, "list", status=1)
