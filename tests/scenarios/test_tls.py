"""InfluxDB behind TLS that wants a certificate of its clients."""

import ssl
import subprocess

import pytest

from lib import SEQ, Gateway, HttpSink, by_seq, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def keys(home):
    """An authority, and of it a server "localhost" and a client "gateway"."""
    place = home.path / "keys"
    place.mkdir()
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=Test CA",
            "-keyout", place / "ca.key", "-out", place / "ca.pem")
    for name, extension in (("server", "subjectAltName=DNS:localhost,IP:::1"),
                            ("client", "extendedKeyUsage=clientAuth")):
        (place / "extension").write_text(extension)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", place / f"{name}.key", "-out", place / f"{name}.csr")
        openssl("x509", "-req", "-in", place / f"{name}.csr", "-CA", place / "ca.pem",
                "-CAkey", place / "ca.key", "-CAcreateserial", "-days", 2,
                "-extfile", place / "extension", "-out", place / f"{name}.pem")
    return place


@pytest.fixture
def tls_sink(home, keys):
    sink = HttpSink(home, start=False)
    sink.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "server.pem", keys / "server.key")
    context.load_verify_locations(keys / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    sink.server.socket = context.wrap_socket(sink.server.socket, server_side=True)
    sink.url = f"https://localhost:{sink.port}"
    return sink


def gateway_with(home, broker, sink, **options):
    return Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                   outputs=[influx_output(sink, **options)])


def publish(broker, numbers):
    publisher = Publisher(broker)
    publisher.publish_all(("env/N1/air", {"pm25": 12, "seq": number}) for number in numbers)
    publisher.close()


def test_a_client_certificate_is_shown(home, broker, keys, tls_sink):
    gateway = gateway_with(home, broker, tls_sink, ca_file=keys / "ca.pem").start()
    gateway.wait_connected("nodes")
    publish(broker, range(20))
    wait_until(lambda: gateway.output("city")["failures"] >= 1, 15, "a refused handshake")
    assert gateway.output("city")["sent"] == 0 and tls_sink.count() == 0
    gateway.stop()
    gateway.configure(outputs=[influx_output(
        tls_sink, ca_file=keys / "ca.pem", client_cert=keys / "client.pem",
        client_key=keys / "client.key")])
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(20, 40))
    wait_until(lambda: set(by_seq(tls_sink.points())) == set(range(40)), 20, "all forty")
    gateway.stop()


def test_a_server_of_another_authority_gets_nothing(home, broker, keys, tls_sink):
    gateway = gateway_with(home, broker, tls_sink, client_cert=keys / "client.pem",
                           client_key=keys / "client.key").start()
    gateway.wait_connected("nodes")
    publish(broker, range(5))
    wait_until(lambda: gateway.output("city")["failures"] >= 1, 15, "a refused certificate")
    assert "certificate" in gateway.output("city")["last_error"]
    assert tls_sink.count() == 0 and not gateway.output("city")["dead"]
    gateway.stop()


def test_a_name_that_is_not_known_is_waited_for(home, broker, sink):
    """DNS fails; then the name is there: here, the address is put right by a reload."""
    gateway = gateway_with(home, broker, sink)
    gateway.configure(outputs=[influx_output(sink, url="http://nowhere.invalid:8086")])
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(10))
    wait_until(lambda: gateway.output("city")["failures"] >= 2, 20, "two failures")
    assert "resolve" in gateway.output("city")["last_error"]
    assert gateway.output("city")["lag"] == 10 and not gateway.output("city")["held"]
    gateway.configure(outputs=[influx_output(sink)])
    assert gateway.reload()
    wait_until(lambda: set(by_seq(sink.points())) == set(range(10)), 20, "all ten")
    gateway.stop()
