"""A publisher of MQTT 3.1.1 on a plain socket.

It knows exactly which messages the broker has acknowledged, and can say what a well-bred
client library would not.
"""

import json
import socket
import struct
import threading
import time


def _text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def _packet(kind, body):
    length, size = b"", len(body)
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


class Publisher:
    """One connection; not for several threads at once."""

    def __init__(self, broker, client_id="scenario-publisher"):
        self.socket = socket.create_connection(("127.0.0.1", broker.port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next_id = 0
        self.socket.sendall(_packet(0x10, _text("MQTT") + b"\x04\x02" + struct.pack(">H", 0)
                                    + _text(client_id)))
        kind, body = self._read()
        assert kind == 0x20 and body[1] == 0, "the broker refuses the connection"

    def _read_exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the broker has hung up")
            data += piece
        return data

    def _read(self):
        kind = self._read_exactly(1)[0]
        length, shift = 0, 0
        while True:
            digit = self._read_exactly(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, self._read_exactly(length)

    def _send(self, topic, payload, qos, retain):
        if isinstance(payload, (dict, list)):
            payload = json.dumps(payload)
        data = payload if isinstance(payload, bytes) else payload.encode()
        body = _text(topic)
        if qos:
            self.next_id = self.next_id % 65535 + 1
            body += struct.pack(">H", self.next_id)
        self.socket.sendall(_packet(0x30 | qos << 1 | bool(retain), body + data))

    def _take_acknowledgement(self, identifier):
        kind, body = self._read()
        assert kind == 0x40 and struct.unpack(">H", body)[0] == identifier

    def publish(self, topic, payload, qos=1, retain=False):
        """Returns once the broker has acknowledged it (QoS 1)."""
        self._send(topic, payload, qos, retain)
        if qos:
            self._take_acknowledgement(self.next_id)

    def publish_all(self, messages, portion=50):
        """(topic, payload) pairs at QoS 1, several under way at once."""
        messages = list(messages)
        for start in range(0, len(messages), portion):
            identifiers = []
            for topic, payload in messages[start:start + portion]:
                self._send(topic, payload, 1, False)
                identifiers.append(self.next_id)
            for identifier in identifiers:
                self._take_acknowledgement(identifier)

    def close(self):
        self.socket.close()


class Load:
    """A thread that publishes numbered messages until told to stop.

    `acknowledged` has the numbers that the broker has taken over.
    """

    def __init__(self, home, broker, per_second=300, stations=50):
        self.broker = broker
        self.stations = stations
        self.per_second = per_second
        self.pause = 1 / min(per_second, 200)
        self.acknowledged = []
        self.error = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        home.keep(self)

    def _run(self):
        try:
            publisher = Publisher(self.broker, "scenario-load")
            began, seq = time.monotonic(), 0
            while not self.stopping.wait(self.pause):
                # As many as are due, so that a wait that took longer costs no rate.
                due = int((time.monotonic() - began) * self.per_second) + 1
                numbers = range(seq, min(due, seq + 50))
                publisher.publish_all((f"env/N{number % self.stations:03}/air",
                                       {"pm25": number % 90, "seq": number})
                                      for number in numbers)
                self.acknowledged.extend(numbers)
                seq += len(numbers)
            publisher.close()
        except Exception as error:  # shown by stop()
            self.error = error

    def stop(self):
        """The numbers that were acknowledged."""
        self.end()
        if self.error:
            raise self.error
        return self.acknowledged

    def end(self):
        self.stopping.set()
        self.thread.join()
