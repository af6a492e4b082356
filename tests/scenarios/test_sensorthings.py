"""OGC SensorThings 1.1: links lead somewhere, options do what they say, nonsense is refused."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from lib import Gateway, mqtt_sensor, wait_until
from mqtt_wire import Publisher

MINUTE = 60000
SETS = ("Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors",
        "ObservedProperties", "Observations", "FeaturesOfInterest")
STREAM = "HN-BD-02:nodes:pm25"


def ask(gateway, path, **options):
    """(status, what came) of a path, or of a link."""
    url = path if path.startswith("http") else f"http://127.0.0.1:{gateway.port}/sta/v1.1{path}"
    if options:
        url += "?" + urllib.parse.urlencode({f"${name}": value for name, value in options.items()})
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] \
                else text
    except urllib.error.HTTPError as error:
        assert error.headers["Content-Type"] == "application/problem+json"
        return error.code, json.loads(error.read())


def get(gateway, path, **options):
    status, body = ask(gateway, path, **options)
    assert status == 200, (path, options, body)
    return body


@pytest.fixture
def gateway(home, broker):
    """Two stations: the gateway's own, and one with an hour of minutes behind it."""
    gateway = Gateway(home, sensors=[mqtt_sensor(broker, metrics=("pm25", "temperature"))],
                      stations=[{"id": "HN-BD-02", "name": "Ba Đình", "area": "hn-ba-dinh",
                                 "latitude": 21.034, "longitude": 105.814}])
    gateway.start()
    gateway.wait_connected("nodes")
    publisher = Publisher(broker)
    publisher.publish("env/HN-BD-02/air", json.dumps({"pm25": 35.25, "temperature": 31.5}), qos=1)
    wait_until(lambda: gateway.value("HN-BD-02", "nodes", "pm25"))
    gateway.stop()
    fill(gateway)
    gateway.start()
    return gateway


def fill(gateway):
    """60 minutes of pm25: 0, 1, … 59 µg/m³, the newest one the largest."""
    import sqlite3
    store = sqlite3.connect(gateway.store)
    (source,), = store.execute("SELECT id FROM source WHERE station='HN-BD-02'")
    (metric,), = store.execute("SELECT id FROM metric WHERE name='pm25'")
    last = int(time.time() * 1000) // MINUTE * MINUTE - 5 * MINUTE
    store.executemany("INSERT OR REPLACE INTO minute VALUES(?,?,?,?,?,?,?)", (
        (source, metric, last - (59 - i) * MINUTE, 2, 2.0 * i, i - 0.5, i + 0.5)
        for i in range(60)))
    store.execute("DELETE FROM minute WHERE source=? AND metric=? AND end>?",
                  (source, metric, last))
    store.commit()
    store.close()
    gateway.last = last


def rfc3339(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))


def test_every_link_leads_somewhere(gateway):
    root = get(gateway, "/")
    assert [one["name"] for one in root["value"]] == list(SETS)
    assert root["serverSettings"]["conformance"]
    seen, waiting = set(), [one["url"] for one in root["value"]]
    while waiting:
        link = waiting.pop()
        if link in seen:
            continue
        seen.add(link)
        assert len(seen) < 500
        body = get(gateway, link)
        for entity in body.get("value", [body]):
            for key, value in entity.items():
                if key.endswith(("@iot.selfLink", "@iot.navigationLink")):
                    waiting.append(value)
            if "@iot.selfLink" in entity:
                assert get(gateway, entity["@iot.selfLink"])["@iot.id"] == entity["@iot.id"]
    assert len(seen) > 40


def test_what_stands_for_what(gateway):
    things = get(gateway, "/Things")["value"]
    assert [thing["@iot.id"] for thing in things] == ["HN-BD-02", "HN-CG-01"]
    assert things[0]["name"] == "Ba Đình" and things[0]["properties"]["area"] == "hn-ba-dinh"
    location, = get(gateway, "/Things('HN-BD-02')/Locations")["value"]
    assert location["encodingType"] == "application/geo+json"
    assert location["location"] == {"type": "Point", "coordinates": [105.814, 21.034]}
    stream = get(gateway, f"/Datastreams('{STREAM}')")
    assert stream["unitOfMeasurement"] == {"name": "µg/m³", "symbol": "µg/m³",
                                           "definition": "ucum:ug/m3"}
    assert stream["observationType"].endswith("OM_Measurement")
    assert stream["properties"]["newest"]["value"] == 35.25
    assert stream["properties"]["newest"]["flag"] in (1, 2)
    assert get(gateway, f"/Datastreams('{STREAM}')/ObservedProperty")["name"] == "pm25"
    assert get(gateway, f"/Datastreams('{STREAM}')/Thing")["@iot.id"] == "HN-BD-02"
    assert get(gateway, f"/Datastreams('{STREAM}')/Thing/Datastreams('{STREAM}')/Sensor")[
        "name"] == "nodes"
    assert get(gateway, "/Things('HN-BD-02')/HistoricalLocations")["value"] == []
    newest = get(gateway, f"/Datastreams('{STREAM}')/Observations", top=1)["value"][0]
    assert newest["result"] == 59
    assert newest["phenomenonTime"].count("/") == 1 and newest["resultQuality"] == "1-3"
    assert newest["parameters"] == {"count": 2, "min": 58.5, "max": 59.5}
    assert newest["@iot.id"] == f"{STREAM}:{gateway.last}"
    where = get(gateway, newest["FeatureOfInterest@iot.navigationLink"])
    assert where["feature"]["coordinates"] == [105.814, 21.034]
    # Properties and values, and references.
    assert get(gateway, "/Things('HN-BD-02')/name") == {"name": "Ba Đình"}
    assert get(gateway, "/Things('HN-BD-02')/name/$value") == "Ba Đình"
    assert json.loads(get(gateway, f"/Observations('{newest['@iot.id']}')/result/$value")) == 59
    assert list(get(gateway, "/Things/$ref")["value"][0]) == ["@iot.selfLink"]


