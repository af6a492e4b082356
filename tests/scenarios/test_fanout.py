"""A city's worth of subscribers: SUBSCRIBERS=100000 for the drill, a few by default."""

import time

import pytest

from lib import count, wait_until
from push import CountingService, PushService, SilentHost, fill
from test_webpush import done, make_gateway, start

pytestmark = pytest.mark.alone  # a time limit for many

SUBSCRIBERS = count("SUBSCRIBERS", 2000) // 20 * 20
SECONDS = 8 + SUBSCRIBERS // 1000  # the message is worth telling


def prepare(home, broker, limit=0, **options):
    """A service that knows 1 in 20 no more and puts 1 in 20 off; 1 in 10 is at a dead host."""
    service, silent = CountingService(home, SUBSCRIBERS, limit=limit), SilentHost(home)
    gateway = make_gateway(home, broker, [service, silent], ca_file=str(service.cert),
                           expires=f"{SECONDS}s", max_subscriptions=SUBSCRIBERS, **options)
    fill(gateway, SUBSCRIBERS, service.url, 10, silent.url)
    return service, gateway, start(gateway, broker)


def expected():
    gone, dead = SUBSCRIBERS // 20, SUBSCRIBERS // 10
    return SUBSCRIBERS - gone - dead, gone, dead


def test_everybody_is_served_or_accounted_for(home, broker):
    # Connections end now and then, as real ones do; what was on them is not told twice.
    service, gateway, node = prepare(home, broker, limit=300)
    told, gone, dead = expected()
    began = time.monotonic()
    node.publish("env/A/air", {"pm25": 200})
    wait_until(lambda: service.counts()["taken"] == told, 2 * SECONDS, service.counts)
    took = time.monotonic() - began
    print(f"\n{told} of {SUBSCRIBERS} told in {took:.1f} s")
    wait_until(lambda: f"{told} told, {gone} gone, 0 refused, {dead} not reached in time, "
               "0 not come to" in gateway.log(), 2 * SECONDS, gateway.log)
    done(gateway)
    counts = service.counts()
    assert counts["twice"] == 0 and counts["gone"] == gone
    assert counts["busy"] == SUBSCRIBERS // 20, "put off once each, told afterwards"
    assert counts["requests"] == told + gone + counts["busy"]
    assert gateway.query("select count(*) from subscription where gone = 0") == [(told + dead,)]
    assert gateway.query("select count(*) from fanout_owed") == [(0,)]
    assert took < SECONDS, "the dead host held up the others"
    # The all-clear: to those who were told, and to nobody else.
    node.publish("env/A/air", {"pm25": 100})
    wait_until(lambda: service.counts()["twice"] == told, 2 * SECONDS, service.counts)
    done(gateway)
    assert service.counts()["requests"] == counts["requests"] + told
    assert gateway.query("select count(*) from fanout_bits") == [(0,)]
    gateway.stop()


def test_killed_in_the_middle_of_a_city(home, broker):
    in_flight = 32
    service, gateway, node = prepare(home, broker, in_flight=in_flight)
    told, gone, dead = expected()
    node.publish("env/A/air", {"pm25": 200})
    kills = 0
    for part in (0.2, 0.5, 0.8):
        wait_until(lambda: service.counts()["taken"] >= part * told, 2 * SECONDS,
                   service.counts, every=0.002)
        if service.counts()["taken"] < told:
            gateway.kill9()
            gateway.start()
            kills += 1
    wait_until(lambda: service.counts()["taken"] == told, 2 * SECONDS, service.counts)
    wait_until(lambda: f"{dead} not reached in time, 0 not come to" in gateway.log(),
               2 * SECONDS, gateway.log)
    done(gateway)
    assert kills >= 1
    assert service.counts()["twice"] <= 2 * in_flight * kills
    gateway.stop()


def test_stopped_in_the_middle(home, broker):
    """An orderly end waits for what is under way; the rest follows after the next start."""
    people = 400
    service = PushService(home, lambda push: time.sleep(0.01) or 201)
    gateway = make_gateway(home, broker, [service], in_flight=8)
    fill(gateway, people, service.url, people + 1, service.url)
    node = start(gateway, broker)
    node.publish("env/A/air", {"pm25": 200})
    wait_until(lambda: len(service.taken) >= 20, 20, "the first messages", every=0.005)
    gateway.stop()
    assert len(service.taken) < people, "it was over before it was stopped"
    gateway.start()
    wait_until(lambda: len(set(service.paths())) == people, 30, "all of them")
    done(gateway)
    assert len(service.taken) == people, "nobody is told twice"
    gateway.stop()
