"""Those who mean harm, or know no better: honest codes, bounded memory, others served on."""

import json
import resource
import socket
import time
from pathlib import Path

import pytest

from lib import Gateway, SLOW, count, mqtt_sensor, wait_until
from mqtt_wire import Publisher

MANY = count("CONNECTIONS", 2200)
MEMORY = 48 << 20  # bytes that 2200 connections may take


def make_gateway(home, broker):
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)]).start()
    gateway.wait_connected("nodes")
    return gateway


def connect(gateway, source="127.0.0.1"):
    connection = socket.socket()
    connection.settimeout(20 * SLOW)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", gateway.port))
    return connection


def say(gateway, data):
    """The status line's code for these bytes; None: no answer, but an end."""
    connection = connect(gateway)
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    except OSError:
        return None
    finally:
        connection.close()
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None


def resident(gateway):
    for line in Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def is_served(gateway, within=2):
    begun = time.monotonic()
    status = gateway.get("/api/v1/stations")[0]
    return status == 200 and time.monotonic() - begun < within * SLOW


def request(target, *lines, method="GET"):
    head = [f"{method} {target} HTTP/1.1", "Host: t", "Connection: close", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


def test_paths(home, broker):
    gateway = make_gateway(home, broker)
    for path in ("/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/stations/%2e%2e",
                 "/api/v1/stations/..", "//api/v1/stations", "/api//v1/stations",
                 "/api/v1/stations/", "/api/v1/stations/%00", "/api/v1/stations%00",
                 "/api/v1/stations/HN-CG-01%00", "/api/v1/stations/HN-CG-01%2f", "/api/v1/stations/%",
                 "/api/v1/stations/%zz", "/api/v1/stations/%c0%af", "/api/v1/stations/%ed%a0%80",
                 "/API/V1/STATIONS", "/api/v1/stations;x", "/sta/v1.1/../../api/v1/stations",
                 "/sta/v1.1/%2e%2e", "/sta/v1.1//Things", "/sta/v1.10", "/feeds/cap/../cap.xml",
                 "/x" * 400, "/api/v1/stations/" + "x" * 300):
        assert (path, say(gateway, request(path))) == (path, 404)
    # Not HTTP at all, or not the whole of it, is refused or ended.
    for data in (b"GET  HTTP/1.1\r\nHost: t\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 500,
                 b"GET http://[ HTTP/1.1\r\nHost: t\r\n\r\n", b"GET / HTTP/9.9\r\nHost: t\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: t\r\nBad Header\r\n\r\n", b"\r\n" * 2000,
                 b"GET /api/v1/stations HTTP/1.1\r\n\r\n"):
        assert say(gateway, data) in (None, 400, 404, 501, 505), data
    # The library ends a path at a bare NUL: it leads nowhere else.
    assert say(gateway, request("/api/v1/stations\x00/../nothing")) in (200, 400, 404)
    assert say(gateway, request("/nothing\x00/api/v1/stations")) in (400, 404)
    assert say(gateway, request("/api/v1/stations")) == 200
    gateway.stop()


def test_too_much_of_everything(home, broker):
    gateway = make_gateway(home, broker)
    before = resident(gateway)
    for data, codes in (
            (request("/api/v1/stations?x=" + "y" * 100000), (None, 414, 431)),
            (request("/" + "y" * 100000), (None, 404, 414, 431)),
            (request("/", "X: " + "y" * 100000), (None, 413, 431)),
            (request("/", *[f"X-{i}: y" for i in range(5000)]), (None, 413, 431)),
            (request("/api/v1/stations?" + "&" * 7000), (None, 200, 400, 414, 431)),
            (request("/api/v1/stations?" + "a=1&" * 1500), (None, 200, 414, 431)),
            (request("/api/v1/stations", "Content-Length: 99999999999"), (413,)),
            (request("/api/v1/stations", "Content-Length: -1"), (None, 400, 413)),
            (request("/api/v1/stations", "Content-Length: x"), (None, 400, 413)),
            (request("/api/v1/stations", "Transfer-Encoding: chunked"), (413,)),
            (request("/api/v1/subscriptions", "Content-Length: 99999999", method="POST"), (404,)),
            (request("/api/v1/stations", method="POST"), (405,)),
            (request("/api/v1/stations", method="CONNECT"), (400, 405)),
            (request("*", method="OPTIONS"), (400, 404)),
            (request("/api/v1/stations", "Accept: " + "text/html;q=0.1," * 300), (406,)),
            (request("/api/v1/stations", "If-None-Match: " + '"x",' * 900), (200,)),
            (request("/sta/v1.1/Things?$filter=" + "not%20" * 900 + "true%20eq%20true"), (400,)),
            (request("/sta/v1.1/Things?$expand=" + "Datastreams/Thing/" * 200 + "Datastreams"), (400,)),
            (request("/sta/v1.1/Things?$expand=" + "(" * 3000), (400,))):
        assert say(gateway, data) in codes, data[:80]
        assert is_served(gateway)
    # Sanitizers keep what is freed.
    assert resident(gateway) - before < 16 << 20 or SLOW > 1
    gateway.stop()


@pytest.mark.alone
def test_slow_ones_keep_nobody_waiting_and_go(home, broker):
    gateway = make_gateway(home, broker)
    slow = [connect(gateway) for _ in range(300)]
    for connection in slow:
        connection.sendall(b"GET /api/v1/stations HTTP/1.1\r\nHost: t\r\n")
    for i in range(5):
        for connection in slow[:50]:
            connection.sendall(b"X-%d: y\r\n" % i)
        assert is_served(gateway)
        time.sleep(0.5)
    # Those that say nothing are ended after 15 s.
    begun = time.monotonic()
    assert slow[-1].recv(100)[:12] in (b"", b"HTTP/1.1 408")
    assert time.monotonic() - begun < 18 * SLOW
    for connection in slow:
        connection.close()
    # Readers that do not read, of something large.
    for i in range(100):
        connection = connect(gateway)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request("/api/v1/openapi.json") * 3)
        slow.append(connection)
    assert is_served(gateway)
    for connection in slow:
        connection.close()
    gateway.stop()


@pytest.mark.alone
def test_thousands_of_connections(home, broker):
    """Of many addresses and of one; data goes on all the while."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    gateway = make_gateway(home, broker)
    publisher = Publisher(broker)
    before = resident(gateway)
    many = []
    for i in range(MANY):
        connection = connect(gateway, f"127.0.{1 + i // 60}.{1 + i % 60}")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
        many.append(connection)
    answered = 0
    for connection in many:
        connection.settimeout(5 * SLOW)
        try:
            answered += connection.recv(4096).startswith(b"HTTP/1.1")
        except OSError:
            pass
    used = resident(gateway) - before
    print(f"{answered} of {MANY} connections answered, {used / 2 ** 20:.1f} MiB")
    assert answered >= min(MANY, 2000) and (used < MEMORY or SLOW > 1)
    publisher.publish("env/A/air", json.dumps({"pm25": 12.5}), qos=1)
    wait_until(lambda: gateway.value("A", "nodes", "pm25"))
    for connection in many:
        connection.close()
    wait_until(lambda: is_served(gateway))
    # One address alone has its share, and no more.
    greedy = []
    for i in range(200):
        connection = connect(gateway, "127.9.9.9")
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
            greedy.append((connection, connection.recv(4096) != b""))
        except (ConnectionResetError, BrokenPipeError):
            greedy.append((connection, False))
    assert sum(served for _, served in greedy) == 64
    assert is_served(gateway)
    gateway.stop()
