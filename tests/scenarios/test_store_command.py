"""muabui store: check, export and dead letters, on stores in use, moved aside and damaged."""

import csv
import io
import os
import subprocess

from lib import PROGRAM, SEQ, Gateway, by_seq, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def make_gateway(home, broker, sink):
    gateway = Gateway(home, metrics=[SEQ],
                      sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(sink)]).start()
    gateway.wait_connected("nodes")
    return gateway


def publish(broker, numbers):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 5}/air", {"pm25": number % 90, "seq": number})
                          for number in numbers)
    publisher.close()


def report_page(gateway):
    """Where a page of many reports is: a leaf of a table with more than fifty rows."""
    data = gateway.store.read_bytes()
    found = [at for at in range(4096, len(data), 4096)
             if data[at] == 0x0d and int.from_bytes(data[at + 3:at + 5], "big") > 50]
    assert len(found) > 4
    return found[len(found) // 2]


def store(gateway, *words, file=None):
    if file:
        return subprocess.run([PROGRAM, "store", *words, "--file", str(file)],
                              capture_output=True, text=True, timeout=30)
    return gateway.run("store", *words)


def test_check_says_what_is_there_and_what_is_wrong(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    publish(broker, range(2000))
    wait_until(lambda: gateway.output("city")["lag"] == 0 and len(sink.points()) == 2000, 20)
    answer = store(gateway, "check")  # in use
    assert answer.returncode == 0, answer.stdout
    assert "report: 2000 rows, ids 1 to 2000" in answer.stdout and "whole" in answer.stdout
    assert "N3 nodes: 400" in answer.stdout and "output city: at report 2000" in answer.stdout
    gateway.stop()
    assert store(gateway, "check").returncode == 0
    files = sorted(gateway.folder.iterdir())
    for where, length in ((report_page(gateway), 4096), (0, 100)):
        with open(gateway.store, "r+b") as file:
            file.seek(where)
            file.write(os.urandom(length))
        before = gateway.store.read_bytes()
        answer = store(gateway, "check")
        assert answer.returncode == 1 and "\n! " in answer.stdout, answer.stdout
        left = int(answer.stdout.split(" reports lie in pages")[0].split()[-1])
        assert 1500 < left < 2000
        assert gateway.store.read_bytes() == before and sorted(gateway.folder.iterdir()) == files
    assert store(gateway, "check", file="/no/such/file").returncode == 1


def test_export_gives_every_reading_of_a_store_in_use_or_damaged(home, broker, sink):
    gateway = make_gateway(home, broker, sink)
    publish(broker, range(1000))
    wait_until(lambda: len(sink.points()) == 1000, 20, "all of them upstream")
    answer = store(gateway, "export")
    assert answer.returncode == 0, answer.stderr
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert list(rows[0]) == "time,station,sensor,metric,value,raw,flag,status".split(",")
    assert len(rows) == 2000
    assert [int(row["value"]) for row in rows if row["metric"] == "seq"] == list(range(1000))
    first = rows[0]
    assert (first["station"], first["sensor"], first["metric"], first["value"], first["raw"],
            first["flag"], first["status"]) == ("N0", "nodes", "pm25", "0", "0", "1", "0")

    some = store(gateway, "export", "--station", "N2", "--metric", "seq", "--from",
                 rows[1000]["time"]).stdout
    got = [int(row["value"]) for row in csv.DictReader(io.StringIO(some))]
    # Several may have come in one millisecond: what the time says, not the place, counts.
    assert got == [int(row["value"]) for row in rows if row["metric"] == "seq"
                   and row["station"] == "N2" and row["time"] >= rows[1000]["time"]]
    assert 95 <= len(got) <= 105
    lines = store(gateway, "export", "--format", "line").stdout.splitlines()
    sent = [line for request in sink.taken for line in request.body.splitlines()]
    assert sorted(lines) == sorted(sent), "as the output writes them"
    assert store(gateway, "export", "--format", "xml").returncode == 2
    assert store(gateway, "export", "--from", "yesterday").returncode == 2

    gateway.stop()
    where = report_page(gateway)
    with open(gateway.store, "r+b") as file:
        file.seek(where)
        file.write(bytes(4096))
    answer = store(gateway, "export", "--metric", "seq")
    assert answer.returncode == 1 and "going on behind" in answer.stderr
    got = [int(row["value"]) for row in csv.DictReader(io.StringIO(answer.stdout))]
    assert got == sorted(got) and 800 < len(got) < 1000 and got[-1] == 999


def test_dead_letters_are_shown_sent_again_and_dropped(home, broker, sink):
    bad = {3, 7, 11}

    def answer(request):
        points = [int(line.split("seq=")[1].split(",")[0].split(" ")[0].split(".")[0])
                  for line in request.body.splitlines()]
        return (400, {}, "too dusty") if bad & set(points) else 204

    sink.answer = answer
    gateway = make_gateway(home, broker, sink)
    publish(broker, range(20))
    wait_until(lambda: gateway.output("city")["dead"] == 3, 20, "three dead letters")
    listed = store(gateway, "dead-letters", "list").stdout.splitlines()
    assert len(listed) == 3 and all("too dusty" in line and "city" in line for line in listed)
    number = listed[1].split("\t")[0]
    shown = store(gateway, "dead-letters", "show", number).stdout
    assert "seq=7" in shown
    assert store(gateway, "dead-letters", "show", "999").returncode == 1
    assert store(gateway, "dead-letters", "list", "other").stdout == ""

    bad.clear()
    bad.add(11)
    assert "3 to be sent again" in store(gateway, "dead-letters", "retry", "city").stdout
    publish(broker, [20])  # wakes it; else within a minute
    wait_until(lambda: {3, 7} <= set(by_seq(sink.points())), 20, "what is taken now")
    wait_until(lambda: len(store(gateway, "dead-letters", "list").stdout.splitlines()) == 1, 20,
               "what is refused again stays")
    wait_until(lambda: "to be sent again" not in store(gateway, "dead-letters", "list").stdout,
               10, "the last one's end")
    assert gateway.output("city")["dead"] == 1
    assert gateway.output("city")["lag"] == 0 and set(by_seq(sink.points())) == set(range(21)) - bad
    number = store(gateway, "dead-letters", "list").stdout.split("\t")[0]
    assert "1 dropped" in store(gateway, "dead-letters", "drop", "city", number).stdout
    assert store(gateway, "dead-letters", "list").stdout == ""
    assert store(gateway, "dead-letters", "bury").returncode == 2
    gateway.stop()
