"""Who was told what: the log, channels that do not work, texts of one's own, the API."""

import csv
import io
import json
import sqlite3
import urllib.parse
from datetime import datetime

from lib import Gateway, HttpSink, mqtt_sensor, wait_until
from mqtt_wire import Publisher

RULE = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
        "severity": "severe"}


def make_gateway(home, broker, channels, **alerts):
    return Gateway(home, sensors=[mqtt_sensor(broker)],
                   alerts={"language": "vi", "rules": [RULE], "channels": channels, **alerts})


def webhook(sink, name="hook", **more):
    return {"name": name, "type": "webhook", "url": sink.url, **more}


def start(gateway, broker):
    gateway.start()
    gateway.wait_connected("nodes")
    return Publisher(broker)


def say(node, pm25, station="A"):
    node.publish(f"env/{station}/air", {"pm25": pm25})


def log_of(gateway, *arguments):
    answer = gateway.run("alert", "log", "--json", *arguments)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_the_log_says_who_was_told_what(home, broker, sink):
    refusing = HttpSink(home, lambda request: (
        400, {}, "no such user: <an.nguyen@hanoi.example> +84912345678"))
    gateway = make_gateway(home, broker, [webhook(sink), webhook(refusing, "mail")])
    node = start(gateway, broker)
    say(node, 200)
    say(node, 210, "B")
    wait_until(lambda: len(log_of(gateway)) == 4, 10, "two told, two refused")
    say(node, 100)
    wait_until(lambda: len(log_of(gateway)) == 6, 10, "an end, told and not owed")
    # While the gateway runs, by each of what one may ask for.
    assert [entry["result"] for entry in log_of(gateway, "--channel", "hook")] == ["delivered"] * 3
    assert {entry["station"] for entry in log_of(gateway, "--station", "B")} == {"B"}
    assert log_of(gateway, "--rule", "other") == []
    assert log_of(gateway, "--to", "2020-01-01T00:00:00+07:00") == []
    assert len(log_of(gateway, "--from", "2020-01-01T00:00:00+07:00")) == 6
    assert [entry["result"] for entry in log_of(gateway, "--channel", "mail")] == [
        "refused", "refused", "untold"]
    told = log_of(gateway, "--channel", "hook")[0]
    assert told["title"] == sink.messages()[0]["title"] and told["id"] == sink.messages()[0]["id"]
    assert told["rule"] == "dust-now" and told["language"] == "vi" and told["attempts"] == 1
    # A dead letter is kept whole; whom it was for is not.
    dead = log_of(gateway, "--refused")[0]
    assert json.loads(dead["body"])["text"] and "400" in dead["answer"]
    assert "nguyen" not in gateway.log() + json.dumps(dead)
    assert "84912345678" not in gateway.log() + json.dumps(dead)
    answer = gateway.run("alert", "log", "--csv")
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert len(rows) == 6 and rows[0]["title"] == told["title"]
    assert "dust-now" in gateway.run("alert", "log").stdout
    assert gateway.run("alert", "log", "--csv", "--json").returncode == 2
    assert gateway.run("alert", "log", "--from", "yesterday").returncode == 2
    gateway.stop()
    assert len(log_of(gateway)) == 6, "without a running gateway too"


def test_operators_hear_of_a_channel_that_does_not_work(home, broker):
    phones, officers = HttpSink(home, start=False), HttpSink(home)
    gateway = make_gateway(home, broker, [
        webhook(phones, "phones"),
        webhook(officers, "officers", audience="operators", language="en")],
        channel_down="2s")
    node = start(gateway, broker)
    say(node, 200)
    first, = wait_until(officers.messages, 20, "operators are told")
    assert first["rule"] == "channel" and first["title"] == "Channel phones does not work"
    assert gateway.channel("phones")["down"] and not gateway.channel("officers")["down"]
    assert 'muabui_channel_down{channel="phones",type="webhook"} 1' in gateway.get("/metrics")[2]
    assert "DOWN" in gateway.run("status").stdout
    gateway.restart()  # once per outage, not once per start
    wait_until(lambda: gateway.channel("phones")["failures"] >= 1 and
               gateway.channel("phones")["down"], 20, "it still does not work")
    assert len(officers.messages()) == 1
    phones.start()
    wait_until(lambda: len(officers.messages()) == 2, 60, "and that it works again")
    second = officers.messages()[1]
    assert second["id"] == first["id"] and second["state"] == "resolved"
    assert not gateway.channel("phones")["down"] and phones.messages()
    gateway.stop()


def test_when_no_channel_works_the_log_says_so(home, broker):
    gateway = make_gateway(home, broker, [webhook(HttpSink(home, start=False), "phones")],
                           channel_down="1s")
    node = start(gateway, broker)
    say(node, 200)
    wait_until(lambda: "no channel works" in gateway.log(), 15, "the log says so")
    wait_until(lambda: gateway.channel("phones")["down"], 5, "and the status")
    gateway.stop()


