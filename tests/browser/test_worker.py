"""The page's worker in Chromium: what it shows of a push, whatever comes, where a touch leads,
and what becomes of a subscription that the browser replaces."""

import json

import pytest
from browsers import Chromium
from city import City
from lib import Broker, wait_until
from push import PushService, ask, browsers, make_key

SHOWN = ("navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) =>"
         " all.map(({ title, body, tag, silent, data }) => ({ title, body, tag, silent, data })))")
ALERT = {"id": "e1", "revision": 1, "state": "firing", "title": "Mưa lớn tại Cầu Giấy",
         "text": "60 mm trong một giờ.", "instruction": "Tránh hầm chui.", "severity": "severe",
         "station": "HN-CG-01", "at": "2026-11-26T07:00:00+07:00", "language": "vi"}


@pytest.fixture(scope="module")
def service(place):
    return PushService(place)


@pytest.fixture(scope="module")
def city(place, service):
    key = place.path / "vapid.pem"
    make_key(key)
    return City(place, Broker(place), days=0, alerts={
        "rules": [{"name": "dust", "metric": "pm25", "above": 150.0}],
        "channels": [{"name": "web", "type": "webpush", "subject": "mailto:env@hanoi.example",
                      "key_file": key, "endpoint_hosts": [service.url]}]})


@pytest.fixture(scope="module")
def page(place, city):
    page = Chromium(place)
    page.stand_at(21, 105, city.url)
    page.open(city.url)
    page.wait("navigator.serviceWorker.controller !== null", "the worker is in charge", 30)
    return page


def registration(page):
    for event in page.wire.events:
        if event["method"] == "ServiceWorker.workerRegistrationUpdated":
            for one in event["params"]["registrations"]:
                if not one["isDeleted"]:
                    return one["registrationId"]
    return None


def deliver(page, city, data):
    page.wire.ask("ServiceWorker.deliverPushMessage", {
        "origin": city.url + "/", "registrationId": wait_until(lambda: registration(page), 10),
        "data": data if isinstance(data, str) else json.dumps(data)})


def shown(page):
    return page.evaluate(SHOWN)


def test_one_notification_per_episode(page, city):
    deliver(page, city, ALERT)
    first, = wait_until(lambda: shown(page), 15, "the notification")
    assert (first["title"], first["tag"]) == (ALERT["title"], "e1")
    assert first["body"] == "60 mm trong một giờ.\nTránh hầm chui." and not first["silent"]
    over = {**ALERT, "revision": 3, "state": "resolved", "title": "Hết mưa lớn", "text": "5 mm."}
    deliver(page, city, over)
    last, = wait_until(lambda: [one for one in shown(page) if one["title"] == "Hết mưa lớn"], 15)
    assert last["silent"] and last["body"] == "5 mm." and len(shown(page)) == 1
    # What was overtaken on its way changes nothing.
    deliver(page, city, {**ALERT, "revision": 2, "title": "Mưa rất lớn"})
    deliver(page, city, {**ALERT, "id": "e2", "title": "Gió mạnh"})
    titles = wait_until(lambda: (lambda all: len(all) == 2 and all)(
        sorted(one["title"] for one in shown(page))), 15)
    assert titles == ["Gió mạnh", "Hết mưa lớn"]


def test_something_is_shown_whatever_comes(page, city):
    deliver(page, city, "not JSON")
    other, = wait_until(lambda: [one for one in shown(page) if one["body"] == "not JSON"], 15)
    assert other["title"] == "Không khí và mưa"


def test_a_touch_leads_to_the_station(page, city):
    worker = page.worker()
    assert worker.evaluate(f"addressOf({json.dumps(ALERT)})") == "/stations/HN-CG-01"
    assert worker.evaluate("addressOf({ language: 'en' })") == "/alerts?lang=en"
    # Opening a window takes a real touch; taking the page that is there does not.
    worker.evaluate("self.clients.matchAll().then(([client]) =>"
                    " client.navigate(addressOf({ station: 'HN-CG-01' }))).then(() => true)")
    page.wait("location.pathname === '/stations/HN-CG-01'")
    worker.end()


def test_a_replaced_subscription_keeps_its_wishes(page, city, service):
    old, new = browsers(service, "old", "new")
    wishes = {"areas": ["hn-cau-giay"], "hazards": ["rain"], "level": "sensitive", "language": "vi",
              "quiet_hours": None}
    old.subscribe(city.gateway, **wishes)
    kept = json.dumps({"id": old.id, "wishes": wishes})
    worker = page.worker()
    worker.evaluate(f"keepWishes({kept})")
    worker.evaluate("renew({ newSubscription: { toJSON: () => ("
                    + json.dumps(new.subscription()) + ") } })")
    rows = city.gateway.query("SELECT endpoint, areas, sensitive FROM subscription")
    assert rows == [(new.endpoint, "\nhn-cau-giay\n", 1)]
    assert ask(city.gateway, "PATCH", old.id, {"level": "all"})[0] == 404
    identity = worker.evaluate("caches.open('muabui-push').then((cache) =>"
                               " cache.match('/push-kept')).then((kept) => kept.json())")["id"]
    assert ask(city.gateway, "PATCH", identity, {"level": "all"})[0] == 204
    worker.end()
