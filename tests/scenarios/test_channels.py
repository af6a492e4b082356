"""Alerts on the way to people: far sides that are away, and what they are told later."""

import hashlib
import hmac

from lib import Gateway, HttpSink, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def make_gateway(home, broker, channels, **rule):
    rule = {"name": "dust-now", "metric": "pm25", "above": 150.0, "clear_below": 120.0,
            "severity": "severe", **rule}
    return Gateway(home, sensors=[mqtt_sensor(broker)],
                   alerts={"language": "vi", "rules": [rule], "channels": channels})


def webhook(sink, name="hook", **more):
    return {"name": name, "type": "webhook", "url": sink.url, **more}


def say(gateway, node, pm25):
    node.publish("env/A/air", {"pm25": pm25})
    wait_until(lambda: (gateway.value("A", "nodes", "pm25") or {}).get("value") == pm25, 10,
               "the reading")


def start(gateway, broker):
    gateway.start()
    gateway.wait_connected("nodes")
    return Publisher(broker)


def states(sink):
    return [message["state"] for message in sink.messages()]


def test_an_alert_waits_for_a_webhook_that_is_away(home, broker):
    hook = HttpSink(home, start=False)
    gateway = make_gateway(home, broker, [webhook(hook)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.channel("hook")["failures"] >= 2, 10, "two failures")
    channel = gateway.channel("hook")
    assert channel["waiting"] == 1 and channel["sent"] == 0 and channel["last_error"]
    gateway.restart()  # the outbox is in the store
    hook.start()
    wait_until(lambda: states(hook) == ["firing"], 15, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: states(hook) == ["firing", "resolved"], 10, "the all-clear")
    wait_until(lambda: gateway.channel("hook")["waiting"] == 0, 5, "an empty outbox")
    assert hook.messages()[0]["id"] == hook.messages()[1]["id"]
    gateway.stop()


def test_what_was_over_before_it_could_be_said_is_not_said_twice(home, broker):
    hook, well = HttpSink(home, start=False), HttpSink(home)
    gateway = make_gateway(home, broker, [webhook(hook), webhook(well, "well")])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.channel("hook")["failures"] >= 1, 10, "a failure")
    say(gateway, node, 100)
    wait_until(lambda: states(well) == ["firing", "resolved"], 10, "the other channel has both")
    hook.start()
    wait_until(lambda: gateway.channel("hook")["waiting"] == 0, 20, "an empty outbox")
    assert len(states(hook)) <= 1, "an alert and its end, both late"
    assert "firing" not in states(hook), "an alert that is over"
    # The channel is in order: the next episode goes through it whole.
    late = len(states(hook))
    say(gateway, node, 201)
    wait_until(lambda: states(hook)[late:] == ["firing"], 10, "the next alert")
    say(gateway, node, 101)
    wait_until(lambda: states(hook)[late:] == ["firing", "resolved"], 10, "its end")
    assert hook.messages()[late]["id"] == well.messages()[2]["id"]
    gateway.stop()


def test_the_all_clear_goes_to_those_who_were_told(home, broker):
    """One channel refuses the alert for good, so it hears nothing of its end."""
    told, refusing = HttpSink(home), HttpSink(home)
    refusing.answer = lambda request: (400, {}, "no") if request.json()["state"] == "firing" else 204
    gateway = make_gateway(home, broker, [webhook(told, "told"), webhook(refusing, "refusing")])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: states(told) == ["firing"] and refusing.count() == 1, 10, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: states(told) == ["firing", "resolved"], 10, "the all-clear")
    wait_until(lambda: gateway.channel("refusing")["waiting"] == 0, 10, "an empty outbox")
    assert states(refusing) == []
    gateway.stop()


def test_an_alert_that_comes_too_late_says_so_while_it_stands(home, broker):
    hook = HttpSink(home, start=False)
    gateway = make_gateway(home, broker, [webhook(hook)], expires="2s")
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.channel("hook")["failures"] >= 3, 15, "the alert expires")
    hook.start()
    message, = wait_until(hook.messages, 40, "the alert")
    assert message["title"].startswith("Vẫn còn: ") and "muộn" in message["text"]
    assert message["expires"] > message["at"]
    # What is owed to those who were told is said, however late it has become.
    hook.end()
    say(gateway, node, 100)
    wait_until(lambda: gateway.channel("hook")["waiting"] == 1, 10, "the end waits")
    failures = gateway.channel("hook")["failures"]
    wait_until(lambda: gateway.channel("hook")["failures"] >= failures + 3, 15, "it expires")
    hook.start()
    wait_until(lambda: states(hook) == ["firing", "resolved"], 40, "the end")
    gateway.stop()


