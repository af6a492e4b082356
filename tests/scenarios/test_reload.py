"""SIGHUP: a new configuration is taken whole or not at all, and nothing is lost."""

import os
import signal

from lib import SEQ, Gateway, HttpSink, by_seq, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Load, Publisher


def start(home, broker, sink):
    gateway = Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(sink)]).start()
    gateway.wait_connected("nodes")
    return gateway


def test_new_rules_and_outputs_are_taken(home, broker, sink):
    gateway = start(home, broker, sink)
    pid, hook, second = gateway.process.pid, HttpSink(home), HttpSink(home)
    node = Publisher(broker)
    node.publish("env/A/air", {"pm25": 200, "seq": 1})
    wait_until(lambda: len(sink.points()) == 1, 10, "the first output has it")
    gateway.configure(
        outputs=[influx_output(sink), influx_output(second, "second")],
        alerts={"rules": [{"name": "dust-now", "metric": "pm25", "above": 150.0}],
                "channels": [{"name": "hook", "type": "webhook", "url": hook.url}]})
    assert gateway.reload()
    gateway.wait_connected("nodes")
    assert gateway.process.pid == pid and gateway.get("/api/v1/stations")[0] == 200
    node.publish("env/A/air", {"pm25": 201, "seq": 2})
    wait_until(lambda: hook.messages(), 10, "the new rule's alert")
    wait_until(lambda: {point.seq for point in second.points()} == {1, 2}, 10,
               "the new output has everything there is")
    wait_until(lambda: len(sink.points()) == 2, 10, "the old output goes on at its place")
    gateway.configure(alerts=None, outputs=[influx_output(second, "second")])
    assert gateway.reload()
    assert [output["name"] for output in gateway.status()["outputs"]] == ["second"]
    gateway.stop()


def test_a_broken_configuration_leaves_the_old_one_running(home, broker, sink):
    gateway = start(home, broker, sink)
    good, began = gateway.config.read_text(), gateway.sensor("nodes")["connected"]
    gateway.config.write_text(good.replace('driver = "mqtt"', 'driver = "mqqt"'))
    line = 1 + good[:good.index('driver = "mqtt"')].count("\n")
    assert not gateway.reload()
    assert f'{gateway.config}:{line}: driver: unknown driver "mqqt"' in gateway.log()
    assert "did you mean" in gateway.log()
    assert began and gateway.process.log().count("connected to") == 1, "it was not even touched"
    gateway.config.write_text(good)
    publisher = Publisher(broker)
    publisher.publish("env/A/air", {"pm25": 1, "seq": 7})
    wait_until(lambda: [point.seq for point in sink.points()] == [7], 10, "the reading")
    gateway.config.unlink()
    assert not gateway.reload()
    gateway.config.write_text(good)
    assert gateway.reload()
    gateway.stop()


def test_a_port_that_is_taken_gives_way_to_the_old_configuration(home, broker, sink):
    gateway = start(home, broker, sink)
    gateway.configure(http={"listen": f"127.0.0.1:{sink.port}"})
    assert not gateway.reload()
    assert gateway.process.is_running()
    gateway.configure(http={"listen": f"127.0.0.1:{gateway.port}"})
    gateway.wait_connected("nodes")
    Publisher(broker).publish("env/A/air", {"pm25": 1, "seq": 7})
    wait_until(lambda: [point.seq for point in sink.points()] == [7], 10, "the reading")
    assert gateway.get("/healthz")[0] == 200
    gateway.stop()


def test_ten_reloads_under_load_lose_nothing(home, broker, sink):
    gateway = start(home, broker, sink)
    load = Load(home, broker, per_second=400)
    for number in range(10):
        gateway.configure(station={"id": "HN-CG-01", "name": f"Trạm {number}"})
        assert gateway.reload()
        wait_until(lambda: f"Trạm {number}" in gateway.get("/")[2], 10, "the new name")
        assert gateway.status()["ring"]["dropped"] == 0
    os.kill(gateway.process.pid, signal.SIGHUP)  # and two at once
    os.kill(gateway.process.pid, signal.SIGHUP)
    published = set(load.stop())

    def missing():
        return sorted(published - set(by_seq(sink.points())))

    wait_until(lambda: not missing(), 20, lambda: f"{len(missing())} of {len(published)} lost, "
               f"from {missing()[:5]} on")
    found = by_seq(sink.points())
    assert all(len(places) == 1 for places in found.values()), "a message counted twice"
    places = [place for one in found.values() for place in one]
    assert len(set(places)) == len(places), "two readings of one series with one time stamp"
    gateway.stop()
