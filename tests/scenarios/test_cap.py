"""Alerts in CAP 1.2: the feed, each message at its address, and pushed to an aggregator."""

import subprocess
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from datetime import datetime
from pathlib import Path

import feedparser

from lib import Gateway, HttpSink, find_program, mqtt_sensor, wait_until
from mqtt_wire import Publisher

SCHEMA = Path(__file__).resolve().parent / "data" / "cap12.xsd"
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
NAMES = {"cap": "urn:oasis:names:tc:emergency:cap:1.2"}


def make_gateway(home, broker, channels=(), cap=None, **rule):
    rule = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
            "severity": "severe", **rule}
    return Gateway(home, sensors=[mqtt_sensor(broker, topic="env/+/air")],
                   alerts={"rules": [rule, {"name": "battery", "metric": "battery",
                                            "below": 11.0, "audience": "operators"}],
                           "channels": [{"name": "out", "type": "console"}, *channels],
                           "cap": {"sender": "canhbao@hanoi.example",
                                   "sender_name": "Sở Môi trường", **(cap or {})}})


def start(gateway, broker):
    gateway.start()
    gateway.wait_connected("nodes")
    return Publisher(broker)


def validate(home, text):
    """By the schema, and by what Google's profile asks for."""
    document = home.path / "message.xml"
    document.write_text(text)
    checked = subprocess.run([find_program("xmllint"), "--noout", "--schema", SCHEMA, document],
                             capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stderr + text
    alert = ElementTree.fromstring(text)
    infos = alert.findall("cap:info", NAMES)
    assert [info.findtext("cap:language", None, NAMES) for info in infos] == ["vi-VN", "en-US"]
    categories = [[one.text for one in info.findall("cap:category", NAMES)] for info in infos]
    assert categories[0] == categories[1] != []
    for info in infos:
        for name in ("description", "web", "expires", "area", "senderName", "responseType",
                     "instruction", "headline"):
            assert info.find(f"cap:{name}", NAMES) is not None, name
        text_of = lambda name: info.findtext(f"cap:{name}", None, NAMES)
        assert datetime.fromisoformat(text_of("expires")) >= datetime.fromisoformat(
            text_of("effective"))
        assert len(text_of("headline")) < 140 and text_of("headline") != text_of("description")
        for area in info.findall("cap:area", NAMES):
            assert area.find("cap:circle", NAMES) is not None or \
                area.find("cap:geocode", NAMES) is not None
            for circle in area.findall("cap:circle", NAMES):
                assert float(circle.text.split()[1]) > 0
    has_references = alert.find("cap:references", NAMES) is not None
    assert has_references == (alert.findtext("cap:msgType", None, NAMES) != "Alert")
    return alert


def get(gateway, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def entries(gateway):
    return feedparser.parse(get(gateway, "/feeds/cap.xml")[2]).entries


def path_of(entry):
    return "/" + entry.links[0]["href"].split("/", 3)[3]


def test_an_episode_is_a_chain_of_messages(home, broker):
    gateway = make_gateway(home, broker)
    node = start(gateway, broker)
    assert entries(gateway) == []
    node.publish("env/HN-CG-01/air", {"pm25": 200})
    first, = wait_until(lambda: entries(gateway), 10, "the alert is in the feed")
    status, headers, text = get(gateway, path_of(first))
    assert status == 200 and headers["Content-Type"].startswith("application/cap+xml")
    alert = validate(home, text)
    field = lambda name: alert.findtext(f"cap:{name}", None, NAMES)
    assert (field("msgType"), field("status"), field("scope")) == ("Alert", "Actual", "Public")
    assert field("sender") == "canhbao@hanoi.example" and field("sent").endswith("+07:00")
    info = alert.find("cap:info", NAMES)
    assert info.findtext("cap:area/cap:circle", None, NAMES) == "21.03620,105.79060 2.0"
    assert info.findtext("cap:area/cap:geocode/cap:value", None, NAMES) == "hn-cau-giay"
    assert info.findtext("cap:severity", None, NAMES) == "Severe"
    assert info.findtext("cap:senderName", None, NAMES) == "Sở Môi trường"

    node.publish("env/HN-CG-01/air", {"pm25": 100})
    second, = wait_until(lambda: [one for one in entries(gateway) if one.id != first.id], 10,
                         "the end is in the feed, instead of the alert")
    cancel = validate(home, get(gateway, path_of(second))[2])
    assert cancel.findtext("cap:msgType", None, NAMES) == "Cancel"
    assert cancel.findtext("cap:references", None, NAMES) == ",".join(
        (field("sender"), field("identifier"), field("sent")))
    assert cancel.findtext("cap:info/cap:responseType", None, NAMES) == "AllClear"
    # The first one is still where it was, and the same.
    assert get(gateway, path_of(first))[2] == text
    gateway.restart()
    assert get(gateway, path_of(first))[2] == text
    gateway.stop()


def test_a_reader_is_told_what_has_not_changed(home, broker):
    gateway = make_gateway(home, broker)
    node = start(gateway, broker)
    node.publish("env/HN-CG-01/air", {"pm25": 200})
    wait_until(lambda: entries(gateway), 10, "the alert")
    for path in ("/feeds/cap.xml", path_of(entries(gateway)[0])):
        status, headers, _ = get(gateway, path)
        assert status == 200 and headers["ETag"] and headers["Last-Modified"]
        assert get(gateway, path, **{"If-None-Match": headers["ETag"]})[0] == 304
        assert get(gateway, path, **{"If-Modified-Since": headers["Last-Modified"]})[0] == 304
        assert get(gateway, path, **{"If-None-Match": '"another"'})[0] == 200
    feed = feedparser.parse(get(gateway, "/feeds/cap.xml")[2])
    assert not feed.bozo, feed.get("bozo_exception")
    entry, = feed.entries
    assert entry.links[0]["type"] == "application/cap+xml" and entry.summary and entry.updated
    english = feedparser.parse(get(gateway, "/feeds/cap.xml?lang=en")[2]).entries[0]
    assert english.title != entry.title and english.id == entry.id
    gateway.stop()


def test_what_has_expired_leaves_the_feed_and_stays_at_its_address(home, broker):
    gateway = make_gateway(home, broker, expires="3s")
    node = start(gateway, broker)
    node.publish("env/HN-CG-01/air", {"pm25": 200})
    entry, = wait_until(lambda: entries(gateway), 10, "the alert")
    modified = get(gateway, "/feeds/cap.xml")[1]["Last-Modified"]
    wait_until(lambda: not entries(gateway), 10, "it leaves")
    assert get(gateway, "/feeds/cap.xml")[1]["Last-Modified"] != modified
    validate(home, get(gateway, path_of(entry))[2])
    gateway.stop()


def test_what_is_not_for_citizens_is_nowhere(home, broker):
    gateway = make_gateway(home, broker)
    gateway.configure(sensors=[mqtt_sensor(broker, metrics=("pm25", "battery"))])
    node = start(gateway, broker)
    node.publish("env/HN-CG-01/air", {"battery": 10.0})
    episode = wait_until(lambda: gateway.query(
        "SELECT episode, revision FROM episode_message WHERE NOT public"), 10, "an alert")[0]
    assert entries(gateway) == []
    for name in (f"{episode[0]}.{episode[1]}.xml", "nothing.1.xml", "x.0.xml", "x.xml",
                 "x.99999999999.xml", "x.1.xml.xml"):
        assert get(gateway, f"/feeds/cap/{name}")[0] == 404, name
    gateway.stop()


def test_messages_are_pushed_to_an_aggregator(home, broker):
    aggregator = HttpSink(home)
    token = home.path / "token"
    token.write_text("tk_cap\n")
    gateway = make_gateway(home, broker, [{"name": "vnmha", "type": "cap", "token_file": token,
                                           "url": f"{aggregator.url}/cap"}],
                           cap={"status": "Exercise", "geocode": "VN-WARD"})
    node = start(gateway, broker)
    node.publish("env/N-7/air", {"pm25": 200})
    wait_until(lambda: len(aggregator.taken) == 1, 10, "the alert")
    node.publish("env/N-7/air", {"pm25": 100})
    wait_until(lambda: len(aggregator.taken) == 2, 10, "its end")
    first, second = aggregator.taken
    assert first.headers["Content-Type"] == "application/cap+xml"
    assert first.headers["Authorization"] == "Bearer tk_cap"
    alert, cancel = validate(home, first.body), validate(home, second.body)
    assert alert.findtext("cap:status", None, NAMES) == "Exercise"
    assert cancel.findtext("cap:msgType", None, NAMES) == "Cancel"
    assert alert.findtext("cap:identifier", None, NAMES) in cancel.findtext(
        "cap:references", None, NAMES)
    # A station whose place is not known has a code, and no circle.
    assert alert.find("cap:info/cap:area/cap:circle", NAMES) is None
    assert alert.findtext("cap:info/cap:area/cap:geocode/cap:valueName", None, NAMES) == "VN-WARD"
    assert gateway.run("alert", "test", "vnmha").returncode == 0
    trial = validate(home, aggregator.taken[2].body)
    assert trial.findtext("cap:status", None, NAMES) == "Test"
    gateway.stop()
