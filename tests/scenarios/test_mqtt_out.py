"""One gateway feeds another: edge → broker → collecting gateway, with nothing lost or changed."""

import json
import os
import random
import subprocess
import time

import pytest

from lib import (SEQ, Broker, Gateway, HttpSink, by_seq, count, find_program, free_port,
                 influx_output, mqtt_sensor, wait_until)
from mqtt_wire import Load, Publisher

METRICS = ("pm25", "pm10", "temperature", "seq")


@pytest.fixture
def bus(home):
    return Broker(home, name="bus")


def mqtt_output(bus, **more):
    output = {"name": "bus", "type": "mqtt", "url": bus.url, "topic": "muabui/{station}/readings"}
    output.update(more)
    return output


def make_edge(home, broker, bus, *outputs, **more):
    return Gateway(home, "edge", metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=METRICS)],
                   outputs=[mqtt_output(bus, **more), *outputs])


def make_collector(home, bus, sink, **more):
    sensor = {"name": "boxes", "driver": "mqtt", "url": bus.url, "topic": "muabui/+/readings",
              "format": "muabui", "station": "{1}"}
    sensor.update(more)
    return Gateway(home, "collector", metrics=[SEQ], sensors=[sensor],
                   station={"id": "HN-CENTRE", "name": "Centre"},
                   outputs=[influx_output(sink)])


def publish(broker, numbers, stations=7):
    publisher = Publisher(broker)
    # Now and then too much, or more fine dust than dust: flags 4 and 3.
    publisher.publish_all(
        (f"env/N{n % stations}/air",
         {"pm25": 9000 if n % 11 == 0 else n % 90, "pm10": 3 if n % 13 == 0 else 100 + n % 50,
          "temperature": (n % 400) / 10 - 5, "seq": n}) for n in numbers)
    publisher.close()


def lines(sink):
    """What was taken, each point once, as it stands."""
    return {(point.series, point.time_ms, tuple(sorted(point.text.items())))
            for point in sink.points()}


def wait_for_all(sink, numbers, timeout=30):
    def missing():
        return sorted(set(numbers) - set(by_seq(sink.points())))

    wait_until(lambda: not missing(), timeout,
               lambda: f"{len(missing())} missing, from {missing()[:5]} on", every=0.2)


def retained(bus, topic):
    """What stands on a topic for whoever comes now."""
    run = subprocess.run([find_program("mosquitto_sub"), "-p", str(bus.port), "-t", topic, "-W", "2",
                          "--retained-only", "-F", "%t %p"], capture_output=True, text=True)
    return dict(line.split(" ", 1) for line in run.stdout.splitlines())


@pytest.mark.parametrize("payload,compression,version", [
    ("line-protocol", "none", 3), ("line-protocol", "gzip", 5), ("line-protocol", "zstd", 3),
    ("json", "none", 5), ("json", "zstd", 5)])
def test_readings_arrive_as_they_were_sent(home, broker, bus, sink, payload, compression, version):
    own = HttpSink(home)
    collector = make_collector(home, bus, sink, version=version).start()
    collector.wait_connected("boxes")
    edge = make_edge(home, broker, bus, influx_output(own), payload=payload,
                     compression=compression, version=version).start()
    edge.wait_connected("nodes")
    publish(broker, range(2000))
    wait_for_all(own, range(2000))
    wait_for_all(sink, range(2000))
    sent, arrived = lines(own), lines(sink)
    assert any("pm25_bad" in dict(text) for _, _, text in sent)
    assert any(dict(text).get("pm10_qc") == "3i" for _, _, text in sent)
    assert arrived == sent
    assert all(len(series) == 1 for series in by_seq(sink.points()).values())
    boxes = collector.sensor("boxes")
    assert boxes["state"] == "ok" and boxes["unknown"] == 0
    assert edge.output("bus")["lag"] == 0
    edge.stop()
    collector.stop()


@pytest.mark.parametrize("payload,compression", [("line-protocol", "zstd"), ("json", "none")])
def test_kills_and_restarts_lose_nothing(home, broker, bus, sink, payload, compression):
    kills = count("KILLS", 6)
    seed = int(os.environ.get("SEED", random.SystemRandom().randint(0, 10 ** 9)))
    print(f"SEED={seed}")
    moments = random.Random(seed)
    own = HttpSink(home)
    collector = make_collector(home, bus, sink).start()
    collector.wait_connected("boxes")
    edge = make_edge(home, broker, bus, influx_output(own), payload=payload,
                     compression=compression, timeout="5s").start()
    edge.wait_connected("nodes")
    load = Load(home, broker, per_second=300)
    for turn in range(kills):
        time.sleep(moments.uniform(0.1, 0.8))  # the moment is the point, not a condition
        if turn % 3 == 2:
            bus.stop()
            time.sleep(moments.uniform(0, 0.3))
            bus.start()
        else:
            victim = (edge, collector)[turn % 3]
            victim.kill9()
            victim.start()
    published = set(load.stop())
    wait_for_all(own, published, 60)
    wait_for_all(sink, published, 90)
    assert lines(sink) == lines(own)
    stored, = collector.query("SELECT count(*) FROM report")
    assert stored[0] == len(by_seq(sink.points())), "a report is stored once"
    edge.stop()
    collector.stop()


