"""The end, and what the service manager is told."""

import signal
import socket
import time

from lib import SEQ, Gateway, by_seq, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Load, Publisher


def make_gateway(home, broker, sink, name="gateway", **sections):
    return Gateway(home, name, metrics=[SEQ],
                   sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                   outputs=[influx_output(sink)], **sections)


def test_sigterm_under_load_commits_everything_within_five_seconds(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    load = Load(home, broker, per_second=500)
    wait_until(lambda: len(load.acknowledged) > 300, 20, "some load")
    assert gateway.stop(5) < 5
    assert "everything is stored" in gateway.log()
    published = set(load.stop())
    gateway.start()
    assert gateway.status()["ring"]["recovered"] == 0, "something was left in the ring"
    wait_until(lambda: published <= set(by_seq(sink.points())), 20, "all of it upstream")
    wait_until(lambda: gateway.status()["ring"]["used"] == 0, 5, "an empty ring")
    stored = gateway.query("SELECT count(*) FROM report")[0][0]
    assert stored == len(published)
    gateway.process.child.send_signal(signal.SIGINT)
    assert gateway.process.wait(8) == 0, "SIGINT ends it as well"


def test_sigterm_at_once_after_the_start(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    for _ in range(5):
        gateway.start()
        assert gateway.stop(5) < 5


def test_readings_that_no_upstream_takes_do_not_delay_the_end(home, broker, sink):
    sink.answer = lambda request: (503, {"Retry-After": "3600"}, "")
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    Publisher(broker).publish("env/A/air", {"pm25": 1, "seq": 1})
    wait_until(lambda: gateway.output("city")["failures"] >= 1, 10, "a failure")
    assert gateway.stop(5) < 5


def test_the_service_manager_hears_ready_status_watchdog_and_stopping(home, broker, sink):
    path = home.path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(0.05)
        heard = []

        def hear(word, times=1):
            def listen():
                try:
                    heard.extend(manager.recv(4096).decode().splitlines())
                except TimeoutError:
                    pass
                return sum(line.startswith(word) for line in heard) >= times

            wait_until(listen, 20, lambda: f"{times} × {word} among {heard}")

        gateway = make_gateway(home, broker, sink)
        gateway.env = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "30000000"}
        gateway.start()
        hear("READY=1")
        assert heard.index("READY=1") == 0 or "READY=1" in heard
        hear("STATUS=")
        hear("WATCHDOG=1", 3)
        assert gateway.get("/")[0] == 200, "ready means ready"
        heard.clear()
        assert gateway.reload()
        hear("RELOADING=1")
        hear("MONOTONIC_USEC=")
        hear("READY=1")
        gateway.stop()
        hear("STOPPING=1")


def test_a_second_gateway_keeps_off_the_same_store(home, broker, sink):
    first = make_gateway(home, broker, sink).start()
    first.wait_connected("nodes")
    second = make_gateway(home, broker, sink, "second",
                          store={"path": first.store, "commit_every": "100ms"}).launch()
    began = time.monotonic()
    assert second.process.wait(10) == 1
    assert time.monotonic() - began < 10
    assert "another" in second.log() and str(first.store) in second.log(), second.log()
    Publisher(broker).publish("env/A/air", {"pm25": 1, "seq": 5})
    wait_until(lambda: [point.seq for point in sink.points()] == [5], 10, "the first goes on")
    assert first.run("status").returncode == 0
    first.stop()
