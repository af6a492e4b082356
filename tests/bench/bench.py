#!/usr/bin/python3
"""What a message costs, in the same run as a Paho client that does nothing.

  CPU per reading of batches as another gateway sends them (format muabui); then
  CPU per QoS 1 message of six metrics, from 500 stations, through mosquitto to the far
  side's 204, with the durable commit in between; of both programs, in turn, and their
  ratio; messages lost; peak memory; bytes written per reading, the log of SQLite (WAL)
  and its return into the file included; memory at rest with ten sensors; time from
  publish to webhook of an alert at 1,000 messages a second.

Environment: BUILD (build), MESSAGES (200000), ROUNDS (3), ALERTS (300), BATCH (500),
SENSORS (10).
"""
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
MESSAGES = int(os.environ.get("MESSAGES", "200000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
ALERTS = int(os.environ.get("ALERTS", "300"))
BATCH = int(os.environ.get("BATCH", "500"))  # reports in a message
SENSORS = int(os.environ.get("SENSORS", "10"))  # of a station; its reports are a second apart
READINGS = 6  # in a report
LOAD = 1000  # messages a second while alerts are timed
RATIO_MAX = 1.3  # of a message, to a client that does nothing
LOADED_MAX = 24 * 1024  # KiB
WRITTEN_MAX = 60  # bytes per reading
LATENCY_MS = 100  # from publish to the push request, the 99th of a hundred
IDLE_KIB = 10 * 1024

children = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(*args, **options):
    child = subprocess.Popen([str(a) for a in args], text=True, **options)
    children.append(child)
    return child


def stop(child):
    child.terminate()
    child.wait(timeout=20)
    children.remove(child)


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: gave up waiting for {what}")
        time.sleep(0.02)


def start_broker(folder):
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 1000\n"
        "log_type none\nset_tcp_nodelay true\n"
    )
    start("mosquitto", "-c", conf)

    def up():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    wait_for(up, 10, "mosquitto")
    return port


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kib(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def written_bytes(pid):
    """What it handed to write(), or the pages it dirtied, if that is more: the ring is a
    mapping, of which write() knows nothing. The acknowledgements in it are 1 % of it."""
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    counts = {name: int(value) for name, value in (line.split(":") for line in lines)}
    return max(counts["wchar"], counts["write_bytes"])


def ask_sink(port, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, "/")
    answer = [int(n) for n in connection.getresponse().read().split()]
    connection.close()
    return answer


def message_sensor(broker):
    return f"""{{ name = "air"; driver = "mqtt"; url = "mqtt://127.0.0.1:{broker}";
  topic = "bench/+/air"; station = "{{1}}"; session = "clean";
  fields = ( {{ metric = "pm25"; pointer = "/pm25"; }}, {{ metric = "pm10"; pointer = "/pm10"; }},
    {{ metric = "temperature"; pointer = "/temperature"; }},
    {{ metric = "humidity"; pointer = "/humidity"; }},
    {{ metric = "rain"; pointer = "/rain"; }}, {{ metric = "seq"; pointer = "/seq"; }} ); }}"""


def batch_sensor(broker):
    return f"""{{ name = "boxes"; driver = "mqtt"; url = "mqtt://127.0.0.1:{broker}";
  topic = "muabui/+/readings"; station = "{{1}}"; session = "clean"; format = "muabui"; }}"""


def write_config(folder, broker, sink, webhook=None, sensor=message_sensor):
    path = folder / "muabui.conf"
    channels = (
        f'{{ name = "hook"; type = "webhook"; url = "http://127.0.0.1:{webhook}/"; }}'
        if webhook
        else '{ name = "console"; type = "console"; }'
    )
    path.write_text(
        f"""station = {{ id = "BENCH"; name = "Bench"; area = "bench"; }};
store = {{ path = "{folder}/data/muabui.db"; }};
metrics = ( {{ name = "seq"; unit = "1"; min = 0; max = 1e9; }} );
sensors = ( {sensor(broker)} );
outputs = ( {{ name = "sink"; type = "influxdb"; url = "http://127.0.0.1:{sink}"; version = 1;
  database = "bench"; }} );
alerts = {{ rules = (
    {{ name = "dust"; metric = "pm25"; above = 500.0; clear_below = 400.0; severity = "severe"; }},
    {{ name = "downpour"; metric = "rain_1h"; above = 500.0; severity = "severe"; }} );
  channels = ( {channels} ); }};
http = {{ listen = "127.0.0.1:{free_port()}"; }};
control = {{ socket = "{folder}/control.sock"; }};
"""
    )
    return path


def status(config):
    out = subprocess.run(
        [BUILD / "muabui", "status", "--json", "-c", config], capture_output=True, text=True
    )
    return json.loads(out.stdout) if out.returncode == 0 else None


def start_gateway(config):
    gateway = start(BUILD / "muabui", "run", "-c", config, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)

    def connected():
        now = status(config)
        return now and now["sensors"][0]["connected"]

    wait_for(connected, 15, "the gateway's subscription")
    return gateway


def publish(port, *batch):
    subprocess.run([BUILD / "bench/publish", str(port), str(MESSAGES), "0", *map(str, batch)],
                   check=True)


def round_null(port, messages=MESSAGES, topic="bench/+/air", batch=()):
    """CPU seconds of a client that does nothing with what it gets."""
    client = start(BUILD / "bench/null_client", port, messages, topic, stdout=subprocess.PIPE)
    client.stdout.readline()
    publish(port, *batch)
    seconds = float(client.stdout.readline())
    client.wait(timeout=20)
    children.remove(client)
    return seconds


def round_gateway(folder, port, sink_port, sensor=message_sensor, batch=()):
    """CPU seconds of the gateway for all reports; its peak memory; messages missing and
    sent again; the store's size and what was written, in bytes."""
    ask_sink(sink_port, "DELETE")
    shutil.rmtree(folder / "data", ignore_errors=True)
    gateway = start_gateway(write_config(folder, port, sink_port, sensor=sensor))
    before, written = cpu_seconds(gateway.pid), written_bytes(gateway.pid)
    publish(port, *batch)
    wait_for(lambda: ask_sink(sink_port)[1] >= MESSAGES, 120, "all messages at the far side")
    cost = cpu_seconds(gateway.pid) - before
    written = written_bytes(gateway.pid) - written
    peak = memory_kib(gateway.pid, "VmHWM")
    lines, distinct, size = ask_sink(sink_port)
    stop(gateway)
    disk = sum(f.stat().st_size for f in (folder / "data").iterdir() if "ring" not in f.name)
    return cost, peak, MESSAGES - distinct, lines - distinct, disk, written


def measure_messages(folder, port, sink_port):
    ratios, peaks, wear, lost, repeated = [], [], [], 0, 0
    readings = MESSAGES * READINGS
    print(f"{MESSAGES} messages of 6 metrics, 500 stations, QoS 1; {ROUNDS} rounds")
    for number in range(ROUNDS):
        null = round_null(port) / MESSAGES * 1e6
        cost, peak, missing, again, disk, written = round_gateway(folder, port, sink_port)
        cost = cost / MESSAGES * 1e6
        wear.append(written / readings)
        ratios.append(cost / null)
        peaks.append(peak)
        lost += missing
        repeated += again
        print(f"  round {number + 1}: do-nothing client {null:.2f} us, gateway {cost:.2f} us "
              f"per message, ratio {cost / null:.2f}, peak {peak / 1024:.1f} MiB, "
              f"lost {missing}, store {disk / readings:.1f} and written {wear[-1]:.1f} bytes "
              "per reading")
    ratio = statistics.median(ratios)
    print(f"CPU per message   {ratio:.2f} x the do-nothing client (median)"
          + bound(ratio <= RATIO_MAX))
    print(f"messages lost     {lost}, repeated {repeated}" + bound(lost == 0))
    print(f"memory, loaded    {max(peaks) / 1024:.1f} MiB" + bound(max(peaks) <= LOADED_MAX))
    print(f"written           {max(wear):.1f} bytes per reading" + bound(max(wear) <= WRITTEN_MAX))
    return (ratio <= RATIO_MAX and lost == 0 and max(peaks) <= LOADED_MAX
            and max(wear) <= WRITTEN_MAX)


def measure_batches(folder, port, sink_port):
    readings = MESSAGES * READINGS
    costs, lost = [], 0
    print(f"the same {MESSAGES} reports in messages of {BATCH}; {ROUNDS} rounds")
    for number in range(ROUNDS):
        null = round_null(port, -(-MESSAGES // BATCH), "muabui/+/readings", (BATCH, SENSORS))
        cost, peak, missing, _, _, _ = round_gateway(
            folder, port, sink_port, batch_sensor, (BATCH, SENSORS))
        costs.append(cost / readings * 1e6)
        lost += missing
        print(f"  round {number + 1}: do-nothing client {null / readings * 1e6:.3f} us, gateway "
              f"{costs[-1]:.3f} us per reading, peak {peak / 1024:.1f} MiB, lost {missing}")
    cost = statistics.median(costs)
    print(f"CPU, in batches   {cost:.2f} us per reading (median), lost {lost}"
          + bound(cost <= 1.0 and lost == 0))
    return cost <= 1.0 and lost == 0


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arrivals = {}

    def do_POST(self):
        now = time.monotonic()
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if message["state"] == "firing":
            Hook.arrivals.setdefault(message["station"], now)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def packet(topic, payload, number):
    topic, payload = topic.encode(), payload.encode()
    rest = struct.pack("!H", len(topic)) + topic + struct.pack("!H", number % 65535 + 1) + payload
    length, size = b"", len(rest)
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return b"\x32" + length + rest


def payload(pm25, number):
    return (
        f'{{"pm25":{pm25},"pm10":60.1,"temperature":28.4,"humidity":71.2,"rain":0.0,"seq":{number}}}'
    )


def alert_latency(folder, port, sink_port):
    """One alert every 100 ms, each of its own station, among LOAD messages a second."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shutil.rmtree(folder / "data", ignore_errors=True)
    gateway = start_gateway(write_config(folder, port, sink_port, server.server_port))
    mqtt = socket.create_connection(("127.0.0.1", port))
    mqtt.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04late")
    mqtt.recv(4)
    threading.Thread(target=lambda: [None for _ in iter(lambda: mqtt.recv(65536), b"")],
                     daemon=True).start()
    sent, number, begin = {}, 0, time.monotonic()
    for alert in range(ALERTS):
        for _ in range(LOAD // 10):
            station = f"S{number % 500:03d}"
            mqtt.sendall(packet(f"bench/{station}/air", payload(35.2, number), number))
            number += 1
            pause = begin + number / LOAD - time.monotonic()
            if pause > 0.002:
                time.sleep(pause)
        station = f"A{alert}"
        sent[station] = time.monotonic()
        mqtt.sendall(packet(f"bench/{station}/air", payload(612.5, number), number))
    wait_for(lambda: len(Hook.arrivals) >= ALERTS, 20, "the last alert")
    times = sorted((Hook.arrivals[s] - sent[s]) * 1000 for s in sent)
    stop(gateway)
    server.shutdown()
    return times[len(times) // 2], times[int(len(times) * 0.99)], times[-1]


def idle_memory(folder):
    """Ten sensors on ports, one report a second each, an output, the page, a channel."""
    sink = start(BUILD / "bench/sink", 1000, stdout=subprocess.PIPE)
    sink_port = int(sink.stdout.readline())
    devices, sensors = [], []
    for i in range(10):
        link = folder / f"port{i}"
        driver = "sds011" if i % 3 == 0 else "rain-modbus" if i % 3 == 1 else "pms5003"
        devices.append(start(BUILD / "muabui", "simulate", driver, "--link", link,
                             stdout=subprocess.DEVNULL))
        if driver == "rain-modbus":
            sensors.append(
                f'{{ name = "s{i}"; driver = "modbus"; port = "{link}"; unit_id = 1; every = "1s";'
                ' registers = ( { metric = "rain_total"; address = 0; type = "uint16";'
                " scale = 0.1; } ); }")
        else:
            sensors.append(f'{{ name = "s{i}"; driver = "{driver}"; port = "{link}"; }}')
    config = folder / "idle.conf"
    config.write_text(
        f"""station = {{ id = "IDLE"; name = "Idle"; area = "idle"; }};
store = {{ path = "{folder}/idle/muabui.db"; }};
sensors = ( {", ".join(sensors)} );
outputs = ( {{ name = "sink"; type = "influxdb"; url = "http://127.0.0.1:{sink_port}"; version = 1;
  database = "idle"; }} );
alerts = {{ rules = ( {{ name = "dust"; metric = "pm25"; above = 900.0; }} );
  channels = ( {{ name = "console"; type = "console"; }} ); }};
http = {{ listen = "127.0.0.1:{free_port()}"; }};
control = {{ socket = "{folder}/idle.sock"; }};
""")
    gateway = start(BUILD / "muabui", "run", "-c", config, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
    wait_for(lambda: (status(config) or {}).get("recorder", {}).get("reports", 0) > 150, 60,
             "reports of the ten sensors")
    resident = memory_kib(gateway.pid, "VmRSS")
    stop(gateway)
    for child in devices + [sink]:
        stop(child)
    return resident


def bound(ok):
    return "" if ok else "   <-- over the bound"


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="muabui-bench-"))
    try:
        port = start_broker(folder)
        sink = start(BUILD / "bench/sink", MESSAGES, stdout=subprocess.PIPE)
        sink_port = int(sink.stdout.readline())
        good = measure_messages(folder, port, sink_port)
        good = measure_batches(folder, port, sink_port) and good
        p50, p99, worst = alert_latency(folder, port, sink_port)
        print(f"publish to alert  p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {worst:.0f} ms "
              f"at {LOAD} messages/s" + bound(p99 <= LATENCY_MS))
        idle = idle_memory(folder)
        print(f"memory, at rest   {idle / 1024:.1f} MiB with ten sensors"
              + bound(idle <= IDLE_KIB))
        return 0 if good and p99 <= LATENCY_MS and idle <= IDLE_KIB else 1
    finally:
        for child in list(children):
            child.terminate()
        for child in list(children):
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
