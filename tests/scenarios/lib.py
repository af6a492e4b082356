"""The parts that scenarios are made of: the gateway, and the real things around it.

Everything that runs belongs to a Home, which ends it by its own handle, newest first,
however the scenario went. Nothing here sleeps and hopes: wait_until() waits for a
condition, with a bound.
"""

import gzip
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = str((ROOT / os.environ.get("MUABUI", "build/muabui")).resolve())
SLOW = float(os.environ.get("SLOW", "1"))  # multiplies every bound: sanitizers, load


def count(name, default):
    """How often: from the environment, times TORTURE."""
    return int(int(os.environ.get(name, default)) * float(os.environ.get("TORTURE", "1")))


def wait_until(condition, timeout=15, what=None, every=0.05):
    """The first true value of condition(); fails after TIMEOUT seconds without one."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout * SLOW:g} s: {text or condition}")
        time.sleep(every)


class Ports:
    """Loopback ports below those the kernel gives to clients, for this process alone.

    They go by blocks. Who has a block holds an abstract socket of its number, so that runs
    side by side (pytest's workers, another tree) never choose the same port between
    free_port() and its use; with the process the block is free again.
    """

    FIRST, BLOCK, BLOCKS = 10000, 400, 55

    def __init__(self):
        self.holder = None

    def take_block(self):
        order = list(range(self.BLOCKS))
        random.SystemRandom().shuffle(order)
        self.holder = socket.socket(socket.AF_UNIX)
        for number in order:
            try:
                self.holder.bind(f"\0muabui-ports-{number}")
            except OSError:
                continue
            self.low = self.next = self.FIRST + number * self.BLOCK
            return
        raise AssertionError("no block of ports is free: too many runs at a time")

    def next_range(self, size):
        """The first of SIZE neighbours, of which none was given lately."""
        if not self.holder:
            self.take_block()
        if self.next + size > self.low + self.BLOCK:
            self.next = self.low
        self.next += size
        return self.next - size


PORTS = Ports()


def is_free(port):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports(size):
    """The first of SIZE ports in a row that nobody has; nobody else will be given them."""
    for _ in range(Ports.BLOCK):
        low = PORTS.next_range(size)
        if all(map(is_free, range(low, low + size))):
            return low
    raise AssertionError(f"no {size} ports in a row are free")


def free_port():
    return free_ports(1)


def find_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is not installed: apt-get install {name}"
    return path


# --- processes ----------------------------------------------------------------


def fill(folder):
    """Not a block is left, in FOLDER's file system."""
    ballast = folder / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return ballast


class Home:
    """A scenario's folder, and what runs in it."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="muabui-"))
        self.running = []
        self.gateways = []

    def keep(self, thing):
        """THING has end(), which may be called twice."""
        self.running.append(thing)
        return thing

    def end(self):
        for thing in reversed(self.running):
            thing.end()
        shutil.rmtree(self.path, ignore_errors=True)

    def logs(self):
        """The end of every log, for the report of a failure."""
        texts = []
        for log in sorted(self.path.glob("*.log")):
            text = log.read_text(errors="replace")
            texts.append(f"--- {log.name}\n{text[-6000:]}")
        return "\n".join(texts)


class Process:
    """A child with its output in a log file."""

    def __init__(self, home, name, argv, env=None, stdin=None, user=None):
        self.log_path = home.path / f"{name}.log"
        self.offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                argv, stdin=stdin or subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                user=user)
        home.keep(self)

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        """What this run has said."""
        with open(self.log_path, "rb") as log:
            log.seek(self.offset)
            return log.read().decode(errors="replace")

    def is_running(self):
        return self.child.poll() is None

    def wait(self, timeout):
        return self.child.wait(timeout * SLOW)

    def terminate(self, timeout=10):
        self.child.terminate()
        return self.wait(timeout)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self):
        if self.is_running():
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.child.stdin:
            self.child.stdin.close()


def cpu_seconds(pid):
    """What PID has used so far, of user and system time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the gateway --------------------------------------------------------------


def to_libconfig(value, name=None, depth=0):
    """Python values in the syntax of the configuration."""
    tab = "\t" * depth
    if isinstance(value, dict):
        lines = [f"{tab}\t{key} = {to_libconfig(item, key, depth + 1)};\n"
                 for key, item in value.items()]
        return "{\n" + "".join(lines) + tab + "}"
    if isinstance(value, (list, tuple)):
        if value and not isinstance(value[0], (dict, list, tuple)):
            return "[ " + ", ".join(to_libconfig(item) for item in value) + " ]"
        return "( " + ", ".join(to_libconfig(item, None, depth + 1) for item in value) + " )"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def write_config(path, sections):
    text = "".join(f"{name} = {to_libconfig(value, name)};\n" for name, value in sections.items())
    Path(path).write_text(text)


class Gateway:
    """The real program with its own configuration, store and sockets.

    Sections that are not given get values that suit a scenario; None leaves one out.
    """

    def __init__(self, home, name="gateway", **sections):
        self.home = home
        self.name = name
        self.folder = home.path / name
        self.folder.mkdir(exist_ok=True)
        self.store = self.folder / "store.db"
        self.config = self.folder / "muabui.conf"
        self.port = free_port()
        self.process = None
        self.env = {}
        self.wrap = []  # a command that ends by running what follows it
        self.arguments = []  # of `run`, beside the configuration
        self.sections = {
            "station": {"id": "HN-CG-01", "name": "Cầu Giấy", "area": "hn-cau-giay",
                        "latitude": 21.0362, "longitude": 105.7906},
            "store": {"path": self.store, "commit_every": "100ms"},
            "http": {"listen": f"127.0.0.1:{self.port}"},
            "control": {"socket": self.folder / "control.sock"},
        }
        self.sections.update(sections)
        home.gateways.append(self)
        self.configure()

    def configure(self, **sections):
        """Changes the file; a running gateway sees it at reload()."""
        self.sections.update(sections)
        write_config(self.config, {name: value for name, value in self.sections.items()
                                   if value is not None})

    # -- running

    def launch(self, user=None):
        env = {key: value for key, value in os.environ.items()
               if key not in ("NOTIFY_SOCKET", "JOURNAL_STREAM", "WATCHDOG_USEC")}
        env.update(self.env)
        self.process = Process(self.home, self.name,
                               [*self.wrap, PROGRAM, "run", "-c", str(self.config),
                                *self.arguments], env=env, user=user)
        return self

    def start(self, timeout=20):
        self.launch()
        self.wait_for_start(timeout)
        return self

    def preload(self, library, **env):
        """LIBRARY stands before the others; a sanitizer's own does not mind."""
        self.env.update(env, LD_PRELOAD=str(library), ASAN_OPTIONS=os.environ.get(
            "ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def wait_for_start(self, timeout=20):
        def has_started():
            if not self.process.is_running():
                raise AssertionError(f"the gateway ended with {self.process.child.returncode}:\n"
                                     + self.log())
            return re.search(r"station .* runs", self.log())

        wait_until(has_started, timeout, "the gateway runs")

    def stop(self, timeout=8):
        """By SIGTERM; how long it took. It must say that everything went well."""
        began = time.monotonic()
        status = self.process.terminate(timeout)
        took = time.monotonic() - began
        assert status == 0, f"exit status {status}:\n{self.log()}"
        return took

    def kill9(self):
        self.process.kill()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        """SIGHUP; True when the new configuration was taken."""
        offset = len(self.log())
        os.kill(self.process.pid, signal.SIGHUP)
        verdict = wait_until(
            lambda: re.search(r"conf: (loaded|not loaded)|does not start", self.log()[offset:]),
            15, "the verdict on the new configuration")
        return verdict.group(1) == "loaded"

    def log(self):
        return self.process.log()

    def whole_log(self):
        return self.process.log_path.read_text(errors="replace")

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    # -- asking it

    def run(self, *argv, timeout=20):
        """Another command of the program with this configuration."""
        return subprocess.run([PROGRAM, *argv, "-c", str(self.config)], capture_output=True,
                              text=True, timeout=timeout * SLOW)

    def status(self):
        """`muabui status --json`."""
        answer = self.run("status", "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def _part(self, kind, name):
        return next(part for part in self.status()[kind] if part["name"] == name)

    def sensor(self, name):
        return self._part("sensors", name)

    def output(self, name):
        return self._part("outputs", name)

    def channel(self, name):
        return self._part("channels", name)

    def try_channel(self, name="phones"):
        """(outcome, what was printed) of `alert test`."""
        done = self.run("alert", "test", name, timeout=30)
        text = done.stdout + done.stderr
        if done.returncode == 0:
            assert "was taken" in text
            return "done", text
        return re.search(r"(retry|refused|held)", text).group(1), text

    def wait_connected(self, name, timeout=15):
        """While the store moves, or its parts begin anew, there is nobody to ask."""
        def is_connected():
            answer = self.run("status", "--json")
            return answer.returncode == 0 and any(
                sensor["name"] == name and sensor["connected"]
                for sensor in json.loads(answer.stdout)["sensors"])

        wait_until(is_connected, timeout, f"{name} is connected")

    def get(self, path):
        """(status, headers, body) of the gateway's own server."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def stations(self):
        return json.loads(self.get("/api/v1/stations")[2])

    def value(self, station, sensor, metric):
        """The newest value as the API shows it, or None."""
        status, _, body = self.get(f"/api/v1/stations/{station}")
        for source in json.loads(body)["sensors"] if status == 200 else ():
            for value in source["values"]:
                if (source["name"], value["metric"]) == (sensor, metric):
                    return value
        return None

    def query(self, sql, *arguments):
        """Rows of the store, which may be in use."""
        store = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)
        try:
            return store.execute(sql, arguments).fetchall()
        finally:
            store.close()


def mqtt_sensor(broker, name="nodes", topic="env/+/air", metrics=("pm25",), **more):
    """An mqtt sensor that takes METRICS out of objects that name them so."""
    sensor = {"name": name, "driver": "mqtt", "url": broker.url, "topic": topic, "qos": 1,
              "station": "{1}",
              "fields": [{"metric": metric, "pointer": f"/{metric}"} for metric in metrics]}
    sensor.update(more)
    return sensor


def influx_output(sink, name="city", **more):
    output = {"name": name, "type": "influxdb", "url": sink.url, "version": 1, "database": "env"}
    output.update(more)
    return output


SEQ = {"name": "seq", "unit": "1", "min": 0.0, "max": 1e12}  # a metric to count messages by


# --- the far sides ------------------------------------------------------------


class Request:
    def __init__(self, handler):
        length = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(length)
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.time = time.monotonic()
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.raw = body
        self.body = body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


class HttpSink:
    """A server that keeps what it is sent, and answers as the scenario says.

    `answer` gets a Request and returns a status or (status, headers, body). What it
    accepts (2xx) is in `taken`, everything in `requests`, in the order of arrival.
    """

    def __init__(self, home, answer=None, start=True):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.answer = answer or (lambda request: 204)
        self.requests = []
        self.taken = []
        self.lock = threading.Lock()
        self.server = None
        home.keep(self)
        if start:
            self.start()

    def start(self):
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with sink.lock:
                    sink.connections.append(self.connection)

            def do_POST(self):
                request = Request(self)
                with sink.lock:
                    answer = sink.answer(request)
                    status, headers, body = answer if isinstance(answer, tuple) else (answer, {}, "")
                    sink.requests.append(request)
                    if 200 <= status < 300:
                        sink.taken.append(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                if status != 204:
                    self.wfile.write(body.encode())

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], OSError):  # a killed gateway hangs up
                    super().handle_error(request, client_address)

        self.connections = []
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def end(self):
        """Gone: connections are cut, new ones refused."""
        if not self.server:
            return
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        self.server = None
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def count(self):
        with self.lock:
            return len(self.requests)

    def messages(self):
        """The JSON bodies that were accepted."""
        with self.lock:
            return [request.json() for request in self.taken]

    def points(self):
        """The points of line protocol that were accepted, in order."""
        with self.lock:
            bodies = [request.body for request in self.taken]
        return [Point(line) for body in bodies for line in body.splitlines()]


class Point:
    """One line of line protocol; names in scenarios need no escaping."""

    def __init__(self, line):
        series, fields, time_ms = line.split(" ")
        self.measurement, *tags = series.split(",")
        self.tags = dict(tag.split("=") for tag in tags)
        self.station, self.sensor = self.tags["station"], self.tags["sensor"]
        self.text = dict(field.split("=") for field in fields.split(","))
        self.fields = {name: float(value.rstrip("i")) for name, value in self.text.items()}
        self.time_ms = int(time_ms)
        self.series = (self.station, self.sensor)
        self.seq = int(self.fields["seq"]) if "seq" in self.fields else None


def by_seq(points):
    """{seq: {(series, time)}}: each has one member unless a point was split in two."""
    found = {}
    for point in points:
        found.setdefault(point.seq, set()).add((point.series, point.time_ms))
    return found


class Broker:
    """Debian's mosquitto; its sessions outlive its restarts."""

    def __init__(self, home, start=True, name="broker", more=""):
        self.home = home
        self.name = name
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.process = None
        self.folder = home.path / name
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o777)
        self.config = self.folder / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\n"
            "max_queued_messages 0\nset_tcp_nodelay true\n" + more
            + ("user root\n" if os.getuid() == 0 else ""))
        if start:
            self.start()

    def start(self):
        self.process = Process(self.home, f"mosquitto-{self.name}",
                               [find_program("mosquitto"), "-c", str(self.config)])
        wait_until(self._listens, 10, "mosquitto listens")
        return self

    def _listens(self):
        assert self.process.is_running(), self.process.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()


class Influx:
    """Debian's influxd 1.6.7 with an empty database env."""

    def __init__(self, home):
        folder = home.path / "influx"
        folder.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = folder / "influxd.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\n'
            f'wal-dir = "{folder}/wal"\nquery-log-enabled = false\n'
            f'[http]\nenabled = true\nbind-address = "127.0.0.1:{self.port}"\nlog-enabled = false\n'
            '[monitor]\nstore-enabled = false\n[logging]\nlevel = "warn"\nsuppress-logo = true\n')
        self.process = Process(home, "influxd", [find_program("influxd"), "-config", str(config)])
        wait_until(self._answers, 30, "influxd answers")
        self.query("CREATE DATABASE env", post=True)

    def _answers(self):
        assert self.process.is_running(), self.process.log()
        try:
            return urllib.request.urlopen(f"{self.url}/ping", timeout=2).status == 204
        except OSError:
            return False

    def query(self, text, post=False):
        """Rows as dicts, tags of GROUP BY included; times in milliseconds."""
        parameters = urllib.parse.urlencode({"q": text, "db": "env", "epoch": "ms"})
        request = urllib.request.Request(
            f"{self.url}/query" + ("" if post else f"?{parameters}"),
            data=parameters.encode() if post else None)
        with urllib.request.urlopen(request, timeout=10) as answer:
            results = json.load(answer)["results"]
        rows = []
        for result in results:
            assert "error" not in result, result
            for series in result.get("series", []):
                for values in series["values"]:
                    row = dict(zip(series["columns"], values))
                    row.update(series.get("tags", {}))
                    rows.append(row)
        return rows


# --- devices ------------------------------------------------------------------


class Simulator:
    """`muabui simulate DEVICE` behind a link that stays where it is."""

    def __init__(self, home, device="pms5003", *options, name="dust"):
        self.home = home
        self.link = home.path / f"tty-{name}"
        self.argv = [PROGRAM, "simulate", device, "--link", str(self.link), *options]
        self.name = name
        self.plug_in()

    def plug_in(self):
        self.process = Process(self.home, f"simulate-{self.name}", self.argv)
        wait_until(lambda: "/dev/pts/" in self.process.log(), 10, "the simulator is ready")

    def unplug(self):
        """As a hand does it: the device says nothing more, udev takes the link away.
        (A link left behind would soon lead to the next pty of anybody on this machine.)"""
        self.link.unlink(missing_ok=True)
        self.process.kill()


class Line:
    """A serial line whose far end is the scenario."""

    def __init__(self, home):
        self.master, slave = os.openpty()
        self.port = os.ttyname(slave)
        import tty
        tty.setraw(slave)
        self.slave = slave  # held, so that the line does not hang up before it is opened
        home.keep(self)

    def write(self, data):
        os.write(self.master, data)

    def end(self):
        for fd in (self.master, self.slave):
            if fd is not None:
                os.close(fd)
        self.master = self.slave = None


class ModbusSlave:
    """An independent slave: python3-pymodbus on the other end of a socat line."""

    def __init__(self, home, registers):
        self.port = home.path / "tty-gauge"
        far = home.path / "tty-gauge-far"
        self.socat = Process(home, "socat", [
            find_program("socat"), f"pty,rawer,link={self.port}", f"pty,rawer,link={far}"])
        wait_until(lambda: self.port.exists() and far.exists(), 10, "socat's line")
        self.process = Process(home, "modbus", [sys.executable, str(HERE / "modbus_slave.py"),
                                                str(far)], stdin=subprocess.PIPE)
        self.set(registers)
        wait_until(lambda: "ready" in self.process.log(), 15, "the Modbus slave")

    def set(self, registers):
        for address, number in registers.items():
            self.process.child.stdin.write(f"{address} {number}\n".encode())
        self.process.child.stdin.flush()


def pms5003_frame(pm25):
    """A data frame of the PMS5003 with PM1, PM2.5 and PM10 alike."""
    words = [pm25] * 6 + [765, 252, 29, 15, 6, 6, 0x9700]
    frame = bytes.fromhex("424d001c") + b"".join(word.to_bytes(2, "big") for word in words)
    return frame + (sum(frame) & 0xFFFF).to_bytes(2, "big")
