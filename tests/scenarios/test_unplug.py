"""A serial port that goes away and comes back."""

import os
import signal
import time

from lib import SLOW, Gateway, Simulator, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def sensors(simulator, *more):
    return [{"name": "dust", "driver": "pms5003", "port": simulator.link}, *more]


def test_an_unplugged_port_is_reported_and_taken_up_again(home, broker, sink):
    simulator = Simulator(home, "pms5003", "--every", "200ms")
    gateway = Gateway(home, sensors=sensors(simulator, mqtt_sensor(broker)),
                      outputs=[influx_output(sink)]).start()
    wait_until(lambda: gateway.sensor("dust")["results"].get("ok", 0) > 2, 10, "dust")
    gateway.wait_connected("nodes")
    node = Publisher(broker)

    for _ in range(2):
        simulator.unplug()
        wait_until(lambda: gateway.sensor("dust")["state"] == "port", 10, "port error")
        assert not gateway.sensor("dust")["connected"]
        good = gateway.sensor("dust")["results"]["ok"]
        # The others go on as if nothing had happened, and nothing spins.
        began, cpu = time.monotonic(), gateway.cpu_seconds()
        for number in range(10):
            node.publish("env/B/air", {"pm25": number})
            wait_until(lambda: (gateway.value("B", "nodes", "pm25") or {}).get("value") == number,
                       5, "the node's reading")
        while time.monotonic() - began < 1.5:
            time.sleep(0.05)
        used = (gateway.cpu_seconds() - cpu) / (time.monotonic() - began)
        assert used < 0.15 * SLOW, f"{used:.0%} of a CPU while a port is away"
        simulator.plug_in()
        wait_until(lambda: gateway.sensor("dust")["results"]["ok"] > good + 2, 15, "dust again")
        sensor = gateway.sensor("dust")
        assert sensor["state"] == "ok" and sensor["connected"]

    log = gateway.log()
    assert 1 <= log.count("sensor dust: no connection") <= 4, log
    assert log.count("sensor dust: back") >= 1, log
    gateway.stop()


def test_a_port_that_hangs_up_again_and_again_does_not_spin(home):
    simulator = Simulator(home, "pms5003", "--every", "100ms", "--hang-up", "6",
                          "--down", "100ms")
    gateway = Gateway(home, sensors=sensors(simulator)).start()
    cpu, began = gateway.cpu_seconds(), time.monotonic()
    wait_until(lambda: gateway.sensor("dust")["results"].get("port", 0) >= 5
               and gateway.sensor("dust")["results"].get("ok", 0) >= 10, 30,
               "five hang-ups and ten readings", every=0.5)
    used = (gateway.cpu_seconds() - cpu) / (time.monotonic() - began)
    assert used < 0.15 * SLOW, f"{used:.0%} of a CPU"
    assert gateway.log().count("sensor dust: no connection") <= 3, gateway.log()
    gateway.stop()


def test_a_port_that_is_not_there_at_the_start_is_no_reason_not_to_start(home):
    link = home.path / "tty-dust"
    gateway = Gateway(home, sensors=[{"name": "dust", "driver": "pms5003", "port": link}]).start()
    assert gateway.sensor("dust")["state"] == "port"
    assert gateway.get("/healthz")[0] == 503
    Simulator(home, "pms5003", "--every", "200ms")
    wait_until(lambda: gateway.sensor("dust")["state"] == "ok", 15, "dust")
    wait_until(lambda: gateway.get("/healthz")[0] == 200, 5, "health")
    gateway.stop()


def test_a_device_that_falls_silent_and_wakes_up(home):
    """Its bytes stop, its port stays: no reading, no spinning, and it goes on by itself."""
    simulator = Simulator(home, "pms5003", "--every", "200ms")
    gateway = Gateway(home, sensors=sensors(simulator)).start()
    wait_until(lambda: gateway.sensor("dust")["results"].get("ok", 0) > 2, 10, "dust")
    os.kill(simulator.process.pid, signal.SIGSTOP)
    wait_until(lambda: gateway.sensor("dust")["state"] == "timeout", 20, "timeout", every=0.5)
    os.kill(simulator.process.pid, signal.SIGCONT)
    wait_until(lambda: gateway.sensor("dust")["state"] == "ok", 10, "dust again")
    gateway.stop()
