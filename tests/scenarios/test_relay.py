"""Alerts from edge gateways over a broker with accounts, relayed by a collecting gateway.

Two real daemons, a mosquitto that lets each account publish below its own name only, and
far sides that hear what the citizens would.
"""

import json
import os
import random
import subprocess
import time

import pytest

from lib import Broker, Gateway, HttpSink, Process, count, find_program, mqtt_sensor, wait_until
from mqtt_wire import Publisher

BOX = "HN-CG-01"
TOPIC = f"muabui/{BOX}/alerts"
ACCOUNTS = ("collector", BOX, "thief", "all")
RIGHTS = """\
user collector
topic read muabui/+/alerts
user all
topic readwrite #
pattern write muabui/%u/alerts
"""  # but for "all" as docs/relay.md has them


class Bus(Broker):
    """A broker with accounts: who is not named may nothing, and each only its own."""

    def __init__(self, home):
        passwords, rights = home.path / "passwords", home.path / "rights"
        passwords.touch()
        for name in ACCOUNTS:
            subprocess.run([find_program("mosquitto_passwd"), "-b", passwords, name, f"pw-{name}"],
                           check=True, capture_output=True)
        rights.write_text(RIGHTS)
        for file in (passwords, rights):
            os.chmod(file, 0o644)
        super().__init__(home, name="bus", more=f"password_file {passwords}\nacl_file {rights}\n")

    def publish(self, account, topic, payload, *more):
        return subprocess.run(
            [find_program("mosquitto_pub"), "-p", str(self.port), "-u", account, "-P",
             f"pw-{account}", "-q", "1", "-t", topic, "-s", "-V", "311", *more],
            input=payload, capture_output=True, text=True, timeout=20)


class Ear:
    """Everything that is published to the box's topic, as it is."""

    def __init__(self, home, bus):
        self.process = Process(home, "ear", [
            find_program("stdbuf"), "-oL", find_program("mosquitto_sub"), "-p", str(bus.port),
            "-u", "all", "-P", "pw-all", "-q", "1", "-t", "muabui/#", "-d"])
        wait_until(lambda: "SUBACK" in self.process.log(), 10, "the ear listens")

    def payloads(self):
        return [line for line in self.process.log().splitlines()
                if line.startswith('{"signature"')]


