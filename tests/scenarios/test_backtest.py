"""`muabui backtest`: rules tried on recorded readings, without a gateway."""

import json
import os
import random
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from lib import PROGRAM, SLOW, write_config

START = datetime(2025, 3, 1, tzinfo=timezone(timedelta(hours=7)))
HEAD = "time,station,sensor,metric,value\n"


def row(minutes, value, metric="pm25", sensor="dust", station="HN-CG-01"):
    time = (START + timedelta(minutes=minutes)).isoformat()
    return f"{time},{station},{sensor},{metric},{value}\n"


def config(tmp_path, *rules, channels=None, **more):
    alerts = {"language": "en", "rules": list(rules), **more}
    if channels:
        alerts["channels"] = channels
    path = tmp_path / "muabui.conf"
    write_config(path, {
        "station": {"id": "HN-CG-01", "name": "Cầu Giấy"},
        "store": {"path": str(tmp_path / "var" / "muabui.db")},
        "sensors": [{"name": "dust", "driver": "pms5003", "port": "/dev/no-such-port"},
                    {"name": "gauge", "driver": "rg15", "port": "/dev/no-such-port-2"}],
        "alerts": alerts})
    return path


def run(path, readings, *more, status=0):
    """(messages, summary, errors)"""
    done = subprocess.run([PROGRAM, "backtest", "-c", str(path), *more], input=readings,
                          capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == status, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]["summary"] if lines else None, done.stderr


BAD_AIR = {"name": "bad-air", "metric": "vn_aqi", "above": 150.0, "clear_below": 140.0,
           "severity": "severe"}
DUST = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
        "for": "10m", "severity": "moderate"}
SILENT = {"name": "silent", "metric": "pm25", "absent_for": "15m", "audience": "operators"}


def at(minutes):
    return (START + timedelta(minutes=minutes)).isoformat()


def test_the_story_of_a_bad_morning(tmp_path):
    # Good, bad from 03:01 to 06:00, good again; minute by minute, for ten hours.
    readings = HEAD + "".join(
        row(minute, 200 if 180 < minute <= 360 else 20) for minute in range(1, 601))
    messages, summary, errors = run(config(tmp_path, BAD_AIR, DUST), readings)
    assert errors == ""
    told = [(m["rule"], m["state"], m["revision"], m["since"], m["at"]) for m in messages]
    # NowCast at w = 1/2: (200 + 20/2 + 20/4 + 20/8) / 1.875 = 116 after one hour: 176.
    assert told == [
        ("dust-now", "firing", 1, at(181), at(191)),
        ("bad-air", "firing", 1, at(240), at(240)),
        ("dust-now", "resolved", 2, at(181), at(361)),
        # An hour later it still is (20 + 200/2 + 200/4 + 200/8 + …) / 1.98 = 99.
        ("bad-air", "resolved", 2, at(240), at(480)),
    ]
    assert messages[1]["value"] == 176 and messages[1]["threshold"] == 150
    assert messages[1]["station_name"] == "Cầu Giấy" and "VN_AQI" in messages[1]["title"]
    assert messages[0]["id"] == messages[2]["id"] != messages[1]["id"]
    assert summary["readings"] == 600 and summary["skipped"] == 0
    assert (summary["alerts"], summary["messages"], summary["hours_above"]) == (2, 4, 7)
    by_rule = {entry["rule"]: entry for entry in summary["rules"]}
    assert by_rule["dust-now"]["hours_above"] == 3 and by_rule["bad-air"]["station"] == "HN-CG-01"
    weeks = 599 / (7 * 24 * 60)
    assert summary["messages_per_week"] == pytest.approx(4 / weeks, abs=0.01)


def test_silence_and_what_still_lasts_at_the_end(tmp_path):
    readings = HEAD + "".join(row(minute, 10) for minute in range(1, 31))
    readings += "".join(row(minute, 160) for minute in range(100, 161))
    messages, summary, _ = run(config(tmp_path, DUST, SILENT), readings)
    assert [(m["rule"], m["state"]) for m in messages] == [
        ("silent", "firing"), ("silent", "resolved"), ("dust-now", "firing")]
    assert messages[0]["value"] is None and messages[0]["at"] == at(45)
    dust = next(entry for entry in summary["rules"] if entry["rule"] == "dust-now")
    assert dust["hours_above"] == 1


def test_rain_and_its_sums(tmp_path):
    rule = {"name": "downpour", "metric": "rain_1h", "above": 50.0, "severity": "severe"}
    total, rows = 100.0, [HEAD]
    for minute in range(1, 181):
        total += 1.2 if 60 <= minute < 120 else 0
        rows.append(row(minute, round(total, 1), "rain_total", "gauge"))
    messages, summary, _ = run(config(tmp_path, rule), "".join(rows))
    assert [m["state"] for m in messages] == ["firing", "resolved"]
    # The 42nd minute of rain: 50.4 mm.
    assert messages[0]["at"] == at(101) and messages[0]["value"] == pytest.approx(50.4)
    # A recording that has the sums in it, too, is the same recording.
    more = "".join(line + (line.replace("rain_total", "rain_1h") if "rain_total" in line else "")
                   for line in rows)
    again, with_sums, _ = run(config(tmp_path, rule), more)
    assert again == messages
    assert (with_sums["readings"], with_sums["derived_anew"]) == (180, 180)


