"""Web Push: subscriptions, what subscribers get, and services that say no."""

import json
import time

import pytest

from lib import Gateway, free_port, mqtt_sensor, wait_until
from mqtt_wire import Publisher
from push import Browser, PushService, ask, browsers, make_certificate, make_key, opened
from test_channels import say


def make_gateway(home, broker, services, severity="severe", expires="2h", **options):
    key = home.path / "vapid.pem"
    if not key.exists():
        make_key(key)
    channel = {"name": "web", "type": "webpush", "subject": "mailto:env@hanoi.example",
               "key_file": str(key), "endpoint_hosts": [service.url for service in services],
               "timeout": "2s", **options}
    rule = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
            "severity": severity, "expires": expires}
    return Gateway(home, sensors=[mqtt_sensor(broker)],
                   alerts={"language": "vi", "rules": [rule], "channels": [channel]})


def start(gateway, broker):
    gateway.start()
    gateway.wait_connected("nodes")
    return Publisher(broker)


@pytest.fixture
def service(home):
    return PushService(home)


def done(gateway):
    return wait_until(lambda: gateway.channel("web")["waiting"] == 0, 20, "an empty outbox")


def test_alert_and_all_clear(home, broker, service):
    """What a subscriber gets, decrypted and verified by Node's crypto."""
    everybody = ann, ben, cat = browsers(service, "ann", "ben", "cat")
    gateway = make_gateway(home, broker, [service], page="https://air.hanoi.example/")
    node = start(gateway, broker)
    status, _, key = gateway.get("/api/v1/push-key")
    assert status == 200
    ann.subscribe(gateway, areas=["hn-cau-giay", "hn-ba-dinh"], hazards=["air"], language="vi")
    ben.subscribe(gateway, language="en")
    cat.subscribe(gateway, areas=["hn-ba-dinh"])
    say(gateway, node, 200)
    wait_until(lambda: service.paths() == ["/ann", "/ben"], 10, "two messages")
    done(gateway)
    for push in service.taken:
        assert push.headers["Urgency"] == "high"
        assert push.headers["Content-Encoding"] == "aes128gcm"
        assert 7000 < int(push.headers["TTL"]) <= 7200
        assert push.headers["Topic"].isalnum() and len(push.headers["Topic"]) <= 32
    first = {browser: document for browser, document, _ in opened(service.taken, everybody)}
    for browser, document, answer in opened(service.taken, everybody):
        vapid = answer["vapid"]
        assert vapid["valid"] and vapid["head"] == {"alg": "ES256", "typ": "JWT"}
        assert vapid["key"] == json.loads(key)["key"]
        assert vapid["claims"]["aud"] == service.url
        assert vapid["claims"]["sub"] == "mailto:env@hanoi.example"
        assert 0 < vapid["claims"]["exp"] - time.time() <= 24 * 3600
        assert document["state"] == "firing" and document["severity"] == "severe"
        assert document["hazard"] == "air" and document["area"] == "hn-cau-giay"
        assert document["notification"]["navigate"] == "https://air.hanoi.example/"
    assert first[ann]["language"] == "vi" and first[ben]["language"] == "en"
    assert first[ann]["title"] != first[ben]["title"]
    senders = [answer["sender"] for _, _, answer in opened(service.taken, everybody)]
    assert len(set(senders)) == 2, "a fresh key for each"

    cat.subscribe(gateway)  # too late to be told of the alert, so not told of its end either
    say(gateway, node, 100)
    wait_until(lambda: len(service.taken) == 4, 10, "two all-clears")
    done(gateway)
    second = {browser: document for browser, document, _ in opened(service.taken[2:], everybody)}
    assert set(second) == {ann, ben}
    assert second[ann]["state"] == "resolved" and second[ann]["id"] == first[ann]["id"]
    topics = {push.headers["Topic"] for push in service.taken}
    assert len(topics) == 1, "the later message replaces the earlier"
    assert len(service.pushes) == 4
    gateway.stop()


