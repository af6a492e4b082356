"""A disk that takes nothing: the gateway lives in memory meanwhile, and comes home."""

import json
import os
import subprocess

import pytest

from lib import SEQ, Gateway, HttpSink, by_seq, fill, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def make_gateway(home, broker, sink, hook, folder, **store):
    gateway = Gateway(
        home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
        outputs=[influx_output(sink)],
        alerts={"rules": [{"name": "flood", "metric": "pm25", "above": 500.0,
                           "severity": "severe"}],
                "channels": [{"name": "hook", "type": "webhook", "url": hook.url},
                             {"name": "officers", "type": "webhook", "url": hook.url,
                              "audience": "operators"}]},
        store={"path": folder / "store.db", "commit_every": "100ms", "ring_size": "256KiB",
               **store})
    gateway.store = folder / "store.db"
    runtime = home.path / "runtime"
    runtime.mkdir(exist_ok=True, mode=0o700)
    gateway.env["RUNTIME_DIRECTORY"] = str(runtime)
    return gateway


def publish(broker, numbers, pm25=20):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 5}/air", {"pm25": pm25, "seq": number})
                          for number in numbers)
    publisher.close()


def wait_for(sink, numbers, timeout=20):
    wait_until(lambda: set(numbers) <= set(by_seq(sink.points())), timeout,
               lambda: f"missing: {sorted(set(numbers) - set(by_seq(sink.points())))[:10]}")


def told(hook, rule):
    return [message["state"] for message in hook.messages() if message["rule"] == rule]


def is_home(gateway):
    """While it moves there is nobody to ask."""
    answer = gateway.run("status", "--json")
    return answer.returncode == 0 and \
        json.loads(answer.stdout)["store"]["path"] == str(gateway.store)


def stored(gateway):
    """The sequence numbers in the store at home."""
    csv = gateway.run("store", "export", "--metric", "seq", "-c", str(gateway.config))
    return [int(float(line.split(",")[4])) for line in csv.stdout.splitlines()[1:]]


def test_a_start_on_a_full_disk(home, broker, sink, small):
    hook = HttpSink(home)
    ballast = fill(small)
    gateway = make_gateway(home, broker, sink, hook, small).start()
    gateway.wait_connected("nodes")
    assert not is_home(gateway)
    assert "No space left on device; from now on everything is kept in memory" in gateway.log()
    publish(broker, range(100))
    wait_for(sink, range(100))
    publish(broker, [100], pm25=700)
    wait_until(lambda: told(hook, "flood") == ["firing"], 10, "the alert")
    assert told(hook, "store") == ["firing"], "operators know"
    # What is read from the store is read from where it is.
    wait_until(lambda: gateway.get("/api/v1/readings.csv?metric=pm25")[2].count("\n") == 102)
    assert gateway.get("/api/v1/stations/N0/history?metric=pm25")[0] == 200
    assert [alert["rule"] for alert in
            json.loads(gateway.get("/api/v1/alerts")[2])["alerts"]] == ["flood"]
    # The memory outlives the process.
    gateway.kill9()
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, [105], pm25=700)  # the same station
    wait_for(sink, [105])
    ballast.unlink()
    wait_until(lambda: is_home(gateway), 30, "the way home", every=0.3)
    gateway.wait_connected("nodes")
    publish(broker, [110])
    wait_until(lambda: told(hook, "flood") == ["firing", "resolved"], 10, "the all-clear")
    wait_until(lambda: len(told(hook, "store")) == 2, 10, "operators know that it is over")
    assert len({message["id"] for message in hook.messages()
                if message["rule"] == "flood"}) == 1
    every = [*range(101), 105, 110]
    wait_for(sink, every)
    gateway.stop()
    assert sorted(stored(gateway)) == every
    assert all(len(places) == 1 for places in by_seq(sink.points()).values()), \
        "what was sent twice has the same time"
    assert not list((home.path / "runtime").glob("refuge-*")), "nothing is left there"


def test_a_start_on_a_read_only_disk(home, broker, sink, small):
    """With a store and a backlog that nobody had had: it goes on, and nothing is skipped."""
    hook = HttpSink(home)
    dead = HttpSink(home, answer=lambda request: (503, {}, ""))
    gateway = make_gateway(home, broker, dead, hook, small).start()
    gateway.wait_connected("nodes")
    publish(broker, range(50))
    publish(broker, [50], pm25=700)
    wait_until(lambda: told(hook, "flood") == ["firing"], 10, "the alert")
    gateway.stop()
    if os.system(f"mount -o remount,ro {small} 2>/dev/null") != 0:
        pytest.skip("nothing can be remounted here")
    gateway.configure(outputs=[influx_output(sink)])
    gateway.start()
    gateway.wait_connected("nodes")
    assert "Read-only file system; from now on" in gateway.log()
    publish(broker, range(51, 56))
    wait_until(lambda: told(hook, "flood") == ["firing", "resolved"], 10,
               "the all-clear of an alert from before")
    wait_for(sink, range(51, 56))
    assert os.system(f"mount -o remount,rw {small}") == 0
    wait_until(lambda: is_home(gateway), 30, "the way home", every=0.3)
    wait_for(sink, range(56))
    gateway.stop()
    assert sorted(stored(gateway)) == list(range(56))
    assert told(hook, "flood") == ["firing", "resolved"]


def test_a_disk_that_begins_to_fail(home, broker, sink):
    hook = HttpSink(home)
    folder = home.path / "disk"
    folder.mkdir()
    sign = home.path / "broken"
    shim = home.path / "failing_disk.so"
    source = os.path.join(os.path.dirname(__file__), "failing_disk.c")
    subprocess.run([os.environ.get("CC", "cc").split()[-1], "-shared", "-fPIC", "-O1", "-o", shim,
                    source], check=True)
    gateway = make_gateway(home, broker, sink, hook, folder)
    gateway.preload(shim, FAILING_FOLDER=str(folder), FAILING_SIGN=str(sign))
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(50))
    wait_for(sink, range(50))
    sign.touch()
    publish(broker, range(50, 60))
    wait_until(lambda: "from now on everything is kept in memory" in gateway.log(), 60,
               "the way out", every=0.3)
    wait_until(lambda: not is_home(gateway), 10, "the place of refuge")
    gateway.wait_connected("nodes")
    publish(broker, [60], pm25=700)
    wait_until(lambda: told(hook, "flood") == ["firing"], 10, "the alert")
    sign.unlink()
    wait_until(lambda: is_home(gateway), 30, "the way home", every=0.3)
    publish(broker, [65])
    wait_until(lambda: told(hook, "flood") == ["firing", "resolved"], 10, "the all-clear")
    wait_for(sink, [*range(61), 65])
    gateway.stop()
    assert set(stored(gateway)) == {*range(61), 65}
