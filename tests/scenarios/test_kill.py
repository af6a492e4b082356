"""SIGKILL at any moment loses nothing that the broker was told is kept (DESIGN §6.1)."""

import csv
import io
import os
import random
import time

import pytest

from lib import (SEQ, Gateway, by_seq, count, influx_output, mqtt_sensor, wait_until)
from mqtt_wire import Load

pytestmark = pytest.mark.alone  # under load


def test_sigkill_under_load_loses_no_acknowledged_message(home, broker, sink):
    kills = count("KILLS", 20)
    seed = int(os.environ.get("SEED", random.SystemRandom().randint(0, 10 ** 9)))
    print(f"SEED={seed}")
    moments = random.Random(seed)
    gateway = Gateway(home, metrics=[SEQ],
                      store={"path": home.path / "gateway" / "store.db", "commit_every": "200ms"},
                      sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(sink)]).start()
    gateway.wait_connected("nodes")
    load = Load(home, broker, per_second=count("RATE", 400))
    for _ in range(kills):
        time.sleep(moments.uniform(0, 0.7))  # the moment is the point, not a condition
        gateway.kill9()
        gateway.start()
    gateway.wait_connected("nodes")
    published = set(load.stop())
    assert len(published) > 20 * kills

    def missing():
        return sorted(published - set(by_seq(sink.points())))

    wait_until(lambda: not missing(), 60, lambda: f"{len(missing())} of {len(published)} lost, "
               f"from {missing()[:5]} on", every=0.5)
    found = by_seq(sink.points())
    assert set(found) <= published | {max(published) + 1}
    twice = {seq: places for seq, places in found.items() if len(places) > 1}
    assert not twice, f"repeated with another time stamp: {list(twice.items())[:3]}"
    places = [place for one in found.values() for place in one]
    assert len(set(places)) == len(places), "two readings of one series with one time stamp"
    repeats = len(sink.points()) - len(found)
    print(f"{len(published)} messages, {kills} kills, {repeats} points sent again")
    assert gateway.status()["ring"]["dropped"] == 0
    gateway.stop()
    by_station = {}
    for row in csv.DictReader(io.StringIO(gateway.run("store", "export", "--metric", "seq").stdout)):
        by_station.setdefault(row["station"], []).append(int(row["value"]))
    assert all(numbers == sorted(numbers) for numbers in by_station.values()), "out of order"
    assert sum(map(len, by_station.values())) == len(found)
    stored, = gateway.query("SELECT count(*) FROM report")
    assert stored[0] == len(found), "a message is stored once"
