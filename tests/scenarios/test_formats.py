"""Devices of known kinds: their last wills, their batches, and what they are asked."""

import json
import subprocess
import urllib.error
import urllib.request

from lib import Gateway, Process, find_program, free_port, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def tasmota(broker, **more):
    return mqtt_sensor(broker, name="roofs", topic="tele/+/SENSOR", fields=[],
                       format="tasmota", time_zone="+07:00", **more)


def tasmota_message(temperature):
    return {"Time": "2026-03-07T12:54:34", "BME280": {"Temperature": temperature},
            "TempUnit": "C"}


def test_a_last_will_is_a_state_and_no_reading(home, broker):
    node = Publisher(broker)
    node.publish("tele/roof-1/LWT", "Offline", retain=True)
    gateway = Gateway(home, sensors=[tasmota(broker)]).start()
    wait_until(lambda: gateway.sensor("roofs")["offline"] == 1, 10, "it is offline")
    assert gateway.sensor("roofs")["state"] == "offline"
    assert "roof-1 is offline" in gateway.log()

    node.publish("tele/roof-1/LWT", "Online", retain=True)
    wait_until(lambda: gateway.sensor("roofs")["offline"] == 0, 10, "it is back")
    wait_until(lambda: gateway.log().count("tele/roof-1 is back") == 1, 5, "and that is said")
    node.publish("tele/roof-1/LWT", "Online", retain=True)
    node.publish("tele/roof-1/SENSOR", tasmota_message(28.5))
    wait_until(lambda: gateway.value("roof-1", "roofs", "temperature"), 10, "a reading")
    node.publish("tele/roof-1/LWT", "Offline", retain=True)
    node.publish("tele/roof-2/LWT", "Offline", retain=True)
    wait_until(lambda: gateway.sensor("roofs")["offline"] == 2, 10, "both are away")
    assert gateway.value("roof-1", "roofs", "temperature")["value"] == 28.5
    assert gateway.log().count("tele/roof-1 is back") == 1
    assert gateway.log().count("tele/roof-1 is offline") == 1  # within ten minutes
    assert gateway.log().count("tele/roof-2 is offline") == 1
    text = gateway.run("status").stdout
    assert "2 offline now" in text
    gateway.stop()


def test_a_users_own_availability_topic(home, broker):
    node = Publisher(broker)
    sensor = mqtt_sensor(broker, availability={"topic": "alive/+", "online": "here",
                                               "offline": "gone"})
    gateway = Gateway(home, sensors=[sensor]).start()
    gateway.wait_connected("nodes")
    node.publish("alive/A", "gone")
    wait_until(lambda: gateway.sensor("nodes")["offline"] == 1, 10, "it is gone")
    node.publish("alive/A", "here")
    wait_until(lambda: gateway.sensor("nodes")["offline"] == 0, 10, "it is here")
    gateway.stop()


def test_version_5_keeps_a_session_too(home, broker):
    gateway = Gateway(home, sensors=[mqtt_sensor(broker, version=5, session_expiry="1h")]).start()
    gateway.wait_connected("nodes")
    node = Publisher(broker)
    node.publish("env/A/air", {"pm25": 11})
    wait_until(lambda: gateway.value("A", "nodes", "pm25"), 10, "a value")
    gateway.stop()
    for value in range(20, 30):
        node.publish("env/A/air", {"pm25": value})
    gateway.start()
    wait_until(lambda: gateway.sensor("nodes")["results"].get("ok", 0) == 10, 15,
               "what came meanwhile")
    wait_until(lambda: gateway.value("A", "nodes", "pm25")["value"] == 29, 10, "the last of it")

    # It connects again by itself, and hears what a forgetful broker would not send.
    broker.stop()
    wait_until(lambda: not gateway.sensor("nodes")["connected"], 10, "the broker is missed")
    broker.start()
    gateway.wait_connected("nodes", 20)
    Publisher(broker).publish("env/A/air", {"pm25": 77})
    wait_until(lambda: gateway.value("A", "nodes", "pm25")["value"] == 77, 10, "the next value")
    gateway.stop()


def test_sparkplug_asks_for_a_birth_it_missed(home, broker):
    sensor = mqtt_sensor(broker, name="edge", topic="spBv1.0/hanoi/#", fields=[],
                         format="sparkplug", station="HN-CG-01", sensor="{device}")
    gateway = Gateway(home, sensors=[sensor]).start()
    gateway.wait_connected("edge")
    listener = Process(home, "listener",
                       [find_program("mosquitto_sub"), "-p", str(broker.port), "-C", "1", "-t",
                        "spBv1.0/+/NCMD/+", "-F", "%t %x"])
    node = Publisher(broker)
    lines = [line.split() for line in
             open("tests/fixtures/mqtt/sparkplug/01-life.hex").read().splitlines()]
    topic, data = lines[2]
    # The listener may take a moment; the gateway asks again only after ten seconds.
    subprocess.run([find_program("mosquitto_sub"), "-p", str(broker.port), "-E", "-t", "x"],
                   check=True, timeout=20)
    node.publish(topic, bytes.fromhex(data))
    wait_until(lambda: not listener.is_running(), 15, "a request for a rebirth")
    assert listener.log().startswith("spBv1.0/hanoi/NCMD/roof ")
    assert b"Node Control/Rebirth" in bytes.fromhex(listener.log().split()[1])
    for topic, data in lines[:3]:
        node.publish(topic, bytes.fromhex(data))
    wait_until(lambda: gateway.value("HN-CG-01", "dust", "pm25"), 10, "by its name")
    wait_until(lambda: gateway.value("HN-CG-01", "dust", "pm25")["value"] == 14.5, 10,
               "by its alias")
    gateway.stop()


def post(port, path, body, token=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body.encode(),
                                     {"X-Token": token} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_pushed_readings_are_kept_once_answered(home):
    port = free_port()
    token = home.path / "token"
    token.write_text("s3cret\n")
    sensors = [{"name": "rohr", "driver": "http", "listen": f"127.0.0.1:{port}", "path": "/rohr",
                "format": "airrohr", "token_file": token, "sensor": "{device}"},
               {"name": "weather", "driver": "http", "listen": f"127.0.0.1:{port}",
                "path": "/{token}/data/report/", "format": "ecowitt", "token_file": token}]
    gateway = Gateway(home, sensors=sensors).start()
    gateway.wait_connected("weather")
    body = json.dumps({"esp8266id": "77", "sensordatavalues": [
        {"value_type": "SDS_P1", "value": "12.30"}, {"value_type": "SDS_P2", "value": "7.85"}]})
    assert post(port, "/rohr", body) == 401
    assert post(port, "/rohr", body, "s3cret") == 200
    assert post(port, "/s3cret/data/report/", "dateutc=now&tempf=50&totalrainin=2") == 200
    gateway.kill9()  # at once: what was answered is in the ring
    gateway.start()
    wait_until(lambda: gateway.value("HN-CG-01", "esp8266-77", "pm25"), 10, "the dust")
    wait_until(lambda: gateway.value("HN-CG-01", "weather", "temperature"), 10, "the weather")
    assert gateway.value("HN-CG-01", "esp8266-77", "pm25")["value"] == 7.85
    assert gateway.value("HN-CG-01", "weather", "rain_total")["value"] == 50.8
    assert "s3cret" not in gateway.whole_log()
    gateway.stop()
