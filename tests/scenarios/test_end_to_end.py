"""Sensors of all three kinds, through the store, into a real InfluxDB and a push."""

import json
import re
from datetime import datetime, timedelta

from lib import (Gateway, HttpSink, Influx, ModbusSlave, Simulator, influx_output, mqtt_sensor,
                 wait_until)
from mqtt_wire import Publisher

# DESIGN §5, the webhook's contract.
WEBHOOK_KEYS = {"id", "revision", "state", "rule", "hazard", "severity", "station",
                "station_name", "area", "metric", "value", "unit", "threshold", "since", "at",
                "expires", "title", "text", "instruction", "language"}


def rfc3339(text):
    """A time with an offset, in milliseconds."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text), text
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def start_all(home, broker, influx, hook):
    simulator = Simulator(home, "pms5003", "--every", "200ms")
    slave = ModbusSlave(home, {0: 100, 1: 0})
    return slave, Gateway(
        home,
        sensors=[
            {"name": "dust", "driver": "pms5003", "port": simulator.link},
            {"name": "gauge", "driver": "modbus", "port": slave.port, "baud": 9600, "unit_id": 1,
             "every": "500ms", "function": 3,
             "registers": [{"metric": "rain_total", "address": 0, "type": "uint16",
                            "scale": 0.1}]},
            mqtt_sensor(broker, metrics=("pm25", "pm10", "temperature")),
        ],
        outputs=[influx_output(influx)],
        alerts={"language": "vi",
                "rules": [{"name": "dust-now", "metric": "pm25", "above": 150.0,
                           "clear_below": 120.0, "severity": "severe"},
                          {"name": "downpour", "metric": "rain_1h", "above": 1.0,
                           "severity": "severe"}],
                "channels": [{"name": "hook", "type": "webhook", "url": f"{hook.url}/alerts"}]},
    ).start()


def check_dust(influx):
    """The simulator's captured frame says 5, 13 and 22."""
    rows = wait_until(lambda: influx.query("SELECT * FROM environment WHERE sensor = 'dust'"),
                      15, "dust in InfluxDB")
    assert {(row["station"], row["pm1"], row["pm25"], row["pm10"]) for row in rows} == {
        ("HN-CG-01", 5, 13, 22)}


def check_nodes(influx, node, gateway):
    sent = []
    for number in range(20):
        payload = {"pm25": 10.5 + number, "pm10": 20 + number, "temperature": -3.25 + number}
        node.publish("env/HN-BD-02/air", payload)
        sent.append(payload)
    rows = wait_until(
        lambda: (lambda found: len(found) == 20 and found)(influx.query(
            "SELECT * FROM environment WHERE sensor = 'nodes' AND station = 'HN-BD-02'")),
        15, "20 rows of the node in InfluxDB")
    assert [{key: row[key] for key in ("pm25", "pm10", "temperature")} for row in rows] == sent
    # precision=ms: InfluxDB holds the very times that the store has.
    stored = [time for time, in gateway.query(
        "SELECT time FROM report JOIN source ON source.id = report.source"
        " WHERE station = 'HN-BD-02' ORDER BY report.id")]
    assert [row["time"] for row in rows] == stored
    now = datetime.now().timestamp() * 1000
    assert all(now - 60000 < time <= now for time in stored)


def check_rain(influx, slave, hook):
    def totals():
        return [row["rain_total"] for row in influx.query(
            "SELECT rain_total FROM environment WHERE sensor = 'gauge'")]

    wait_until(lambda: 10 in totals(), 15, "the gauge's counter in InfluxDB")
    slave.set({0: 125})
    wait_until(lambda: 12.5 in totals(), 15, "the counter after the rain")
    rain = [row["rain"] for row in influx.query(
        "SELECT rain FROM environment WHERE sensor = 'gauge' AND rain > 0")]
    assert rain == [2.5], "the first reading is the baseline, the difference is rain"
    alert = wait_until(lambda: [message for message in hook.messages()
                                if message["rule"] == "downpour"], 15, "the cloudburst")[0]
    assert (alert["hazard"], alert["metric"], alert["value"]) == ("rain", "rain_1h", 2.5)


