"""Real servers between the gateway and the far side: nginx with HTTP/2, TLS, client
certificates and IPv6, tinyproxy on the way, and names that do not resolve for a while."""

import os
import re
import socket
import subprocess
import time

import pytest

from lib import (SEQ, Gateway, HttpSink, Process, by_seq, find_program, free_port, influx_output,
                 mqtt_sensor, wait_until)
from mqtt_wire import Publisher
from test_tls import keys  # noqa: F401, a fixture

FAR_NAME = "influx.muabui.test"


def listens(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


class Nginx:
    """Debian's nginx: HTTPS with HTTP/2 on 127.0.0.1 and ::1, wants a certificate of its
    clients, and passes on to the sink."""

    def __init__(self, home, keys, sink):
        self.port = free_port()
        self.access = home.path / "nginx-access.log"
        folder = home.path / "nginx"
        folder.mkdir()
        folder.chmod(0o777)
        config = folder / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.getuid() == 0 else ""
        config.write_text(f"""{user}daemon off;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
{temporary}log_format how '$server_protocol $ssl_client_verify $remote_addr $status';
access_log {self.access} how;
client_max_body_size 8m;
server {{
listen 127.0.0.1:{self.port} ssl http2;
listen [::1]:{self.port} ssl http2;
ssl_certificate {keys}/server.pem;
ssl_certificate_key {keys}/server.key;
ssl_client_certificate {keys}/ca.pem;
ssl_verify_client on;
location / {{ proxy_pass http://127.0.0.1:{sink.port}; proxy_http_version 1.1; }}
}} }}
""")
        self.process = Process(home, "nginx", [
            find_program("nginx"), "-c", str(config), "-p", str(folder), "-e", "stderr"])
        wait_until(self._listens, 10, "nginx listens")

    def _listens(self):
        assert self.process.is_running(), self.process.log()
        return listens(self.port)

    def requests(self):
        """(protocol, certificate, from where, status) of each."""
        return [line.split() for line in self.access.read_text().splitlines()]


class Tinyproxy:
    def __init__(self, home, target):
        self.port = free_port()
        config = home.path / "tinyproxy.conf"
        config.write_text(
            f"Port {self.port}\nListen 127.0.0.1\nTimeout 60\nLogLevel Connect\nMaxClients 20\n"
            f"Allow 127.0.0.1\nConnectPort {target}\n")
        self.process = Process(home, "tinyproxy",
                               [find_program("tinyproxy"), "-d", "-c", str(config)])
        wait_until(lambda: listens(self.port), 10, "tinyproxy listens")
        self.url = f"http://127.0.0.1:{self.port}"


@pytest.fixture
def nginx(home, keys, sink):  # noqa: F811
    return Nginx(home, keys, sink)


def publish(broker, numbers):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 5}/air", {"pm25": number % 90, "seq": number})
                          for number in numbers)
    publisher.close()


def with_outputs(home, broker, *outputs):
    return Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                   outputs=list(outputs))


def certificates(keys):  # noqa: F811
    return {"ca_file": keys / "ca.pem", "client_cert": keys / "client.pem",
            "client_key": keys / "client.key"}


def json_seqs(sink):
    """The sequence numbers that the http output has brought."""
    return {round(report["readings"]["seq"]["value"]) for request in sink.taken
            if request.path == "/in" for report in request.json()["reports"]}


def influx_points(sink):
    from lib import Point
    return [Point(line) for request in sink.taken if request.path.startswith("/write")
            for line in request.body.splitlines()]


@pytest.mark.parametrize("host", ["localhost", "[::1]"])
def test_http2_over_tls_with_a_client_certificate(home, broker, sink, keys, nginx, host):  # noqa: F811
    base = f"https://{host}:{nginx.port}"
    gateway = with_outputs(
        home, broker,
        influx_output(sink, url=base, **certificates(keys)),
        {"name": "hub", "type": "http", "url": f"{base}/in", **certificates(keys)}).start()
    gateway.wait_connected("nodes")
    publish(broker, range(200))
    wait_until(lambda: json_seqs(sink) == set(range(200)), 20, "all by JSON")
    wait_until(lambda: set(by_seq(influx_points(sink))) == set(range(200)), 20, "all as lines")
    requests = nginx.requests()
    assert len(requests) >= 2
    for protocol, verified, address, status in requests:
        assert (protocol, verified, status) == ("HTTP/2.0", "SUCCESS", "204")
        assert address == "::1" if host == "[::1]" else address in ("127.0.0.1", "::1")
    for name in ("city", "hub"):
        assert gateway.output(name)["failures"] == 0
    gateway.stop()


