"""Debian's Chromium and Firefox, headless, each by its own protocol over a WebSocket:
Chromium by DevTools, Firefox by WebDriver BiDi. Both have the same few methods."""

import asyncio
import base64
import json
import re
import threading
import urllib.request
from pathlib import Path

import websockets
from lib import SLOW, Process, find_program, free_port, wait_until

SECONDS = 30


class Wire:
    """Commands and their answers over one WebSocket; events are counted by name."""

    def __init__(self, url):
        self.loop = asyncio.new_event_loop()
        self.waiting = {}
        self.events = []
        self.next_id = 0
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.socket = self._run(self._connect(url))
        self.reader = asyncio.run_coroutine_threadsafe(self._read(), self.loop)

    def _run(self, coroutine, timeout=SECONDS):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout * SLOW)

    @staticmethod
    async def _connect(url):
        return await websockets.connect(url, max_size=None, ping_interval=None)

    async def _read(self):
        async for text in self.socket:
            message = json.loads(text)
            future = self.waiting.pop(message.get("id"), None)
            if future:
                future.set_result(message)
            else:
                self.events.append(message)

    async def _ask(self, message):
        future = self.loop.create_future()
        self.waiting[message["id"]] = future
        await self.socket.send(json.dumps(message))
        return await future

    def ask(self, method, params=None, **more):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params or {}, **more}
        answer = self._run(self._ask(message))
        assert "error" not in answer, f"{method}: {answer}"
        return answer.get("result", {})

    def end(self):
        try:
            self._run(self.socket.close(), 5)
        except Exception:  # the browser may be gone
            pass
        self.loop.call_soon_threadsafe(self.loop.stop)


class Page:
    """What both browsers can do; `evaluate` is theirs."""

    def wait(self, expression, what=None, seconds=15):
        """The first true value of EXPRESSION in the page."""
        trouble = []

        def ask():
            try:
                return self.evaluate(expression)
            except AssertionError as error:
                # A page that is being left has nothing to ask.
                trouble[:] = [str(error)[:500]]
                return None

        return wait_until(ask, seconds, lambda: "\n".join([
            f"{what or expression}; the page says:", self.evaluate("document.body.innerText")[:1500],
            *trouble, *map(str, self.console())]), every=0.1)

    def text(self, selector="body"):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector):
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null", selector)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def write(self, selector, text):
        self.evaluate(
            f"(() => {{ const field = document.querySelector({json.dumps(selector)});"
            f" field.value = {json.dumps(text)};"
            " field.dispatchEvent(new Event('input', { bubbles: true })); })()")


class Worker:
    """Whatever speaks DevTools' Runtime."""

    def __init__(self, wire):
        self.wire = wire

    def end(self):
        self.wire.end()

    def evaluate(self, expression):
        answer = self.wire.ask("Runtime.evaluate", {
            "expression": expression, "awaitPromise": True, "returnByValue": True,
            "userGesture": True})
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")


