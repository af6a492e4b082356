"""The JSON and CSV interfaces: what they answer is what the OpenAPI document promises."""

import csv
import gzip
import io
import json
import re
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import jsonschema
import pytest

from lib import Gateway, SLOW, find_program, mqtt_sensor, wait_until
from mqtt_wire import Publisher

MINUTE, HOUR = 60000, 3600000
YEAR_BOUND = 0.05   # seconds, for a year of hours
LIST_BOUND = 0.02   # for a thousand stations
OWN = "HN-CG-01"


def ask(gateway, path, method="GET", body=None, **headers):
    """(status, headers, bytes) of what the gateway's server says."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}{path}", data=body,
                                     method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class Contract:
    """What the served OpenAPI document says of answers."""

    def __init__(self, gateway):
        status, headers, text = ask(gateway, "/api/v1/openapi.json")
        assert status == 200 and headers["Content-Type"] == "application/json"
        self.document = json.loads(text)

    def resolve(self, node):
        while "$ref" in node:
            at = self.document
            for part in node["$ref"].lstrip("#/").split("/"):
                at = at[part]
            node = at
        return node

    def path_of(self, path):
        path = path.split("?")[0]
        for pattern in sorted(self.document["paths"], key=lambda one: "{" in one):
            expression = re.sub(r"\\\{path\\\}", ".+", re.escape(pattern))
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", expression), path):
                return self.document["paths"][pattern]
        raise AssertionError(f"{path} is not described")

    def check(self, path, method, status, headers, text):
        operation = self.path_of(path)[method.lower()]
        assert str(status) in operation["responses"], (path, method, status)
        content = self.resolve(operation["responses"][str(status)]).get("content")
        if not content:
            assert text == b""
            return None
        kind = headers["Content-Type"].split(";")[0]
        assert kind in content, (path, kind)
        if "json" not in kind:
            return text.decode()
        value = json.loads(text)
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema",
                  "components": self.document["components"], **content[kind]["schema"]}
        jsonschema.Draft202012Validator(schema).validate(value)
        return value

    def get(self, gateway, path, status=200, **headers):
        answer = ask(gateway, path, **headers)
        assert answer[0] == status, (path, answer)
        return self.check(path, "GET", *answer)


def make_gateway(home, broker, **sections):
    return Gateway(home, sensors=[mqtt_sensor(broker, metrics=("pm25", "temperature", "rain"))],
                   **sections)


def start(gateway, broker):
    gateway.start()
    gateway.wait_connected("nodes")
    return Publisher(broker)


def publish(publisher, station, **values):
    publisher.publish(f"env/{station}/air", json.dumps(values), qos=1)


def rfc3339(ms):
    return urllib.parse.quote(time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(ms / 1000)))


def fill(gateway, station, metric, hours, minutes):
    """Hours and minutes up to now, each with a gap; value 10 + i % 40."""
    store = sqlite3.connect(gateway.store)
    (source,), = store.execute("SELECT id FROM source WHERE station=?", (station,))
    (number,), = store.execute("SELECT id FROM metric WHERE name=?", (metric,))
    now = int(time.time() * 1000)
    for table, count, length in (("hour", hours, HOUR), ("minute", minutes, MINUTE)):
        last = now // length * length - length
        store.executemany(f"INSERT OR REPLACE INTO {table} VALUES(?,?,?,?,?,?,?)", (
            (source, number, last - i * length, length // 1000, length / 1000 * (10 + i % 40),
             9 + i % 40, 11 + i % 40)
            for i in range(count) if i % 50 != 7))
    store.commit()
    store.close()


def test_the_document_is_sound_and_complete(home, broker):
    gateway = make_gateway(home, broker)
    start(gateway, broker)
    contract = Contract(gateway)
    document = contract.document
    assert document["openapi"].startswith("3.1.")
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema), name
    for reference in re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(document)):
        assert contract.resolve({"$ref": reference})
    for path, item in document["paths"].items():
        names = {one["name"] for one in item.get("parameters", ())}
        assert set(re.findall(r"\{(\w+)\}", path)) <= names, path
    # Every route of the program is in it.
    from pathlib import Path
    routes = (Path(__file__).resolve().parents[2] / "web/routes.c").read_text()
    for path in re.findall(r'\.path = "((?:/api/|/sta/|/feeds/|/metrics|/healthz)[^"]*)"', routes):
        assert path.replace("{rest}", "{path}") in document["paths"], path


def test_answers_are_as_promised(home, broker):
    gateway = make_gateway(home, broker, stations=[{"id": "HN-XX", "name": "Im lặng"}],
                           alerts={"rules": [{"name": "dust-now", "metric": "pm25", "above": 150.0}],
                                   "channels": [{"name": "out", "type": "console"}]})
    publisher = start(gateway, broker)
    publish(publisher, "HN-BD-02", pm25=180, temperature=31.5, rain=0.2)
    wait_until(lambda: gateway.value("HN-BD-02", "nodes", "rain"))
    contract = Contract(gateway)
    stations = wait_until(lambda: [one for one in contract.get(gateway, "/api/v1/stations")
                                   if one["id"] == "HN-BD-02"][0]["sensors"] and
                          contract.get(gateway, "/api/v1/stations"))
    # The own one first, then all others that are known, also those that never spoke.
    assert [one["id"] for one in stations] == [OWN, "HN-BD-02", "HN-XX"]
    assert stations[2]["name"] == "Im lặng" and stations[2]["sensors"] == []
    value = stations[1]["sensors"][0]["values"][0]
    assert value["current"] and value["age"] < 60 and value["unit"]
    summary = contract.get(gateway, "/api/v1/stations?fields=summary")[1]
    assert summary["values"]["pm25"] == 180 and "sensors" not in summary
    station = contract.get(gateway, "/api/v1/stations/HN-BD-02")
    assert station["air"]["hour"] is None and station["index"] is None
    history = contract.get(gateway, "/api/v1/stations/HN-BD-02/history?metric=pm25,rain")
    assert history["step"] == "5m" and len(history["times"]) in (288, 289)
    wait_until(lambda: contract.get(gateway, "/api/v1/alerts")["alerts"])
    contract.get(gateway, "/sta/v1.1/Things?$expand=Datastreams")
    contract.get(gateway, "/healthz")
    contract.get(gateway, "/metrics")
    contract.get(gateway, "/feeds/cap.xml")
    # Errors, too.
    for path, status in (("/api/v1/stations/nobody", 404), ("/api/v1/stations?limit=x", 400),
                         ("/api/v1/stations/nobody/history?metric=pm25", 404),
                         ("/api/v1/stations/HN-BD-02/history", 400),
                         ("/api/v1/stations/HN-BD-02/history?metric=pm26", 400),
                         ("/api/v1/stations/HN-BD-02/history?metric=pm25&step=7m", 400),
                         ("/api/v1/stations/HN-BD-02/history?metric=pm25&from=yesterday", 400),
                         ("/api/v1/stations/HN-BD-02/history?metric=pm25&step=1m"
                          "&from=2020-01-01T00:00:00Z", 400),
                         ("/api/v1/stations/HN-BD-02/history?metric=pm25&step=31d"
                          "&from=1970-01-01T00:00:00Z", 400),
                         ("/api/v1/readings.csv?from=2020-01-01T00:00:00Z", 400),
                         ("/api/v1/alerts?limit=0", 400), ("/sta/v1.1/Nothing", 404)):
        assert contract.get(gateway, path, status)["status"] == status
    contract.get(gateway, "/api/v1/stations", 406, Accept="text/html")
    for path in ("/api/v1/stations", "/api/v1/stations/HN-BD-02/history"):
        status, headers, text = ask(gateway, path, "POST", b"{}")
        assert status == 405 and headers["Allow"] == "GET, HEAD, OPTIONS"
        assert json.loads(text)["status"] == 405


@pytest.mark.alone
def test_lists_are_shared_tagged_and_small(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    for i in range(1000):
        publish(publisher, f"S-{i:04d}", pm25=i % 300, temperature=25.5)
    wait_until(lambda: len(json.loads(ask(gateway, "/api/v1/stations?fields=summary")[2])) == 1000,
               timeout=30)
    # A page is full at a thousand; the own one was the first of them.
    status, headers, text = ask(gateway, "/api/v1/stations?fields=summary")
    link = re.fullmatch(r'<([^>]+)>; rel="next"', headers["Link"])[1]
    assert [one["id"] for one in json.loads(ask(gateway, link)[2])] == ["S-0999"]
    took, plain, zipped = [], 0, 0
    for path in ("/api/v1/stations?fields=summary", "/api/v1/stations"):
        times = []
        for _ in range(5):
            time.sleep(1.1)  # it is kept for a second
            begun = time.monotonic()
            status, headers, text = ask(gateway, path, Accept_Encoding="gzip")
            times.append(time.monotonic() - begun)
            assert headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in headers["Vary"]
        took.append(sorted(times)[2])
        print(f"{path}: {took[-1] * 1000:.1f} ms, {len(text)} of {len(gzip.decompress(text))} bytes")
    assert took[0] < LIST_BOUND * SLOW * 2  # made, compressed, sent and read
    # The tag holds while nothing comes, whatever the ages are.
    tag = ask(gateway, "/api/v1/stations")[1]["ETag"]
    time.sleep(1.5)
    status, headers, text = ask(gateway, "/api/v1/stations", If_None_Match=tag)
    assert (status, text, headers["ETag"]) == (304, b"", tag)
    publish(publisher, "S-0001", pm25=299)
    wait_until(lambda: ask(gateway, "/api/v1/stations", If_None_Match=tag)[0] == 200)
    # A phone's place is never asked for: the argument is nothing.
    assert ask(gateway, "/api/v1/stations?near=21.0,105.8")[2] == ask(gateway, "/api/v1/stations")[2]


@pytest.mark.alone
def test_history_has_gaps_and_a_year_is_quick(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    publish(publisher, OWN, pm25=35, rain=0.2)
    wait_until(lambda: gateway.value(OWN, "nodes", "pm25"))
    gateway.stop()
    fill(gateway, OWN, "pm25", 9000, 3000)
    fill(gateway, OWN, "rain", 100, 0)
    gateway.start()
    contract = Contract(gateway)
    now = int(time.time() * 1000)
    path = f"/api/v1/stations/{OWN}/history?metric=pm25,rain&step=1h&from={rfc3339(now - 60 * HOUR)}"
    history = contract.get(gateway, path)
    pm25, rain = history["series"]
    assert (pm25["aggregate"], rain["aggregate"]) == ("mean", "sum")
    assert len(history["times"]) == len(pm25["values"]) == len(rain["completeness"])
    gaps = [i for i, value in enumerate(pm25["values"]) if value is None]
    # Hours 7 and 57 before the last are not there. The hour that runs, and the one before
    # it while it is not made yet, are made of minutes.
    is_young = now % HOUR < 3 * MINUTE  # an hour of which nothing is known yet is a gap, too
    assert len(gaps) in ((2, 3) if is_young else (2,))
    assert all(pm25["completeness"][i] == 0 for i in gaps)
    assert all(pm25["min"][i] is None and pm25["max"][i] is None for i in gaps)
    assert pm25["completeness"][-1] < 1
    at = len(history["times"]) - 3
    assert (pm25["values"][at], pm25["min"][at], pm25["max"][at]) == (10, 9, 11)
    assert rain["values"][at] == 36000
    rows = list(csv.DictReader(io.StringIO(ask(gateway, path, Accept="text/csv")[2].decode())))
    assert len(rows) == 2 * len(history["times"])
    assert [row["value"] for row in rows if row["metric"] == "pm25"][gaps[0]] == ""
    assert {row["unit"] for row in rows} == {"µg/m³", "mm"}
    dotted = ask(gateway, path.replace("/history?", "/history.csv?"))
    assert dotted[1]["Content-Type"].startswith("text/csv") and dotted[2].count(b"\r\n") == len(rows) + 1
    times = []
    for i in range(5):
        begun = time.monotonic()
        year = contract_free(gateway, f"/api/v1/stations/{OWN}/history?metric=pm25&step=1h"
                             f"&from={rfc3339(now - (365 * 24 + i) * HOUR)}")
        times.append(time.monotonic() - begun)
    print(f"a year of hours: {sorted(times)[2] * 1000:.1f} ms, {len(year)} bytes")
    assert sorted(times)[2] < YEAR_BOUND * SLOW * 2
    assert sum(value is not None for value in json.loads(year)["series"][0]["values"]) > 8500
    # By the index, not by going through the table.
    plan = gateway.query("EXPLAIN QUERY PLAN SELECT end FROM hour WHERE source=1 AND metric=1"
                         " AND end > 0 AND end <= 9 ORDER BY end")
    assert "SEARCH" in plan[0][3] and "SCAN" not in plan[0][3]


def contract_free(gateway, path):
    status, _, text = ask(gateway, path)
    assert status == 200
    return text


def test_raw_readings_are_streamed(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    for i in range(3000):
        publish(publisher, f"S{i % 3}", pm25=i, temperature=20)
    wait_until(lambda: gateway.query("SELECT count(*) FROM report")[0][0] >= 3000)
    status, headers, text = ask(gateway, "/api/v1/readings.csv?metric=pm25")
    assert status == 200 and headers["Transfer-Encoding"] == "chunked"
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert [float(row["value"]) for row in rows] == list(range(3000))
    assert rows[0]["unit"] == "µg/m³" and rows[0]["status"] == "0" and rows[0]["sensor"] == "nodes"
    one = ask(gateway, "/api/v1/readings.csv?metric=pm25,temperature&station=S1")[2].decode()
    rows = list(csv.DictReader(io.StringIO(one)))
    assert len(rows) == 2000 and {row["station"] for row in rows} == {"S1"}
    past = ask(gateway, "/api/v1/readings.csv?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
    assert past[2].count(b"\r\n") == 1


def test_an_address_may_read_so_often(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    publish(publisher, OWN, pm25=35)
    path = f"/api/v1/stations/{OWN}/history?metric=pm25"
    answers = [ask(gateway, path, X_Forwarded_For="10.1.2.3") for _ in range(700)]
    refused = [answer for answer in answers if answer[0] == 429]
    assert 20 < len(refused) <= 100 and {answer[0] for answer in answers} == {200, 429}
    assert int(refused[0][1]["Retry-After"]) >= 1
    assert refused[0][1]["Content-Type"] == "application/problem+json"
    # Others are not concerned, and what needs no store is for all.
    assert ask(gateway, path, X_Forwarded_For="10.1.2.4")[0] == 200
    assert ask(gateway, path)[0] == 200
    assert ask(gateway, "/api/v1/stations", X_Forwarded_For="10.1.2.3")[0] == 200


def test_metrics_are_what_prometheus_takes(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    publish(publisher, OWN, pm25=35)
    wait_until(lambda: gateway.value(OWN, "nodes", "pm25"))
    text = ask(gateway, "/metrics")[2]
    checked = subprocess.run([find_program("promtool"), "check", "metrics"], input=text,
                             capture_output=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("origin", ["https://elsewhere.example"])
def test_pages_elsewhere_may_read_and_not_subscribe(home, broker, origin):
    gateway = make_gateway(home, broker)
    start(gateway, broker)
    for path in ("/api/v1/stations", "/sta/v1.1/Things", "/feeds/cap.xml"):
        assert ask(gateway, path, Origin=origin)[1]["Access-Control-Allow-Origin"] == "*"
    status, headers, _ = ask(gateway, "/api/v1/stations", "OPTIONS", Origin=origin)
    assert status == 204 and "If-None-Match" in headers["Access-Control-Allow-Headers"]
    status, headers, _ = ask(gateway, "/api/v1/subscriptions", "OPTIONS", Origin=origin)
    assert status in (204, 404) and "Access-Control-Allow-Methods" not in headers
    assert ask(gateway, "/", Origin=origin)[1]["Access-Control-Allow-Origin"] is None