def test_without_its_certificate_nothing_is_taken(home, broker, sink, keys, nginx):  # noqa: F811
    """nginx says 400 to whoever shows none: that must not bury what is good."""
    base = f"https://localhost:{nginx.port}"
    outputs = [influx_output(sink, url=base, ca_file=keys / "ca.pem"),
               {"name": "hub", "type": "http", "url": f"{base}/in", "ca_file": keys / "ca.pem"}]
    gateway = with_outputs(home, broker, *outputs).start()
    gateway.wait_connected("nodes")
    publish(broker, range(20))
    for name in ("city", "hub"):
        wait_until(lambda: gateway.output(name)["held"], 15, "it is held")
        assert gateway.output(name)["dead"] == 0
        assert "certificate" in gateway.output(name)["last_error"]
    assert sink.count() == 0
    gateway.configure(outputs=[{**output, **certificates(keys)} for output in outputs])
    assert gateway.reload()
    wait_until(lambda: json_seqs(sink) == set(range(20)), 20, "all by JSON")
    wait_until(lambda: set(by_seq(influx_points(sink))) == set(range(20)), 20, "all as lines")
    gateway.stop()


@pytest.mark.parametrize("kind", ["influxdb", "http"])
def test_through_a_proxy(home, broker, sink, keys, nginx, kind):  # noqa: F811
    """TLS goes through it as a tunnel: from the gateway to nginx, with HTTP/2."""
    proxy = Tinyproxy(home, nginx.port)
    base = f"https://localhost:{nginx.port}"
    options = {**certificates(keys), "proxy": proxy.url}
    gateway = with_outputs(home, broker, influx_output(sink, url=base, **options)
                           if kind == "influxdb" else
                           {"name": "city", "type": "http", "url": f"{base}/in", **options})
    gateway.env = {"https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(100))
    wait_until(lambda: gateway.output("city")["cursor"] >= 100, 20, "all delivered")
    got = json_seqs(sink) or set(by_seq(influx_points(sink)))
    assert got == set(range(100))
    assert re.search(rf"CONNECT localhost:{nginx.port}", proxy.process.log())
    assert {protocol for protocol, *_ in nginx.requests()} == {"HTTP/2.0"}
    # The proxy goes: kept, and on when it is back.
    proxy.process.terminate()
    publish(broker, range(100, 150))
    wait_until(lambda: gateway.output("city")["failures"] >= 1, 15, "a failure")
    gateway.configure(outputs=[{**gateway.sections["outputs"][0],
                                "proxy": Tinyproxy(home, nginx.port).url}])
    assert gateway.reload()
    wait_until(lambda: gateway.output("city")["cursor"] >= 150, 20, "all delivered")
    got = json_seqs(sink) or set(by_seq(influx_points(sink)))
    assert got == set(range(150)) and gateway.output("city")["dead"] == 0
    gateway.stop()


def test_a_channel_shows_its_certificate_through_a_proxy(home, broker, sink, keys, nginx):  # noqa: F811
    proxy = Tinyproxy(home, nginx.port)
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)], alerts={"rules": [], "channels": [
        {"name": "hook", "type": "webhook", "url": f"https://localhost:{nginx.port}/hook",
         "proxy": proxy.url, **certificates(keys)}]}).start()
    answer = gateway.run("alert", "test", "hook")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert [request.path for request in sink.taken] == ["/hook"]
    assert [verified for _, verified, *_ in nginx.requests()] == ["SUCCESS"]
    assert f"CONNECT localhost:{nginx.port}" in proxy.process.log()
    gateway.stop()


def can_mount():
    return subprocess.run(["unshare", *(["-r"] if os.getuid() else []), "-m", "true"],
                          capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces here")
def test_a_name_that_does_not_resolve_for_a_while(home, broker, sink):
    """The gateway sees an /etc/hosts of its own, into which the name comes later. That
    attempts stay bounded for an hour is tests/unit/answer_test.c's."""
    hosts = home.path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    gateway = with_outputs(home, broker, influx_output(
        sink, url=f"http://{FAR_NAME}:{sink.port}", jitter="0s"))
    gateway.wrap = [find_program("unshare"), *(["-r"] if os.getuid() else []), "-m", "sh", "-c",
                    'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]
    gateway.start()
    gateway.wait_connected("nodes")
    publish(broker, range(200))
    began = time.monotonic()
    wait_until(lambda: gateway.output("city")["failures"] >= 5, 60, "five failures")
    took = time.monotonic() - began
    publish(broker, range(200, 400))
    output = gateway.output("city")
    assert took > 0.5 + 1 + 2 + 4 - 1, f"five attempts in {took:.1f} s: no back-off"
    assert "resolve" in output["last_error"] and not output["held"] and output["dead"] == 0
    assert gateway.log().count("readings are kept and tried again") == 1
    gateway.kill9()  # nobody remembers but the store
    gateway.start()
    wait_until(lambda: gateway.output("city")["failures"] >= 1, 20, "a failure")
    with open(hosts, "a") as file:
        file.write(f"127.0.0.1 {FAR_NAME}\n")
    wait_until(lambda: set(by_seq(sink.points())) == set(range(400)), 40, "all four hundred")
    assert all(len(places) == 1 for places in by_seq(sink.points()).values())
    gateway.stop()
