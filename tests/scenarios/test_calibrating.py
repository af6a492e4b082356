"""A sensor that an operator calibrates: kept, shown, and of no effect."""

import getpass
import json

from lib import Gateway, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def say(gateway, node, station="A", **values):
    """Publishes, and waits until the gateway shows it."""
    metric = next(iter(values))
    before = (gateway.value(station, "nodes", metric) or {}).get("time")
    node.publish(f"env/{station}/air", values)
    wait_until(lambda: (gateway.value(station, "nodes", metric) or {}).get("time") not in
               (None, before), 10, "the reading")
    return gateway.value(station, "nodes", metric)


def make_gateway(home, broker, hook, **sections):
    return Gateway(
        home, sensors=[mqtt_sensor(broker, metrics=("pm25", "rain_total"),
                                   fields=[{"metric": "pm25", "pointer": "/pm25", "optional": True},
                                           {"metric": "rain_total", "pointer": "/rain_total",
                                            "optional": True}])],
        alerts={"rules": [
            {"name": "dust-now", "metric": "pm25", "above": 150.0},
            {"name": "downpour", "metric": "rain_1h", "above": 2.0}],
            "channels": [{"name": "hook", "type": "webhook", "url": hook.url}]}, **sections)


def run(gateway, *argv, status=0):
    answer = gateway.run("sensor", "nodes", *argv)
    assert answer.returncode == status, answer.stdout + answer.stderr
    return answer.stdout if status == 0 else answer.stderr


def test_calibrating_survives_a_kill_and_moves_nothing(home, broker, sink):
    influx = type(sink)(home)
    gateway = make_gateway(home, broker, sink, outputs=[influx_output(influx)]).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    say(gateway, node, pm25=20, rain_total=100)
    assert "measuring" in run(gateway)
    assert "calibrating until" in run(gateway, "calibrating", "30m")
    poured = say(gateway, node, pm25=500, rain_total=104)
    assert poured["value"] == 500 and poured["status"] == "calibrating"
    spans = gateway.sensor("nodes")["calibrating"]
    assert [span["author"] for span in spans] == [getpass.getuser()]
    assert spans[0]["station"] is None
    assert "CALIBRATING until" in gateway.run("status").stdout

    gateway.kill9()
    gateway.start()
    gateway.wait_connected("nodes")
    assert gateway.sensor("nodes")["calibrating"] == spans
    poured = say(gateway, node, pm25=510, rain_total=109)
    assert poured["status"] == "calibrating" and poured["flag"] == 4

    assert "measuring" in run(gateway, "measuring")
    assert gateway.sensor("nodes")["calibrating"] == []
    after = say(gateway, node, pm25=30, rain_total=114)
    assert "status" not in after and after["flag"] == 1
    # Nothing was watched of the last hour yet but what was poured: no rain.
    assert (gateway.value("A", "nodes", "rain_1h") or {"value": 0})["value"] == 0
    # Only now is what is said news again.
    say(gateway, node, pm25=200, rain_total=114.5)
    firing, = wait_until(sink.messages, 10, "the alert")
    assert firing["rule"] == "dust-now" and firing["value"] == 200
    assert gateway.value("A", "nodes", "rain_1h")["value"] == 0.5

    # Everything went out; what was no air is marked, and counted nowhere.
    wait_until(lambda: "200" in lines(influx), 10, "the last line")
    marked = [line for line in lines(influx).splitlines() if "status=1i" in line]
    assert len(marked) == 2
    assert all("pm25_bad=5" in line and "pm25_qc=4i" in line for line in marked)
    gateway.stop()
    (count, most), = gateway.query(
        "SELECT sum(count), max(minute.max) FROM minute JOIN metric ON metric.id = metric"
        " WHERE name = 'pm25'")
    assert count == 3 and most == 200


def lines(influx):
    return "".join(request.body for request in influx.taken)


