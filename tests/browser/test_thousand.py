"""A thousand stations: the first page stays small, and everything is still found."""

import urllib.request

import pytest
from browsers import Chromium
from city import City
from lib import Broker, wait_until

COUNT, AREAS = 1000, 126


def stations():
    return [(f"HN-{i:04d}", f"Trạm số {i}", f"khu-{i % AREAS:03d}", 20.9 + (i % 40) * 0.008,
             105.7 + (i // 40) * 0.009, 10 + i % 200, 0.0) for i in range(COUNT)]


@pytest.fixture(scope="module")
def city(place):
    city = City(place, Broker(place), days=0, stations=stations(),
                areas=[{"id": "khu-007", "name": "Phường Bạch Mai"}])
    for id, _, _, _, _, dust, _ in city.stations:
        city.say(id, pm25=float(dust))
    wait_until(lambda: f"({COUNT})" in city.gateway.get("/")[2], 20, "all of them")
    return city


def read(city, path):
    with urllib.request.urlopen(city.url + path) as answer:
        return answer.read().decode()


def test_pages_stay_small_and_lead_everywhere(city):
    assert len(read(city, "/").encode()) < 24 * 1024
    areas = read(city, "/stations")
    assert len(areas.encode()) < 64 * 1024 and areas.count("?area=") == AREAS
    assert "Phường Bạch Mai" in areas
    one = read(city, "/stations?area=khu-007")
    assert "Phường Bạch Mai</h2>" in one
    assert one.count('class="card"') == len([i for i in range(COUNT) if i % AREAS == 7])


def test_search_and_map_are_quick(place, city):
    page = Chromium(place)
    page.size(360, 800)
    page.open(city.url)
    page.wait("!document.querySelector('#finder').hidden")
    page.write("#query", "bach mai")
    page.wait("document.querySelectorAll('#results .card').length === 8", "by the ward's name", 5)
    page.write("#query", "so 777")
    page.wait("document.querySelector('#results .name')?.innerText === 'Trạm số 777'", "by name", 5)
    page.write("#query", "")
    page.click("#as-map")
    page.wait(f"document.querySelectorAll('#map .spot').length === {COUNT}", "the map", 10)
    took = page.evaluate("(() => { const began = performance.now(); for (let i = 0; i < 5; i++)"
                         " document.querySelectorAll('#map .zoom button')[i % 2].click();"
                         " return (performance.now() - began) / 5; })()")
    print(f"a map of {COUNT} is drawn in {took:.0f} ms")
    assert page.complaints() == []
