"""muabui rain, as a department meets it: beside a second implementation that adds up."""

import csv
import io
import random
import subprocess
from datetime import datetime, timedelta, timezone
from fractions import Fraction as F

import pytest

from lib import PROGRAM, count

LOCAL = timezone(timedelta(hours=7))
WINDOWS = {"rain_10m": 10, "rain_30m": 30, "rain_1h": 60, "rain_3h": 180, "rain_6h": 360,
           "rain_12h": 720, "rain_24h": 1440, "rain_48h": 2880, "rain_72h": 4320}
HEADER = ["time", *WINDOWS, "rain_day", "rain_rate"]
GAP = timedelta(minutes=15)


def run(text, *arguments, status=0):
    done = subprocess.run([PROGRAM, "rain", *arguments], input=text, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done


def rows_of(text, *arguments):
    reader = csv.DictReader(io.StringIO(run(text, *arguments).stdout))
    rows = list(reader)
    assert reader.fieldnames[:len(HEADER)] == HEADER
    return rows


def to_csv(column, readings):
    return f"time,{column}\n" + "".join(f"{at.isoformat()},{value}\n" for at, value in readings)


def day_start(at, starts):
    hour, minute = map(int, starts.split(":"))
    start = at.astimezone(LOCAL).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return start if start < at else start - timedelta(days=1)


def add_up(increments, now, start, limit):
    """The sum over (start, now], and whether all of it was watched."""
    total, whole, before = F(0), increments[0][0] <= start, None
    for at, mm in increments:
        if at > now:
            break
        if at > start:
            total += mm
            whole = whole and not (before and at - before > limit)
        before = at
    return total, whole


@pytest.mark.parametrize("starts", ["19:00", "07:00", "00:00"])
def test_sums_are_as_if_added(starts):
    chance = random.Random(20261122)
    at = datetime(2026, 5, 1, 16, 0, tzinfo=LOCAL)
    increments, counter, readings = [], F(chance.randrange(5000), 10), []
    for _ in range(count("RAIN_ROWS", 1500)):
        mm = F(chance.choice([0, 0, 0, 2, 2, 4, 10]), 10)
        counter += mm if increments else 0
        increments.append((at, mm if increments else F(0)))
        readings.append((at, float(counter)))
        at += timedelta(minutes=chance.choice([1, 5, 5, 5, 10, 10] + [60] * (chance.random() < .05)))
    rows = rows_of(to_csv("rain_total", readings), "--day-starts", starts)
    assert [row["time"] for row in rows] == [moment.isoformat() for moment, _ in readings]
    whole_ones = 0
    for i in range(0, len(rows), 7):
        now = increments[i][0]
        for name in [*WINDOWS, "rain_day"]:
            length = timedelta(minutes=WINDOWS.get(name, 0))
            start = now - length if length else day_start(now, starts)
            low = 0 if not length else max(0, i - int(length / timedelta(minutes=1)) - 1)
            total, whole = add_up(increments[low:i + 1], now, start,
                                  min(GAP, length) if length else GAP)
            if whole:
                assert rows[i][name] != "" and F(rows[i][name]) == total, (i, name)
                whole_ones += 1
            else:
                assert rows[i][name] in ("", str(float(total)).removesuffix(".0")), (i, name)
                assert rows[i][name] != "0"
    assert whole_ones > len(rows) / 2


def test_amounts_are_exact_and_times_as_they_came():
    rows = rows_of("\ufefftime,rain\r\n" + "".join(
        f"2026-05-01T10:0{i}:00Z,0.1\r\n" for i in range(10)))
    assert rows[9]["time"] == "2026-05-01T10:09:00Z"
    assert rows[9]["rain_1h"] == rows[9]["rain_72h"] == "1"
    assert rows[9]["rain_rate"] == "6"


def test_a_days_start_belongs_to_the_day_before():
    text = to_csv("rain", [(datetime(2026, 5, 1, 18, 50, tzinfo=LOCAL) + timedelta(minutes=5 * i), mm)
                           for i, mm in enumerate([0, 0.2, 0.4, 0.8])])
    assert [row["rain_day"] for row in rows_of(text)] == ["", "0.2", "0.6", "0.8"]
    assert [row["rain_day"] for row in rows_of(text, "--day-starts", "18:55")] == ["", "0.2", "0.4", "1.2"]
    assert [row["rain_day"] for row in rows_of(text, "--day-starts", "07:00")] == ["", "0.2", "0.6", "1.4"]


def test_a_gap_is_not_dry():
    readings = [(datetime(2026, 5, 1, 0, 0, tzinfo=LOCAL) + timedelta(minutes=m), 10)
                for m in [*range(0, 61, 10), *range(180, 260, 10)]]
    rows = rows_of(to_csv("rain_total", readings), "--completeness")
    back = rows[7]
    assert back["time"].startswith("2026-05-01T03:00")
    assert [back[name] for name in WINDOWS] == [""] * 9, "nobody knows"
    assert back["rain_1h_completeness"] == "0" and back["rain_3h_completeness"] == "0.3333"
    assert rows[8]["rain_10m"] == "0" and rows[8]["rain_30m"] == ""
    assert rows[13]["rain_1h"] == "0" and rows[13]["rain_1h_completeness"] == "1"


def test_resets_jumps_and_corrupt_reads():
    start = datetime(2026, 5, 1, 0, 0, tzinfo=LOCAL)
    totals = [80, 80.2, 0, 80.4, 0, 0.2, 0.4, 900, 900.2, "", 900.4]
    text = to_csv("rain_total", [(start + timedelta(minutes=i), t) for i, t in enumerate(totals)])
    done = run(text)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["rain_1h"] for row in rows] == [
        "", "0.2", "", "0.4", "", "0.6", "0.8", "", "1", "", "1.2"]
    for line, what in ((5, "corrupt"), (7, "set back"), (10, "jumped")):
        assert f"standard input:{line}: " in done.stderr and what in done.stderr