def test_it_ends_by_itself_also_while_nothing_runs(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    say(gateway, node, pm25=20)
    run(gateway, "calibrating", "1500ms")
    assert say(gateway, node, pm25=500)["status"] == "calibrating"
    wait_until(lambda: gateway.sensor("nodes")["calibrating"] == [], 10, "its end")
    assert "status" not in say(gateway, node, pm25=30)
    run(gateway, "calibrating", "1s")
    gateway.stop()
    gateway.start()
    gateway.wait_connected("nodes")
    wait_until(lambda: gateway.sensor("nodes")["calibrating"] == [], 10, "its end")
    assert "status" not in say(gateway, node, pm25=31)
    gateway.stop()
    assert sink.messages() == []
    rows = gateway.query("SELECT station, sensor, author, until - since FROM calibrating")
    assert rows == [("", "nodes", getpass.getuser(), 1500), ("", "nodes", getpass.getuser(), 1000)]


def test_one_station_of_many(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    for station in "A", "B":
        say(gateway, node, station, pm25=20)
    # What is shown is stored only with the next commit.
    wait_until(lambda: gateway.query("SELECT count(DISTINCT station) FROM source") == [(2,)],
               10, "both stations in the store")
    assert "no such sensor at this station" in run(
        gateway, "calibrating", "30m", "--station", "C", status=1)
    assert "at B until" in run(gateway, "calibrating", "30m", "--station", "B")
    assert "status" not in say(gateway, node, "A", pm25=21)
    assert say(gateway, node, "B", pm25=500)["status"] == "calibrating"
    answer = json.loads(run(gateway, "measuring", "--station", "B", "--json"))
    assert answer["calibrating"] == []
    assert "status" not in say(gateway, node, "B", pm25=22)
    for argv in ("calibrating",), ("calibrating", "soon"), ("calibrating", "8d"), ("resting",):
        run(gateway, *argv, status=2)
    nobody = gateway.run("sensor", "nobody", "calibrating", "1m")
    assert nobody.returncode == 1 and "there is no such sensor" in nobody.stderr
    gateway.stop()
    assert "no gateway is running" in run(gateway, "calibrating", "1m", status=1)


def test_a_calibration_is_kept_with_what_it_corrected(home, broker, sink):
    calibration = {"metric": "pm25", "gain": 0.5, "offset": 1.0, "date": "2026-10-02",
                   "by": "Nguyễn Huy", "certificate": "HN-117"}
    gateway = make_gateway(home, broker, sink)
    sensor, = gateway.sections["sensors"]
    gateway.configure(sensors=[{**sensor, "calibration": [calibration]}])
    gateway.start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    first = say(gateway, node, pm25=40)
    assert first["value"] == 21 and first["raw"] == 40
    gateway.configure(sensors=[{**sensor, "calibration": [{**calibration, "gain": 0.25}]}])
    assert gateway.reload()
    gateway.wait_connected("nodes")
    second = say(gateway, node, pm25=40)
    assert second["value"] == 11 and second["calibration"] > first["calibration"]
    assert "gain 0.25, offset 1; 2026-10-02 by Nguyễn Huy, certificate HN-117" in run(gateway)
    assert ("calibrated: pm25: gain 0.25, offset 1; 2026-10-02 by Nguyễn Huy, certificate HN-117"
            in gateway.run("status").stdout)
    shown, = gateway.sensor("nodes")["calibration"]
    assert shown["method"] == "gain 0.25, offset 1" and shown["certificate"] == "HN-117"
    gateway.stop()
    rows = gateway.query("SELECT id, station, sensor, method, date, author, certificate"
                         " FROM calibration ORDER BY id")
    assert rows == [
        (number, "A", "nodes", method, "2026-10-02", "Nguyễn Huy", "HN-117")
        for number, method in ((first["calibration"], "gain 0.5, offset 1"),
                               (second["calibration"], "gain 0.25, offset 1"))]