def test_texts_of_ones_own(home, broker, sink):
    gateway = make_gateway(home, broker, [webhook(sink), webhook(sink, "english", language="en")],
                           texts=[
        {"language": "vi", "rule": "dust-now", "moment": "firing", "title": "Nhiều bụi ở {place}",
         "text": "{station}: {value} lúc {last}, ngưỡng {threshold}.",
         "instruction": "Đóng cửa sổ."},
        {"language": "vi", "hazard": "air", "moment": "over", "title": "{place} hết bụi"}])
    node = start(gateway, broker)
    say(node, 200, "HN-CG-01")
    wait_until(lambda: len(sink.messages()) == 2, 10, "the alert")
    say(node, 100, "HN-CG-01")
    wait_until(lambda: len(sink.messages()) == 4, 10, "its end")
    vietnamese = [message for message in sink.messages() if message["language"] == "vi"]
    assert vietnamese[0]["title"] == "Nhiều bụi ở Cầu Giấy"
    assert vietnamese[0]["text"].startswith(
        "Cầu Giấy (HN-CG-01, giá trị tham khảo): 200 µg/m³ lúc ")
    assert vietnamese[0]["instruction"] == "Đóng cửa sổ."
    assert vietnamese[1]["title"] == "Cầu Giấy hết bụi" and "200" not in vietnamese[1]["text"]
    english = [message for message in sink.messages() if message["language"] == "en"]
    assert "Cầu Giấy" in english[0]["title"] and "bụi" not in english[0]["title"]
    gateway.stop()


def get(gateway, **arguments):
    status, headers, body = gateway.get("/api/v1/alerts?" + urllib.parse.urlencode(arguments))
    return status, headers, json.loads(body)


def alerts(gateway, **arguments):
    status, _, body = get(gateway, **arguments)
    assert status == 200, body
    return body["alerts"]


def test_the_api_lists_alerts(home, broker):
    gateway = make_gateway(home, broker, [{"name": "out", "type": "console"}])
    node = start(gateway, broker)
    assert get(gateway)[2] == {"alerts": [], "next": None}
    for number, station in enumerate("ABC"):
        say(node, 200, station)
        wait_until(lambda: len(alerts(gateway)) == number + 1, 10, "the alert is listed")
    say(node, 100, "B")
    wait_until(lambda: not alerts(gateway)[0]["active"], 10, "the end of B's")
    newest = alerts(gateway)
    assert [(one["station"], one["state"], one["active"]) for one in newest] == [
        ("B", "resolved", False), ("C", "firing", True), ("A", "firing", True)]
    assert newest[0]["revision"] == 2 and newest[0]["unit"] == "µg/m³"
    for name in ("since", "at", "expires", "announced"):
        assert datetime.fromisoformat(newest[0][name]).utcoffset() is not None
    assert "Cầu Giấy" not in newest[0]["title"] and alerts(gateway, lang="en")[0]["language"] == "en"
    # Page by page, each once.
    seen, until = [], None
    while True:
        body = get(gateway, limit=1, **({"to": until} if until else {"to": "2999-01-01T00:00:00Z"}))[2]
        seen += [one["station"] for one in body["alerts"] if one["station"] not in seen]
        until = body["next"]
        if not until:
            break
    assert seen == ["B", "C", "A"]
    assert [one["station"] for one in alerts(gateway, **{"from": newest[0]["announced"]})] == ["B"]
    for wrong in ({"limit": 0}, {"limit": "x"}, {"limit": 1001}, {"from": "today"}, {"to": ""}):
        status, headers, body = get(gateway, **wrong)
        assert status == 400 and headers["Content-Type"] == "application/problem+json", wrong
        assert body["status"] == 400 and body["detail"]
    gateway.stop()


def test_the_log_is_kept_so_long_and_no_longer(home, broker, sink):
    gateway = make_gateway(home, broker, [webhook(sink)])
    node = start(gateway, broker)
    say(node, 200)
    wait_until(lambda: len(log_of(gateway)) == 1, 10, "the alert")
    gateway.stop()
    store = sqlite3.connect(gateway.store)
    day = 24 * 3600 * 1000
    for age, name in ((399, "young"), (401, "old")):
        store.execute("INSERT INTO delivery SELECT id - ?, channel, ?, revision, resolved, created,"
                      " ended - ?, result, attempts, maybe, answer FROM delivery WHERE id = 1",
                      (age, name, age * day))
    store.commit()
    store.close()
    assert {entry["id"] for entry in log_of(gateway)} >= {"young", "old"}
    gateway.start()
    wait_until(lambda: "old" not in {entry["id"] for entry in log_of(gateway)}, 10, "the old goes")
    assert "young" in {entry["id"] for entry in log_of(gateway)}
    gateway.stop()