def test_the_last_will_says_who_is_gone(home, broker, bus, sink):
    collector = make_collector(home, bus, sink).start()
    collector.wait_connected("boxes")
    edge = make_edge(home, broker, bus).start()
    topic = "muabui/HN-CG-01/status"

    def state():
        text = retained(bus, topic).get(topic)
        return text and json.loads(text)

    wait_until(lambda: (state() or {}).get("state") == "online", 15, "online")
    assert state()["station"] == {"id": "HN-CG-01", "name": "Cầu Giấy", "area": "hn-cau-giay",
                                  "latitude": 21.0362, "longitude": 105.7906}
    edge.kill9()
    wait_until(lambda: state()["state"] == "offline", 15, "the last will")
    wait_until(lambda: "muabui/HN-CG-01 is offline" in collector.log(), 10, "it is said")
    edge.start()
    wait_until(lambda: "muabui/HN-CG-01 is back" in collector.log(), 15, "it is said")
    edge.stop()
    assert state()["state"] == "offline", "an orderly end says so, too"
    publish(broker, range(20))
    edge.start()
    wait_for_all(sink, range(20))
    assert set(retained(bus, "muabui/#")) == {topic}, "no measurement is retained"
    edge.stop()
    collector.stop()


def test_the_collector_learns_who_the_stations_are(home, broker, bus, sink):
    collector = make_collector(home, bus, sink).start()
    collector.wait_connected("boxes")
    edge = make_edge(home, broker, bus)
    place = edge.sections["station"]
    edge.configure(station={**place, "indicative": True})
    edge.start()

    def known(key):
        """What the collector's page says of the edge's station, once it has readings."""
        return {station["id"]: station for station in collector.stations()}.get(
            "HN-CG-01", {}).get(key)

    now = int(time.time() * 1000)
    publisher = Publisher(bus)
    publisher.publish("muabui/HN-CG-01/readings",
                      f"environment,station=HN-CG-01,sensor=dust pm25=12.5 {now}\n")
    wait_until(lambda: known("name") == "Cầu Giấy", 15, "the name")
    assert known("area") == "hn-cau-giay" and known("indicative") is True
    assert (known("latitude"), known("longitude")) == (21.0362, 105.7906)
    # It stays known over a restart, and whoever speaks for another is not believed.
    edge.stop()
    collector.restart()
    collector.wait_connected("boxes")
    status = '{"state":"online","station":{"id":"%s","name":"%s","latitude":%s,"longitude":2}}'
    before = collector.sensor("boxes")["results"].get("topic", 0)
    publisher.publish("muabui/X/status", status % ("HN-CG-01", "Stolen", 1))
    publisher.publish("muabui/HN-CG-01/status", status % ("HN-CG-01", "bad\\u0007name", 1))
    publisher.publish("muabui/HN-CG-01/status", status % ("HN-CG-01", "Nowhere", 900))
    publisher.publish("muabui/HN-CG-01/status", status % ("HN-CG-01", "x" * 3000, 1))
    wait_until(lambda: collector.sensor("boxes")["results"].get("topic", 0) > before, 10,
               "the foreign word is counted")
    publisher.publish("muabui/HN-CG-01/status", status % ("HN-CG-01", "Renamed", 1))
    wait_until(lambda: known("name") == "Renamed", 10, "an honest change")
    assert (known("latitude"), known("longitude")) == (1, 2) and known("area") == "hn-cau-giay"
    publisher.close()
    collector.stop()


@pytest.mark.parametrize("payload", ["json", "line-protocol"])
def test_by_websockets(home, broker, sink, payload):
    ws_port = free_port()
    bus = Broker(home, name="bus", more=f"listener {ws_port} 127.0.0.1\nprotocol websockets\n")
    url = f"ws://127.0.0.1:{ws_port}/mqtt"
    collector = make_collector(home, bus, sink, url=url).start()
    collector.wait_connected("boxes")
    edge = make_edge(home, broker, bus, url=url, payload=payload).start()
    edge.wait_connected("nodes")
    edge.stop()
    publish(broker, range(4000))  # a backlog: messages of hundreds of KB
    edge.start()
    wait_for_all(sink, range(4000), 60)
    bus.stop()
    publish(broker, range(4000, 4100))
    bus.start()
    wait_for_all(sink, range(4100), 60)
    edge.stop()
    collector.stop()


