"""What acknowledged means (docs/durability.md): in the ring, or, with "each", on the disk."""

import sqlite3
import time

import pytest

from lib import SEQ, Gateway, by_seq, count, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Load, Publisher


def make_gateway(home, broker, sink, **store):
    return Gateway(home, metrics=[SEQ],
                   store={"path": home.path / "gateway" / "store.db", **store},
                   sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                   outputs=[influx_output(sink)])


def test_each_message_is_on_the_disk_before_it_is_acknowledged(home, broker, sink):
    """A power cut takes the ring's unwritten pages: here, all of it. What was acknowledged
    is in the store; what was not is delivered again."""
    gateway = make_gateway(home, broker, sink, commit_every="10s", durability="each").start()
    gateway.wait_connected("nodes")
    load = Load(home, broker, per_second=400)
    cuts = count("KILLS", 20) // 4
    for number in range(cuts):
        wait_until(lambda: len(load.acknowledged) > 150 * (number + 1), 30, "some load")
        gateway.kill9()
        (gateway.folder / "store.db.ring").unlink()
        gateway.start()
        gateway.wait_connected("nodes")
    published = set(load.stop())
    wait_until(lambda: published <= set(by_seq(sink.points())), 60,
               lambda: f"missing: {sorted(published - set(by_seq(sink.points())))[:10]}")
    gateway.stop()


def test_many_who_wait_share_a_commit(home, broker, sink):
    gateway = make_gateway(home, broker, sink, commit_every="10s", durability="each").start()
    gateway.wait_connected("nodes")
    began = time.monotonic()
    Publisher(broker).publish_all((f"env/N{n % 5}/air", {"pm25": n % 90, "seq": n})
                                  for n in range(300))
    wait_until(lambda: set(range(300)) <= set(by_seq(sink.points())), 20, "all of them")
    assert time.monotonic() - began < 10, "nobody waits for commit_every"
    gateway.stop()


@pytest.mark.parametrize("durability", ["grouped", "each"])
def test_a_stop_with_a_full_ring_acknowledges_nothing_it_cannot_keep(home, broker, sink,
                                                                     durability):
    """Somebody holds the store for ever: the end comes all the same, and nothing is lost."""
    gateway = make_gateway(home, broker, sink, ring_size="64KiB", commit_every="100ms",
                           durability=durability).start()
    gateway.wait_connected("nodes")
    holder = sqlite3.connect(gateway.store, timeout=10)
    holder.execute("BEGIN IMMEDIATE")
    Publisher(broker).publish_all((f"env/N{n % 5}/air", {"pm25": n % 90, "seq": n})
                                  for n in range(2000))
    if durability == "grouped":
        wait_until(lambda: gateway.status()["ring"]["fill"] > 0.95, 20, "a full ring")
    else:
        wait_until(lambda: gateway.status()["ring"]["accepted"] == 1, 20, "the one that waits")
    began = time.monotonic()
    assert gateway.process.terminate(10) == 1, "not everything is stored, and it says so"
    assert time.monotonic() - began < 5
    assert "the rest waits in the ring" in gateway.log()
    holder.rollback()
    holder.close()
    gateway.start()
    wait_until(lambda: set(range(2000)) <= set(by_seq(sink.points())), 30,
               lambda: f"missing: {sorted(set(range(2000)) - set(by_seq(sink.points())))[:10]}")
    gateway.stop()
    assert gateway.query("SELECT count(*) FROM report") == [(2000,)]