def test_a_record_by_the_hour():
    start = datetime(2026, 5, 1, 0, 0, tzinfo=LOCAL)
    rows = rows_of(to_csv("rain", [(start + timedelta(hours=i), i % 3) for i in range(80)]))
    assert rows[75]["rain_3h"] == "3" and rows[75]["rain_72h"] == "72"
    assert rows[75]["rain_10m"] == "", "an hour says nothing of ten minutes"


def test_missing_increments_are_lost():
    rows = rows_of("time,rain\n2026-05-01T10:00:00+07:00,0\n2026-05-01T10:10:00+07:00,\n"
                   "2026-05-01T10:20:00+07:00,0\n2026-05-01T10:30:00+07:00,-9999\n")
    assert [row["rain_10m"] for row in rows] == ["", "", "0", ""]
    assert [row["rain_30m"] for row in rows] == ["", "", "", ""]


@pytest.mark.parametrize("text, what", [
    ("", "standard input"),
    ("when,rain\n", ":1: "),
    ("time,rainfall\n", ":1: the columns are time"),
    ("time,rain\n2026-05-01T10:00:00+07:00,x\n", ":2: rain: "),
    ("time,rain\n2026-05-01 10:00,0\n", ":2: time: "),
    ("time,rain\n2026-05-01T10:00:00,0\n", ":2: time: "),
    ("time,rain\n2026-05-01T10:00:00Z,0\n2026-05-01T10:00:00+07:00,0\n", ":3: time: is before"),
    ("time,rain\n2026-05-01T10:00:00Z,\"0\n", ":2: "),
])
def test_errors_name_the_line(text, what):
    done = run(text, status=1)
    assert what in done.stderr


def test_files_and_usage(tmp_path):
    file = tmp_path / "gauge.csv"
    file.write_text("time,rain\n2026-05-01T10:00:00Z,0\n2026-05-01T10:01:00Z,?\n")
    done = run(None, str(file), status=1)
    assert f"{file}:3: rain: " in done.stderr
    assert len(done.stdout.splitlines()) == 2, "what stands before the fault is said"
    assert "none.csv" in run(None, str(tmp_path / "none.csv"), status=1).stderr
    for wrong in (["--day-starts", "25:00"], ["--day-starts", "7:00"], ["--day-starts"], ["--x"],
                  [str(file), str(file)]):
        assert "usage: muabui rain" in run("", *wrong, status=2).stderr
