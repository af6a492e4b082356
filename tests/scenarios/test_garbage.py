"""What devices and brokers send that is no reading: counted by its name, said once."""

import os

from lib import Gateway, Line, influx_output, mqtt_sensor, pms5003_frame, wait_until
from mqtt_wire import Publisher

GARBAGE = {
    "too_large": [b"x" * 1_000_000, b'{"pm25":1,"x":"' + b"y" * 1_000_000 + b'"}'],
    "encoding": [b'{"pm25":1,"place":"H\xe0 N\xf4i"}', b"\xff\xfe\x00", b"\xed\xa0\x80"],
    "syntax": [b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
               b'{"pm25":NaN}', b'{"pm25":1', b"pm25=1", b'{"pm25":1} and more'],
    "value": [b'{"pm25":1e400}', b'{"pm25":"NaN"}', b'{"pm25":-1e999}', b'{"pm25":[1]}',
              b'{"pm25":"12 ug"}'],
    "missing_field": [b"{}", b'{"pm10":1}', b"[]", b'{"PM25":1}',
                      b'{"pm25":null}'],
    "length": [b""],
}
BAD_TOPICS = ["env//air", "env/" + "n" * 64 + "/air", "env/" + "ầ" * 30 + "/air"]


def wait_for_value(gateway, value, sensor="nodes", station="A"):
    wait_until(lambda: (gateway.value(station, sensor, "pm25") or {}).get("value") == value, 10,
               f"{value} of {sensor}")


def test_garbage_over_mqtt_disturbs_nothing(home, broker, sink):
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)], outputs=[influx_output(sink)]).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    good = 0
    for _ in range(2):  # the second time nothing of it is news
        for kind, payloads in GARBAGE.items():
            for payload in payloads:
                node.publish("env/A/air", payload)
                good += 1
                node.publish("env/A/air", {"pm25": good})
        for topic in BAD_TOPICS:
            node.publish(topic, {"pm25": 999})
            good += 1
            node.publish("env/A/air", {"pm25": good})
    wait_for_value(gateway, good)

    expected = {kind: 2 * len(payloads) for kind, payloads in GARBAGE.items()}
    expected.update(ok=good, topic=2 * len(BAD_TOPICS))
    sensor = gateway.sensor("nodes")
    assert sensor["results"] == expected
    assert sensor["connected"] and sensor["dropped"] == 0
    log = gateway.log()
    for kind in expected:
        if kind != "ok":
            assert log.count(f"({kind})") == 1, f"{kind} in:\n{log}"
    wait_until(lambda: len(sink.points()) >= good, 10, "everything is sent")
    points = sink.points()
    assert [point.fields["pm25"] for point in points] == list(range(1, good + 1))
    assert {point.series for point in points} == {("A", "nodes")}
    assert gateway.output("city")["dead"] == 0
    gateway.stop()


def test_half_a_message_gives_its_good_half(home, broker, sink):
    """One field is bad: the others are good readings all the same."""
    gateway = Gateway(home, sensors=[mqtt_sensor(broker, metrics=("pm25", "pm10"))],
                      outputs=[influx_output(sink)]).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    node.publish("env/A/air", {"pm25": "broken", "pm10": 20})
    node.publish("env/A/air", {"pm25": 12.5})
    wait_for_value(gateway, 12.5)
    assert gateway.value("A", "nodes", "pm10")["value"] == 20
    assert gateway.sensor("nodes")["results"] == {"value": 1, "missing_field": 1}
    gateway.stop()


def test_impossible_values_are_marked_and_never_sent_as_good(home, broker, sink):
    gateway = Gateway(home, sensors=[mqtt_sensor(broker, metrics=("pm25", "humidity"))],
                      outputs=[influx_output(sink)],
                      alerts={"rules": [{"name": "dust-now", "metric": "pm25", "above": 150.0}],
                              "channels": [{"name": "hook", "type": "webhook",
                                            "url": "http://127.0.0.1:9/"}]}).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    node.publish("env/A/air", {"pm25": 1e9, "humidity": 55})
    node.publish("env/A/air", {"pm25": 11, "humidity": -300})
    wait_for_value(gateway, 11)
    wait_until(lambda: len(sink.points()) == 2, 10, "two points")
    first, second = sink.points()
    assert first.text["pm25_qc"] == "4i" and first.fields["pm25_bad"] == 1e9
    assert "pm25" not in first.fields and first.fields["humidity"] == 55
    assert second.text["humidity_qc"] == "4i" and "humidity" not in second.fields
    assert gateway.status()["recorder"]["messages"] == 0, "an alert from a failed value"
    gateway.stop()


def test_garbage_on_the_serial_line_costs_only_itself(home, sink):
    line = Line(home)
    gateway = Gateway(home, sensors=[{"name": "dust", "driver": "pms5003", "port": line.port}],
                      outputs=[influx_output(sink)]).start()
    wait_until(lambda: gateway.sensor("dust")["connected"], 10, "the open port")
    good = 0

    def say_good():
        nonlocal good
        good += 1
        line.write(pms5003_frame(good))
        wait_for_value(gateway, good, "dust", "HN-CG-01")

    say_good()
    for _ in range(3):
        line.write(pms5003_frame(500)[:-1] + b"\x00")  # its checksum does not fit
        say_good()
        line.write(b"\x00\xffgarbage\x42\x42\x4d" + os.urandom(1).hex().encode())
        say_good()
        line.write(pms5003_frame(500)[:17])  # cut off
        say_good()
        line.write(bytes.fromhex("424d0004e4000177"))  # an acknowledgement, no data
        say_good()
    sensor = gateway.sensor("dust")
    assert sensor["results"]["ok"] == good == 13
    assert sensor["results"]["checksum"] >= 3 and sensor["results"]["ignored"] == 3
    assert set(sensor["results"]) <= {"ok", "checksum", "ignored", "length", "sync"}
    assert sensor["skipped_bytes"] >= 3 * (32 + 10)
    log = gateway.log()
    assert log.count("(checksum)") == 1, log
    line.write(os.urandom(20000).replace(b"\x42", b"\x43"))
    say_good()
    wait_until(lambda: len(sink.points()) == good, 10, "every good reading upstream")
    assert [point.fields["pm25"] for point in sink.points()] == list(range(1, good + 1))
    gateway.stop()
