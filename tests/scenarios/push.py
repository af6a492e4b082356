"""Push services and browsers for scenarios."""

import base64
import json
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lib import HERE, PROGRAM, find_program, free_port


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


class Push:
    def __init__(self, handler):
        self.path = handler.path
        self.headers = handler.headers
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


class PushService:
    """A push service on this machine; `answer(push)` gives a status or (status, headers)."""

    def __init__(self, home, answer=None):
        self.answer = answer or (lambda push: 201)
        self.pushes = []  # everything, in the order of arrival
        self.taken = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
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
