"""The MQTT broker comes and goes; a persistent session loses nothing."""

import pytest

from lib import (SEQ, Broker, Gateway, by_seq, free_port, influx_output, mqtt_sensor,
                 wait_until)
from mqtt_wire import Publisher


def make_gateway(home, broker, sink):
    return Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                   outputs=[influx_output(sink)])


def numbered(numbers, stations=7):
    return [(f"env/N{number % stations}/air", {"pm25": number % 90, "seq": number})
            for number in numbers]


def publish(broker, numbers, **options):
    publisher = Publisher(broker)
    publisher.publish_all(numbered(numbers, **options))
    publisher.close()


def wait_for_all(sink, total, timeout=20):
    def missing():
        return sorted(set(range(total)) - set(by_seq(sink.points())))

    wait_until(lambda: not missing(), timeout,
               lambda: f"{len(missing())} of {total} missing, from {missing()[:5]} on")


def test_what_is_published_while_the_gateway_is_down_arrives(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    publish(broker, range(100))
    wait_for_all(sink, 100)
    gateway.stop()
    publish(broker, range(100, 2000))
    gateway.start()
    wait_for_all(sink, 2000)
    assert all(len(places) == 1 for places in by_seq(sink.points()).values())
    gateway.stop()


def test_readings_that_arrive_together_stay_apart_in_influxdb(home, broker, sink):
    """InfluxDB keeps one point of a series per time stamp: a backlog of one station,
    handed over within a millisecond, must not fall on top of itself."""
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    gateway.stop()
    publish(broker, range(500), stations=1)
    gateway.start()
    wait_for_all(sink, 500)
    places = [place for found in by_seq(sink.points()).values() for place in found]
    assert len(set(places)) == 500, "points of one series with the same time stamp"
    gateway.stop()


def test_a_broker_restart_loses_nothing(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    publish(broker, range(200))
    broker.stop()
    wait_until(lambda: gateway.sensor("nodes")["state"] == "port"
               and not gateway.sensor("nodes")["connected"], 10, "the broker is missed")
    broker.start()
    publish(broker, range(200, 400))  # into the session that the broker has kept
    gateway.wait_connected("nodes", 20)
    publish(broker, range(400, 600))
    wait_for_all(sink, 600)
    assert gateway.sensor("nodes")["state"] == "ok"
    assert all(len(places) == 1 for places in by_seq(sink.points()).values())
    gateway.stop()


def test_a_broker_that_has_forgotten_the_session_is_subscribed_to_again(home, broker, sink):
    gateway = make_gateway(home, broker, sink).start()
    gateway.wait_connected("nodes")
    broker.process.kill()
    for file in broker.folder.glob("mosquitto.db*"):
        file.unlink()
    wait_until(lambda: not gateway.sensor("nodes")["connected"], 10, "the broker is missed")
    broker.start()
    gateway.wait_connected("nodes", 20)
    publish(broker, range(50))
    wait_for_all(sink, 50)
    gateway.stop()


def test_an_absent_broker_is_no_reason_not_to_start(home, sink):
    broker = Broker(home, start=False)
    gateway = make_gateway(home, broker, sink).start()
    wait_until(lambda: gateway.sensor("nodes")["state"] == "port", 10, "port error")
    used = gateway.cpu_seconds()
    broker.start()
    gateway.wait_connected("nodes", 30)
    assert gateway.cpu_seconds() - used < 2
    publish(broker, range(50))
    wait_for_all(sink, 50)
    gateway.stop()


@pytest.mark.parametrize("by_websockets", [False, True])
def test_the_environments_proxies_are_not_used(home, by_websockets):
    port = free_port()
    broker = Broker(home, more=f"listener {port} 127.0.0.1\nprotocol websockets\n")
    url = f"ws://127.0.0.1:{port}" if by_websockets else broker.url
    gateway = Gateway(home, sensors=[mqtt_sensor(broker, url=url)])
    gateway.env = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    gateway.start()
    gateway.wait_connected("nodes")
    gateway.stop()