def test_pages(gateway):
    link, results, pages = f"/Datastreams('{STREAM}')/Observations?$top=7&$count=true", [], 0
    while link:
        body = get(gateway, link)
        assert body["@iot.count"] == 60
        results += [one["result"] for one in body["value"]]
        link, pages = body.get("@iot.nextLink"), pages + 1
    assert results == list(range(59, -1, -1)) and pages == 9
    streams, link = [], "/Datastreams?$top=1&$select=@iot.id&$orderby=name desc"
    link = link.replace(" ", "%20")
    while link:
        body = get(gateway, link)
        assert [list(one) for one in body["value"]] == [["@iot.id"]]
        streams += body["value"]
        link = body.get("@iot.nextLink")
    assert len(streams) >= 2
    assert [one["@iot.id"] for one in streams if "nodes" in one["@iot.id"]] == [
        "HN-BD-02:nodes:temperature", "HN-BD-02:nodes:pm25"]
    assert get(gateway, "/Things", top=0, count="true") ["@iot.count"] == 2


def test_filters_and_orders(gateway):
    path = f"/Datastreams('{STREAM}')/Observations"

    def results(**options):
        return [one["result"] for one in get(gateway, path, top=1000, **options)["value"]]

    assert results(filter="result ge 10 and result lt 13") == [12, 11, 10]
    assert results(filter="result eq 3 or not (result lt 58)",
                   orderby="phenomenonTime asc") == [3, 58, 59]
    ten = rfc3339(gateway.last - 10 * MINUTE)
    assert results(filter=f"phenomenonTime gt {ten}") == list(range(59, 49, -1))
    assert results(filter=f"phenomenonTime le {ten} and result gt 45") == [49, 48, 47, 46]
    assert results(filter=f"phenomenonTime gt {ten} and phenomenonTime lt {ten}") == []
    assert results(filter=f"resultTime eq {ten}", orderby="resultTime desc") == [49]
    assert get(gateway, path, filter="result lt 20", count="true", top=0)["@iot.count"] == 20
    things = get(gateway, "/Things", filter="name eq 'Ba Đình'")["value"]
    assert [thing["@iot.id"] for thing in things] == ["HN-BD-02"]
    streams = get(gateway, "/Datastreams", select="name",
                  filter="ObservedProperty/name eq 'pm25' and Thing/id eq 'HN-BD-02'")["value"]
    assert streams == [{"name": "pm25, Ba Đình"}]


def test_expansions(gateway):
    thing, = get(gateway, "/Things", filter="id eq 'HN-BD-02'", expand=
                 "Locations($select=location),"
                 "Datastreams($filter=ObservedProperty/name eq 'pm25';"
                 "$expand=ObservedProperty,Observations($top=2;$select=result;$count=true))")["value"]
    assert thing["Locations"][0] == {"location": {"type": "Point",
                                                  "coordinates": [105.814, 21.034]}}
    stream, = thing["Datastreams"]
    assert stream["ObservedProperty"]["@iot.id"] == "pm25"
    assert stream["Observations"] == [{"result": 59}, {"result": 58}]
    assert stream["Observations@iot.count"] == 60
    assert "Observations@iot.navigationLink" not in stream and "Sensor@iot.navigationLink" in stream
    stream = get(gateway, f"/Datastreams('{STREAM}')", expand="Observations($top=2),Thing/Locations")
    assert stream["Thing"]["Locations"]
    more = get(gateway, stream["Observations@iot.nextLink"])
    assert [one["result"] for one in more["value"]] == [57, 56]


NONSENSE = [
    ("/Nothing", 404), ("/Things('nobody')", 404), ("/Things(1)", 404), ("/Things('HN-BD-02'", 404),
    ("/Things('HN-BD-02')/Nothing", 404), ("/Things('HN-BD-02')/Thing", 404),
    ("/Things/name", 404), ("/Things('HN-BD-02')/name/$value/x", 404), ("/$value", 404),
    (f"/Things('HN-CG-01')/Datastreams('{STREAM}')", 404), ("/" + "Things/" * 30, 404),
    (f"/Observations('{STREAM}:1')", 404), ("/Things('%00')", 404), ("/Things(%27%27)", 404),
    ("/Things?$top=-1", 400), ("/Things?$top=1001", 400), ("/Things?$skip=x", 400),
    ("/Things?$count=maybe", 400), ("/Things?$orderby=name%20sideways", 400),
    ("/Things?$orderby=nothing", 400), ("/Things?$filter=name", 400),
    ("/Things?$filter=startswith(name,'a')", 400), ("/Things?$filter=nothing%20eq%201", 400),
    ("/Things?$filter=" + "(" * 300, 400), ("/Things?$filter=" + "not%20" * 300, 400),
    ("/Things?$expand=Datastreams(", 400), ("/Things?$expand=Datastreams($x=1)", 400),
    ("/Things?$expand=a/b/c/d/e", 400), ("/Things?$expand=a,b,c,d,e,f,g,h,i,j", 400),
    ("/Things?$select=" + "a," * 40, 400), ("/Things?$filter=%ff", 400)]


def test_nonsense(gateway):
    for path, status in NONSENSE:
        assert (path, ask(gateway, path)[0]) == (path, status)
    assert ask(gateway, "/")[0] == 200


def test_it_is_only_read(gateway):
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}/sta/v1.1/Things",
                                         method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == 405 and "GET" in refused.value.headers["Allow"]