def test_the_interface(home, broker, service):
    ann, ben = browsers(service, "ann", "ben")
    gateway = make_gateway(home, broker, [service], max_subscriptions=1,
                           requests_per_minute=60)
    gateway.start()
    first = ann.subscribe(gateway, quiet_hours={"from": "22:00", "to": "06:00"}).id
    again = ann.subscribe(gateway).id
    assert first != again, "the same browser, whose older id ends"
    assert ask(gateway, "PATCH", first, {})[0] == 404
    assert gateway.query("select count(*) from subscription") == [(1,)]
    assert ask(gateway, "PATCH", again, {"level": "sensitive", "areas": ["x"], "hazards": ["rain"],
                                         "language": "en"})[0] == 204
    assert gateway.query("select areas, hazards, sensitive, language from subscription") == [
        ("\nx\n", 2, 1, 1)]
    assert ask(gateway, "PATCH", again, {"areas": None})[0] == 204
    assert gateway.query("select areas, sensitive from subscription") == [("", 1)]
    status, headers, problem = ask(gateway, "POST", "", ben.subscription())
    assert status == 503 and "as many" in problem["detail"]
    assert headers["Content-Type"] == "application/problem+json"

    def refused(change, **more):
        body = {**ben.subscription(), **change}
        status, _, problem = ask(gateway, "POST", "", body, **more)
        return status, problem["detail"]

    assert refused({"endpoint": "https://127.0.0.1/x"})[0] == 400
    assert refused({"endpoint": f"http://localhost:{service.port}/x"})[0] == 400
    assert refused({"endpoint": 7})[0] == 400
    assert "p256dh" in refused({"keys": {**ben.subscription()["keys"], "p256dh": "BA"}})[1]
    bad_point = "B" + "A" * 86
    assert "p256dh" in refused({"keys": {"p256dh": bad_point, "auth": "A" * 22}})[1]
    assert "auth" in refused({"keys": {"p256dh": ben.keys["p256dh"], "auth": "AAAA"}})[1]
    for wish in ({"areas": "x"}, {"areas": []}, {"areas": ["a/b"]}, {"areas": ["a\nb"]},
                 {"areas": ["x"] * 17}, {"hazards": ["device"]}, {"hazards": []},
                 {"level": "none"}, {"language": "fr"}, {"quiet_hours": {"from": "25:00"}}):
        assert refused(wish)[0] == 400, wish
    assert refused({}, headers={"Content-Type": "text/plain"})[0] == 415
    assert refused({"x": "y" * 20000})[0] == 413
    assert ask(gateway, "POST", "", raw=b"{")[0] == 400
    assert ask(gateway, "POST", "", raw=b"")[0] == 400
    status, headers, _ = ask(gateway, "GET")
    assert status == 405 and headers["Allow"] == "POST", "nothing lists them"
    assert ask(gateway, "GET", again)[0] == 405
    assert ask(gateway, "PUT", again, {})[0] == 405
    assert ask(gateway, "DELETE", again)[0] == 204
    assert ask(gateway, "DELETE", again)[0] == 404
    assert gateway.query("select count(*) from subscription") == [(0,)]
    gateway.stop()


def test_addresses_are_limited(home, broker, service):
    """Each has its own measure; behind a proxy of this machine, the one it names."""
    gateway = make_gateway(home, broker, [service], requests_per_minute=5)
    gateway.start()

    def status(**headers):
        return ask(gateway, "DELETE", "nobody", headers=headers)

    codes = [status()[0] for _ in range(7)]
    assert codes == [404] * 5 + [429] * 2
    assert int(status()[1]["Retry-After"]) >= 1
    assert status(**{"X-Forwarded-For": "10.9.9.9, 203.0.113.7"})[0] == 404
    # Only what the proxy itself has added is believed.
    assert status(**{"X-Forwarded-For": "203.0.113.8, 127.0.0.1"})[0] == 429
    gateway.stop()


def test_without_the_channel_nothing_is_there(home, broker):
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)])
    gateway.start()
    assert ask(gateway, "POST", "", {})[0] == 404
    assert ask(gateway, "DELETE", "x")[0] == 404
    assert gateway.get("/api/v1/push-key")[0] == 404
    gateway.stop()


def test_services_that_say_no(home, broker, service):
    """Gone is gone, too many is later, and one that is wrong does not hold up the rest."""
    tries = {}

    def answer(push):
        tries[push.path] = tries.get(push.path, 0) + 1
        if push.path == "/gone":
            return 410
        if push.path == "/busy" and tries[push.path] == 1:
            return 429, {"Retry-After": "1"}
        if push.path == "/broken" and tries[push.path] <= 2:
            return 503
        return 400 if push.path == "/wrong" else 201

    service.answer = answer
    everybody = browsers(service, "well", "gone", "busy", "broken", "wrong", "also")
    away = Browser(type("", (), {"url": f"http://127.0.0.1:{free_port()}"}), "away",
                   everybody[0].keys)
    gateway = make_gateway(home, broker, [service, away_host(away)], expires="8s")
    node = start(gateway, broker)
    for browser in [*everybody[:3], away, *everybody[3:]]:
        browser.subscribe(gateway)
    say(gateway, node, 200)
    wait_until(lambda: service.paths() == ["/also", "/broken", "/busy", "/well"], 15,
               "those who can be reached")
    assert tries["/gone"] == 1 and tries["/busy"] == 2
    # Twice, where it was the first to be answered: then it was not known whose fault it is.
    wait_until(lambda: tries["/wrong"] in (1, 2), 5, tries)
    done(gateway)
    wait_until(lambda: "4 told, 1 gone, 1 refused, 1 not reached in time, 0 not come to"
               in gateway.log(), 10, gateway.log)
    assert ask(gateway, "PATCH", everybody[1].id, {})[0] == 410
    assert ask(gateway, "PATCH", everybody[0].id, {})[0] == 204
    assert gateway.query("select sent, gone, refused, given_up from fanout") == [(4, 1, 1, 1)]
    say(gateway, node, 100)
    wait_until(lambda: len(service.taken) == 8, 10, "four all-clears")
    done(gateway)
    assert service.paths() == sorted(2 * ["/also", "/broken", "/busy", "/well"])
    gateway.stop()


