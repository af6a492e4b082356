"""The citizens' page in Chromium, over a small city with two days behind it."""

import urllib.request

import pytest
from browsers import Chromium, Firefox
from city import City
from lib import Broker, wait_until

RULES = [{"name": "dust", "metric": "pm25", "above": 400.0, "clear_below": 300.0,
          "severity": "severe"}]
VISIBLE = "[...document.querySelectorAll('#results .name')].map((name) => name.innerText)"


@pytest.fixture(scope="module")
def city(place):
    return City(place, Broker(place), alerts={
        "rules": RULES, "channels": [{"name": "screen", "type": "console"}]})


@pytest.fixture(scope="module")
def browser(place):
    return Chromium(place)


@pytest.fixture
def page(browser, city):
    """The phone of somebody who has never been here."""
    browser.size(360, 800)
    browser.open(city.url)
    browser.evaluate("localStorage.clear()")
    browser.open(city.url)
    browser.wait("!document.querySelector('#finder').hidden", "the scripts have run")
    del browser.wire.events[:]
    yield browser
    assert browser.complaints() == []


def found(page):
    return page.evaluate(VISIBLE)


def test_the_first_page_is_there_without_scripts(city):
    with urllib.request.urlopen(city.url) as answer:
        text = answer.read().decode()
    assert "Cầu Giấy" in text and "xấu nhất trước" in text
    assert text.index("Cầu Giấy") < text.index("Hà Đông") < text.index("Đống Đa")


def test_search_finds_with_and_without_marks(page):
    for asked in ("cau giay", "Cầu Giấy", "CẦU", "giay cau"):
        page.write("#query", asked)
        page.wait(f"{VISIBLE}.join() === 'Cầu Giấy'", f"the search for {asked}")
    page.write("#query", "dong da")
    page.wait(f"{VISIBLE}.join() === 'Đống Đa'", "đ is found as d")
    page.write("#query", "nowhere")
    page.wait("document.querySelector('#told').innerText.includes('Không tìm thấy')")
    page.write("#query", "")
    page.wait("document.querySelector('#found').hidden && !document.querySelector('#summary').hidden")


def test_the_nearest_comes_first_and_the_place_stays_here(page, city):
    page.stand_at(21.045, 105.885, city.url)
    page.click("#near")
    page.wait(f"{VISIBLE}[0] === 'Long Biên'", "the nearest first")
    assert len(found(page)) == len(city.stations)
    assert "km" in page.text("#results .facts")
    sent = [event["params"]["request"]["url"] for event in page.wire.events
            if event["method"] == "Network.requestWillBeSent"]
    assert sent and not [url for url in sent if "21.04" in url or "105.88" in url]


def test_the_map_has_every_station_and_leads_to_it(page, city):
    page.click("#as-map")
    page.wait(f"document.querySelectorAll('#map .spot').length === {len(city.stations)}")
    name = page.evaluate("document.querySelector('#map a[href*=HN-HD-06]').ariaLabel")
    assert name.startswith("Hà Đông: ") and "Nguy hại" in name
    before = page.evaluate("document.querySelector('#map .spot').getAttribute('transform')")
    page.click("#map .zoom button")
    assert page.evaluate("document.querySelector('#map .spot').getAttribute('transform')") != before
    page.evaluate("document.querySelector('#map a[href*=HN-HD-06]')"
                  ".dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))")
    page.wait("location.pathname === '/stations/HN-HD-06'")


def test_a_station_says_what_the_decision_wants(page, city):
    page.open(city.url + "/stations/HN-HD-06")
    text = page.text("main")
    for wanted in ("Nguy hại", "Chất cao nhất: PM2.5", "Người già, trẻ em", "đóng cửa",
                   "Chỉ số từng chất", "NO₂", "tham khảo", "Mưa 72 giờ", "chưa đủ dữ liệu", "µg/m³"):
        assert wanted in text, f"{wanted}: {text}"
    page.click("summary")
    assert "1459/QĐ-TCMT" in page.text("details") and "muabui" in page.text("details")


def test_charts_show_values_gaps_and_rain(page, city):
    page.open(city.url + "/stations/HN-LB-07")
    page.wait("document.querySelectorAll('figure svg').length === 3", "three charts")
    assert page.evaluate("document.querySelectorAll('figure:nth-of-type(2) .band').length") >= 2
    assert page.evaluate("document.querySelectorAll('figure .gap').length") >= 3
    # One line before the gap, one behind it.
    assert page.evaluate("document.querySelectorAll('figure:nth-of-type(2) .line').length") == 2
    assert page.evaluate("document.querySelectorAll('figure:nth-of-type(3) .bar').length") >= 1
    label = page.evaluate("document.querySelector('figure:nth-of-type(3) svg').getAttribute('aria-label')")
    assert label.startswith("Mưa, 24 giờ: tổng 60,0 mm")
    page.evaluate("[...document.querySelectorAll('#charts button')][1].click()")
    page.wait("document.querySelector('figure svg')?.getAttribute('aria-label').includes('7 ngày')")
    page.wait("document.querySelector('select option[value=temperature]') !== null")
    page.evaluate("(() => { const choice = document.querySelector('#charts select');"
                  " choice.value = 'temperature'; choice.dispatchEvent(new Event('change')); })()")
    page.wait("document.querySelectorAll('figure svg').length === 4", "the temperature's chart")


