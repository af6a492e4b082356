"""muabui index beside a second implementation, written from the text of the rules.

This one computes with fractions, so that a half is a half; SERIES random series are
compared hour by hour.
"""

import csv
import io
import math
import random
import subprocess
from datetime import datetime, timedelta, timezone
from fractions import Fraction as F

from lib import PROGRAM, count

LOCAL = timezone(timedelta(hours=7))
POLLUTANTS = ["pm25", "pm10", "o3", "no2", "so2", "co"]
START = datetime(2026, 1, 1, 1, tzinfo=LOCAL)


def run(arguments, text, status=0):
    done = subprocess.run([PROGRAM, "index", *arguments], input=text, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done


def rows_of(done):
    return list(csv.DictReader(io.StringIO(done.stdout)))


def to_csv(hours):
    lines = ["time," + ",".join(POLLUTANTS)]
    for i, hour in enumerate(hours):
        time = (START + timedelta(hours=i)).isoformat()
        lines.append(time + "," + ",".join(hour.get(p, "") for p in POLLUTANTS))
    return "\n".join(lines) + "\n"


# --- the second implementation --------------------------------------------------

VN = {
    "o3": [0, 160, 200, 300, 400, 800, 1000, 1200],
    "o3_8h": [0, 100, 120, 170, 210, 400],
    "co": [0, 10000, 30000, 45000, 60000, 90000, 120000, 150000],
    "so2": [0, 125, 350, 550, 800, 1600, 2100, 2630],
    "no2": [0, 100, 200, 700, 1200, 2350, 3100, 3850],
    "pm10": [0, 50, 150, 250, 350, 420, 500, 600],
    "pm25": [0, 25, 50, 80, 150, 250, 350, 500],
}
LEVELS = [0, 50, 100, 150, 200, 300, 400, 500]


def half_up(x):
    return math.floor(x + F(1, 2))


def vn_part(column, c):
    points = VN[column]
    if c is None:
        return None
    for i in range(len(points) - 1):
        if c <= points[i + 1]:
            return half_up(F(LEVELS[i + 1] - LEVELS[i], points[i + 1] - points[i])
                           * (c - points[i]) + LEVELS[i])
    return None if column == "o3_8h" else 500


def now_cast(hours):
    """HOURS: the newest first, None where missing."""
    if sum(h is not None for h in hours[:3]) < 2:
        return None
    there = [h for h in hours if h is not None]
    w = max(min(there) / max(there), F(1, 2)) if max(there) > 0 else F(1, 2)
    weights = [w**i for i, h in enumerate(hours) if h is not None]
    return sum(a * b for a, b in zip(weights, there)) / sum(weights)


def last(hours, at, pollutant, n):
    return [F(hours[i][pollutant]) if i >= 0 and hours[i].get(pollutant) else None
            for i in range(at, at - n, -1)]


def vn_hour(hours, at):
    parts = {p: vn_part(p, now_cast(last(hours, at, p, 12))) for p in ("pm25", "pm10")}
    if parts["pm25"] is None and parts["pm10"] is None:
        return ""
    for p in ("o3", "no2", "so2", "co"):
        parts[p] = vn_part(p, last(hours, at, p, 1)[0])
    return str(max(v for v in parts.values() if v is not None))


def mean(values, needed):
    there = [v for v in values if v is not None]
    return sum(there) / len(there) if len(there) >= needed else None


def vn_day(hours, at):
    parts = {p: vn_part(p, mean(last(hours, at, p, 24), 18)) for p in ("pm25", "pm10")}
    if parts["pm25"] is None and parts["pm10"] is None:
        return ""
    for p in ("o3", "no2", "so2", "co"):
        there = [v for v in last(hours, at, p, 24) if v is not None]
        parts[p] = vn_part(p, max(there)) if there else None
    eights = [mean(last(hours, at - i, "o3", 8), 6) for i in range(24)]
    eights = [e for e in eights if e is not None]
    parts["o3_8h"] = vn_part("o3_8h", max(eights)) if eights else None
    return str(max(v for v in parts.values() if v is not None))


US_PM25 = [("0", "9.0", 0, 50), ("9.1", "35.4", 51, 100), ("35.5", "55.4", 101, 150),
           ("55.5", "125.4", 151, 200), ("125.5", "225.4", 201, 300),
           ("225.5", "325.4", 301, 500)]
US_PM10 = [("0", "54", 0, 50), ("55", "154", 51, 100), ("155", "254", 101, 150),
           ("255", "354", 151, 200), ("355", "424", 201, 300), ("425", "604", 301, 500)]


def us_part(table, c, scale):
    if c is None:
        return None
    c = F(math.floor(c * scale), scale)
    for low, high, bottom, top in table:
        if c <= F(high):
            break
    return half_up(F(top - bottom) / (F(high) - F(low)) * (c - F(low)) + bottom)


def us_hour(hours, at):
    parts = [us_part(US_PM25, now_cast(last(hours, at, "pm25", 12)), 10),
             us_part(US_PM10, now_cast(last(hours, at, "pm10", 12)), 1)]
    parts = [p for p in parts if p is not None]
    return str(max(parts)) if parts else ""


EU = {"pm25": [5, 15, 50, 90, 140], "pm10": [15, 45, 120, 195, 270],
      "no2": [10, 25, 60, 100, 150], "o3": [60, 100, 120, 160, 180],
      "so2": [20, 40, 125, 190, 275]}


def eu_hour(hours, at):
    bands = [1 + sum(F(hours[at][p]) > b for b in bounds) for p, bounds in EU.items()
             if hours[at].get(p)]
    return str(max(bands)) if bands else ""


# --- random series --------------------------------------------------------------

SCALE = {"pm25": 60, "pm10": 110, "o3": 90, "no2": 80, "so2": 60, "co": 4000}


def random_hours(chance, n, pollutants):
    hours = []
    level = {p: chance.uniform(0.02, 6) * SCALE[p] for p in pollutants}
    gaps = chance.choice([0, 0.05, 0.3, 0.7])
    decimals = chance.choice([0, 1, 1, 3])
    for _ in range(n):
        hour = {}
        for p in pollutants:
            level[p] = max(0, level[p] * chance.uniform(0.6, 1.6))
            if level[p] > 20 * SCALE[p] or level[p] < 0.001 * SCALE[p]:
                level[p] = SCALE[p]
            if chance.random() >= gaps:
                hour[p] = f"{level[p]:.{decimals}f}"
        hours.append(hour)
    return hours


def compare(arguments, pollutants, expected, seed, series, day=False):
    chance = random.Random(seed)
    while series > 0:
        portion = min(series, 400)
        series -= portion
        hours = random_hours(chance, 24 * math.ceil(portion / 24) if day else portion, pollutants)
        got = rows_of(run(arguments, to_csv(hours)))
        step = 24 if day else 1
        assert len(got) == len(hours) // step
        for i, row in enumerate(got):
            at = (i + 1) * step - 1
            want = expected(hours, at)
            assert row["index"] == want, f"seed {seed}: {arguments}, hour {at}: {row}, not {want}"
            assert (row["category"] == "") == (want == "")


def test_vn_hours():
    compare(["vn"], POLLUTANTS, vn_hour, 1, count("SERIES", 4000))


def test_vn_days():
    compare(["vn", "--day"], POLLUTANTS, vn_day, 2, count("SERIES", 4000), day=True)


def test_us_dust():
    compare(["us"], ["pm25", "pm10"], us_hour, 3, count("SERIES", 4000))


def test_eu_hours():
    compare(["eu"], POLLUTANTS, eu_hour, 4, count("SERIES", 4000))


# --- what it says ---------------------------------------------------------------


def test_output_and_gaps():
    text = ("time,pm25\n2026-10-01T01:00:00+07:00,30\n2026-10-01T02:00:00+07:00,40\n"
            "2026-10-01T05:00:00+07:00,50\n2026-10-01T06:00:00+07:00,50\n")
    got = run(["vn"], text).stdout.splitlines()
    assert got[0] == "time,pm25_nowcast,pm10_nowcast,index,pollutant,category"
    assert got[1] == "2026-10-01T01:00:00+07:00,,,,,"
    assert got[2].startswith("2026-10-01T02:00:00+07:00,3")
    assert got[2].endswith(",pm25,Trung bình")
    assert got[3] == "2026-10-01T05:00:00+07:00,,,,,"  # 03:00 and 04:00 are missing
    assert got[4].startswith("2026-10-01T06:00:00+07:00,")


def test_day_of_gaps():
    """A row for each day, also for one without data; the last one is carried to its end."""
    text = "time,pm25\n" + "".join(
        f"2026-10-{1 + h // 24:02d}T{h % 24:02d}:00:00+07:00,55.7\n"
        for h in [*range(1, 25), *range(73, 95)])
    got = rows_of(run(["vn", "--day"], text))
    assert [r["time"][:10] for r in got] == [f"2026-10-0{d}" for d in (2, 3, 4, 5)]
    assert [r["index"] for r in got] == ["110", "", "", "110"]
    assert got[0]["category"] == "Kém"
    got = rows_of(run(["vn", "--day", "--min-hours", "23"], text))
    assert [r["index"] for r in got] == ["110", "", "", ""]


def test_mistakes():
    for arguments, text, why in [
        (["vn"], "time,pm2.5\n", "standard input:1: the columns are time and some of pm25"),
        (["vn"], "date,pm25\n", 'standard input:1: there is no column "time"'),
        (["vn"], "time,pm25\n2026-10-01T01:00:00,3\n", "standard input:2: time: "),
        (["vn"], "time,pm25\n2026-10-01T01:30:00Z,3\n", "is not the end of a full hour"),
        (["vn"], "time,pm25\n2026-10-01T02:00:00Z,3\n2026-10-01T02:00:00Z,3\n",
         "standard input:3: time: is not after the one before"),
        (["us"], "time,pm25\n2026-10-01T01:00:00Z,low\n", 'pm25: "low" is not a number'),
    ]:
        assert why in run(arguments, text, status=1).stderr
    run(["fr"], "", status=2)
    run(["eu", "--day"], "", status=2)
    run(["vn", "--table", "2012"], "", status=2)
