"""SIGKILL between any two steps of an alert: reading, state, outbox, sent, answered, recorded.

No message is missing afterwards, and none comes twice under another id.
"""

import os
import random
import re
import subprocess
import threading
import time

import pytest

from lib import HERE, Gateway, HttpSink, count, mqtt_sensor, wait_until
from mqtt_wire import Publisher
from push_servers import Fcm, Gotify, Zalo


class FarSide:
    """A channel's: its configuration, and what it has taken as (id, state) pairs."""

    def __init__(self, sink, channel, taken):
        self.sink, self.channel, self.taken = sink, {**channel, "name": "it"}, taken

    def heard(self):
        """In the order of their first arrival."""
        return list(dict.fromkeys(self.taken()))


def webhook(home):
    sink = HttpSink(home)
    return FarSide(sink, {"type": "webhook", "url": sink.url}, lambda: [
        (message["id"], message["state"]) for message in sink.messages()])


def ntfy(home):
    sink = HttpSink(home)
    return FarSide(sink, {"type": "ntfy", "url": f"{sink.url}/ward"}, lambda: [
        (message["sequence_id"], "resolved" if "Đã hết" in message["title"] else "firing")
        for message in sink.messages()])


def gotify(home):
    far = Gotify(home)
    return FarSide(far.sink, far.channel(), lambda: [
        (alert["id"], alert["state"])
        for alert in (message["extras"]["muabui::alert"] for message in far.sent)])


def fcm(home):
    far = Fcm(home)
    return FarSide(far.sink, far.channel(), lambda: [
        (push["data"]["id"], push["data"]["state"]) for push in far.sent])


def cap(home):
    sink = HttpSink(home)

    def taken():
        for request in list(sink.taken):
            name = re.search(r"<identifier>(\w+)\.\d+</identifier>", request.body)[1]
            is_over = "<msgType>Cancel</msgType>" in request.body
            yield name, "resolved" if is_over else "firing"

    return FarSide(sink, {"type": "cap", "url": sink.url}, taken)


def zalo(home):
    far = Zalo(home)
    far.known = {"84912345678"}
    far.phones_file.write_text("0912345678\n")
    return FarSide(far.sink, far.channel(), lambda: [
        (push["tracking_id"].rpartition("-")[0],
         "resolved" if "Đã hết" in push["template_data"]["noi_dung"] else "firing")
        for push in far.sent])


CHANNELS = [webhook, ntfy, gotify, fcm, cap, zalo]

# When a transaction of the gateway reaches the disk: tests/scenarios/kill_at.c.
POINTS = ["reading-write", "reading-written", "reading-synced", "received", "answered",
          "record-write", "record-written"]


class Killer:
    """Ends a gateway at a named point."""

    def __init__(self, home, gateway, sink):
        self.gateway = gateway
        self.file = home.path / "kill-at"
        library = home.path / "kill_at.so"
        subprocess.run([os.environ.get("CC", "cc").split()[-1], "-shared", "-fPIC", "-O1", "-o",
                        library, HERE / "kill_at.c", "-ldl"], check=True)
        gateway.preload(library, KILL_AT=str(self.file))
        self.at = None  # the point of a request that is waited for
        self.taken, sink.answer = sink.answer, self.answer

    def arm(self, point):
        whose, _, what = point.partition("-")
        if whose == "reading":
            self.set(what)
        else:
            self.at = point

    def set(self, what):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(what)
        fresh.rename(self.file)

    def answer(self, request):
        answer = self.taken(request)
        if request.path.endswith("token"):  # of the way there, not of a message
            return answer
        point, self.at = self.at, None
        whose, _, what = (point or "").partition("-")
        if whose == "record":
            self.set(what)
        elif whose == "received":
            self.gateway.kill9()
        elif whose == "answered":
            threading.Timer(0.001, self.gateway.kill9).start()
        return answer

    def wait(self):
        """Until it is dead."""
        wait_until(lambda: not self.gateway.process.is_running(), 15, "the kill")
        self.file.unlink(missing_ok=True)


def make(home, broker, far):
    return Gateway(
        home, sensors=[mqtt_sensor(broker)],
        alerts={"rules": [{"name": "dust", "metric": "pm25", "above": 150.0,
                           "clear_below": 120.0}],
                "channels": [far.channel]})


def start(gateway):
    gateway.start()
    gateway.wait_connected("nodes")


def pairs(messages):
    """Alerts and all-clears in turn, each two of one episode; else the scenario has failed."""
    assert [state for _, state in messages] == (["firing", "resolved"] * len(messages))[
        :len(messages)], messages
    for (first, _), (second, _) in zip(messages[::2], messages[1::2]):
        assert first == second, messages
    ids = [name for name, _ in messages[::2]]
    assert len(set(ids)) == len(ids), messages
    return messages


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point(home, broker, channel, point):
    far = channel(home)
    gateway = make(home, broker, far)
    killer = Killer(home, gateway, far.sink)
    start(gateway)
    node = Publisher(broker)
    for number, pm25 in enumerate((200, 100, 210, 110), 1):
        wait_until(lambda: gateway.channel("it")["waiting"] == 0, 10, "an empty outbox")
        killer.arm(point)
        node.publish("env/A/air", {"pm25": pm25})
        killer.wait()
        start(gateway)
        wait_until(lambda: len(far.heard()) >= number, 20, lambda: "message "
                   f"{number}, after {far.heard()}")
    assert len(pairs(far.heard())) == 4
    # What was heard before the kill goes out again.
    wait_until(lambda: gateway.channel("it")["waiting"] == 0, 20, "an empty outbox")
    gateway.stop()
    assert gateway.query("SELECT count(*) FROM outbox") == [(0,)]


@pytest.mark.parametrize("channel", CHANNELS)
def test_killed_at_random(home, broker, channel):
    kills = count("ALERT_KILLS", 8)
    seed = int(os.environ.get("SEED", random.SystemRandom().randint(0, 10 ** 9)))
    print(f"SEED={seed}")
    moments = random.Random(seed)
    far = channel(home)
    gateway = make(home, broker, far)
    start(gateway)
    node = Publisher(broker)
    for number in range(1, kills + 1):
        node.publish("env/A/air", {"pm25": 200 if number % 2 else 100})
        time.sleep(moments.uniform(0, 0.03))  # the moment is the point, not a condition
        gateway.kill9()
        start(gateway)
        wait_until(lambda: len(far.heard()) >= number, 20, lambda: "message "
                   f"{number}, after {far.heard()}")
    assert len(pairs(far.heard())) == kills
    gateway.stop()