def test_the_language_is_remembered(page, city):
    assert page.evaluate("document.documentElement.lang") == "vi"
    page.click(".tongue")
    page.wait("document.documentElement.lang === 'en' && document.readyState === 'complete'")
    assert "Air and rain" in page.text("h1")
    page.open(city.url + "/stations/HN-CG-01")
    page.wait("document.documentElement.lang === 'en' && location.search.includes('lang=en')")
    page.click(".tongue")
    page.wait("document.documentElement.lang === 'vi'")


def test_an_alert_appears_by_itself_and_goes(page, city):
    page.open(city.url + "/stations/HN-TH-08")
    assert "không có cảnh báo" in page.text("#active")
    city.say("HN-TH-08", pm25=450.0)
    wait_until(lambda: "active\":true" in city.gateway.get("/api/v1/alerts")[2], 15, "the alert")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait("document.querySelector('#active .alert.severe') !== null", "the alert", 45)
    assert "Tây Hồ" in page.text("#active") and "Nên làm" in page.text("#active")
    city.say("HN-TH-08", pm25=100.0)
    wait_until(lambda: "active\":true" not in city.gateway.get("/api/v1/alerts")[2], 15, "its end")
    page.open(city.url + "/alerts")
    assert "Đã hết" in page.text("#history")


def test_without_a_connection_the_last_values_stay_and_say_their_age(page, city):
    page.open(city.url + "/stations/HN-BD-02")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait("navigator.serviceWorker.controller !== null", "the worker is in charge")
    page.open(city.url + "/stations/HN-BD-02")
    page.wait("document.querySelectorAll('figure svg').length > 0")
    page.wait("caches.open('muabui-pages').then((cache) => cache.match(location.href))"
              ".then((answer) => Boolean(answer))", "the page is kept")
    city.gateway.stop()
    page.open(city.url + "/stations/HN-BD-02")
    page.wait("!document.querySelector('#offline').hidden", "it says so")
    assert "Ba Đình" in page.text("h1") and "PM2.5" in page.text("main")
    assert page.evaluate("document.documentElement.classList.contains('late')")
    page.wait("/trước|vừa xong/.test(document.querySelector('.age time').innerText)")
    assert page.evaluate("getComputedStyle(document.querySelector('.value .much b')).fontWeight") == "400"
    city.gateway.start()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait("document.querySelector('#offline').hidden", "it is fresh again", 20)


def test_the_kiosk_goes_from_station_to_station(page, city):
    page.size(1920, 1080)
    page.open(city.url + "/?kiosk&seconds=1")
    page.wait("document.querySelector('.huge') !== null")
    first = page.text(".slide h1")
    page.wait(f"document.querySelector('.slide h1').innerText !== '{first}'", "the next one")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert len(page.evaluate("[...document.querySelectorAll('.strip li')].map((row) => row.innerText)")) \
        == len(city.stations)


@pytest.mark.parametrize("path", ["/", "/stations", "/stations/HN-HD-06", "/alerts", "/about"])
def test_nothing_is_wider_than_the_smallest_phone(page, city, path):
    page.size(320, 640)
    page.open(city.url + path)
    if path.startswith("/stations/"):
        page.wait("document.querySelectorAll('figure svg').length > 0")
    for font in ("", "DejaVu Sans"):  # the second is among the widest
        page.evaluate(f"document.body.style.fontFamily = '{font}'")
        wide = page.evaluate("[...document.querySelectorAll('body *')].filter((one) => "
                             "one.getBoundingClientRect().right > 321).map((one) => "
                             "one.tagName + '.' + one.className + ': ' + "
                             "one.textContent.slice(0, 40)).join(' | ')")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, wide


def test_the_first_view_is_small(page, city):
    page.wire.ask("Network.setCacheDisabled", {"cacheDisabled": True})
    page.evaluate("navigator.serviceWorker.getRegistrations()"
                  ".then((all) => Promise.all(all.map((one) => one.unregister())))")
    del page.wire.events[:]
    page.open(city.url)
    page.wait("!document.querySelector('#finder').hidden")
    page.wire.ask("Network.setCacheDisabled", {"cacheDisabled": False})
    size = sum(event["params"]["encodedDataLength"] for event in page.wire.events
               if event["method"] == "Network.loadingFinished")
    print(f"first view: {size} bytes")
    assert 3000 < size <= 60 * 1024


def test_all_of_it_works_in_firefox_too(place, city):
    page = Firefox(place)
    page.open(city.url)
    page.wait("!document.querySelector('#finder').hidden", "the scripts have run")
    page.write("#query", "cau giay")
    page.wait(f"{VISIBLE}.join() === 'Cầu Giấy'", "the search")
    page.write("#query", "")
    page.click("#as-map")
    page.wait(f"document.querySelectorAll('#map .spot').length === {len(city.stations)}")
    page.open(city.url + "/stations/HN-LB-07")
    page.wait("document.querySelectorAll('figure svg .line').length === 2", "a line with a gap")
    page.click(".tongue")
    page.wait("document.documentElement.lang === 'en'")
    assert "Air quality" in page.text("main")
    page.open(city.url + "/?kiosk")
    page.wait("document.querySelector('.huge') !== null", "the kiosk")
