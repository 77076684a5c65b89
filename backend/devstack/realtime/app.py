"""The websocket of Realtime, which speaks the protocol of Phoenix channels."""

import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from devstack.auth.keys import SigningKeys
from devstack.auth.service import AUDIENCE
from devstack.guard import refuse_production
from devstack.realtime.channel import Channel, Subscription
from devstack.realtime.feed import Feed

_POLICY_VIOLATION: Final = 1008
_ARRAYS: Final = "2.0.0"
_MEMBERS: Final = ("join_ref", "ref", "topic", "event", "payload")


def create_realtime_app(
    feed: Feed, keys: SigningKeys, *, issuer: str, environment: str
) -> Starlette:
    """Realtime for development, to be mounted at `/realtime/v1`. Raises in production."""
    refuse_production(environment, "Supabase Realtime")

    async def serve(websocket: WebSocket) -> None:
        await _Socket(websocket, feed, keys, issuer).serve()

    return Starlette(routes=[WebSocketRoute("/websocket", serve)])


class _Socket:
    def __init__(self, websocket: WebSocket, feed: Feed, keys: SigningKeys, issuer: str) -> None:
        self._websocket = websocket
        self._feed = feed
        self._keys = keys
        self._issuer = issuer
        self._in_arrays = websocket.query_params.get("vsn") == _ARRAYS
        self._channels: dict[str, Channel] = {}

    async def serve(self) -> None:
        if not self._websocket.query_params.get("apikey"):
            await self._websocket.close(_POLICY_VIOLATION, "No API key found in request")
            return
        await self._websocket.accept()
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                # Binary messages are broadcasts, which nobody listens to here.
                if text := message.get("text"):
                    await self._handle(self._read(text))
        except WebSocketDisconnect:
            return
        finally:
            for channel in self._channels.values():
                channel.end()

    def _read(self, text: str) -> dict[str, Any]:
        read = json.loads(text)
        return dict(zip(_MEMBERS, read, strict=True)) if self._in_arrays else read

    async def _send(
        self,
        topic: str,
        event: str,
        payload: Mapping[str, Any],
        *,
        ref: str | None = None,
        join_ref: str | None = None,
    ) -> None:
        message = dict(zip(_MEMBERS, (join_ref, ref, topic, event, payload), strict=True))
        await self._websocket.send_text(
            json.dumps([*message.values()] if self._in_arrays else message)
        )

    async def _handle(self, message: dict[str, Any]) -> None:
        topic, payload = message["topic"], message["payload"]
        match message["event"]:
            case "phx_join":
                await self._join(message)
            case "phx_leave":
                self._end(topic)
                await self._reply(message, "ok", {})
                await self._send(topic, "phx_close", {}, ref=message.get("ref"))
            case "access_token":
                if topic in self._channels:
                    self._channels[topic].claims = self._claims(payload.get("access_token"))
            case _:
                await self._reply(message, "ok", {})

    async def _join(self, message: dict[str, Any]) -> None:
        topic, payload = message["topic"], message["payload"]
        wanted = (payload.get("config") or {}).get("postgres_changes") or []
        subscriptions = [Subscription(number, each) for number, each in enumerate(wanted, 1)]
        claims = self._claims(payload.get("access_token"))
        self._end(topic)
        join_ref = message.get("join_ref")
        channel = Channel(topic, join_ref, subscriptions, claims, self._feed, self._send)
        self._channels[topic] = channel
        told = [{"id": each.id, **each.wanted} for each in subscriptions]
        await channel.begin()
        await self._reply(message, "ok", {"postgres_changes": told})
        await channel.say_how_it_began()

    async def _reply(
        self, message: dict[str, Any], status: str, response: Mapping[str, object]
    ) -> None:
        await self._send(
            message["topic"],
            "phx_reply",
            {"status": status, "response": response},
            ref=message.get("ref"),
            join_ref=message.get("join_ref"),
        )

    def _end(self, topic: str) -> None:
        if (channel := self._channels.pop(topic, None)) is not None:
            channel.end()

    def _claims(self, token: str | None) -> dict[str, Any] | None:
        """Return what a person's token says. A key names nobody: its holder sees nothing."""
        try:
            return self._keys.verify(token or "", issuer=self._issuer, audience=AUDIENCE)
        except jwt.InvalidTokenError:
            return None
