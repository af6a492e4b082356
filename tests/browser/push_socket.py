"""A push service of this machine for Firefox: the browser's side is a WebSocket, as
Mozilla's autopush speaks it, the sender's side the HTTP service of tests/scenarios/push.py."""

import asyncio
import base64
import json
import threading
import uuid

import websockets
from lib import SLOW, free_port
from push import PushService


class PushSocket:
    def __init__(self, home):
        self.port = free_port()
        self.url = f"ws://localhost:{self.port}/"
        self.service = PushService(home, answer=self._pushed)
        self.acknowledged = []  # (channel, code): 100 is delivered and decrypted
        self.channels = []
        self.browser = None
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

        async def listen():
            return await websockets.serve(self._talk, "localhost", self.port)

        self.server = asyncio.run_coroutine_threadsafe(listen(), self.loop).result(10 * SLOW)
        home.keep(self)

    def end(self):
        async def close():
            self.server.close()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _talk(self, socket):
        self.browser = socket
        try:
            async for text in socket:
                await self._hear(socket, json.loads(text))
        except websockets.ConnectionClosedError:
            pass  # the browser was ended

    async def _hear(self, socket, message):
        kind = message.get("messageType")
        if kind == "hello":
            await self._say(messageType="hello", status=200, use_webpush=True,
                            uaid=message.get("uaid") or uuid.uuid4().hex)
        elif kind == "register":
            channel = message["channelID"]
            self.channels.append(channel)
            await self._say(messageType="register", status=200, channelID=channel,
                            pushEndpoint=f"{self.service.url}/{channel}")
        elif kind == "unregister":
            self.channels.remove(message["channelID"])
            await self._say(messageType="unregister", status=200,
                            channelID=message["channelID"])
        elif kind == "ack":
            self.acknowledged += [(update["channelID"], update.get("code"))
                                  for update in message["updates"]]
        elif message == {}:
            await socket.send("{}")

    async def _say(self, **message):
        await self.browser.send(json.dumps(message))

    def _pushed(self, push):
        channel = push.path.strip("/")
        if channel not in self.channels:
            return 410
        message = self._say(
            messageType="notification", channelID=channel, version=uuid.uuid4().hex,
            data=base64.urlsafe_b64encode(push.body).rstrip(b"=").decode(),
            headers={"encoding": push.headers["Content-Encoding"]})
        asyncio.run_coroutine_threadsafe(message, self.loop).result(10 * SLOW)
        return 201
