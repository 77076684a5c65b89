"""A topic that a client has joined, with what it wants to know of which tables."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from devstack.realtime.feed import Feed
from devstack.realtime.pgoutput import Change

Send = Callable[..., Awaitable[None]]
"""`await send(topic, event, payload, ref=..., join_ref=...)`"""

_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "eq": lambda value, wanted: value == wanted,
    "neq": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted.strip("()").split(","),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    id: int
    wanted: Mapping[str, Any]
    """What the client has asked for, which the answer repeats."""

    @property
    def schema(self) -> str:
        return str(self.wanted.get("schema", "public"))

    @property
    def table(self) -> str:
        return str(self.wanted.get("table") or "*")

    @property
    def fault(self) -> str | None:
        condition = self.wanted.get("filter")
        if condition is None or _parsed(condition) is not None:
            return None
        return f"The development stack knows only {', '.join(_OPERATORS)} in filters"

    def is_about(self, change: Change) -> bool:
        return (
            self.wanted.get("event", "*") in {"*", change.kind}
            and self.schema == change.schema
            and self.table in {"*", change.table}
        )

    def lets(self, row: Mapping[str, Any]) -> bool:
        condition = self.wanted.get("filter")
        if condition is None or (parsed := _parsed(condition)) is None:
            return condition is None
        column, operator, wanted = parsed
        return column in row and _OPERATORS[operator](str(row[column]), wanted)


def _parsed(condition: str) -> tuple[str, str, str] | None:
    column, _, rest = condition.partition("=")
    operator, _, wanted = rest.partition(".")
    return (column, operator, wanted) if operator in _OPERATORS else None


class Channel:
    def __init__(  # noqa: PLR0913, PLR0917  # what a topic consists of
        self,
        topic: str,
        join_ref: str | None,
        subscriptions: list[Subscription],
        claims: Mapping[str, Any] | None,
        feed: Feed,
        send: Send,
    ) -> None:
        self.topic = topic
        self.join_ref = join_ref
        self.claims = claims
        self._subscriptions = subscriptions
        self._feed = feed
        self._send = send
        self._fault: str | None = None

    async def begin(self) -> None:
        """Follow the log from now on, unless something is asked for that is not to be had."""
        for each in self._subscriptions:
            if each.fault or not await self._feed.is_published(each.schema, each.table):
                self._fault = each.fault or f"{each.schema}.{each.table} is not published"
                return
        if self._subscriptions:
            await self._feed.add(self)

    async def say_how_it_began(self) -> None:
        if self._fault is not None:
            await self._tell_system("error", self._fault)
        elif self._subscriptions:
            await self._tell_system("ok", "Subscribed to PostgreSQL")

    def end(self) -> None:
        self._feed.remove(self)

    async def tell(self, change: Change) -> None:
        concerned = [each for each in self._subscriptions if each.is_about(change)]
        if not concerned or self.claims is None or self.claims["exp"] < time.time():
            return
        # As in Supabase, row security cannot be asked about a row that is gone: its key is told.
        gone = change.kind == "DELETE"
        row = dict(change.key) if gone else await self._feed.read(change, self.claims)
        if row is None:
            return
        ids = [each.id for each in concerned if each.lets(row)]
        if ids:
            payload = {"ids": ids, "data": await self._data(change, row, gone=gone)}
            await self._send(self.topic, "postgres_changes", payload)

    async def _data(self, change: Change, row: dict[str, Any], *, gone: bool) -> dict[str, Any]:
        columns = await self._feed.columns(change.schema, change.table)
        return {
            "schema": change.schema,
            "table": change.table,
            "commit_timestamp": change.committed_at.isoformat().replace("+00:00", "Z"),
            "type": change.kind,
            "columns": columns,
            "record": {} if gone else row,
            "old_record": dict(change.key) if change.kind != "INSERT" else {},
            "errors": None,
        }

    async def _tell_system(self, status: str, message: str) -> None:
        payload = {
            "channel": self.topic.removeprefix("realtime:"),
            "extension": "postgres_changes",
            "status": status,
            "message": message,
        }
        await self._send(self.topic, "system", payload)
