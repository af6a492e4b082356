"""Telegram, Gotify and Zalo, against stand-ins that take what theirs take and no more."""

import html

import pytest

from lib import wait_until
from push_servers import Gotify, Telegram
from test_channels import make_gateway, say, start, webhook


@pytest.fixture
def telegram(home):
    return Telegram(home)


def test_telegram_answers_its_first_message(home, broker, telegram, sink):
    gateway = make_gateway(home, broker, [telegram.channel(), webhook(sink)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(telegram.sent) == 1, 15, "the alert")
    gateway.restart()  # which message was the first is known afterwards, too
    gateway.wait_connected("nodes")
    say(gateway, node, 100)
    wait_until(lambda: len(telegram.sent) == 2, 15, "the all-clear")
    wait_until(lambda: len(sink.messages()) == 2, 15, "the same by webhook")
    alert, clear = telegram.sent
    for written, message in zip(telegram.sent, sink.messages()):
        title, rest = html.unescape(written["text"]).split("\n", 1)
        assert title == f"<b>{message['title']}</b>"
        assert rest == message["text"] + "\n" + message["instruction"]
    assert "reply_parameters" not in alert
    assert clear["reply_parameters"]["message_id"] == alert["message_id"]
    assert clear["disable_notification"] and not alert["disable_notification"]
    gateway.stop()


def test_telegram_waits_as_long_as_it_is_told(home, broker, telegram):
    telegram.script = [telegram.error(429, "Too Many Requests: retry after 3", retry_after=3)]
    gateway = make_gateway(home, broker, [telegram.channel(format="plain")])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(telegram.sent) == 1, 20, "the alert")
    first, second = telegram.sink.requests
    assert second.time - first.time >= 3
    assert "parse_mode" not in telegram.sent[0] and "<b>" not in telegram.sent[0]["text"]
    gateway.stop()


def test_telegrams_token_is_never_said(home, broker, telegram):
    """It stands in the URL, and the far side repeats the URL."""
    gateway = make_gateway(home, broker, [telegram.channel()])
    real = telegram.TOKEN
    telegram.TOKEN = "1:other"
    outcome, text = gateway.try_channel("officers")
    assert outcome == "held" and "/bot…/sendMessage" in text
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.channel("officers")["held"], 15, "the token is refused")
    said = gateway.log() + gateway.run("status", "--json").stdout + gateway.run("status").stdout
    assert real not in text + said and real[-12:] not in text + said
    assert "Not Found" in said
    telegram.sink.end()
    assert real[-12:] not in gateway.try_channel("officers")[1], "nor where nobody answers"
    gateway.stop()


def test_telegrams_outcomes(home, broker, telegram):
    gateway = make_gateway(home, broker, [telegram.channel()])
    for answer, outcome in ((telegram.error(400, "Bad Request: chat not found"), "held"),
                            (telegram.error(400, "Bad Request: message text is empty"), "refused"),
                            (telegram.error(403, "Forbidden: bot was kicked"), "held"),
                            (telegram.error(500, "Internal"), "retry")):
        telegram.script = [answer]
        assert gateway.try_channel("officers")[0] == outcome, answer
    telegram.token_file.write_text("no token/at all")
    assert "holds no bot token" in gateway.try_channel("officers")[1]


def test_gotify(home, broker, sink):
    gotify = Gotify(home)
    gateway = make_gateway(home, broker, [gotify.channel(click="https://hn.example/"),
                                          webhook(sink)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(gotify.sent) == 1, 15, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: len(gotify.sent) == 2, 15, "the all-clear")
    wait_until(lambda: len(sink.messages()) == 2, 15, "the same by webhook")
    assert not gotify.faults
    for written, message in zip(gotify.sent, sink.messages()):
        assert written["title"] == message["title"]
        assert written["message"] == message["text"] + "\n" + message["instruction"]
        assert written["extras"]["muabui::alert"]["id"] == message["id"]
    assert [written["priority"] for written in gotify.sent] == [8, 2]
    gateway.stop()
    gotify.token_file.write_text("wrong")
    outcome, text = gateway.try_channel("staff")
    assert outcome == "held" and "wrong" not in text
