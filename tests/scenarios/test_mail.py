"""Alerts by mail, to Debian's aiosmtpd, read by Python's own mail parser."""

import email
import email.policy
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from lib import free_port, wait_until
from test_channels import make_gateway, say, start, webhook


class Mailbox:
    """What the server took: (recipient, letter). `refusals`: {recipient: replies to come};
    `data_replies`: replies to come to a whole letter."""

    def __init__(self, home, **more):
        self.port = free_port()
        self.letters = []
        self.refusals = {}
        self.data_replies = []
        self.sender_reply = None
        self.log_ins = []
        self.sessions = set()
        self.lock = threading.Lock()
        if "auth_required" in more:
            more["authenticator"] = self.authenticate
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)
        self.controller.start()
        home.keep(self)

    def end(self):
        if self.controller:
            self.controller.stop()
        self.controller = None

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.sender_reply:
            return self.sender_reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        replies = self.refusals.get(address)
        if replies:
            return replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.data_replies:
            return self.data_replies.pop(0)
        with self.lock:
            self.sessions.add(id(session))
            for address in envelope.rcpt_tos:
                self.letters.append((address, email.message_from_bytes(
                    envelope.content, policy=email.policy.default)))
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        self.log_ins.append((data.login, data.password))
        return AuthResult(success=data.password == "mật khẩu".encode(), handled=False)

    def channel(self, **more):
        return {"name": "mail", "type": "smtp", "url": f"smtp://127.0.0.1:{self.port}",
                "tls": "none", "from": "box@hn.example", "from_name": "Trạm Cầu Giấy",
                "to": ["hang@hanoi.example", "duty@hanoi.example"], **more}


@pytest.fixture
def mailbox(home):
    return Mailbox(home)


def test_letters_say_it_and_make_a_thread(home, broker, mailbox, sink):
    gateway = make_gateway(home, broker, [mailbox.channel(), webhook(sink)])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(mailbox.letters) == 2, 15, "the alert")
    say(gateway, node, 100)
    wait_until(lambda: len(mailbox.letters) == 4, 15, "the all-clear")
    wait_until(lambda: len(sink.messages()) == 2, 15, "the same by webhook")
    assert [to for to, _ in mailbox.letters] == ["hang@hanoi.example", "duty@hanoi.example"] * 2
    for i, (_, letter) in enumerate(mailbox.letters):
        message = sink.messages()[i // 2]
        assert letter["Subject"] == message["title"]
        assert letter.get_content().startswith(
            message["text"] + "\r\n\r\n" + message["instruction"] + "\r\n\r\n-- \r\n")
        assert letter.get_content_charset() == "utf-8" and not letter.defects
        assert letter["From"] == "Trạm Cầu Giấy <box@hn.example>"
        assert letter["Auto-Submitted"] == "auto-generated"
        assert letter["Message-ID"] == f"<{message['id']}.{message['revision']}@hn.example>"
        assert abs(letter["Date"].datetime.timestamp() - time.time()) < 60
    alert, clear = mailbox.letters[0][1], mailbox.letters[2][1]
    assert alert["References"] is None
    assert clear["References"].split()[0] == alert["Message-ID"]
    gateway.stop()


def test_who_is_refused_keeps_it_from_nobody(home, broker, mailbox):
    mailbox.refusals = {"hang@hanoi.example": ["550 5.1.1 hang@hanoi.example unknown"] * 9,
                        "duty@hanoi.example": ["451 4.7.1 Greylisted, try again"]}
    gateway = make_gateway(home, broker, [mailbox.channel(
        to=["hang@hanoi.example", "duty@hanoi.example", "third@hanoi.example"])])
    node = start(gateway, broker)
    say(gateway, node, 200)
    wait_until(lambda: len(mailbox.letters) == 2, 20, "those who can be reached")
    wait_until(lambda: gateway.channel("mail")["waiting"] == 0, 10, "an empty outbox")
    assert [to for to, _ in mailbox.letters] == ["third@hanoi.example", "duty@hanoi.example"]
    assert mailbox.letters[0][1]["Message-ID"] == mailbox.letters[1][1]["Message-ID"]
    assert "is left out" in gateway.log() and "5.1.1" in gateway.log()
    assert "hang@" not in gateway.log()
    assert gateway.channel("mail")["failures"] == 1
    gateway.stop()


def test_outcomes(home, broker, mailbox):
    gateway = make_gateway(home, broker, [mailbox.channel(to=["hang@hanoi.example"])])
    assert gateway.try_channel("mail")[0] == "done"
    mailbox.data_replies = ["554 5.7.1 looks like spam"]
    outcome, text = gateway.try_channel("mail")
    assert outcome == "refused" and "looks like spam" in text
    mailbox.data_replies = ["452 4.3.1 disk full"]
    outcome, text = gateway.try_channel("mail")
    assert outcome == "retry" and "disk full" in text
    mailbox.refusals = {"hang@hanoi.example": ["550 no such user"]}
    outcome, text = gateway.try_channel("mail")
    assert outcome == "refused" and "none of 1 recipients" in text
    mailbox.refusals = {"hang@hanoi.example": ["450 later"]}
    assert gateway.try_channel("mail")[0] == "retry"
    mailbox.sender_reply = "553 5.1.8 no such sender here"
    outcome, text = gateway.try_channel("mail")
    assert outcome == "held" and "no such sender" in text
    mailbox.end()
    assert gateway.try_channel("mail")[0] == "retry"


@pytest.fixture
def certificate(home):
    crt, key = home.path / "mail.crt", home.path / "mail.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return crt, context


def test_starttls_and_a_password(home, broker, certificate):
    crt, context = certificate
    password = home.path / "mail-password"
    password.write_text("mật khẩu\n")
    mailbox = Mailbox(home, tls_context=context, require_starttls=True, auth_required=True)
    channel = mailbox.channel(tls="starttls", username="box", password_file=password, ca_file=crt)
    gateway = make_gateway(home, broker, [channel])
    outcome, text = gateway.try_channel("mail")
    assert outcome == "done", text
    assert mailbox.log_ins[0] == (b"box", "mật khẩu".encode())
    assert len(mailbox.letters) == 2 and len(mailbox.sessions) == 1, "one connection"
    password.write_text("wrong-one\n")
    outcome, text = gateway.try_channel("mail")
    assert outcome == "held" and "wrong-one" not in text
    # Its certificate is nobody's we know.
    gateway.configure(alerts={**gateway.sections["alerts"], "channels": [{**channel, "ca_file": ""}]})
    assert gateway.try_channel("mail")[0] == "retry"


def test_nothing_goes_in_the_clear(home, broker, mailbox):
    """A server that offers no STARTTLS gets nothing, and a person hears of it."""
    gateway = make_gateway(home, broker, [mailbox.channel(tls="starttls")])
    outcome, text = gateway.try_channel("mail")
    assert outcome == "held" and not mailbox.letters, text
