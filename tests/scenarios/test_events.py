"""Server-sent events: what is new, in time, to many who listen, and to none who do not read."""

import json
import socket
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from lib import Gateway, SLOW, mqtt_sensor, wait_until
from mqtt_wire import Publisher

IDLE = 1000
IDLE_BYTES = 40 << 20


class Listener:
    """Reads a stream in a thread of its own."""

    def __init__(self, home, gateway, query="", **headers):
        request = urllib.request.Request(
            f"http://127.0.0.1:{gateway.port}/api/v1/events{query}",
            headers={"Accept": "text/event-stream", **headers})
        self.answer = urllib.request.urlopen(request, timeout=60)
        self.lines = []
        self.ended = False
        home.keep(self)
        threading.Thread(target=self.read, daemon=True).start()
        wait_until(lambda: self.lines, what="a greeting")

    def read(self):
        try:
            for line in self.answer:
                self.lines.append(line.decode().rstrip("\n"))
        except (OSError, ValueError, AttributeError):
            pass
        self.ended = True

    def events(self, kind=None):
        """[(kind, data, id)] of those that are whole."""
        events, fields = [], {}
        for line in list(self.lines):
            if line == "":
                if "data" in fields:
                    events.append((fields["event"], json.loads(fields["data"]), fields["id"]))
                fields = {}
            elif ": " in line:
                name, value = line.split(": ", 1)
                fields[name] = value
        return [event for event in events if kind in (None, event[0])]

    def end(self):
        try:
            # close() would wait for the reading thread.
            self.answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass


def make_gateway(home, broker, **sections):
    return Gateway(home, sensors=[mqtt_sensor(broker, metrics=("pm25", "temperature"))],
                   **sections)


def start(gateway, broker):
    gateway.start()
    gateway.wait_connected("nodes")
    return Publisher(broker)


def publish(publisher, station, **values):
    publisher.publish(f"env/{station}/air", json.dumps(values), qos=1)


