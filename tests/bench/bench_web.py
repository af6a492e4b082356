#!/usr/bin/python3
"""Reading by the page and by programs, beside what comes in.

A gateway that hears 1,000 stations, on one core, takes READINGS readings a second while wrk
asks for REQUESTS a second of all kinds: light and full lists, single stations, a day's
history, alerts, SensorThings. Then what the large answers take one by one.

Environment: BUILD (build), REQUESTS (2000), READINGS (500), SECONDS (20).
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("MUABUI", os.path.join(os.environ.get("BUILD", "build"), "muabui"))
sys.path.insert(0, str(ROOT / "tests/scenarios"))

from lib import Broker, Gateway, Home, find_program, mqtt_sensor, wait_until  # noqa: E402
from mqtt_wire import Publisher  # noqa: E402

REQUESTS = int(os.environ.get("REQUESTS", "2000"))
READINGS = int(os.environ.get("READINGS", "500"))
SECONDS = int(os.environ.get("SECONDS", "20"))
STATIONS = 1000
METRICS = ("pm25", "pm10", "temperature", "humidity", "pressure")
CONNECTIONS = 50
P99_MS = 50

# wrk asks as fast as it can; each connection waits so long between two requests that
# together they come to what is wanted.
LUA = """
local n = 0
local kinds = { %s }
function delay() return %d end
function request()
  n = n + 1
  local path = kinds[n %% #kinds + 1]
  path = path:gsub("%%%%d", string.format("%%04d", (n * 7919) %% %d))
  return wrk.format("GET", path, { ["Accept-Encoding"] = "gzip" })
end
function done(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%f %%f %%f\\n", summary.requests,
    summary.errors.status, summary.errors.connect + summary.errors.read +
    summary.errors.write + summary.errors.timeout, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000))
end
"""
KINDS = (["/api/v1/stations?fields=summary"] * 8 + ["/"] * 2 + ["/api/v1/stations"] +
         ["/api/v1/stations/S-%d"] * 4 + ["/api/v1/stations/S-%d/history?metric=pm25"] * 3 +
         ["/api/v1/alerts"] + ["/sta/v1.1/Datastreams('S-%d:nodes:pm25')/Observations?$top=10"])


def publish(publisher, number):
    payload = {metric: (number * 7 + i * 13) % 1000 / 10 for i, metric in enumerate(METRICS)}
    publisher.publish(f"env/S-{number % STATIONS:04d}/air", json.dumps(payload), qos=1)


class Feed(threading.Thread):
    """READINGS readings a second, until told to end."""

    def __init__(self, publisher):
        super().__init__(daemon=True)
        self.publisher, self.sent, self.ends, self.worst = publisher, 0, False, 0.0

    def run(self):
        begun = time.monotonic()
        while not self.ends:
            due = begun + self.sent * len(METRICS) / READINGS
            time.sleep(max(0.0, due - time.monotonic()))
            before = time.monotonic()
            publish(self.publisher, self.sent)
            self.worst = max(self.worst, time.monotonic() - before)
            self.sent += 1


def measure(gateway, path, **headers):
    times = []
    for _ in range(7):
        time.sleep(1.1)  # what is kept for a second is made anew
        begun = time.monotonic()
        url = f"http://127.0.0.1:{gateway.port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            size = len(answer.read())
        times.append(time.monotonic() - begun)
    print(f"{path:45} {sorted(times)[3] * 1000:6.1f} ms {size:9} bytes"
          f"{' gzip' if headers else ''}")


def main():
    home = Home()
    try:
        broker = Broker(home)
        gateway = Gateway(home, sensors=[mqtt_sensor(broker, metrics=METRICS)],
                          store={"path": home.path / "bench.db"})
        gateway.wrap = ["taskset", "-c", "0"]
        gateway.start()
        gateway.wait_connected("nodes")
        gateway.store = home.path / "bench.db"
        publisher = Publisher(broker)
        for number in range(STATIONS):
            publish(publisher, number)
        stored = lambda: gateway.query("SELECT count(*) FROM report")[0][0]
        wait_until(lambda: stored() >= STATIONS, timeout=60)
        for path in ("/api/v1/stations?fields=summary", "/api/v1/stations"):
            measure(gateway, path)
            measure(gateway, path, **{"Accept-Encoding": "gzip"})
        run(home, gateway, publisher, stored)
    finally:
        home.end()


def run(home, gateway, publisher, stored):
    script = home.path / "mix.lua"
    pause = int(CONNECTIONS * 1000 / REQUESTS) - 2  # and an answer takes its time
    script.write_text(LUA % (", ".join(f'"{kind}"' for kind in KINDS), pause, STATIONS))
    feed = Feed(publisher)
    before = stored()
    cpu = gateway.cpu_seconds()
    feed.start()
    begun = time.monotonic()
    wrk = subprocess.run(["taskset", "-c", "1", find_program("wrk"), "-t1", f"-c{CONNECTIONS}",
                          f"-d{SECONDS}s", "-s", script, f"http://127.0.0.1:{gateway.port}"],
                         capture_output=True, text=True, timeout=SECONDS + 60)
    took = time.monotonic() - begun
    cpu = gateway.cpu_seconds() - cpu
    feed.ends = True
    feed.join()
    asked, bad, broken, p50, p99, worst = map(float, re.search(
        r"RESULT (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)", wrk.stdout).groups())
    wait_until(lambda: stored() - before >= feed.sent, timeout=10,
               what=lambda: f"{stored() - before} of {feed.sent} reports stored")
    sensor = gateway.sensor("nodes")
    print(f"requests   {asked / took:.0f}/s, {bad:.0f} refused, {broken:.0f} broken; "
          f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {worst:.1f} ms")
    print(f"readings   {feed.sent * len(METRICS) / took:.0f}/s, all stored, "
          f"{sensor['dropped']} dropped; acknowledged within {feed.worst * 1000:.1f} ms at worst")
    print(f"processor  {cpu / took * 100:.0f} % of one core")
    assert bad == broken == 0 and sensor["dropped"] == 0 and p99 <= P99_MS


if __name__ == "__main__":
    main()