def away_host(browser):
    return type("", (), {"url": browser.endpoint.rsplit("/", 1)[0]})


def test_a_key_that_is_refused_is_shouted_about(home, broker, service):
    """Nothing is lost while the service refuses the key; the others are served."""
    other = PushService(home)
    everybody = ann, ben = [*browsers(service, "ann"), *browsers(other, "ben")]
    service.answer = lambda push: 403
    gateway = make_gateway(home, broker, [service, other])
    node = start(gateway, broker)
    for browser in everybody:
        browser.subscribe(gateway)
    say(gateway, node, 200)
    wait_until(lambda: other.paths() == ["/ben"], 10, "the other service")
    wait_until(lambda: gateway.channel("web")["held"], 10, "the channel is held")
    assert "HTTP 403" in gateway.channel("web")["last_error"]
    assert "wait until it is put right" in gateway.log()
    service.answer = lambda push: 201
    wait_until(lambda: service.paths() == ["/ann"], 60, "the message that waited")
    done(gateway)
    assert len(other.pushes) == 1
    gateway.stop()


def test_killed_in_the_middle(home, broker, service):
    """Nobody is left out, and only those under way may be told twice."""
    count, in_flight = 300, 8
    keys = browsers(service, "one")[0].keys
    gateway = make_gateway(home, broker, [service], in_flight=in_flight,
                           requests_per_minute=100000)
    node = start(gateway, broker)
    for index in range(count):
        Browser(service, f"{index:04}", keys).subscribe(gateway)
    service.answer = lambda push: time.sleep(0.002) or 201
    node.publish("env/A/air", {"pm25": 200})
    kills = 0
    for part in (60, 150, 220):
        wait_until(lambda: len(service.taken) >= part, 30, f"{part} messages", every=0.005)
        if len(service.taken) < count:
            gateway.kill9()
            gateway.start()
            kills += 1
    wait_until(lambda: len(set(service.paths())) == count, 30, "all of them")
    done(gateway)
    assert kills >= 2
    twice = len(service.taken) - count
    assert twice <= kills * 2 * in_flight, f"{twice} were told twice"
    gateway.stop()


def test_over_tls(home, broker):
    """HTTP/1.1 where there is no HTTP/2; and only to who can prove to be who is meant."""
    good, other = make_certificate(home), make_certificate(home, "DNS:elsewhere.example")
    both = home.path / "both.pem"
    both.write_text(good[0].read_text() + other[0].read_text())
    service, impostor = PushService(home, certificate=good), PushService(home, certificate=other)
    ann, ben = [*browsers(service, "ann"), *browsers(impostor, "ben")]
    gateway = make_gateway(home, broker, [service, impostor], ca_file=str(both), expires="6s")
    node = start(gateway, broker)
    ann.subscribe(gateway)
    ben.subscribe(gateway)
    say(gateway, node, 200)
    wait_until(lambda: service.paths() == ["/ann"], 10, "the honest one")
    wait_until(lambda: "1 told, 0 gone, 0 refused, 1 not reached" in gateway.log(), 20, gateway.log)
    assert "IP address mismatch" in gateway.log()
    assert not impostor.pushes
    assert opened(service.taken, [ann])[0][2]["vapid"]["claims"]["aud"] == service.url
    gateway.stop()


def test_unknown_authorities_are_not_believed(home, broker):
    service = PushService(home, certificate=make_certificate(home))
    ann, = browsers(service, "ann")
    gateway = make_gateway(home, broker, [service])
    node = start(gateway, broker)
    ann.subscribe(gateway)
    say(gateway, node, 200)
    wait_until(lambda: "self-signed certificate" in gateway.log(), 10, gateway.log)
    assert not service.pushes
    gateway.stop()
