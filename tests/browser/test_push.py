"""From a ward's dust to the notification on a screen, in Firefox: the page subscribes, the
browser decrypts, the worker shows. Only the push service is not the real one."""

import json

import pytest
from browsers import Firefox
from city import City
from lib import Broker, wait_until
from push import make_key
from push_socket import PushSocket

SHOWN = ("navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) =>"
         " all.map((n) => ({ title: n.title, body: n.body, tag: n.tag, lang: n.lang,"
         " data: n.data })))")


@pytest.fixture
def parts(home):
    socket = PushSocket(home)
    key = home.path / "vapid.pem"
    make_key(key)
    city = City(home, Broker(home), days=0, alerts={
        "rules": [{"name": "dust", "metric": "pm25", "steps": [
            {"above": 150.0, "clear_below": 120.0, "severity": "severe"},
            {"above": 300.0, "clear_below": 250.0, "severity": "extreme"}]}],
        "channels": [{"name": "web", "type": "webpush", "subject": "mailto:env@hanoi.example",
                      "key_file": key, "endpoint_hosts": [socket.service.url]}]})
    browser = Firefox(home, {"dom.push.serverURL": socket.url,
                             "dom.push.connection.enabled": True,
                             "dom.push.testing.allowInsecureServerURL": True})
    browser.allow_push(city.url)
    return city, socket, browser


def subscribers(city):
    return city.gateway.query("SELECT count(*) FROM subscription")[0][0]


def subscribe(city, browser):
    for id, *_ in city.stations:
        city.say(id, pm25=20.0)
    browser.open(city.url + "/alerts")
    browser.wait("document.querySelector('#push-save') !== null", "the form", 20)
    browser.evaluate("[...document.querySelectorAll('[name=area]')]"
                     ".find((box) => box.value === 'hn-cau-giay').checked = true")
    browser.click("#push-save")
    browser.wait("document.querySelector('#push-said')?.innerText.includes('đang nhận cảnh báo')",
                 "the subscription", 30)


def shown(browser):
    return browser.evaluate(SHOWN)


def test_subscribe_alert_all_clear_and_stop(parts):
    city, socket, browser = parts
    subscribe(city, browser)
    assert subscribers(city) == 1 and len(socket.channels) == 1

    # Another ward's alert is not for this phone.
    city.say("HN-HK-03", pm25=220.0)
    city.say("HN-CG-01", pm25=180.0)
    first, = wait_until(lambda: shown(browser), 30, lambda: "the notification\n"
                        + city.gateway.log()[-2000:])
    assert "Cầu Giấy" in first["title"] + first["body"] and "180" in first["body"]
    assert first["lang"] == "vi" and first["data"]["address"] == "/stations/HN-CG-01"
    wait_until(lambda: [code for _, code in socket.acknowledged] == [100], 10,
               lambda: f"delivered and decrypted: {socket.acknowledged}")

    # It grows worse: the same notification, told anew.
    city.say("HN-CG-01", pm25=340.0)
    worse, = wait_until(lambda: [one for one in shown(browser) if "340" in one["body"]], 30,
                        "the escalation")
    assert worse["tag"] == first["tag"] and worse["data"]["severity"] == "extreme"
    assert len(shown(browser)) == 1

    # It is over: the all-clear takes its place.
    city.say("HN-CG-01", pm25=60.0)
    over, = wait_until(lambda: [one for one in shown(browser)
                                if one["title"] != worse["title"] and "60" in one["body"]], 30,
                       lambda: f"the all-clear: {json.dumps(shown(browser), ensure_ascii=False)}")
    assert over["tag"] == first["tag"] and len(shown(browser)) == 1

    # One touch, and nothing is left on either side.
    browser.click("#push-stop")
    browser.wait("document.querySelector('#push-said').innerText.includes('Đã thôi nhận')")
    assert subscribers(city) == 0
    assert browser.evaluate("navigator.serviceWorker.ready.then((r) =>"
                            " r.pushManager.getSubscription())") is None


def test_wishes_are_changed_and_remembered(parts):
    city, socket, browser = parts
    subscribe(city, browser)
    browser.evaluate("document.querySelector('[name=hazard][value=rain]').click()")
    browser.evaluate("document.querySelector('[name=level][value=sensitive]').click()")
    browser.evaluate("document.querySelector('[name=quiet]').click()")
    browser.click("#push-save")
    browser.wait("document.querySelector('#push-said').innerText === 'Đã lưu.'", "the change")
    kept = city.gateway.query("SELECT areas, sensitive, quiet_from, quiet_to FROM subscription")
    assert kept == [("\nhn-cau-giay\n", 1, 22 * 60, 6 * 60)]
    # The page was closed meanwhile: what was chosen is shown again.
    browser.open(city.url + "/alerts")
    browser.wait("document.querySelector('#push-stop') !== null", "it is remembered")
    assert browser.evaluate("document.querySelector('[name=level]:checked').value") == "sensitive"
    assert browser.evaluate("document.querySelector('[name=area]:checked').value") == "hn-cau-giay"


def test_a_subscription_that_the_browser_has_lost_is_said(parts):
    city, _, browser = parts
    subscribe(city, browser)
    browser.evaluate("navigator.serviceWorker.ready.then((r) => r.pushManager.getSubscription())"
                     ".then((one) => one.unsubscribe())")
    browser.open(city.url + "/alerts")
    browser.wait("document.querySelector('#push-said')?.innerText.includes('đã hết hạn')", "it is said")
    wait_until(lambda: subscribers(city) == 0, 10, "and nothing is left of it")
    assert browser.evaluate("document.querySelector('#push-stop')") is None
