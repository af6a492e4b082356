"""Odd starts: a folder that is not ours, a damaged store, a full disk."""

import os
import sqlite3

import pytest

from lib import (SEQ, Gateway, HttpSink, by_seq, count, fill, influx_output, mqtt_sensor,
                 wait_until)
from mqtt_wire import Publisher


def make_gateway(home, broker, sink, **sections):
    return Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                   outputs=[influx_output(sink)], **sections)


def publish(broker, numbers):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 5}/air", {"pm25": number % 90, "seq": number})
                          for number in numbers)
    publisher.close()


def wait_for(sink, numbers, timeout=20):
    wait_until(lambda: set(numbers) <= set(by_seq(sink.points())), timeout,
               lambda: f"missing: {sorted(set(numbers) - set(by_seq(sink.points())))[:10]}")


def test_a_folder_that_cannot_be_is_a_clear_error(home, broker, sink):
    (home.path / "file").write_text("not a folder")
    gateway = make_gateway(home, broker, sink, store={"path": home.path / "file" / "store.db"})
    gateway.launch()
    assert gateway.process.wait(10) == 1
    assert str(home.path / "file") in gateway.log() and "irectory" in gateway.log()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become nobody")
def test_a_folder_that_is_not_ours_is_a_clear_error(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    home.path.chmod(0o755)
    gateway.folder.chmod(0o555)
    try:
        gateway.launch(user="nobody")
    except PermissionError:
        pytest.skip("nobody cannot run the program where it is")
    assert gateway.process.wait(10) == 1
    assert str(gateway.store) in gateway.log() and "Permission denied" in gateway.log()


@pytest.mark.parametrize("where", ["header", "first pages", "all but the header", "truncated"])
def test_a_damaged_store_is_moved_aside_and_readings_go_on(home, broker, sink, where):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    publish(broker, range(2000))
    wait_for(sink, range(2000))
    gateway.stop()
    size = gateway.store.stat().st_size
    assert size > 16 * 4096
    with open(gateway.store, "r+b") as file:
        if where == "header":
            file.write(os.urandom(100))
        elif where == "first pages":
            file.write(os.urandom(8 * 4096))
        elif where == "all but the header":
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        else:
            file.truncate(size // 3 // 4096 * 4096)
    damaged = gateway.store.read_bytes()
    publish(broker, range(2000, 2050))  # waits at the broker
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(2050, 2100))
    wait_for(sink, range(2100))
    aside, = gateway.folder.glob("store.db.damaged-*")
    assert aside.read_bytes()[-4096:] == damaged[-4096:] and "damaged" in gateway.log()
    assert gateway.output("city")["failures"] == 0
    wait_until(lambda: gateway.output("city")["lag"] == 0, 10, "nothing is left to send")
    gateway.restart()
    publish(broker, range(2100, 2110))
    wait_for(sink, range(2110))
    assert len(list(gateway.folder.glob("store.db.damaged-*"))) == 1
    gateway.stop()


def test_damage_that_shows_while_running_begins_a_new_store(home, broker, sink):
    """Nobody reads those pages until an output that is new asks for everything."""
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    publish(broker, range(3000))
    wait_for(sink, range(3000))
    assert gateway.reload()  # closes the store, so all of it is in the file
    gateway.wait_connected("nodes")
    size = 4096 * (gateway.query("PRAGMA page_count")[0][0]
                   - gateway.query("PRAGMA freelist_count")[0][0])
    with open(gateway.store, "r+b") as file:
        file.seek(size // 3 // 4096 * 4096)
        file.write(os.urandom(size // 3))
    gateway.configure(outputs=[influx_output(sink), influx_output(sink, "second")])
    gateway.reload()
    wait_until(lambda: list(gateway.folder.glob("store.db.damaged-*")), 20, "the damaged file")
    gateway.wait_connected("nodes")
    publish(broker, range(3000, 3100))
    wait_for(sink, range(3100))
    assert gateway.process.is_running() and "damage" in gateway.log()
    gateway.stop()


def test_a_damaged_ring_is_skipped_and_readings_go_on(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    publish(broker, range(100))
    wait_for(sink, range(100))
    gateway.stop()
    ring = gateway.folder / "store.db.ring"
    ring.write_bytes(os.urandom(ring.stat().st_size))
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(100, 200))
    wait_for(sink, range(200))
    gateway.stop()


def test_a_file_that_is_no_store_is_left_alone(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    other = sqlite3.connect(gateway.store)
    other.execute("PRAGMA application_id = 4711")
    other.execute("CREATE TABLE precious(data)")
    other.commit()
    other.close()
    before = gateway.store.read_bytes()
    gateway.launch()
    assert gateway.process.wait(10) == 1
    assert "is not a store of muabui" in gateway.log()
    assert gateway.store.read_bytes() == before


def test_somebody_holds_the_store_for_a_while(home, broker, sink):
    """A back-up, an administrator's shell: readings wait in the ring, none is lost."""
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    publish(broker, range(50))
    wait_for(sink, range(50))
    holder = sqlite3.connect(gateway.store, timeout=10)
    holder.execute("BEGIN IMMEDIATE")
    publish(broker, range(50, 500))
    wait_until(lambda: gateway.status()["recorder"]["commit_errors"] >= 1, 20, "a failed commit",
               every=0.3)
    holder.rollback()
    holder.close()
    wait_for(sink, range(500), timeout=30)
    assert gateway.log().count("works again") >= 1
    gateway.stop()
    assert gateway.query("SELECT count(*) FROM report") == [(500,)]


def test_two_gateways_with_rings_of_their_own_keep_off_one_store(home, broker, sink):
    first = make_gateway(home, broker, sink).start()
    first.wait_connected("nodes")
    link = home.path / "another-name.db"
    link.symlink_to(first.store)
    for path in (first.store, link):
        second = Gateway(home, "second", sensors=[], store={
            "path": path, "ring": home.path / "second.ring"}).launch()
        assert second.process.wait(10) == 1
        assert "in use by another muabui" in second.log(), second.log()
    publish(broker, range(10))
    wait_for(sink, range(10))
    first.stop()


def test_a_full_disk_stops_neither_readings_nor_alerts(home, broker, sink, small):
    """For as long as it lasts: the oldest reports make room for new ones. Those that an
    output had not had are lost, and counted."""
    dead = HttpSink(home, answer=lambda request: (503, {}, ""))
    hook = HttpSink(home)
    gateway = Gateway(
        home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
        outputs=[influx_output(sink), influx_output(dead, "dead")],
        alerts={"rules": [{"name": "flood", "metric": "pm25", "above": 500.0,
                           "severity": "severe"}],
                "channels": [{"name": "hook", "type": "webhook", "url": hook.url}]},
        store={"path": small / "store.db", "commit_every": "100ms", "ring_size": "256KiB"})
    gateway.store = small / "store.db"
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(50))
    wait_for(sink, range(50))
    ballast = fill(small)
    total = count("FULL", 30000)
    publish(broker, range(50, total))
    Publisher(broker).publish("env/N1/air", {"pm25": 700, "seq": total})
    wait_for(sink, range(total + 1), timeout=60)
    wait_until(lambda: [message["state"] for message in hook.messages()] == ["firing"], 10,
               "the alert")
    status = gateway.status()
    kept = {row[0] for row in gateway.query("SELECT id FROM report")}
    assert status["store"]["lost"] == total + 1 - len(kept) > 0
    assert kept == set(range(min(kept), total + 2)), "only the oldest are gone"
    assert status["ring"]["dropped"] == 0
    ballast.unlink()
    wait_until(lambda: "there is room again" in gateway.log()
               or publish(broker, [total + 1]), 20, "room", every=0.5)
    assert all(len(places) == 1 for places in by_seq(sink.points()).values())
    gateway.stop()


def test_no_reload_while_the_store_refuses(home, broker, sink):
    """It would end with nothing running; what runs goes on, and takes readings."""
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    holder = sqlite3.connect(gateway.store, timeout=10)
    holder.execute("BEGIN IMMEDIATE")
    publish(broker, range(500))
    wait_until(lambda: gateway.status()["recorder"]["commit_errors"] >= 1, 20,
               "a failed commit", every=0.3)
    assert gateway.get("/api/v1/stations")[0] == 200
    assert not gateway.reload()
    assert "the store does not work" in gateway.log()
    holder.rollback()
    holder.close()
    wait_for(sink, range(500), timeout=40)
    gateway.stop()
