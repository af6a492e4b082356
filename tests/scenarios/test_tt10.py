"""Station files (TT 10/2021) over real servers, with the line cut at random moments.

FILES is how many periods are sent per protocol.
"""

import os
import sqlite3
import time
from datetime import datetime, timedelta, timezone

import pytest

from file_servers import (CutLine, ScriptedFtp, Sshd, SshdWithPassword, Vsftpd, VsftpdExplicit,
                          VsftpdImplicit, make_certificate)
from lib import Gateway, count, wait_until
from mqtt_wire import Publisher
from tt10_receiver import Receiver

FILES = count("FILES", 60)
LOCAL = timezone(timedelta(hours=7))
METRICS = {"PM2,5": (2, "ug/Nm3"), "CO": (11, "mg/Nm3"), "Temp": (30, "oC")}
SYMBOLS = {symbol: unit for symbol, (_, unit) in METRICS.items()}
STATION = "HN-CG-01"


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def pack(values, status=0):
    """A report's readings as store/codec.h has them: {metric: value in tenths}."""
    out = bytes([1]) + varint(0) + bytes([status, len(values)])
    for metric, tenths in values.items():
        out += varint(metric) + bytes([1 | 1 << 4]) + varint(tenths << 1)
    return out


def fill(store, end, periods, skip=()):
    """One report a minute for PERIODS periods that end with the one at END.

    The value in tenths of PM2.5 is the period's number. Returns {stamp: number}."""
    expected = {}
    with sqlite3.connect(store) as db:
        db.execute("INSERT OR IGNORE INTO source(station, sensor) VALUES(?, 'dust')", (STATION,))
        source = db.execute("SELECT id FROM source").fetchone()[0]
        for number in range(periods):
            stop = end - timedelta(minutes=5 * (periods - 1 - number))
            if number in skip:
                continue
            expected[stop.astimezone(LOCAL).strftime("%Y%m%d%H%M%S")] = number
            data = pack({2: number, 11: 8600, 30: 283})
            for minute in range(5):
                ms = int((stop - timedelta(minutes=minute)).timestamp() * 1000)
                db.execute("INSERT INTO report(time, source, data) VALUES(?, ?, ?)",
                           (ms, source, data))
    db.close()
    return expected


def idle_sensor(broker):
    return {"name": "nodes", "driver": "mqtt", "url": broker.url, "topic": "env/+/air", "qos": 1,
            "station": "{1}", "fields": [{"metric": "pm25", "pointer": "/pm25"}]}


def make_gateway(home, broker, options):
    """A gateway that has made its store and was stopped."""
    gateway = Gateway(home, sensors=[idle_sensor(broker)])
    gateway.start()
    gateway.stop()
    gateway.configure(outputs=[{"name": "department", "type": "tt10", **options}])
    return gateway


def past_end(minutes):
    """The end of a whole period at least MINUTES ago."""
    now = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    return now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)


def check(receiver, expected):
    """Every period present once, complete, in order, and not one line dropped."""
    receiver.scan()
    assert not receiver.dropped, receiver.dropped[:10]
    stamps = [name[-18:-4] for name in receiver.taken]
    ours = [stamp for stamp in stamps if stamp in expected]
    assert ours == sorted(expected)
    for stamp, number in expected.items():
        assert receiver.values[stamp, "PM2,5"] == (number / 10, "ug/Nm3", "00")
        assert receiver.values[stamp, "CO"] == (0.86, "mg/Nm3", "00")
        assert receiver.values[stamp, "Temp"] == (28.3, "oC", "00")
    return stamps


PARAMETERS = [{"metric": "pm25", "symbol": "PM2,5", "unit": "ug/Nm3"},
              {"metric": "co", "symbol": "CO", "unit": "mg/Nm3", "factor": 0.001, "decimals": 2},
              {"metric": "temperature", "symbol": "Temp", "unit": "oC"}]


def make_server(home, kind):
    if kind in (Vsftpd, Sshd):
        return kind(home)
    return kind(home, make_certificate(home)[1])