def make_keys(home, kind):
    """(the box's key, the collector's)"""
    if kind == "hmac":
        secret = home.path / "secret"
        secret.write_text("rất bí mật và đủ dài\n")
        return secret, secret
    private, public = home.path / "private.pem", home.path / "public.pem"
    openssl = find_program("openssl")
    subprocess.run([openssl, "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run([openssl, "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


class City:
    def __init__(self, home, kind="ed25519", **box):
        self.home = home
        self.nodes = Broker(home, name="nodes")
        self.bus = Bus(home)
        self.phones = HttpSink(home)
        private, public = make_keys(home, kind)
        for account in ("collector", BOX):
            (home.path / f"pw-{account}").write_text(f"pw-{account}\n")
        rule = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
                "severity": "severe"}
        self.edge = Gateway(
            home, "edge", sensors=[mqtt_sensor(self.nodes)],
            alerts={"rules": [rule], "channels": [
                {"name": "city", "type": "mqtt", "url": self.bus.url, "key_file": private,
                 "username": BOX, "password_file": home.path / f"pw-{BOX}"}]})
        self.centre = Gateway(
            home, "centre", station={"id": "HN-CENTRE", "name": "Trung tâm"},
            sensors=[mqtt_sensor(self.nodes, topic="centre/+/air")],
            alerts={"rules": [rule],
                    "channels": [{"name": "phones", "type": "webhook", "url": self.phones.url,
                                  "language": "en"}],
                    "relay": [{"name": "edges", "url": self.bus.url, "username": "collector",
                               "password_file": home.path / "pw-collector",
                               "boxes": [{"station": BOX, "key_file": public, **box}]}]})

    def start(self):
        self.centre.start()
        wait_until(lambda: "relay edges: connected" in self.centre.log(), 10, "the relay")
        self.edge.start()
        self.edge.wait_connected("nodes")
        self.node = Publisher(self.nodes)
        return self

    def say(self, pm25, station=BOX):
        self.node.publish(f"env/{station}/air", {"pm25": pm25})

    def stop(self):
        self.edge.stop()
        self.centre.stop()

    def heard(self):
        return [(message["revision"], message["state"]) for message in self.phones.messages()]


@pytest.mark.parametrize("kind", ["hmac", "ed25519"])
def test_an_alert_goes_on_with_its_own_id(home, kind):
    city = City(home, kind)
    ear = Ear(home, city.bus)
    city.start()
    city.say(200)
    wait_until(lambda: city.heard() == [(1, "firing")], 15, "the alert at the city's channel")
    city.say(100)
    wait_until(lambda: city.heard() == [(1, "firing"), (2, "resolved")], 15, "its end")
    first, second = city.phones.messages()
    assert first["station"] == BOX and first["rule"] == "dust-now" and first["language"] == "en"
    assert first["id"] == second["id"] == city.edge.query("SELECT episode FROM episode_message")[0][0]
    envelope = json.loads(ear.payloads()[0])
    assert [message["language"] for message in envelope["messages"]] == ["vi", "en"]
    assert envelope["messages"][1] == first and envelope["box"] == BOX
    # The city's own page and feed have it as well, each message once.
    listed, = json.loads(city.centre.get("/api/v1/alerts?lang=en")[2])["alerts"]
    assert listed["id"] == first["id"] and not listed["active"]
    assert f"/feeds/cap/{first['id']}.2.xml" in city.centre.get("/feeds/cap.xml")[2]
    assert "connected, 2 taken" in city.centre.run("status").stdout
    city.stop()


def test_who_is_not_known_is_not_heard(home):
    city = City(home)
    ear = Ear(home, city.bus)
    city.start()
    city.say(200)
    wait_until(lambda: len(city.heard()) == 1, 15, "the alert")
    genuine = ear.payloads()[0]

    def refused(why, account, topic, payload, *more):
        before = city.centre.query("SELECT count(*) FROM episode_message")
        sent = len(ear.payloads())
        assert city.bus.publish(account, topic, payload, *more).returncode == 0
        name = f'relay_messages_total{{relay="edges",verdict="{why}"}}'
        wait_until(lambda: counted(city.centre, name) > tally.get(why, 0), 10, f"refused: {why}")
        tally[why] = counted(city.centre, name)
        assert city.centre.query("SELECT count(*) FROM episode_message") == before
        return sent

    tally = {}
    forged = json.loads(genuine)
    forged["messages"][0]["revision"] = forged["messages"][1]["revision"] = 7
    refused("signature", "all", TOPIC, json.dumps(forged))
    refused("signature", "all", TOPIC, genuine.replace("severe", "extreme"))
    refused("nonsense", "all", TOPIC, "{")
    refused("nonsense", "all", TOPIC, '{"signature":"x","box":"' + "a" * 40000)
    refused("known", "all", TOPIC, genuine)  # a replay
    refused("stranger", "all", "muabui/thief/alerts", genuine)
    refused("stranger", "thief", "muabui/thief/alerts", genuine.replace(BOX, "thief"))
    # An account may not write where another does: the broker sees to that.
    before = len(ear.payloads())
    city.bus.publish("thief", TOPIC, genuine)
    city.say(100)
    wait_until(lambda: len(city.heard()) == 2, 15, "the end")
    assert len(ear.payloads()) == before + 1
    # Replayed after the end, and retained, it changes nothing.
    refused("known", "all", TOPIC, genuine)
    city.centre.stop()
    city.bus.publish("all", TOPIC, genuine, "-r")
    city.centre.start()
    name = 'relay_messages_total{relay="edges",verdict="retained"}'
    wait_until(lambda: counted(city.centre, name) >= 1, 15, "the retained one is refused")
    city.bus.publish("all", TOPIC, "", "-r")
    assert city.heard() == [(1, "firing"), (2, "resolved")]
    city.stop()


def counted(gateway, name):
    for line in gateway.get("/metrics")[2].splitlines():
        if line.startswith("muabui_" + name):
            return float(line.rsplit(" ", 1)[1])
    return 0


def test_a_box_may_not_speak_of_others_nor_without_end(home):
    city = City(home, cap=2, stations=["A", "B", "C"])
    city.start()
    for station in ("A", "B"):
        city.say(200, station)
    wait_until(lambda: len(city.heard()) == 2, 15, "two alerts")
    city.say(200, "C")
    name = 'relay_messages_total{relay="edges",verdict="%s"}'
    wait_until(lambda: counted(city.centre, name % "capped") == 1, 15, "the third is too much")
    city.say(200, "D")
    wait_until(lambda: counted(city.centre, name % "foreign") == 1, 15, "D is none of its own")
    # The ends of what was said are said, of the others not.
    for station in ("A", "B", "C"):
        city.say(100, station)
    wait_until(lambda: counted(city.centre, name % "untold") == 1, 15, "no end without an alert")
    wait_until(lambda: len(city.heard()) == 4, 15, "two ends")
    assert {message["station"] for message in city.phones.messages()} == {"A", "B"}
    city.stop()


def test_its_own_rule_comes_first(home):
    """The centre has the station's readings, and a rule of the same name: one alert."""
    city = City(home)
    city.start()
    city.centre.wait_connected("nodes")
    city.node.publish(f"centre/{BOX}/air", {"pm25": 200})
    wait_until(lambda: len(city.heard()) == 1, 15, "its own alert")
    city.say(200)
    name = 'relay_messages_total{relay="edges",verdict="own"}'
    wait_until(lambda: counted(city.centre, name) == 1, 15, "the box's is left")
    assert len(city.heard()) == 1
    city.stop()


def test_kill9_loses_nothing_and_says_nothing_twice(home):
    """The broker may forget an alert only once it is in the centre's store: killed in the
    middle of what has waited for it, again and again, the centre has all of it once."""
    stations = [f"S{i}" for i in range(10)]
    city = City(home, cap=10000, stations=stations)
    city.start()
    chance = random.Random(int(os.environ.get("SEED", "7")))
    stored = lambda: city.centre.query("SELECT count(*) FROM episode_message")[0][0]
    alerts = 0
    city.centre.kill9()
    for _ in range(count("KILLS", 6)):
        for level in (200, 100, 200, 100):
            for station in stations:
                city.say(level, station)
            alerts += len(stations)
            wait_until(lambda: len(city.edge.query("SELECT id FROM episode_message")) == alerts,
                       10, "the edge's alerts")
        wait_until(lambda: city.edge.channel("city")["waiting"] == 0, 20, "all are at the broker")
        city.centre.start()
        enough = stored() + chance.randrange(1, 30)
        wait_until(lambda: stored() >= enough, 20, "the centre is in the middle of it", every=0.001)
        time.sleep(chance.uniform(0, 0.01))  # at any moment between two commits
        city.centre.kill9()
    city.centre.start()
    episodes = set(city.edge.query("SELECT episode, revision FROM episode_message"))
    assert len(episodes) == alerts
    known = lambda: set(city.centre.query("SELECT episode, revision FROM episode_message"))
    wait_until(lambda: known() == episodes, 40, lambda: f"{len(episodes - known())} are missing")
    rows = city.centre.query("SELECT episode, revision, count(*) FROM"
                             " (SELECT episode, revision FROM outbox UNION ALL"
                             "  SELECT episode, revision FROM delivery) GROUP BY 1, 2")
    assert {row[:2] for row in rows} == episodes
    assert all(row[2] == 1 for row in rows)
    city.stop()


def test_alerts_wait_for_a_broker_that_is_away(home):
    city = City(home)
    city.start()
    city.bus.stop()
    city.say(200)
    wait_until(lambda: city.edge.channel("city")["failures"] >= 1, 15, "it does not go out")
    city.bus.start()
    wait_until(lambda: city.heard() == [(1, "firing")], 40, "the alert")
    # A trial reaches the broker, and no citizen.
    assert city.edge.run("alert", "test", "city").returncode == 0
    name = 'relay_messages_total{relay="edges",verdict="nonsense"}'
    wait_until(lambda: counted(city.centre, name) == 1, 15, "the trial is not relayed")
    assert city.heard() == [(1, "firing")]
    city.stop()


def test_a_box_that_may_not_publish_says_so(home):
    city = City(home)
    city.edge.sections["alerts"]["channels"][0].update(
        version=5, topic="muabui/somebody-else/alerts")
    city.edge.configure()
    city.start()
    city.say(200)
    wait_until(lambda: city.edge.channel("city")["held"], 15, "the channel is held")
    city.edge.sections["alerts"]["channels"][0].update(topic="muabui/{box}/alerts")
    city.edge.configure()
    assert city.edge.reload()
    wait_until(lambda: city.heard() == [(1, "firing")], 60, "once it is put right")
    city.stop()