def test_quality_control_is_the_gateway_s(tmp_path):
    rule = {"name": "high", "metric": "pm25", "above": 500.0, "severity": "severe"}
    # More than an instrument can mean is flagged 4, and no rule looks at it.
    messages, _, _ = run(config(tmp_path, rule), HEAD + row(1, 5000) + row(2, 20))
    assert messages == []
    messages, _, _ = run(config(tmp_path, rule), HEAD + row(1, 900) + row(2, 20))
    assert len(messages) == 2


def test_garbage_is_named_and_passed_over(tmp_path):
    readings = (HEAD + row(1, 10) + "nonsense\n" + row(2, "much") + row(3, 10, "pm52")
                + "\n" + row(4, 200).replace("+07:00", "") + row(5, '1"0') + row(60, 10)
                + row(49, 10) + row(55, 10) + row(61, 10, station="a/b") + row(62, ""))
    messages, summary, errors = run(config(tmp_path, DUST), readings)
    named = [line.split(": ", 2)[2] for line in errors.splitlines()]
    assert [text.split(":")[1] for text in named] == ["3", "4", "5", "7", "8", "10", "12", "13"]
    assert all(text.startswith("standard input:") and text.endswith("; skipped") for text in named)
    assert (summary["readings"], summary["skipped"]) == (3, 8)
    # Whatever bytes there are.
    noise = random.Random(5).randbytes(200_000).decode("latin-1")
    run(config(tmp_path, DUST), HEAD + row(1, 10) + noise + "\n" + row(2, 10))


def test_what_cannot_be_played(tmp_path):
    path = config(tmp_path, DUST)
    for readings, reason in (("", "is empty"), (HEAD, "has no readings"),
                             ("time,station,sensor,value\n", 'no column "metric"')):
        _, _, errors = run(path, readings, status=1)
        assert reason in errors
    assert "No such file" in run(path, "", str(tmp_path / "none.csv"), status=1)[2]
    assert "none.conf" in run(tmp_path / "none.conf", HEAD, status=1)[2]
    usage = subprocess.run([PROGRAM, "backtest"], capture_output=True, text=True, input="")
    assert usage.returncode == 2 and "-c" in usage.stderr


def test_the_same_readings_tell_the_same(tmp_path):
    chance = random.Random(7)
    rows = [HEAD]
    for minute in range(0, 2880, 5):
        for station in ("A", "B", "C"):
            value = max(0.0, chance.gauss(110, 60))
            rows.append(row(minute + 5, round(value, 1), station=station))
    recording = tmp_path / "readings.csv"
    recording.write_text("".join(rows))
    channels = [{"name": "hook", "type": "webhook", "url": "http://127.0.0.1:9/"},
                {"name": "other", "type": "webhook", "url": "http://127.0.0.1:9/x"}]
    path = config(tmp_path, BAD_AIR, dict(DUST, **{"for": "5m"}), channels=channels)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    outputs = []
    for source in (str(recording), "-"):
        with open(recording, "rb") as stdin:
            done = subprocess.run([PROGRAM, "backtest", "-c", str(path), source], stdin=stdin,
                                  capture_output=True, timeout=60 * SLOW,
                                  env=dict(os.environ, TMPDIR=str(scratch)))
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    messages = [json.loads(line) for line in outputs[0].splitlines()][:-1]
    # Two channels, but one message each.
    keys = [(message["id"], message["revision"]) for message in messages]
    assert len(keys) > 20 and len(set(keys)) == len(keys)
    # Nothing is left, and the configuration's own store was not touched.
    assert list(scratch.iterdir()) == [] and not (tmp_path / "var").exists()


def test_what_waits_at_the_end_is_told(tmp_path):
    """Three stations of a ward within minutes: the first by itself, the others together."""
    path = config(tmp_path, {**DUST, "for": "0s"}, limit={"gather": "10m"})
    path.write_text(path.read_text() + "stations = (" + ", ".join(
        f'{{ id = "N-{i}"; area = "ward"; }}' for i in range(3)) + ");\n")
    readings = HEAD + "".join(row(i, 200, station=f"N-{i}") for i in range(3))
    messages, summary, errors = run(path, readings)
    assert errors == ""
    assert [message["station"] for message in messages[:1]] == ["N-0"]
    assert len(messages) == 2 and messages[1]["area"] == "ward", messages
    assert "3 stations" in messages[1]["title"] and summary["messages"] == 2


def test_a_stray_quote_costs_a_few_lines(tmp_path):
    rows = [row(minute, 20) for minute in range(1, 601)]
    rows[99] = rows[99].replace(",20", ',"20')
    _, summary, errors = run(config(tmp_path, DUST), HEAD + "".join(rows))
    assert ":101: a record of more than 4096 bytes: a quote is not closed" in errors
    assert summary["skipped"] == 1 and summary["readings"] > 500
