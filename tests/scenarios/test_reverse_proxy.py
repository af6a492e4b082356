"""The nginx of docs/reverse-proxy.md, word for word, before a gateway."""

import http.client
import json
import os
import re
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from lib import Gateway, Process, find_program, free_port, mqtt_sensor, wait_until
from mqtt_wire import Publisher
from test_peers import listens
from test_tls import keys  # noqa: F401

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/reverse-proxy.md"


@pytest.fixture
def gateway(home, broker):
    return Gateway(home, sensors=[mqtt_sensor(broker)],
                   alerts={"cap": {"web": "https://air.example"}}).start()


class Proxy:
    def __init__(self, home, keys, gateway):  # noqa: F811
        self.port, self.keys = free_port(), keys
        folder = home.path / "nginx"
        folder.mkdir()
        folder.chmod(0o777)
        text = re.search(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.S)[1]
        for old, new in ((r"listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                         (r"    listen \[::\]:443 ssl;\n", ""), (r"127\.0\.0\.1:8080",
                                                              f"127.0.0.1:{gateway.port}"),
                         (r"/etc/letsencrypt/live/air\.example/fullchain\.pem",
                          f"{keys}/server.pem"),
                         (r"/etc/letsencrypt/live/air\.example/privkey\.pem",
                          f"{keys}/server.key")):
            text, changed = re.subn(old, new, text)
            assert changed, old
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.getuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{ }}\n"
                          f"http {{\naccess_log off;\n{temporary}{text}}}\n")
        command = [find_program("nginx"), "-c", str(config), "-p", str(folder), "-e", "stderr"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0 and "warn" not in checked.stderr, checked.stderr
        self.process = Process(home, "nginx", command)
        wait_until(lambda: listens(self.port), 10, "nginx listens")

    def connect(self):
        context = ssl.create_default_context(cafile=self.keys / "ca.pem")
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)

    def get(self, path, method="GET", **headers):
        connection = self.connect()
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_through_nginx(home, broker, keys, gateway):  # noqa: F811
    gateway.wait_connected("nodes")
    proxy = Proxy(home, keys, gateway)
    publisher = Publisher(broker)
    publisher.publish("env/A/air", json.dumps({"pm25": 12.5}), qos=1)
    wait_until(lambda: gateway.value("A", "nodes", "pm25"))
    status, headers, text = proxy.get("/api/v1/stations?fields=summary")
    assert status == 200 and json.loads(text)[1]["values"]["pm25"] == 12.5
    assert headers["Strict-Transport-Security"] and headers["ETag"]
    assert proxy.get("/api/v1/stations?fields=summary",
                     **{"If-None-Match": headers["ETag"]})[0] == 304
    page = proxy.get("/", **{"Accept-Encoding": "gzip"})
    assert page[0] == 200 and "default-src 'self'" in page[1]["Content-Security-Policy"]
    # Links are to where the page is.
    thing = json.loads(proxy.get("/sta/v1.1/Things('A')")[2])
    assert thing["@iot.selfLink"] == "https://air.example/sta/v1.1/Things('A')"
    assert proxy.get("//api/v1/stations")[0] == 404
    assert proxy.get("/%2e%2e/%2e%2e/etc/passwd")[0] in (400, 404)
    assert proxy.get("/api/v1/stations", "POST")[0] == 405
    assert proxy.get("/metrics")[0] == 200  # from this machine


def test_events_are_not_heaped_up(home, broker, keys, gateway):  # noqa: F811
    gateway.wait_connected("nodes")
    proxy = Proxy(home, keys, gateway)
    publisher = Publisher(broker)
    connection = proxy.connect()
    connection.request("GET", "/api/v1/events")
    stream = connection.getresponse()
    assert stream.readline().startswith(b"retry:")
    publisher.publish("env/A/air", json.dumps({"pm25": 12.5}), qos=1)
    begun = time.monotonic()
    while not (line := stream.readline()).startswith(b"event: values"):
        assert line and time.monotonic() - begun < 10
    # A comment keeps it open for longer than the library lets a silent one be.
    while not (line := stream.readline()).startswith(b":"):
        assert line and time.monotonic() - begun < 60
    connection.close()


def test_the_reader_is_limited_and_not_the_proxy(home, broker, keys, gateway):  # noqa: F811
    """nginx says who asks, whatever the asker says himself: 127.0.0.1 here, which is free."""
    proxy = Proxy(home, keys, gateway)
    connection = proxy.connect()
    path = "/api/v1/stations/HN-CG-01/history?metric=pm25"
    for _ in range(650):
        connection.request("GET", path, headers={"X-Forwarded-For": "10.9.9.9"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    # The same header, from the loopback without nginx between, does count.
    direct = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    codes = set()
    for _ in range(650):
        direct.request("GET", path, headers={"X-Forwarded-For": "10.9.9.9"})
        answer = direct.getresponse()
        answer.read()
        codes.add(answer.status)
    assert codes == {200, 429}
