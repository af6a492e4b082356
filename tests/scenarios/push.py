"""Push services and browsers for scenarios."""

import base64
import json
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lib import HERE, PROGRAM, Process, find_program, free_port, wait_until


def peer(request):
    """What Node's crypto says: see push_peer.js."""
    answer = subprocess.run([find_program("node"), str(HERE / "push_peer.js")],
                            input=json.dumps(request).encode(), capture_output=True, timeout=60)
    assert answer.returncode == 0, answer.stderr.decode()
    return json.loads(answer.stdout)


def make_key(path):
    """`muabui webpush keys`; the public half."""
    answer = subprocess.run([PROGRAM, "webpush", "keys", str(path)], capture_output=True,
                            text=True, timeout=20)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def make_certificate(home, name="IP:127.0.0.1"):
    cert, key = home.path / f"{name}-cert.pem", home.path / f"{name}-key.pem"
    subprocess.run([find_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key), "-out", str(cert),
                    "-days", "2", "-subj", "/CN=push", "-addext", f"subjectAltName={name}"],
                   check=True, capture_output=True)
    return cert, key


class Push:
    def __init__(self, handler):
        self.path = handler.path
        self.headers = handler.headers
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


class PushService:
    """A push service on this machine; `answer(push)` gives a status or (status, headers)."""

    def __init__(self, home, answer=None, certificate=None):
        self.answer = answer or (lambda push: 201)
        self.pushes = []  # everything, in the order of arrival
        self.taken = []
        self.port = free_port()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        service = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                push = Push(self)
                with lock:
                    answer = service.answer(push)
                    status, headers = answer if isinstance(answer, tuple) else (answer, {})
                    service.pushes.append(push)
                    if 200 <= status < 300:
                        service.taken.append(push)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        home.keep(self)

    def end(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def paths(self, taken=True):
        return sorted(push.path for push in (self.taken if taken else self.pushes))


class Browser:
    """One that subscribes at a gateway with an endpoint at SERVICE."""

    def __init__(self, service, name, keys):
        self.endpoint = f"{service.url}/{name}"
        self.path = f"/{name}"
        self.keys = keys
        self.id = None

    def subscription(self, **wishes):
        return {"endpoint": self.endpoint, "expirationTime": None,
                "keys": {"p256dh": self.keys["p256dh"], "auth": self.keys["auth"]}, **wishes}

    def subscribe(self, gateway, **wishes):
        status, _, body = ask(gateway, "POST", "", self.subscription(**wishes))
        assert status == 201, body
        self.id = body["id"]
        return self


def ask(gateway, method, identity="", body=None, headers=None, raw=None):
    """(status, headers, document) of the subscriptions' interface."""
    path = "/api/v1/subscriptions" + (f"/{identity}" if identity else "")
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}{path}", data=data, method=method,
        headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
            return answer.status, answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, error.headers, json.loads(text) if text else None


def browsers(service, *names):
    return [Browser(service, name, keys)
            for name, keys in zip(names, peer({"make": len(names)}))]


def opened(pushes, everybody):
    """The payloads that PUSHES carry, decrypted by who got them: [(browser, document, vapid)]."""
    by_path = {browser.path: browser for browser in everybody}
    answers = peer({"open": [
        {"subscriber": by_path[push.path].keys, "authorization": push.headers["Authorization"],
         "body": base64.urlsafe_b64encode(push.body).rstrip(b"=").decode()} for push in pushes]})
    return [(by_path[push.path], json.loads(answer["text"]), answer)
            for push, answer in zip(pushes, answers)]


# --- many ----------------------------------------------------------------------


class CountingService:
    """tests/bench/push_server: HTTP/2, of each EVERY numbers one gone and one busy."""

    def __init__(self, home, count, every=20, limit=0):
        self.port, self.stats_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.cert, key = make_certificate(home)
        self.process = Process(home, "push_server", [
            bench("push_server"), str(self.port), str(self.stats_port), str(self.cert), str(key),
            str(count), str(every), str(limit)])
        wait_until(self.is_there, 10, "the push server")

    def is_there(self):
        try:
            return self.counts()
        except OSError:
            return None

    def counts(self):
        with socket.create_connection(("127.0.0.1", self.stats_port), 5) as stats:
            numbers = stats.makefile().read().split()
        return dict(zip(("requests", "taken", "twice", "gone", "busy", "bytes"),
                        map(int, numbers)))


class SilentHost:
    """Takes connections and never says a word."""

    def __init__(self, home):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"https://127.0.0.1:{self.socket.getsockname()[1]}"
        home.keep(self)

    def end(self):
        self.socket.close()


def bench(name):
    return str(Path(PROGRAM).parent / "bench" / name)


def fill(gateway, count, url, every, other):
    """COUNT subscriptions in the store; the EVERYth of each are at OTHER's."""
    subprocess.run([bench("fill_push"), str(gateway.store), str(count), url, str(every), other],
                   check=True)