def resident(gateway):
    for line in Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def test_values_of_all_and_of_one_station(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    everything = Listener(home, gateway)
    one = Listener(home, gateway, "?station=B%202")
    assert everything.answer.headers["Content-Type"] == "text/event-stream"
    assert everything.answer.headers["Cache-Control"] == "no-store"
    assert everything.answer.headers["Access-Control-Allow-Origin"] == "*"
    assert everything.lines[0].startswith("retry: ")
    publish(publisher, "A1", pm25=12.5)
    publish(publisher, "B 2", pm25=35.25, temperature=31)
    wait_until(lambda: len(everything.events("values")) >= 2, what=lambda: everything.lines)
    wait_until(lambda: one.events("values"))
    kind, data, _ = one.events()[0]
    assert (kind, data["station"], data["sensor"]) == ("values", "B 2", "nodes")
    assert {value["metric"]: (value["value"], value["unit"]) for value in data["values"]} == \
        {"pm25": (35.25, "µg/m³"), "temperature": (31, "°C")}
    assert {event[1]["station"] for event in everything.events("values")} == {"A1", "B 2"}
    # A sensor that talks fast is told of every five seconds.
    for i in range(20):
        publish(publisher, "A1", pm25=20 + i)
    wait_until(lambda: [event for event in everything.events("values")
                        if event[1]["values"][0]["value"] == 39], timeout=20)
    told = [event for event in everything.events("values") if event[1]["station"] == "A1"]
    assert len(told) <= 4
    assert all(event[1]["station"] == "B 2" for event in one.events("values"))


def test_an_alert_in_both_languages_and_going_on_after_a_break(home, broker):
    gateway = make_gateway(home, broker, alerts={
        "rules": [{"name": "dust-now", "metric": "pm25", "above": 150.0}],
        "channels": [{"name": "out", "type": "console"}]})
    publisher = start(gateway, broker)
    vi, en = Listener(home, gateway), Listener(home, gateway, "?lang=en")
    publish(publisher, "A1", pm25=200)
    wait_until(lambda: vi.events("alert") and en.events("alert"),
               what=lambda: (vi.lines, en.lines))
    _, data, number = en.events("alert")[0]
    assert (data["language"], data["state"], data["active"]) == ("en", "firing", True)
    assert (data["station"], data["rule"]) == ("A1", "dust-now")
    assert vi.events("alert")[0][1]["language"] == "vi"
    assert len(vi.events("alert")) == 1
    # What came after the id is told again; what came before is not.
    first = vi.events()[0]
    again = Listener(home, gateway, **{"Last-Event-ID": first[2]})
    wait_until(lambda: len(again.events()) >= len(vi.events()) - 1)
    assert [event[2] for event in again.events()][:1] != [first[2]]
    assert again.events()[0][2] == vi.events()[1][2]
    # An id of another run, or none at all, is no error.
    for odd in ("1-1", "x", "-", "9" * 200):
        other = Listener(home, gateway, **{"Last-Event-ID": odd})
        assert not other.events()
        other.end()
    # A new configuration, or the end, ends the streams.
    gateway.reload()
    wait_until(lambda: vi.ended and en.ended)
    last = Listener(home, gateway)
    gateway.stop()
    wait_until(lambda: last.ended)


def listen_raw(gateway, source="127.0.0.1", receive=None):
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.bind((source, 0))
    connection.settimeout(30)
    connection.connect(("127.0.0.1", gateway.port))
    connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: t\r\n\r\n")
    return connection


@pytest.mark.alone
def test_a_thousand_idle_listeners_cost_little(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    gateway.get("/api/v1/stations")
    before = resident(gateway)
    idle = [listen_raw(gateway) for _ in range(IDLE)]
    for connection in idle:
        wait_until(lambda: b"retry:" in connection.recv(4096), every=0)
    used = resident(gateway) - before
    print(f"{IDLE} idle listeners: {used / 2 ** 20:.1f} MiB")
    assert used < IDLE_BYTES or SLOW > 1  # sanitizers keep what is freed
    cpu = gateway.cpu_seconds()
    time.sleep(5)
    assert gateway.cpu_seconds() - cpu < 0.5 * SLOW
    # All of them are told, and others are served meanwhile.
    publish(publisher, "A1", pm25=12.5)
    begun = time.monotonic()
    for connection in idle:
        text = b""
        while b"event: values" not in text:
            text += connection.recv(4096)
    assert time.monotonic() - begun < 10 * SLOW
    assert gateway.get("/healthz")[0] == 200
    for connection in idle:
        connection.close()
    gateway.stop()


def test_one_address_may_have_some_connections_only(home, broker):
    gateway = make_gateway(home, broker)
    start(gateway, broker)
    many = []
    for _ in range(64):
        connection = listen_raw(gateway, "127.0.0.2")
        assert b"200 OK" in connection.recv(4096)
        many.append(connection)
    refused = listen_raw(gateway, "127.0.0.2")
    try:
        assert refused.recv(4096) == b""
    except ConnectionResetError:
        pass
    assert b"200 OK" in listen_raw(gateway, "127.0.0.3").recv(4096)
    many.pop().close()
    # The place is free when the next comment has found that nobody listens.
    def enters():
        try:
            return b"200 OK" in listen_raw(gateway, "127.0.0.2").recv(4096)
        except ConnectionResetError:
            return False
    wait_until(enters, timeout=80, every=1)  # the second, every 20 s, meets the refusal


def test_who_does_not_read_is_dropped(home, broker):
    gateway = make_gateway(home, broker)
    publisher = start(gateway, broker)
    before = resident(gateway)
    stuck = [listen_raw(gateway, receive=4096) for _ in range(20)]
    good = Listener(home, gateway)
    # Much more than the sockets take, of many stations.
    for turn in range(6):
        for i in range(1500):
            publish(publisher, f"S{turn}-{i:05d}", pm25=i % 100, temperature=20)
        wait_until(lambda: any(event[1]["station"].startswith(f"S{turn}")
                               for event in good.events("values")[-1:]), timeout=30)
    assert resident(gateway) - before < 30 << 20 or SLOW > 1
    assert gateway.get("/healthz")[0] == 200

    def is_dropped(connection):
        end = time.monotonic() + 15 * SLOW
        try:
            while connection.recv(65536):
                if time.monotonic() > end:
                    return False
        except ConnectionResetError:
            pass
        return True

    assert all(is_dropped(connection) for connection in stuck)
    assert not good.ended


@pytest.mark.parametrize("query, status", [("?station=" + "x" * 200, 400), ("?station=%00", 400),
                                           ("?station=%ff", 400)])
def test_bad_arguments(home, broker, query, status):
    gateway = make_gateway(home, broker)
    start(gateway, broker)
    assert gateway.get("/api/v1/events" + query)[0] == status