class Chromium(Page, Worker):
    def __init__(self, home, name="chromium"):
        self.profile = home.path / name
        self.process = Process(home, name, [
            find_program("chromium"), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-quic", "--no-first-run", "--no-proxy-server",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--remote-debugging-port=0",
            f"--user-data-dir={self.profile}", "about:blank"])
        port_file = self.profile / "DevToolsActivePort"
        wait_until(lambda: port_file.exists() and port_file.read_text().count("\n"), 40,
                   "Chromium listens")
        self.port = port_file.read_text().split()[0]
        self.wire = Wire(self._target())
        home.keep(self)
        for domain in ("Page", "Runtime", "Network", "ServiceWorker", "Log"):
            self.wire.ask(f"{domain}.enable")

    def _target(self, kind="page"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json/list") as answer:
            return next((target["webSocketDebuggerUrl"] for target in json.load(answer)
                         if target["type"] == kind), None)

    def worker(self):
        """The page's service worker, to be asked like a page; to be ended."""
        return Worker(Wire(wait_until(lambda: self._target("service_worker"), 15, "the worker")))

    def end(self):
        self.wire.end()
        self.process.end()

    def open(self, url):
        self.wire.ask("Page.navigate", {"url": url})
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'", url)

    def size(self, width, height, dark=False):
        self.wire.ask("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        self.wire.ask("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def stand_at(self, latitude, longitude, origin):
        self.wire.ask("Browser.grantPermissions", {
            "origin": origin, "permissions": ["geolocation", "notifications"]})
        self.wire.ask("Emulation.setGeolocationOverride", {
            "latitude": latitude, "longitude": longitude, "accuracy": 10})

    def console(self):
        return [" ".join(str(argument.get("value")) for argument in event["params"]["args"])
                for event in self.wire.events if event["method"] == "Runtime.consoleAPICalled"]

    def complaints(self):
        """Errors of scripts, and what the content security policy has kept from running."""
        texts = []
        for event in self.wire.events:
            if event["method"] == "Runtime.exceptionThrown":
                texts.append(str(event["params"]["exceptionDetails"]))
            entry = event["params"].get("entry", {})
            if event["method"] == "Log.entryAdded" and entry.get("source") == "security":
                texts.append(entry["text"])
        return texts

    def picture(self, path, whole=False):
        params = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            height, width = self.evaluate(
                "[document.documentElement.scrollHeight, innerWidth]")
            params["clip"] = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        data = self.wire.ask("Page.captureScreenshot", params)["data"]
        Path(path).write_bytes(base64.b64decode(data))


class Firefox(Page):
    def __init__(self, home, preferences=None, name="firefox"):
        self.profile = home.path / name
        self.profile.mkdir()
        everything = {
            "alerts.useSystemBackend": False, "network.proxy.type": 0,
            "browser.shell.checkDefaultBrowser": False, "app.update.auto": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "network.captive-portal-service.enabled": False,
            "network.connectivity-service.enabled": False,
            "services.settings.server": "data:,", "extensions.getAddons.cache.enabled": False,
            **(preferences or {})}
        (self.profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(key)}, {json.dumps(value)});\n"
            for key, value in everything.items()))
        port = free_port()
        self.process = Process(home, name, [
            find_program("firefox-esr"), "--headless", "--no-remote", "--profile",
            str(self.profile), "--remote-debugging-port", str(port), "about:blank"],
            env=self._environment(home))
        wait_until(lambda: re.search(r"WebDriver BiDi listening", self.process.log()), 60,
                   lambda: f"Firefox listens: {self.process.log()[-800:]}")
        self.wire = Wire(f"ws://127.0.0.1:{port}/session")
        home.keep(self)
        self.wire.ask("session.new", {"capabilities": {}})
        self.wire.ask("session.subscribe", {"events": ["log.entryAdded"]})
        self.context = self.wire.ask("browsingContext.getTree")["contexts"][0]["context"]

    @staticmethod
    def _environment(home):
        import os

        return {**os.environ, "HOME": str(home.path), "MOZ_CRASHREPORTER_DISABLE": "1"}

    def end(self):
        self.wire.end()
        self.process.end()

    def evaluate(self, expression):
        answer = self.wire.ask("script.evaluate", {
            "expression": f"Promise.resolve({expression}).then((value) =>"
                          " JSON.stringify(value ?? null))",
            "target": {"context": self.context}, "awaitPromise": True, "userActivation": True})
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def console(self):
        return [event["params"].get("text") for event in self.wire.events
                if event["method"] == "log.entryAdded"]

    def open(self, url):
        self.wire.ask("browsingContext.navigate", {
            "context": self.context, "url": url, "wait": "complete"})

    def allow_push(self, origin):
        for descriptor in ({"name": "notifications"},
                           {"name": "push", "userVisibleOnly": True}):
            self.wire.ask("permissions.setPermission", {
                "descriptor": descriptor, "state": "granted", "origin": origin})
