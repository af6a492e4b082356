"""A machine without a clock battery: 1970 at first, set while it runs, set wrong, set right."""

import os
import time

import pytest
from lib import SEQ, Gateway, HttpSink, by_seq, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher

FAKETIME = "/usr/lib/{}/faketime/libfaketimeMT.so.1"
HOUR = 3600


class Clock:
    """The wall clock of the gateway's machine; its monotonic clock is the real one."""

    def __init__(self, home, gateway):
        self.file = home.path / "clock"
        library = next((path for path in map(FAKETIME.format, (
            "x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf"))
            if os.path.exists(path)), None)
        assert library, "faketime is not installed: apt-get install faketime"
        gateway.preload(
            library, FAKETIME_TIMESTAMP_FILE=str(self.file), FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1",
            # Else waits by the monotonic clock are fifty years long.
            FAKETIME_FORCE_MONOTONIC_FIX="0")

    def set(self, ahead):
        """AHEAD seconds of the true time."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{ahead:+d}\n")
        fresh.rename(self.file)

    def unset(self):
        """The machine has just been switched on."""
        self.set(10 - int(time.time()))


@pytest.fixture
def parts(home, broker):
    influx, hook = HttpSink(home), HttpSink(home)
    gateway = Gateway(
        home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("seq", "pm25"))],
        outputs=[influx_output(influx)],
        alerts={"rules": [{"name": "dust", "metric": "pm25", "above": 150.0,
                           "severity": "severe"}],
                "channels": [{"name": "hook", "type": "webhook", "url": hook.url}]})
    return gateway, influx, hook, Clock(home, gateway), Publisher(broker)


def publish(node, first, count, pm25=200):
    """Numbered messages, 20 ms apart; when each was sent, in true milliseconds."""
    sent = {}
    for seq in range(first, first + count):
        sent[seq] = time.time() * 1000
        node.publish("env/HN-BD-02/air", {"seq": seq, "pm25": pm25})
        time.sleep(0.02)
    return sent


def arrived(influx):
    return by_seq(influx.points())


def expect_times(influx, sent, ahead=0):
    """Has each of SENT arrived once, at its true time AHEAD seconds?"""
    found = arrived(influx)
    for seq, true_ms in sent.items():
        (_, time_ms), = found[seq]
        assert -500 < time_ms - true_ms - ahead * 1000 < 3000, (seq, time_ms, true_ms)


def test_nothing_before_the_clock_is_set_and_then_everything(parts):
    gateway, influx, hook, clock, node = parts
    clock.unset()
    gateway.start()
    gateway.wait_connected("nodes")
    sent = publish(node, 1, 50)
    wait_until(lambda: gateway.status()["clock"]["held"] == 50, 15, "50 held reports")
    gateway.kill9()
    gateway.start()
    gateway.wait_connected("nodes")
    sent.update(publish(node, 51, 50))
    status = wait_until(lambda: (lambda s: s["clock"]["held"] == 100 and s)(gateway.status()),
                        15, "100 held reports")
    assert (status["clock"]["source"], status["clock"]["set"]) == ("unset", False)
    assert "! clock" in gateway.run("status").stdout
    assert influx.count() == 0 and hook.count() == 0
    assert gateway.query("SELECT count(*) FROM report") == [(0,)]

    clock.set(0)
    wait_until(lambda: len(arrived(influx)) == 100, 15, "everything that was held")
    expect_times(influx, sent)
    assert hook.count() == 0, "what was held is no news"
    assert gateway.query("SELECT count(*) FROM undated") == [(0,)]
    assert gateway.status()["clock"]["held"] == 0
    metrics = gateway.get("/metrics")[2]
    assert "\nmuabui_clock_set 1\n" in metrics and "\nmuabui_clock_held_reports 0\n" in metrics
    publish(node, 101, 1)
    wait_until(lambda: hook.count() == 1, 15, "the alert of what is measured now")
    gateway.stop()


def test_a_clock_that_is_set_wrong_and_right_again(parts):
    gateway, influx, hook, clock, node = parts
    clock.set(0)
    gateway.start()
    gateway.wait_connected("nodes")
    expected = [(publish(node, 1, 20, 10), 0)]
    wait_until(lambda: len(arrived(influx)) == 20, 15, "the first messages")
    for step, ahead in enumerate((HOUR, -HOUR, 0), 1):
        clock.set(ahead)
        wait_until(lambda: gateway.status()["clock"]["steps"] == step, 15, "a step")
        expected.append((publish(node, 100 * step, 20, 10), ahead))
        wait_until(lambda: len(arrived(influx)) == 20 * (step + 1), 15, "the next messages")
    for sent, ahead in expected:
        expect_times(influx, sent, ahead)
    assert round(gateway.status()["clock"]["last_step_s"]) == HOUR
    # Alerts go on by the new clock: neither early nor late, and not twice.
    publish(node, 900, 3)
    wait_until(lambda: hook.count() == 1, 15, "the alert")
    wait_until(lambda: len(arrived(influx)) == 83, 15, "the last messages")
    gateway.stop()
    assert gateway.query("SELECT sum(count) FROM minute JOIN metric ON metric.id = metric"
                         " WHERE name = 'seq'") == [(83,)]
    assert "was set forward by 3600." in gateway.log()


def test_without_a_battery_a_possible_time_is_not_enough(parts):
    gateway, influx, hook, clock, node = parts
    gateway.configure(clock={"battery": False, "wait_for_sync": "1h"})
    clock.set(-3 * HOUR)
    gateway.start()
    gateway.wait_connected("nodes")
    sent = publish(node, 1, 20)
    status = wait_until(lambda: (lambda s: s["clock"]["held"] == 20 and s)(gateway.status()),
                        15, "20 held reports")
    if status["clock"]["source"] == "kernel":
        pytest.skip("this machine's kernel says that its clock is synchronised")
    assert status["clock"]["source"] == "doubted" and influx.count() == 0
    clock.set(0)  # a time server, without the kernel's word
    wait_until(lambda: len(arrived(influx)) == 20, 15, "everything that was held")
    expect_times(influx, sent)
    assert hook.count() == 0
    gateway.stop()
