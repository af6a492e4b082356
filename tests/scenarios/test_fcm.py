"""Pushes by Firebase Cloud Messaging, against a stand-in that enforces Google's schema."""

import time

import pytest

from lib import wait_until
from push_servers import Fcm, make_key
from test_channels import make_gateway, say, start, webhook


@pytest.fixture
def fcm(home):
    return Fcm(home)


def test_alert_and_all_clear_reach_the_topic_word_by_word(home, broker, fcm, sink):
    gateway = make_gateway(home, broker, [fcm.channel(click="https://hn.example/"), webhook(sink)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(fcm.sent) == 1, 15, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: len(fcm.sent) == 2, 15, "the all-clear")
    wait_until(lambda: len(sink.messages()) == 2, 15, "the same by webhook")
    assert not fcm.faults
    assert len(fcm.assertions) == 1, "a token holds for an hour"
    alert, clear = fcm.sent
    assert alert["topic"] == clear["topic"] == "hn-cau-giay.air"
    for push, message in zip(fcm.sent, sink.messages()):
        assert push["notification"] == {
            "title": message["title"], "body": message["text"] + "\n" + message["instruction"]}
        assert push["data"]["id"] == message["id"]
        assert "ạ" in push["notification"]["title"] + push["notification"]["body"]
    assert alert["data"]["id"] == clear["data"]["id"] == alert["android"]["notification"]["tag"]
    assert alert["android"]["collapseKey"] == clear["apns"]["headers"]["apns-collapse-id"]
    assert (alert["android"]["priority"], clear["android"]["priority"]) == ("HIGH", "NORMAL")
    assert (alert["data"]["state"], clear["data"]["state"]) == ("firing", "resolved")
    assert alert["android"]["notification"]["channelId"] == "air"
    ttl = int(alert["android"]["ttl"][:-1])
    assert abs(int(alert["apns"]["headers"]["apns-expiration"]) - time.time() - ttl) < 60
    gateway.stop()


def test_a_trial_is_checked_and_shown_to_nobody(home, broker, fcm):
    gateway = make_gateway(home, broker, [fcm.channel(topic="all.{hazard}")])
    assert gateway.try_channel()[0] == "done"
    assert len(fcm.checked) == 1 and not fcm.sent
    assert fcm.checked[0]["topic"] == "all.device"


def test_a_dry_run_shows_nothing_to_anybody(home, broker, fcm):
    gateway = make_gateway(home, broker, [fcm.channel(dry_run=True)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(fcm.checked) == 1, 15, "the alert")
    assert not fcm.sent
    gateway.stop()


def test_every_answer_has_its_outcome(home, broker, fcm):
    gateway = make_gateway(home, broker, [fcm.channel()])
    table = [
        ((200, {}, "{}"), "done", ""),
        (fcm.error(400, "INVALID_ARGUMENT", "TTL is bad", field="message.android.ttl"),
         "refused", "message.android.ttl"),
        ((400, {}, "<html>oops</html>"), "refused", "HTTP 400"),
        (fcm.error(401, "THIRD_PARTY_AUTH_ERROR"), "held", "THIRD_PARTY_AUTH_ERROR"),
        (fcm.error(403, "SENDER_ID_MISMATCH"), "held", "another project"),
        (fcm.error(403, "PERMISSION_DENIED", own=False), "held", "PERMISSION_DENIED"),
        (fcm.error(404, "NOT_FOUND", own=False), "held", "HTTP 404"),
        (fcm.error(429, "QUOTA_EXCEEDED"), "retry", "QUOTA_EXCEEDED"),
        (fcm.error(500, "INTERNAL"), "retry", "INTERNAL"),
        (fcm.error(503, "UNAVAILABLE", headers={"Retry-After": "7"}), "retry", "UNAVAILABLE"),
    ]
    for answer, outcome, reason in table:
        fcm.script = [answer]
        said, text = gateway.try_channel()
        assert said == outcome and reason in text, (answer, text)
        assert "ya29" not in text
    assert len(fcm.tried) == len(table), "nothing was sent twice"


def test_what_never_answers_ends_by_the_time_limit(home, broker, fcm):
    gateway = make_gateway(home, broker, [fcm.channel(timeout="500ms")])

    def hang():
        time.sleep(3)
        return 200, {}, "{}"

    fcm.sink.answer = lambda request: (fcm._answer(request) if request.path == "/token"
                                       else hang())
    began = time.monotonic()
    outcome, text = gateway.try_channel()
    assert outcome == "retry" and "timed out" in text.lower()
    assert time.monotonic() - began < 2.5


def test_a_token_that_was_taken_back_is_renewed_once(home, broker, fcm):
    gateway = make_gateway(home, broker, [fcm.channel()])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(fcm.sent) == 1, 15, "the alert")
    fcm.tokens.clear()
    say(gateway, node, 100)
    wait_until(lambda: len(fcm.sent) == 2, 15, "the all-clear")
    assert len(fcm.assertions) == 2 and gateway.channel("phones")["failures"] == 0
    gateway.stop()
    # A fresh one is refused as well: it is a person's turn.
    fcm.lifetime = -1
    outcome, text = gateway.try_channel()
    assert outcome == "held" and "UNAUTHENTICATED" in text
    assert len(fcm.assertions) == 4


def test_a_token_is_renewed_before_it_ends(home, broker, fcm):
    fcm.lifetime = 1
    gateway = make_gateway(home, broker, [fcm.channel()])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(fcm.sent) == 1, 15, "the alert")
    wait_until(lambda: time.time() > max(fcm.tokens.values()), 5, "the end of the token")
    say(gateway, node, 100)
    wait_until(lambda: len(fcm.sent) == 2, 15, "the all-clear")
    assert len(fcm.assertions) == 2 and len(fcm.tried) == 2, "never with one that ended"
    gateway.stop()