def test_a_box_speaks_for_its_own_stations_only(home, bus, sink):
    collector = make_collector(home, bus, sink).start()
    collector.wait_connected("boxes")
    now = int(time.time() * 1000)
    publisher = Publisher(bus)
    line = "environment,station={},sensor=dust pm25=612.5,seq={}.0 {}\n"
    publisher.publish("muabui/A/readings", line.format("B", 1, now))
    publisher.publish("muabui/A/readings", line.format("A", 2, now) + line.format("A", 3, "soon"))
    publisher.publish("muabui/A/readings", line.format("A", 4, now).replace("seq", "flux=1.0,seq"))
    wait_for_all(sink, [4])
    wait_until(lambda: "line 2" in collector.log(), 10, "the damaged line is named")
    assert set(by_seq(sink.points())) == {4}
    assert "muabui/A/readings: it speaks of B" in collector.log()
    assert '"flux" is left out' in collector.log()
    boxes = collector.sensor("boxes")
    assert boxes["unknown"] == 1
    publisher.close()
    collector.stop()


def test_a_broker_that_says_no_is_held(home, broker, sink):
    allowed = home.path / "acl"
    allowed.write_text("topic read #\ntopic write muabui/+/status\n")
    allowed.chmod(0o644)
    home.path.chmod(0o755)
    bus = Broker(home, name="bus", more=f"acl_file {allowed}\n")
    edge = make_edge(home, broker, bus, version=5).start()
    edge.wait_connected("nodes")
    publish(broker, range(10))
    wait_until(lambda: edge.output("bus")["held"], 15, "held")
    assert "authori" in edge.output("bus")["last_error"].lower()
    assert edge.output("bus")["dead"] == 0
    edge.stop()


def test_home_assistant_finds_the_series(home, broker, bus):
    edge = make_edge(home, broker, bus, discovery="homeassistant").start()
    edge.wait_connected("nodes")
    listener = subprocess.Popen(
        [find_program("mosquitto_sub"), "-p", str(bus.port), "-t", "muabui/+/+/state", "-C", "1",
         "-W", "20", "-F", "%r %p"], stdout=subprocess.PIPE, text=True)
    topic = "homeassistant/sensor/N3_nodes/pm25/config"
    wait_until(lambda: publish(broker, [3]) or topic in retained(bus, "homeassistant/#"), 20,
               "the announcement")
    config = json.loads(retained(bus, topic)[topic])
    assert config["state_topic"] == "muabui/N3/nodes/state"
    assert config["unit_of_measurement"] == "µg/m³" and config["device_class"] == "pm25"
    assert config["availability_topic"] == "muabui/HN-CG-01/status"
    flag, state = listener.communicate(timeout=30)[0].split(" ", 1)
    assert flag == "0" and json.loads(state)["pm25"] == 3
    edge.stop()


@pytest.mark.parametrize("version,most", [(3, 50000), (5, 20000)])
def test_a_message_too_large_for_the_broker_is_halved(home, broker, sink, version, most):
    bus = Broker(home, name="bus", more=f"max_packet_size {most}\n")
    collector = make_collector(home, bus, sink).start()
    collector.wait_connected("boxes")
    edge = make_edge(home, broker, bus, version=version).start()
    edge.wait_connected("nodes")
    edge.stop()
    publish(broker, range(1000), stations=1)  # a backlog: one message of 80 KB
    edge.start()
    wait_for_all(sink, range(1000), 60)
    assert edge.output("bus")["dead"] == 0
    edge.stop()
    collector.stop()


def test_passwords_and_tls(home, broker, sink):
    certificate, key = home.path / "cert.pem", home.path / "key.pem"
    subprocess.run([find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    key, "-out", certificate], check=True, capture_output=True)
    users, password = home.path / "users", home.path / "password"
    subprocess.run([find_program("mosquitto_passwd"), "-b", "-c", users, "box", "sesame-7b1"],
                   check=True, capture_output=True)
    home.path.chmod(0o755)
    users.chmod(0o644), key.chmod(0o644)
    port = free_port()
    bus = Broker(home, name="bus", more=f"listener {port} 127.0.0.1\ncertfile {certificate}\n"
                 f"keyfile {key}\nallow_anonymous false\npassword_file {users}\n")
    password.write_text("wrong-5c2\n")
    secure = {"url": f"mqtts://127.0.0.1:{port}", "username": "box", "password_file": password,
              "ca_file": certificate}
    edge = make_edge(home, broker, bus, **secure).start()
    edge.wait_connected("nodes")
    publish(broker, range(10))
    wait_until(lambda: edge.output("bus")["held"], 20,
               lambda: f"held: {edge.output('bus')['last_error']}")
    password.write_text("sesame-7b1\n")
    collector = make_collector(home, bus, sink, **secure).start()
    collector.wait_connected("boxes")
    wait_for_all(sink, range(10), 90)
    for place in (edge.whole_log(), edge.run("check", "--print").stdout):
        assert "sesame" not in place and "wrong-5c2" not in place
    edge.stop()
    collector.stop()