def test_an_alert_that_is_over_is_not_said_late(home, broker):
    hook = HttpSink(home, start=False)
    gateway = make_gateway(home, broker, [webhook(hook)], expires="2s")
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.channel("hook")["failures"] >= 1, 15, "it does not go out")
    say(gateway, node, 100)
    wait_until(lambda: "not sent" in gateway.log(), 15, "the alert is dropped")
    hook.start()
    wait_until(lambda: gateway.channel("hook")["waiting"] == 0, 10, "an empty outbox")
    assert hook.count() == 0
    gateway.stop()


def test_audiences_are_kept_apart(home, broker, sink):
    operators = HttpSink(home)
    gateway = make_gateway(home, broker,
                           [webhook(sink), webhook(operators, "officers", audience="operators")])
    gateway.configure(alerts={**gateway.sections["alerts"], "rules": [
        *gateway.sections["alerts"]["rules"],
        {"name": "silent", "metric": "pm25", "absent_for": "3s", "audience": "operators"}]})
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: states(sink) == ["firing"], 10, "the citizens' alert")
    wait_until(lambda: states(operators) == ["firing"], 15, "the operators' alert")
    absent, = operators.messages()
    assert (absent["rule"], absent["hazard"], absent["value"]) == ("silent", "device", None)
    assert states(sink) == ["firing"], "silence is no all-clear"
    say(gateway, node, 90)
    wait_until(lambda: states(operators)[:2] == ["firing", "resolved"], 10, "data again")
    wait_until(lambda: states(sink) == ["firing", "resolved"], 10, "clean air")
    gateway.stop()


def test_ntfy_gets_json_with_priority_token_and_one_sequence(home, broker):
    token = home.path / "ntfy-token"
    token.write_text("tk_wxyz\n")

    def answer(request):
        if request.headers["Authorization"] != "Bearer tk_wxyz":
            return 403, {}, '{"code":40301,"http":403,"error":"forbidden"}'
        message = request.json()
        return 200, {"Content-Type": "application/json"}, (
            '{"id":"x","event":"message","sequence_id":"%s"}' % message["sequence_id"])

    server = HttpSink(home, answer)
    gateway = make_gateway(home, broker, [
        {"name": "officers", "type": "ntfy", "url": f"{server.url}/cau-giay",
         "token_file": token}])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(server.messages()) == 1, 10, "the notification")
    say(gateway, node, 100)
    wait_until(lambda: len(server.messages()) == 2, 10, "its end")
    firing, resolved = server.messages()
    assert {request.path for request in server.requests} == {"/"}, "JSON goes to the root"
    assert firing["topic"] == resolved["topic"] == "cau-giay"
    assert firing["priority"] == 4 and resolved["priority"] == 2
    assert firing["sequence_id"] == resolved["sequence_id"] != ""
    assert firing["title"] and firing["message"] and firing["title"] != resolved["title"]
    assert isinstance(firing["tags"], list)
    assert "tk_wxyz" not in gateway.log() + gateway.run("status", "--json").stdout
    gateway.stop()


def test_a_signed_webhook_and_a_test_message(home, broker, sink):
    secret = home.path / "secret"
    secret.write_text("rất bí mật\n")
    gateway = make_gateway(home, broker, [webhook(sink, secret_file=secret)]).start()
    done = gateway.run("alert", "test", "hook")
    assert done.returncode == 0, done.stderr
    request, = sink.requests
    expected = hmac.new("rất bí mật".encode(), request.body.encode(), hashlib.sha256).hexdigest()
    assert request.headers["X-Signature"] == f"sha256={expected}"
    sink.answer = lambda _: (403, {}, "who are you?")
    refused = gateway.run("alert", "test", "hook")
    assert refused.returncode == 1 and "403" in refused.stdout + refused.stderr
    assert gateway.run("alert", "test", "nobody").returncode == 1
    gateway.stop()
    sink.answer = lambda _: 204
    assert gateway.run("alert", "test", "hook").returncode == 0, "without a running gateway too"
