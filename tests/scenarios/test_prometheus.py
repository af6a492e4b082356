"""Remote write: a stand-in that unpacks requests by its own hands, and the real Prometheus."""

import json
import sqlite3
import struct
import time
import urllib.parse
import urllib.request

from lib import (SEQ, Gateway, Process, find_program, free_port, mqtt_sensor,
                 wait_until)
from mqtt_wire import Publisher

NAME = "muabui_pm25_micrograms_per_cubic_meter"


def unsnap(data):
    """The block format of snappy, by its description."""
    length, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                more = size - 59
                size = int.from_bytes(data[at:at + more], "little")
                at += more
            out += data[at:at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            wide = 2 if tag & 3 == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + wide], "little")
            at += wide
        assert 0 < offset <= len(out)
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def fields(data):
    """(number, value) of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        else:
            assert key & 7 == 2, key
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def series_of(request):
    """[(labels in their order, [(time, value)])] of a WriteRequest."""
    found = []
    for number, series in fields(unsnap(request.raw)):
        assert number == 1
        labels, samples = [], []
        for part, value in fields(series):
            if part == 1:
                pair = dict(fields(value))
                labels.append((pair[1].decode(), pair[2].decode()))
            else:
                sample = dict(fields(value))
                samples.append((sample[2], sample.get(1, 0.0)))
        found.append((labels, samples))
    return found


def start(home, broker, url, **options):
    gateway = Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[{"name": "prom", "type": "prometheus", "url": url, **options}])
    gateway.start()
    gateway.wait_connected("nodes")
    return gateway


def publish(broker, numbers, value=lambda number: number / 4):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 3}/air", {"pm25": value(number), "seq": number})
                          for number in numbers)
    publisher.close()


def test_what_a_receiver_is_sent(home, broker, sink):
    token = home.path / "token"
    token.write_text("t0ken\n")
    gateway = start(home, broker, sink.url + "/api/v1/write", token_file=token)
    publish(broker, range(300))
    publish(broker, [300], value=lambda number: 5000)  # out of every range: flag 4
    wait_until(lambda: gateway.output("prom")["cursor"] >= 301, 20, "everything delivered")
    got = {}
    for request in sink.taken:
        headers = request.headers
        assert request.path == "/api/v1/write"
        assert headers["Content-Encoding"] == "snappy"
        assert headers["Content-Type"] == "application/x-protobuf"
        assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
        assert headers["Authorization"] == "Bearer t0ken"
        seen = set()
        for labels, samples in series_of(request):
            assert labels == sorted(labels) and len(labels) == len(dict(labels))
            assert tuple(labels) not in seen, "a series stands once in a request"
            seen.add(tuple(labels))
            assert samples == sorted(samples, key=lambda sample: sample[0])
            got.setdefault(tuple(labels), []).extend(samples)
    stations = {dict(labels)["station"] for labels in got}
    assert stations == {"N0", "N1", "N2"}
    for labels, samples in got.items():
        station, name = dict(labels)["station"], dict(labels)["__name__"]
        numbers = range(int(station[1]), 300, 3)
        if name == NAME:
            assert [value for _, value in samples] == [number / 4 for number in numbers]
        else:
            assert name == "muabui_seq"
            assert [value for _, value in samples][:100] == list(numbers)
        assert [time for time, _ in samples] == sorted(time for time, _ in samples)
    gateway.stop()


def test_a_sample_that_is_refused_becomes_a_dead_letter(home, broker, sink):
    def answer(request):
        values = [value for labels, samples in series_of(request) for _, value in samples
                  if ("__name__", NAME) in labels]
        return (400, {}, "out of order sample\n") if 25.0 in values else 204

    sink.answer = answer
    gateway = start(home, broker, sink.url)
    publish(broker, range(150))
    wait_until(lambda: gateway.output("prom")["cursor"] >= 150, 20, "everything looked at")
    assert gateway.output("prom")["dead"] == 1
    (body, reason), = gateway.query("SELECT body, reason FROM dead_letter")
    assert NAME + '{sensor="nodes",station="N1"} 25 ' in body and "out of order" in reason
    got = [value for request in sink.taken for labels, samples in series_of(request)
           for _, value in samples if ("__name__", NAME) in labels]
    assert sorted(got) == [number / 4 for number in range(150) if number != 100]
    gateway.stop()


def test_a_log_in_page_is_not_a_receiver(home, broker, sink):
    sink.answer = lambda request: (200, {}, "<html>Welcome to the network</html>")
    gateway = start(home, broker, sink.url)
    publish(broker, range(10))
    wait_until(lambda: gateway.output("prom")["failures"] >= 1, 15, "a failure")
    assert "web page" in gateway.output("prom")["last_error"]
    sink.answer = lambda request: 204
    wait_until(lambda: gateway.output("prom")["cursor"] >= 10, 20, "everything delivered")
    gateway.stop()


class Prometheus:
    """Debian's prometheus, which takes remote writes, and late ones within an hour."""

    def __init__(self, home, late="1h"):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = home.path / "prometheus"
        config = home.path / "prometheus.yml"
        config.write_text("global: {}\n" + (
            f"storage: {{tsdb: {{out_of_order_time_window: {late}}}}}\n" if late else ""))
        self.process = Process(home, "prometheus", [
            find_program("prometheus"), f"--config.file={config}",
            f"--storage.tsdb.path={self.folder}", f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver"])
        wait_until(self._is_ready, 30, "prometheus is ready")

    def _is_ready(self):
        assert self.process.is_running(), self.process.log()
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def samples(self, selector):
        """{station: [(ms, value)]} of what SELECTOR meets in an hour around now: of messages
        in one millisecond the later ones are stamped a little ahead."""
        query = urllib.parse.urlencode({"query": f"{selector}[1h]", "time": time.time() + 60})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return {series["metric"]["station"]: [(round(seconds * 1000), float(value))
                                              for seconds, value in series["values"]]
                for series in result}


def test_prometheus_has_every_value(home, broker):
    prometheus = Prometheus(home)
    gateway = start(home, broker, prometheus.url + "/api/v1/write")
    publish(broker, range(600))
    wait_until(lambda: gateway.output("prom")["cursor"] >= 600, 20, "everything delivered")
    stored = {}
    for station, _ in sorted(gateway.query("SELECT DISTINCT station, sensor FROM source")):
        stored[station] = [number / 4 for number in range(int(station[1]), 600, 3)]
    assert sorted(stored) == ["N0", "N1", "N2"]
    got = prometheus.samples(NAME)
    for station, values in stored.items():
        assert [value for _, value in got[station]] == values
    assert gateway.output("prom")["dead"] == 0
    # What is sent again, as after a lost answer, changes nothing and offends nobody.
    gateway.stop()
    with sqlite3.connect(gateway.store) as store:
        assert store.execute("UPDATE cursor SET report = 0 WHERE output = 'prom'").rowcount == 1
    store.close()
    gateway.start()
    wait_until(lambda: gateway.output("prom")["cursor"] >= 600, 20, "everything again")
    assert gateway.output("prom")["dead"] == 0
    assert prometheus.samples(NAME) == got
    gateway.stop()


def test_what_prometheus_refuses_stands_alone(home, broker):
    """Without a window for late ones: a sample from the day before is one dead letter."""
    prometheus = Prometheus(home, late=None)
    gateway = Gateway(home, metrics=[SEQ],
                      sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"), time="/time")],
                      outputs=[{"name": "prom", "type": "prometheus", "linger": "1s",
                                "url": prometheus.url + "/api/v1/write"}]).start()
    gateway.wait_connected("nodes")
    now = round(time.time() * 1000)
    publisher = Publisher(broker)
    for number in range(100):
        if number == 60:  # alone with newer ones, it would just be the first of them
            wait_until(lambda: gateway.output("prom")["cursor"] >= 60, 20, "the first sixty")
        stamp = now - 86400000 if number == 60 else now - 100 + number
        publisher.publish("env/N1/air", {"pm25": number / 4, "seq": number, "time": stamp})
    publisher.close()
    wait_until(lambda: gateway.output("prom")["cursor"] >= 100, 20, "everything looked at")
    (body, reason), = gateway.query("SELECT body, reason FROM dead_letter")
    assert f" 15 {now - 86400000}" in body and "400" in reason, (body, reason)
    got = prometheus.samples(NAME)["N1"]
    assert got == [(now - 100 + number, number / 4) for number in range(100) if number != 60]
    gateway.stop()
