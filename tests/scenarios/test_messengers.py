"""Telegram, Gotify and Zalo, against stand-ins that take what theirs take and no more."""

import html

import pytest

from lib import wait_until
from push_servers import Gotify, Telegram, Zalo
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


A, B, C = "84912345678", "84987654321", "84900000000"


@pytest.fixture
def zalo(home):
    account = Zalo(home)
    account.known = {A, B}
    account.phones_file.write_text("0912 345 678\n# chị Hằng\n+84987654321\n")
    return account


def test_zalo(home, broker, zalo, sink):
    gateway = make_gateway(home, broker, [zalo.channel(), webhook(sink)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(zalo.sent) == 2, 15, "the alert")
    gateway.restart()
    gateway.wait_connected("nodes")
    say(gateway, node, 100)
    wait_until(lambda: len(zalo.sent) == 4, 15, "the all-clear")
    wait_until(lambda: len(sink.messages()) == 2, 15, "the same by webhook")
    assert zalo.renewals == 1, "the token outlives the program"
    assert [body["phone"] for body in zalo.sent] == [A, B, A, B] and not zalo.faults
    for i, body in enumerate(zalo.sent):
        message = sink.messages()[i // 2]
        text = f"{message['title']}: {message['text']}"
        assert body["template_data"] == {"khu_vuc": message["station_name"], "noi_dung": text[:100]}
        assert body["tracking_id"] == f"{message['id']}-{message['revision']}"
    gateway.stop()


def test_zalos_refresh_token_is_kept_whoever_uses_it(home, broker, zalo):
    """Channel, trial and another process: each takes up what the one before left."""
    gateway = make_gateway(home, broker, [zalo.channel()])
    assert gateway.try_channel("zalo")[0] == "done"
    assert len(zalo.trials) == 2, "a trial costs nothing"
    zalo.access = "taken back"
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(zalo.sent) == 2, 15, "the alert")
    assert zalo.renewals == 2
    zalo.access = "taken back again"
    assert gateway.try_channel("zalo")[0] == "done", "a trial beside the channel"
    say(gateway, node, 100)
    wait_until(lambda: len(zalo.sent) == 4, 15, "the all-clear, with the trial's token")
    assert zalo.renewals == 3
    assert zalo.state_file.stat().st_mode & 0o777 == 0o600
    said = gateway.log() + gateway.run("status", "--json").stdout
    for secret in ("refresh/", "access.", zalo.SECRET, A, B):
        assert secret not in said
    gateway.stop()


def test_zalos_token_is_not_spent_without_a_place_for_the_next(home, broker, zalo):
    folder = home.path / "nowhere"
    gateway = make_gateway(home, broker, [zalo.channel(state_file=folder / "state")])
    outcome, text = gateway.try_channel("zalo")
    assert outcome == "held" and "nowhere" in text and zalo.renewals == 0
    folder.mkdir()
    assert gateway.try_channel("zalo")[0] == "done" and zalo.renewals == 1


def test_zalo_begins_anew_with_another_refresh_token(home, broker, zalo):
    gateway = make_gateway(home, broker, [zalo.channel()])
    assert gateway.try_channel("zalo")[0] == "done"
    zalo.refresh, zalo.access = "granted anew", None
    outcome, text = gateway.try_channel("zalo")
    assert outcome == "held" and "zalo-refresh" in text and "refresh/" not in text
    (home.path / "zalo-refresh").write_text("granted anew\n")
    assert gateway.try_channel("zalo")[0] == "done"


def test_zalos_outcomes(home, broker, zalo):
    zalo.phones_file.write_text("0912345678\n")
    gateway = make_gateway(home, broker, [zalo.channel()])
    for error, outcome in ((-115, "held"), (-131, "held"), (-130, "refused"), (-144, "retry"),
                           (-100, "retry"), (-9999, "retry"), (-118, "refused")):
        zalo.script = [error]
        said, text = gateway.try_channel("zalo")
        assert said == outcome and str(error) in text, text
    zalo.phones_file.write_text("0912345678\n0900000000\nno number\n")
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: gateway.channel("zalo")["sent"] == 1, 15, "the alert")
    assert [body["phone"] for body in zalo.sent] == [A]
    assert "not existed" in gateway.log() and C not in gateway.log()
    gateway.stop()