def check_alert(node, hook):
    def of_dust():
        return [message for message in hook.messages() if message["rule"] == "dust-now"]

    node.publish("env/HN-BD-02/air", {"pm25": 180.5, "pm10": 200, "temperature": 20})
    firing, = wait_until(of_dust, 10, "the alert")
    node.publish("env/HN-BD-02/air", {"pm25": 130, "pm10": 200, "temperature": 20})
    node.publish("env/HN-BD-02/air", {"pm25": 119, "pm10": 200, "temperature": 20})
    wait_until(lambda: len(of_dust()) == 2, 10, "the all-clear")
    resolved = of_dust()[1]
    for message in (firing, resolved):
        assert set(message) == WEBHOOK_KEYS
        assert rfc3339(message["since"]) <= rfc3339(message["at"]) < rfc3339(message["expires"])
        assert message["title"] and message["text"]
    assert firing["instruction"]
    assert firing["id"] == resolved["id"]
    assert (firing["revision"], resolved["revision"]) == (1, 2)
    assert (firing["state"], resolved["state"]) == ("firing", "resolved")
    assert (firing["value"], resolved["value"]) == (180.5, 119)
    expected = {"rule": "dust-now", "hazard": "air", "severity": "severe", "station": "HN-BD-02",
                "metric": "pm25", "unit": "µg/m³", "threshold": 150, "language": "vi"}
    assert {key: firing[key] for key in expected} == expected
    requests = [request for request in hook.requests if request.json()["rule"] == "dust-now"]
    assert {request.path for request in requests} == {"/alerts"}
    assert {request.headers["Content-Type"] for request in requests} == {"application/json"}


def check_web(gateway):
    status, headers, page = gateway.get("/")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert "Cầu Giấy" in page
    stations = {station["id"]: station for station in gateway.stations()}
    assert stations["HN-CG-01"]["name"] == "Cầu Giấy"
    assert {sensor["name"] for sensor in stations["HN-CG-01"]["sensors"]} == {"dust", "gauge"}
    value = gateway.value("HN-CG-01", "dust", "pm25")
    assert (value["value"], value["unit"], value["flag"]) == (13, "µg/m³", 1)
    assert timedelta(milliseconds=abs(rfc3339(value["time"])
                                      - datetime.now().timestamp() * 1000)).total_seconds() < 30
    status, headers, metrics = gateway.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert re.search(r'^muabui_output_sent_total\{output="city",type="influxdb"\} [1-9]', metrics,
                     re.M)
    assert 'muabui_sensor_results_total{sensor="gauge",result="ok"}' in metrics
    assert gateway.get("/healthz")[0] == 200
    assert gateway.get("/api/v1/stations/HN-BD-02")[0] == 200
    assert gateway.get("/api/v1/stations/nobody")[0] == 404
    assert gateway.get("/nothing")[0] == 404
    json.loads(gateway.get("/api/v1/stations")[2])


def test_readings_reach_influxdb_and_alerts_a_webhook(home, broker):
    influx, hook = Influx(home), HttpSink(home)
    slave, gateway = start_all(home, broker, influx, hook)
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    check_dust(influx)
    check_nodes(influx, node, gateway)
    check_rain(influx, slave, hook)
    check_alert(node, hook)
    check_web(gateway)
    wait_until(lambda: gateway.output("city")["lag"] == 0, 10, "the output is up to date")
    status = gateway.status()
    assert status["health"]["ok"]
    assert status["ring"]["dropped"] == 0 and status["recorder"]["commit_errors"] == 0
    assert gateway.output("city")["failures"] == 0 and gateway.output("city")["dead"] == 0
    assert gateway.run("status").returncode == 0
    gateway.stop()
