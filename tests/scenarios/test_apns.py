"""Pushes to iPhones without FCM between, against a stand-in that speaks HTTP/2 only."""

import ssl
import subprocess
import uuid

import pytest

from apns_server import Apns
from lib import wait_until
from test_channels import make_gateway, say, start, webhook

SPACE = uuid.UUID("6d756162-7569-4e1d-9c53-0ae4771f28b6")
A, B, C = "a1" * 32, "b2" * 32, "c3" * 32


@pytest.fixture
def apns(home):
    server = Apns(home)
    server.known = {A, B}
    server.tokens_file.write_text(f"{A}\n{B} {server.topic}\n")
    return server


def test_every_phone_gets_alert_and_all_clear(home, broker, apns, sink):
    gateway = make_gateway(home, broker, [apns.channel(), webhook(sink)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(apns.sent) == 2, 15, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: len(apns.sent) == 4, 15, "the all-clear")
    wait_until(lambda: len(sink.messages()) == 2, 15, "the same by webhook")
    assert [device for device, _, _ in apns.sent] == [A, B, A, B]
    assert not apns.faults and len(apns.tokens) == 1, "one token for an hour"
    for i, (_, headers, payload) in enumerate(apns.sent):
        message = sink.messages()[i // 2]
        assert payload["aps"]["alert"] == {
            "title": message["title"], "body": message["text"] + "\n" + message["instruction"]}
        assert headers["apns-id"] == str(uuid.uuid5(SPACE, f"{message['id']}/{message['revision']}"))
        assert headers["apns-collapse-id"] == payload["id"] == message["id"]
    alert, clear = apns.sent[0], apns.sent[2]
    assert (alert[1]["apns-priority"], clear[1]["apns-priority"]) == ("10", "5")
    assert alert[2]["aps"]["interruption-level"] == "time-sensitive"
    assert clear[2]["aps"]["interruption-level"] == "passive"
    gateway.stop()


def test_phones_that_are_gone_are_reported_and_left_out(home, broker, apns):
    apns.gone = {C}
    apns.tokens_file.write_text(f"{C}\n{'dd' * 32}\nnot hex\n{A}\n")
    gateway = make_gateway(home, broker, [apns.channel()])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(apns.sent) == 1, 15, "the alert")
    wait_until(lambda: gateway.channel("phones")["waiting"] == 0, 10, "an empty outbox")
    for word in ("Unregistered", "BadDeviceToken", "hexadecimal"):
        assert word in gateway.log()
    assert C not in gateway.log() and A not in gateway.log()
    gateway.stop()
    apns.tokens_file.write_text(f"{C}\n")
    outcome, text = gateway.try_channel()
    assert outcome == "refused" and "none of 1 recipients" in text and C not in text


def test_a_repeat_has_the_same_id_and_goes_to_those_left(home, broker, apns):
    gateway = make_gateway(home, broker, [apns.channel()])
    node = start(gateway, broker)
    gateway.try_channel()  # makes the token
    sent = len(apns.sent)
    apns._judge, judge = lambda headers, body: (
        (503, "ServiceUnavailable") if headers[":path"].endswith(B) and len(apns.sent) == sent + 1
        and not apns.faults and not apns.faults.append("once") else judge(headers, body)), apns._judge
    say(gateway, node, 200)
    wait_until(lambda: len(apns.sent) == sent + 2, 20, "both phones")
    (first, one, _), (second, two, _) = apns.sent[sent:]
    assert (first, second) == (A, B) and one["apns-id"] == two["apns-id"]
    assert len(apns.tokens) == 1, "the trial and the channel share a token"
    gateway.stop()


def test_outcomes(home, broker, apns):
    gateway = make_gateway(home, broker, [apns.channel()])
    for status, reason, outcome in (
            (403, "InvalidProviderToken", "held"), (403, "ExpiredProviderToken", "held"),
            (400, "BadTopic", "held"), (413, "PayloadTooLarge", "refused"),
            (429, "TooManyProviderTokenUpdates", "retry"), (500, "InternalServerError", "retry")):
        apns.script = [(status, reason)]
        said, text = gateway.try_channel()
        assert said == outcome and reason in text, text
        assert not apns.script, "no second try: the token is too young for another"


def test_a_server_without_http2_is_no_apns(home, broker, sink):
    """Over TLS, where the version is negotiated, the answer of an older one is none."""
    certificate, key = home.path / "server.crt", home.path / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    apns = Apns(home, context=context)
    apns.known = {A, B}
    apns.tokens_file.write_text(f"{A}\n{B}\n")
    gateway = make_gateway(home, broker, [apns.channel(ca_file=certificate)])
    assert gateway.try_channel()[0] == "done"
    assert len(apns.sent) == 2 and apns.connections == 1, "one connection for all phones"
    sink.end()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(certificate, key)
    sink.start()
    sink.server.socket = old.wrap_socket(sink.server.socket, server_side=True)
    sink.answer = lambda request: 200
    gateway.configure(alerts={**gateway.sections["alerts"], "channels": [
        apns.channel(ca_file=certificate, url=f"https://127.0.0.1:{sink.port}")]})
    outcome, text = gateway.try_channel()
    assert outcome == "held" and "HTTP/2" in text