@pytest.mark.parametrize("kind", [Vsftpd, VsftpdExplicit, VsftpdImplicit, Sshd])
def test_line_cut_at_random(home, broker, kind):
    server = make_server(home, kind)
    line = CutLine(home, server.port, delay=0.003 if FILES < 1000 else 0)
    gateway = make_gateway(home, broker, {**server.options(line.port), "parameters": PARAMETERS})
    expected = fill(gateway.store, past_end(10), FILES)
    receiver = Receiver(server.files, SYMBOLS)
    gateway.start()
    began = time.monotonic()
    line.cut_at_random(1.0, most=max(5, FILES // 100))

    def all_there():
        receiver.scan()  # at any moment, as the real one does
        return set(expected) <= {name[-18:-4] for name in receiver.taken}

    wait_until(all_there, 60 + FILES * 0.5, every=0.2, what=lambda: (
        f"{len(receiver.taken)} of {FILES} files, {line.cuts} cuts, {gateway.output('department')}"))
    print(f"{kind.__name__}: {FILES} files in {time.monotonic() - began:.1f} s, {line.cuts} cuts")
    line.ended = True
    check(receiver, expected)
    assert line.cuts > 0


def test_year_boundary_gap_and_restart(home, broker):
    """Names across the year's end, none for the hour the gateway was off, none twice."""
    server = Vsftpd(home)
    gateway = make_gateway(home, broker, {**server.options(server.port), "parameters": PARAMETERS})
    end = datetime(2026, 1, 1, 1, 0, tzinfo=LOCAL)
    expected = fill(gateway.store, end, 48, skip=range(10, 22))
    receiver = Receiver(server.files, SYMBOLS)
    gateway.start()
    last = end.strftime("HN_DEMO_KKX001_%Y%m%d%H%M%S.txt")
    wait_until(lambda: (server.files / "2026/01/01" / last).exists(), 30, "the last file")
    gateway.restart()
    assert (server.files / "2025/12/31").is_dir()
    stamps = check(receiver, expected)
    assert [stamp for stamp in stamps if stamp <= last[-18:-4]] == sorted(expected)
    assert not list(server.files.rglob("*.part"))


def deliver(gateway, server, expected, timeout=30):
    """Starts GATEWAY, and waits for all that is EXPECTED at SERVER."""
    receiver = Receiver(server.files, SYMBOLS)
    gateway.start()

    def all_there():
        receiver.scan()
        return set(expected) <= {name[-18:-4] for name in receiver.taken}

    wait_until(all_there, timeout, every=0.2, what=lambda: (
        f"{len(receiver.taken)} of {len(expected)}, {gateway.output('department')}"))
    check(receiver, expected)


@pytest.mark.skipif(os.getuid() != 0, reason="makes an account, in a namespace of its own")
def test_sftp_by_password_and_fingerprint(home, broker):
    server = SshdWithPassword(home)
    options = {**server.options(server.port), "parameters": PARAMETERS}
    gateway = make_gateway(home, broker, options)
    expected = fill(gateway.store, past_end(10), 20)
    # Another server's key: somebody has to look, and the password is told to nobody.
    wrong = ("A" if options["host_fingerprint"][0] != "A" else "B") + options["host_fingerprint"][1:]
    gateway.configure(outputs=[{"name": "department", "type": "tt10", **options,
                                "host_fingerprint": wrong}])
    gateway.start()
    wait_until(lambda: gateway.output("department")["held"], 20, "it is held")
    assert "Failed password" not in server.process.log()
    gateway.stop()
    assert not list(server.files.rglob("*.txt"))
    gateway.configure(outputs=[{"name": "department", "type": "tt10", **options}])
    deliver(gateway, server, expected)
    assert "Accepted password for muabui-box" in server.process.log()
    assert server.password not in gateway.whole_log()
    gateway.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="makes an account, in a namespace of its own")
def test_sftp_with_a_wrong_password_is_held(home, broker):
    server = SshdWithPassword(home)
    options = server.options(server.port)
    (home.path / "sftp.password").write_text("wrong-5c2\n")
    gateway = make_gateway(home, broker, {**options, "parameters": PARAMETERS})
    fill(gateway.store, past_end(10), 3)
    gateway.start()
    # A line that breaks during a log-in looks the same: only the third one is believed.
    wait_until(lambda: gateway.output("department")["held"], 30, "it is held")
    assert gateway.output("department")["failures"] >= 3
    assert "wrong-5c2" not in gateway.whole_log()
    gateway.stop()


@pytest.mark.parametrize("misdeeds,said", [
    (["452", "452"], "452"), (["552", "552"], "552"), (["cut", "cut"], "426"),
    (["halt"], ""), (["cut", "552", "452", "halt"], "")])
def test_a_receiver_that_is_full_or_hangs_up(home, broker, misdeeds, said):
    """Kept and tried again, not held: each file arrives whole, under its name only then."""
    server = ScriptedFtp(home, misdeeds)
    gateway = make_gateway(home, broker, {**server.options(server.port), "parameters": PARAMETERS})
    expected = fill(gateway.store, past_end(10), 10)
    deliver(gateway, server, expected, 60)
    wait_until(lambda: gateway.output("department")["sent"] >= 10, 10, "all counted")
    assert server.done == misdeeds and server.uploads >= 10 + len(misdeeds)
    output = gateway.output("department")
    assert output["failures"] == len(misdeeds) and not output["held"]
    assert said in output["last_error"], output["last_error"]
    assert not list(server.files.rglob("*.part"))
    gateway.stop()


def test_refused_login_is_held(home, broker):
    server = Vsftpd(home)
    options = {**server.options(server.port), "username": "nobody-here"}
    gateway = make_gateway(home, broker, {**options, "parameters": PARAMETERS})
    fill(gateway.store, past_end(10), 3)
    gateway.start()
    wait_until(lambda: gateway.output("department")["held"], 20, "it is held")
    assert "demo@example" not in gateway.log()


@pytest.mark.skipif(FILES < 1000, reason="takes minutes of real time")
def test_live_then_silent(home, broker):
    """Closed by the clock, in time; a silent sensor is a fault while the gateway runs."""
    server = Vsftpd(home)
    gateway = make_gateway(home, broker, {
        **server.options(server.port), "period": "1m", "settle": "2s",
        "parameters": PARAMETERS[:1]})
    receiver = Receiver(server.files, SYMBOLS)
    gateway.start()
    gateway.wait_connected("nodes")
    Publisher(broker).publish(f"env/{STATION}/air", {"pm25": 12.5})

    def statuses():
        receiver.scan()
        return [status for _, _, status in receiver.values.values()]

    wait_until(lambda: statuses() == ["00"], 75, "the file with the value", every=0.5)
    stamp = datetime.strptime(receiver.taken[0][-18:-4], "%Y%m%d%H%M%S").replace(tzinfo=LOCAL)
    assert (datetime.now(timezone.utc) - stamp).total_seconds() < 15
    wait_until(lambda: statuses() == ["00", "02"], 75, "the file without", every=0.5)
    assert not receiver.dropped
