"""A retained message is of unknown age: kept, marked, and no reason for an alert."""

from lib import Gateway, mqtt_sensor, wait_until
from mqtt_wire import Publisher


def test_a_retained_message_is_stored_marked_and_raises_no_alert(home, broker, sink):
    node = Publisher(broker)
    node.publish("env/A/air", {"pm25": 300}, retain=True)
    gateway = Gateway(home, sensors=[mqtt_sensor(broker)],
                      alerts={"rules": [{"name": "dust-now", "metric": "pm25", "above": 150.0}],
                              "channels": [{"name": "hook", "type": "webhook",
                                            "url": sink.url}]}).start()
    value = wait_until(lambda: gateway.value("A", "nodes", "pm25"), 10, "the retained value")
    assert value["value"] == 300 and value["retained"] is True
    assert gateway.sensor("nodes")["retained"] == 1
    wait_until(lambda: gateway.query("SELECT id FROM report"), 5, "it is stored")

    # A fresh one is another matter, and shows that the rule was listening.
    node.publish("env/A/air", {"pm25": 200})
    wait_until(lambda: sink.messages(), 10, "the alert")
    assert [message["value"] for message in sink.messages()] == [200]
    wait_until(lambda: "retained" not in gateway.value("A", "nodes", "pm25"), 5,
               "the fresh value is shown")  # a reply is good for a second
    gateway.stop()

    # The broker hands it over again at each new subscription: still no all-clear, no alert.
    node.publish("env/A/air", {"pm25": 10}, retain=True)
    gateway.start()
    wait_until(lambda: gateway.sensor("nodes")["results"].get("ok", 0) >= 1, 10, "something")
    wait_until(lambda: gateway.status()["ring"]["used"] == 0, 5, "all is stored")
    gateway.stop()
