"""A small city: a gateway that has watched some stations for two days."""

import json
import math
from datetime import datetime, timedelta, timezone

from lib import Gateway, mqtt_sensor, wait_until
from mqtt_wire import Publisher

#           id           name             area               latitude longitude  dust  rain
STATIONS = [
    ("HN-CG-01", "Cầu Giấy", "hn-cau-giay", 21.0362, 105.7906, 62, 1.0),
    ("HN-BD-02", "Ba Đình", "hn-ba-dinh", 21.0340, 105.8342, 41, 0.6),
    ("HN-HK-03", "Hoàn Kiếm", "hn-hoan-kiem", 21.0287, 105.8524, 88, 0.4),
    ("HN-DD-04", "Đống Đa", "hn-dong-da", 21.0136, 105.8270, 17, 0.0),
    ("HN-TX-05", "Thanh Xuân", "hn-thanh-xuan", 20.9936, 105.8090, 190, 0.2),
    ("HN-HD-06", "Hà Đông", "hn-ha-dong", 20.9714, 105.7788, 290, 0.0),
    ("HN-LB-07", "Long Biên", "hn-long-bien", 21.0460, 105.8890, 33, 2.5),
    ("HN-TH-08", "Tây Hồ", "hn-tay-ho", 21.0680, 105.8230, 120, 0.0),
]
METRICS = ("pm25", "pm10", "rain", "temperature", "humidity", "no2", "o3")
STEP = timedelta(minutes=10)


def reading(dust, rain, when, hour_of_rain):
    """A day has two peaks; rain falls in one hour."""
    hours = (when.timestamp() / 3600 + 7) % 24
    share = 0.75 + 0.25 * math.cos((hours - 7) * math.pi / 6)
    wet = rain * 4 if when.hour == hour_of_rain else 0
    return {"time": when.isoformat(), "pm25": round(dust * share, 1),
            "pm10": round(dust * share * 1.4, 1), "rain": round(wet, 1),
            "temperature": round(24 + 4 * math.sin((hours - 9) * math.pi / 12), 1),
            "humidity": round(74 - 12 * math.sin((hours - 9) * math.pi / 12)),
            "no2": round(40 + 30 * share, 1), "o3": round(60 + 40 * math.sin(hours / 4), 1)}


class City:
    def __init__(self, home, broker, alerts=None, days=2, stations=STATIONS, **sections):
        own, *others = stations
        keys = ("id", "name", "area", "latitude", "longitude")
        sensor = mqtt_sensor(broker, name="air", topic="env/+/air", metrics=METRICS, time="/time")
        self.stations = stations
        self.gateway = Gateway(
            home, sensors=[sensor], station=dict(zip(keys, own)),
            stations=[dict(zip(keys, station)) for station in others],
            **({"alerts": alerts} if alerts else {}), **sections)
        self.gateway.start()
        self.gateway.wait_connected("air")
        self.publisher = Publisher(broker, "city")
        self.url = f"http://127.0.0.1:{self.gateway.port}"
        if days:
            self.fill(days)

    def fill(self, days):
        """With a gap of three hours the night before, which charts must show."""
        now = datetime.now(timezone.utc).replace(microsecond=0)
        gap = now - timedelta(hours=12)
        start = now - timedelta(days=days)
        self.publisher.publish_all(
            (f"env/{id}/air", reading(dust, rain, start + i * STEP, (now.hour - 2) % 24))
            for i in range(int(timedelta(days=days) / STEP) + 1)
            for id, _, _, _, _, dust, rain in self.stations
            if not gap <= start + i * STEP < gap + timedelta(hours=3))
        wait_until(self._has_indices, 150, "indices of the newest hour")

    def _has_indices(self):
        stations = json.loads(self.gateway.get("/api/v1/stations?fields=summary")[2])
        return all(station["index"] for station in stations)

    def say(self, id, **values):
        self.publisher.publish(f"env/{id}/air", {
            "time": datetime.now(timezone.utc).isoformat(), **values})