def test_a_key_that_is_not_accepted_is_a_persons_business(home, broker, fcm):
    other = home.path / "other.pem"
    make_key(other, "rsa")
    fcm.write_credentials(private_key=other.read_text())
    gateway = make_gateway(home, broker, [fcm.channel()])
    outcome, text = gateway.try_channel()
    assert outcome == "held" and "invalid_grant" in text and "clock" in text
    fcm.token_script = [503]
    assert gateway.try_channel()[0] == "retry"
    fcm.credentials.write_text("{}")
    text = gateway.try_channel()[1]
    assert "service account" in text and str(fcm.credentials) in text
    assert not fcm.tried, "nothing goes without a token"


def test_a_repeat_carries_the_same_keys(home, broker, fcm):
    """An answer that is lost: the phone must be able to tell the second message."""
    gateway = make_gateway(home, broker, [fcm.channel(timeout="500ms")])
    node = start(gateway, broker)
    lost = []

    def answer(request):
        given = fcm._answer(request)
        if request.path != "/token" and not lost:
            lost.append(request)
            time.sleep(2)
        return given

    fcm.sink.answer = answer
    began = time.monotonic()
    say(gateway, node, 200)
    wait_until(lambda: len(fcm.sent) == 2, 40, "the alert, twice")
    assert time.monotonic() - began > 9, "ten seconds later at the earliest"
    one, two = fcm.sent
    for path in (("android", "collapseKey"), ("android", "notification", "tag"),
                 ("apns", "headers", "apns-collapse-id"), ("webpush", "notification", "tag"),
                 ("data", "id"), ("data", "revision")):
        first, second = one, two
        for key in path:
            first, second = first[key], second[key]
        assert first == second != "", path
    gateway.stop()


def test_phones_by_file(home, broker, fcm):
    """Who had it does not get it again, across a restart; who is gone is left out."""
    phones = home.path / "phones"
    phones.write_text("# duty\nphone-a\ngone\n\n  phone-b  # Hằng\nphone-c\n")
    fcm.known = {"phone-a", "phone-b", "phone-c"}
    internal = fcm.error(500, "INTERNAL")
    plain = fcm._answer

    def answer(request):
        if request.path != "/token" and request.json()["message"].get("token") == "phone-b" \
                and not fcm.sent[1:]:
            return internal
        return plain(request)

    fcm.sink.answer = answer
    gateway = make_gateway(home, broker, [fcm.channel(tokens_file=phones)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(fcm.sent) == 2, 15, "those who can be reached")
    wait_until(lambda: gateway.channel("phones")["failures"] == 1, 10, "the failure")
    gateway.restart()
    wait_until(lambda: len(fcm.sent) == 3, 40, "the third")
    wait_until(lambda: gateway.channel("phones")["waiting"] == 0, 10, "an empty outbox")
    assert [message["token"] for message in fcm.sent] == ["phone-a", "phone-c", "phone-b"]
    assert "the app is gone" in gateway.whole_log()
    assert not list(gateway.folder.glob("*.sent")), "nothing is left behind"
    for name in ("phone-a", "ya29", "PRIVATE"):
        assert name not in gateway.whole_log()
    gateway.stop()


def test_nobody_in_the_file(home, broker, fcm):
    phones = home.path / "phones"
    gateway = make_gateway(home, broker, [fcm.channel(tokens_file=phones)])
    assert gateway.try_channel()[0] == "held"
    phones.write_text("# nobody yet\n")
    assert gateway.try_channel()[0] == "held"
    phones.write_text("gone\n")
    fcm.known = set()
    outcome, text = gateway.try_channel()
    assert outcome == "refused" and "none of 1 recipients" in text
