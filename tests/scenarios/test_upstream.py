"""What the far side answers, and what becomes of the readings (DESIGN §6.4)."""

import pytest

from lib import SEQ, Gateway, HttpSink, by_seq, influx_output, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def start(home, broker, sink, **output):
    gateway = Gateway(home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
                      outputs=[influx_output(sink, **output)]).start()
    gateway.wait_connected("nodes")
    return gateway


def publish(broker, numbers):
    publisher = Publisher(broker)
    publisher.publish_all((f"env/N{number % 5}/air", {"pm25": number % 90, "seq": number})
                          for number in numbers)
    publisher.close()


def wait_for(sink, numbers, timeout=20):
    numbers = set(numbers)

    def missing():
        return sorted(numbers - set(by_seq(sink.points())))

    wait_until(lambda: not missing(), timeout, lambda: f"missing: {missing()[:10]}")
    assert set(by_seq(sink.points())) == numbers
    check_order(sink)


def check_order(sink):
    """Per series each point is taken first in the order in which it was measured."""
    seen, newest = set(), {}
    for point in sink.points():
        if point.seq in seen:
            continue
        seen.add(point.seq)
        assert point.seq > newest.get(point.series, -1), "out of order"
        newest[point.series] = point.seq


@pytest.mark.parametrize("status", [503, 429, 408, 500])
def test_an_overloaded_server_gets_everything_later(home, broker, sink, status):
    refusals = []

    def answer(request):
        if len(refusals) < 2:
            refusals.append(request.time)
            return status, {"Retry-After": "2"}, "busy"
        return 204

    sink.answer = answer
    gateway = start(home, broker, sink)
    publish(broker, range(100))
    wait_until(lambda: gateway.output("city")["failures"] >= 1, 10, "a failure in the status")
    output = gateway.output("city")
    assert not output["held"] and str(status) in output["last_error"]
    publish(broker, range(100, 200))
    wait_for(sink, range(200))
    times = [request.time for request in sink.requests]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])][:2]
    assert all(gap >= 1.95 for gap in gaps), f"Retry-After: 2 was not waited for: {gaps}"
    output = gateway.output("city")
    assert output["failures"] == 2 and output["dead"] == 0
    assert gateway.log().count("output city: works again") == 1
    gateway.stop()


def test_one_poisoned_record_does_not_stop_the_others(home, broker, sink):
    def answer(request):
        if "seq=33.0 " in request.body:
            return 400, {}, '{"error":"unable to parse: seq 33 is poison"}'
        return 204

    sink.answer = answer
    gateway = start(home, broker, sink, batch=50)
    publish(broker, range(100))
    wait_for(sink, set(range(100)) - {33})
    wait_until(lambda: gateway.output("city")["dead"] == 1, 10, "the dead letter")
    (body, reason), = gateway.query("SELECT body, reason FROM dead_letter WHERE output = 'city'")
    assert "seq=33.0 " in body and "poison" in reason
    assert gateway.output("city")["lag"] == 0 and not gateway.output("city")["held"]
    gateway.restart()
    publish(broker, range(100, 110))
    wait_for(sink, set(range(110)) - {33})
    assert gateway.output("city")["dead"] == 1
    gateway.stop()


def test_a_wrong_token_is_held_and_goes_on_when_put_right(home, broker, sink):
    token = home.path / "token"
    token.write_text("wrong-secret-7b1\n")
    sink.answer = lambda request: (
        204 if request.headers["Authorization"] == "Token right-secret-5c2" else (
            401, {}, '{"code":"unauthorized","message":"unauthorized access"}'))
    gateway = start(home, broker, sink, version=2, database=None, org="hn", bucket="env",
                    token_file=token)
    publish(broker, range(50))
    wait_until(lambda: gateway.output("city")["held"], 10, "held")
    assert "401" in gateway.output("city")["last_error"]
    assert gateway.log().count("somebody has to look after it") == 1
    token.write_text("right-secret-5c2\n")
    publish(broker, range(50, 100))
    wait_for(sink, range(100), timeout=70)
    assert not gateway.output("city")["held"] and gateway.output("city")["dead"] == 0
    request = sink.taken[0]
    assert request.path == "/api/v2/write?org=hn&bucket=env&precision=ms"
    for place in (gateway.log(), gateway.run("status").stdout, gateway.run("check", "--print").stdout):
        assert "secret" not in place.replace("secret_file", "")
    gateway.stop()


def test_a_server_that_is_not_there_for_a_while(home, broker):
    sink = HttpSink(home, start=False)
    gateway = start(home, broker, sink)
    publish(broker, range(300))
    wait_until(lambda: gateway.output("city")["failures"] >= 2, 10, "two failures")
    assert gateway.output("city")["lag"] >= 300
    sink.start()
    wait_for(sink, range(300))
    sink.end()  # gone again, in the middle of a kept-alive connection
    publish(broker, range(300, 600))
    wait_until(lambda: gateway.output("city")["failures"] >= 4, 15, "more failures")
    gateway.kill9()  # and nobody remembers it but the store
    sink.start()
    gateway.start()
    wait_for(sink, range(600), timeout=30)
    assert all(len(places) == 1 for places in by_seq(sink.points()).values())
    gateway.stop()


def test_a_server_that_never_answers_holds_up_nobody_else(home, broker, sink):
    """Two outputs; one far side accepts connections and says nothing."""
    import socket
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        gateway = Gateway(
            home, metrics=[SEQ], sensors=[mqtt_sensor(broker, metrics=("pm25", "seq"))],
            outputs=[influx_output(sink),
                     {"name": "silent", "type": "influxdb", "version": 1, "database": "env",
                      "url": f"http://127.0.0.1:{silent.getsockname()[1]}", "timeout": "2s"}])
        gateway.start()
        gateway.wait_connected("nodes")
        publish(broker, range(100))
        wait_for(sink, range(100), timeout=5)
        wait_until(lambda: gateway.output("silent")["failures"] >= 1, 10, "a time-out")
        assert gateway.output("silent")["sent"] == 0
        assert gateway.stop() < 5.5, "a silent server holds up the end"
    finally:
        silent.close()
