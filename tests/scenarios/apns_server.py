"""A stand-in for Apple's push service: HTTP/2 and nothing older, by python3-h2."""

import json
import re
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from lib import free_port
from push_servers import make_key, verify_token

APS = {"alert", "badge", "sound", "thread-id", "category", "content-available",
       "mutable-content", "target-content-id", "interruption-level", "relevance-score",
       "filter-criteria"}
LEVELS = ("passive", "active", "time-sensitive", "critical")


class Apns:
    """Keeps what it delivers in `sent`: (device, headers, payload). `known`: the devices
    there are; `gone`: those that were. `script`: answers to come, (status, reason)."""

    def __init__(self, home, topic="vn.hanoi.air", context=None):
        self.key = home.path / "AuthKey.p8"
        self.public = make_key(self.key, "p256")
        self.topic = topic
        self.known, self.gone = set(), set()
        self.sent, self.tokens, self.faults, self.script = [], [], [], []
        self.verified = {}
        self.connections = 0
        self.port = free_port()
        self.context = context
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.tokens_file = home.path / "devices"
        threading.Thread(target=self._accept, daemon=True).start()
        home.keep(self)

    def end(self):
        self.listener.close()

    def channel(self, **more):
        return {"name": "phones", "type": "apns", "key_file": self.key, "key_id": "ABC123DEFG",
                "team_id": "TEAM456789", "topic": self.topic, "tokens_file": self.tokens_file,
                "url": self.url, **more}

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            self._talk(client)
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass
        finally:
            client.close()

    def _talk(self, client):
        connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        client.sendall(connection.data_to_send())
        requests = {}
        while data := client.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    requests[event.stream_id] = (dict(event.headers), bytearray())
                elif isinstance(event, h2.events.DataReceived):
                    requests[event.stream_id][1].extend(event.data)
                    connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self._reply(connection, event.stream_id, *requests.pop(event.stream_id))
            client.sendall(connection.data_to_send())

    def _reply(self, connection, stream, headers, body):
        status, reason = self._judge(headers, bytes(body))
        answer = json.dumps({"reason": reason}).encode() if reason else b""
        connection.send_headers(stream, [(":status", str(status)),
                                         ("apns-id", headers.get("apns-id", "?"))],
                                end_stream=not answer)
        if answer:
            connection.send_data(stream, answer, end_stream=True)

    def _judge(self, headers, body):
        bearer = headers.get("authorization", "").removeprefix("bearer ")
        if bearer not in self.verified:
            self.verified[bearer] = verify_token(bearer, self.public)
            self.tokens.append(bearer)
        verified = self.verified[bearer]
        if not verified or verified[0].get("alg") != "ES256" \
                or verified[0].get("kid") != "ABC123DEFG" or verified[1]["iss"] != "TEAM456789" \
                or set(verified[1]) != {"iss", "iat"}:
            return 403, "InvalidProviderToken"
        if abs(verified[1]["iat"] - time.time()) > 3600:
            return 403, "ExpiredProviderToken"
        if self.script:
            return self.script.pop(0)
        fault = self._fault(headers, body)
        if fault:
            self.faults.append(fault)
            return fault
        device = headers[":path"].removeprefix("/3/device/")
        if device in self.gone:
            return 410, "Unregistered"
        if device not in self.known:
            return 400, "BadDeviceToken"
        self.sent.append((device, headers, json.loads(body)))
        return 200, None

    def _fault(self, headers, body):
        if headers[":method"] != "POST" or not headers[":path"].startswith("/3/device/"):
            return 405, "MethodNotAllowed"
        if headers.get("apns-topic") != self.topic:
            return 400, "TopicDisallowed"
        if headers.get("apns-push-type") != "alert":
            return 400, "InvalidPushType"
        if headers.get("apns-priority") not in ("1", "5", "10"):
            return 400, "BadPriority"
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["apns-id"]):
            return 400, "BadMessageId"
        if not re.fullmatch(r"\d+", headers["apns-expiration"]):
            return 400, "BadExpirationDate"
        if not 0 < len(headers["apns-collapse-id"].encode()) <= 64:
            return 400, "BadCollapseId"
        if len(body) > 4096:
            return 413, "PayloadTooLarge"
        aps = json.loads(body)["aps"]
        if set(aps) - APS or aps["interruption-level"] not in LEVELS \
                or set(aps["alert"]) - {"title", "subtitle", "body"}:
            return 400, "BadPayload"
        return None
