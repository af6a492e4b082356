"""A damaged store: the gateway starts and goes on, saves what can be read, and says so."""

import json
import os
import random
import re
import shutil

from lib import (SEQ, Gateway, HttpSink, by_seq, count, influx_output, mqtt_sensor, wait_until)
from mqtt_wire import Publisher

REPORTS = 4000


def publish(broker, numbers):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 5}/air", {"pm25": number % 90, "seq": number})
                          for number in numbers)
    publisher.close()


def live_bytes(gateway):
    return 4096 * (gateway.query("PRAGMA page_count")[0][0]
                   - gateway.query("PRAGMA freelist_count")[0][0])


def test_what_an_output_had_not_had_is_saved_and_operators_are_told(home, broker, sink):
    """Thirty pages in the middle are gone. The output, down until then, gets the rest, in
    order and once; new readings get through as well."""
    hook = HttpSink(home)
    gateway = Gateway(
        home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
        outputs=[influx_output(sink)],
        alerts={"language": "en", "channels": [
            {"name": "hook", "type": "webhook", "url": hook.url, "audience": "operators"}]})
    sink.answer = lambda request: (503, {}, "")
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(REPORTS))
    wait_until(lambda: gateway.query("SELECT count(*) FROM report") == [(REPORTS,)], 20, "all")
    pages = live_bytes(gateway) // 4096
    root, = gateway.query("SELECT rootpage FROM sqlite_master WHERE name='report'")[0]
    gateway.stop()
    with open(gateway.store, "r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(os.urandom(4096))
        file.seek(pages // 2 * 4096)
        file.write(os.urandom(10 * 4096))
    sink.answer = lambda request: 204
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(REPORTS, REPORTS + 100))
    message = wait_until(hook.messages, 30, "word to the operators")[0]
    assert message["rule"] == "store" and "damaged" in message["title"]
    saved, lost = map(int, re.findall(r"\d+", message["text"])[:2])
    assert saved + lost == REPORTS and lost < REPORTS / 3, message["text"]
    wait_until(lambda: REPORTS + 99 in by_seq(sink.points()), 20, "new readings")
    found = [point.seq for point in sink.points()]
    assert len(found) == saved + 100 and len(set(found)) == len(found)
    assert found == sorted(found)
    status = gateway.status()["store"]
    assert (status["salvaged"], status["unreadable"], status["salvaging"]) == (saved, lost, False)
    assert f"muabui_store_salvaged_total {saved}" in gateway.get("/metrics")[2]
    assert f"{saved} saved from a damaged file" in gateway.run("status").stdout
    gateway.restart()
    assert gateway.status()["store"]["salvaged"] == saved, "kept"
    gateway.stop()


def test_one_flipped_bit_anywhere(home, broker, sink):
    """FLIPS runs, each with another bit of the whole file. Whatever is hit: the daemon
    starts, an output that reads everything gets everything that is there, and if the
    damage was found, what was saved is said."""
    seed = int(os.environ.get("SEED", random.SystemRandom().randint(0, 10 ** 9)))
    print(f"SEED={seed}")
    chance = random.Random(seed)
    gateway = Gateway(home, metrics=[SEQ],
                      sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))]).start()
    gateway.wait_connected("nodes")
    publish(broker, range(REPORTS))
    wait_until(lambda: gateway.query("SELECT count(*) FROM report") == [(REPORTS,)], 20, "all")
    size = live_bytes(gateway)
    gateway.stop()
    sound = gateway.store.read_bytes()
    gateway.configure(sensors=[], outputs=[influx_output(sink)])
    found_damage = 0
    for number in range(count("FLIPS", 15)):
        for file in gateway.folder.glob("store.db*"):
            file.unlink()
        # Every third where it hurts most: the heads of the file and of its first pages.
        at = chance.randrange(8 * 100 if number % 3 == 0 else 8 * size)
        data = bytearray(sound)
        data[at // 8] ^= 1 << at % 8
        gateway.store.write_bytes(data)
        with sink.lock:
            sink.taken.clear()
        gateway.launch()
        what = f"SEED={seed}, bit {at}"
        wait_until(lambda: "runs" in gateway.log() or not gateway.process.is_running(), 20, what)
        assert gateway.process.is_running(), f"{what}:\n{gateway.log()}"

        def has_all():
            aside = list(gateway.folder.glob("store.db.damaged-*[0-9]"))
            log = gateway.log()
            if aside and log.count("reports were saved") < len(aside):
                return False
            answer = gateway.run("status", "--json")
            if answer.returncode != 0:  # between two starts of its parts
                assert gateway.process.is_running(), f"{what}:\n{log}"
                return False
            status = json.loads(answer.stdout)
            output = [part for part in status["outputs"] if part["name"] == "city"]
            return (output and output[0]["lag"] == 0 and not status["store"]["salvaging"]
                    and output[0]["cursor"] >= REPORTS * 0.9)  # it has looked

        wait_until(has_all, 30, lambda: f"{what}:\n{gateway.log()}", every=0.1)
        got = len({point.seq for point in sink.points()})
        assert got >= REPORTS * 0.9, f"{what}: only {got}:\n{gateway.log()}"
        found_damage += "damaged" in gateway.log()
        # Damage met only by the last merge cannot be mended any more: the next run does.
        if gateway.process.terminate(10) != 0:
            assert "malformed" in gateway.log(), f"{what}:\n{gateway.log()}"
            found_damage += 1
    print(f"{count('FLIPS', 15)} bits, damage found {found_damage} times")
    shutil.rmtree(gateway.folder, ignore_errors=True)
