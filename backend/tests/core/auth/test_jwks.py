import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from jwt.algorithms import ECAlgorithm

from app.core.auth.jwks import (
    COOLDOWN_SECONDS,
    KEPT_SECONDS,
    MAX_AGE_SECONDS,
    JwksKeys,
    KeysUnavailableError,
)
from app.core.auth.security import InvalidTokenError, TokenCache, TokenVerifier
from tests.core.auth.tokens import SUBJECT, Project
from tests.support import ISSUER, LocalKeys

URL = f"{ISSUER}/.well-known/jwks.json"


@dataclass
class KeyServer:
    """The project's key set on a transport of our own, and a clock that tests turn."""

    documents: list[Any] = field(default_factory=list)
    status: int = 200
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    fetches: int = 0
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.gate.set()
        transport = httpx.MockTransport(self._answer)
        self.client = httpx.AsyncClient(transport=transport)
        self.keys = JwksKeys(URL, self.client, monotonic=lambda: self.now)

    def publish(self, *keys: dict[str, Any]) -> None:
        self.documents = [{"keys": list(keys)}]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == URL
        self.fetches += 1
        self.asked.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        document = self.documents[-1]
        if isinstance(document, bytes):
            return httpx.Response(self.status, content=document)
        return httpx.Response(self.status, json=document)

    async def holds(self, kid: str) -> bool:
        return await self.keys.get(kid) is not None


def public(keys: LocalKeys) -> dict[str, Any]:
    document = ECAlgorithm.to_jwk(keys.private_key.public_key(), as_dict=True)
    return {**document, "kid": keys.kid, "alg": "ES256", "use": "sig"}


@pytest.fixture
def first() -> LocalKeys:
    return LocalKeys("first")


@pytest.fixture
def second() -> LocalKeys:
    return LocalKeys("second")


@pytest.fixture
async def server(first: LocalKeys) -> AsyncIterator[KeyServer]:
    server = KeyServer()
    server.publish(public(first))
    yield server
    await server.client.aclose()


class TestFetching:
    async def test_parallel_callers_share_one_fetch(self, server: KeyServer) -> None:
        server.gate.clear()
        callers = [asyncio.create_task(server.holds("first")) for _ in range(100)]
        await server.asked.wait()
        server.gate.set()
        assert await asyncio.gather(*callers) == [True] * 100
        assert server.fetches == 1

    async def test_known_keys_are_not_fetched_again(self, server: KeyServer) -> None:
        for _ in range(10):
            assert await server.holds("first")
            server.now += (MAX_AGE_SECONDS - 1) / 10
        assert server.fetches == 1

    async def test_keys_are_fetched_anew_when_they_are_old(self, server: KeyServer) -> None:
        await server.holds("first")
        server.now += MAX_AGE_SECONDS
        assert await server.holds("first")
        assert server.fetches == 2

    async def test_redirects_are_not_followed(self, server: KeyServer) -> None:
        server.status = 302
        with pytest.raises(KeysUnavailableError):
            await server.holds("first")
        assert server.fetches == 1


class TestUnknownKid:
    async def test_is_looked_for_once_in_the_cooldown(self, server: KeyServer) -> None:
        await server.holds("first")
        for seconds, expected in ((1, "29"), (28.9, "1")):
            server.now += seconds
            with pytest.raises(KeysUnavailableError) as caught:
                await server.holds("third")
            assert (caught.value.headers["Retry-After"], server.fetches) == (expected, 1)
        for seconds, fetches in ((0.1, 2), (29, 2), (1, 3)):
            server.now += seconds
            assert not await server.holds("third")
            assert server.fetches == fetches

    async def test_a_key_that_was_just_published_is_not_called_wrong(
        self, server: KeyServer, first: LocalKeys, second: LocalKeys
    ) -> None:
        await server.holds("first")
        server.publish(public(first), public(second))
        server.now += 1
        with pytest.raises(KeysUnavailableError):
            await server.holds("second")
        server.now += COOLDOWN_SECONDS
        assert await server.holds("second")

    async def test_a_flood_costs_one_fetch_in_30_seconds(self, server: KeyServer) -> None:
        await server.holds("first")
        start = server.now
        for _ in range(600):
            server.now += 0.5
            with suppress(KeysUnavailableError):
                assert not await server.holds(uuid.uuid4().hex)
        assert server.fetches - 1 <= (server.now - start) / COOLDOWN_SECONDS
        assert await server.holds("first")

    async def test_a_parallel_flood_costs_one_fetch(self, server: KeyServer) -> None:
        await server.holds("first")
        server.now += COOLDOWN_SECONDS
        found = await asyncio.gather(*(server.holds(uuid.uuid4().hex) for _ in range(200)))
        assert (any(found), server.fetches) == (False, 2)

    async def test_a_rotated_key_is_found(self, server: KeyServer, second: LocalKeys) -> None:
        assert await server.holds("first")
        server.publish(public(second))
        server.now += COOLDOWN_SECONDS
        assert await server.holds("second")
        assert not await server.holds("first")


FAILURES: tuple[Any, ...] = (
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut off"),
    500,
    404,
    301,
    b"<html>",
    b"",
    b"\xff",
    b"[]",
    b"null",
    b'"keys"',
    b"[" * 100_000,
    {},
    {"keys": None},
    {"keys": "first"},
    {"keys": [None]},
    {"keys": [{}]},
    {"keys": {"kid": "first"}},
    {"keys": [{"kty": "RSA", "kid": "first", "n": 7, "e": "AQAB"}]},
    b'{"keys": [' + b" " * 300_000 + b"]}",
)
EACH_FAILURE = pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: repr(failure)[:40])


def fail(server: KeyServer, failure: object) -> None:
    match failure:
        case Exception():
            server.error = failure
        case int():
            server.status = failure
        case document:
            server.documents.append(document)


def mend(server: KeyServer) -> None:
    server.error, server.status = None, 200
    del server.documents[1:]


class TestOutage:
    async def test_known_keys_stay_for_hours(self, server: KeyServer, first: LocalKeys) -> None:
        await server.holds("first")
        server.error = httpx.ConnectError("refused")
        start = server.now
        for _ in range(720):
            server.now += 10
            assert await server.holds("first")
        assert server.fetches - 1 <= (server.now - start) / COOLDOWN_SECONDS

    async def test_known_keys_go_after_a_day(self, server: KeyServer) -> None:
        """Tokens of before the outage have expired by then, and a revoked key must not live on."""
        await server.holds("first")
        server.error = httpx.ConnectError("refused")
        server.now += KEPT_SECONDS - 1
        assert await server.holds("first")
        server.now += 1
        with pytest.raises(KeysUnavailableError):
            await server.holds("first")

    @EACH_FAILURE
    async def test_a_bad_answer_takes_no_key_away(self, server: KeyServer, failure: object) -> None:
        await server.holds("first")
        fail(server, failure)
        server.now += MAX_AGE_SECONDS
        assert await server.holds("first")
        assert server.fetches == 2

    @EACH_FAILURE
    async def test_without_any_key_nobody_can_tell(
        self, server: KeyServer, failure: object
    ) -> None:
        fail(server, failure)
        with pytest.raises(KeysUnavailableError) as caught:
            await server.holds("first")
        assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "30")
        assert server.fetches == 1

    @EACH_FAILURE
    async def test_the_first_fetch_is_tried_again(self, server: KeyServer, failure: object) -> None:
        fail(server, failure)
        with pytest.raises(KeysUnavailableError):
            await server.holds("first")
        mend(server)
        server.now += COOLDOWN_SECONDS - 1
        with pytest.raises(KeysUnavailableError):
            await server.holds("first")
        server.now += 1
        assert await server.holds("first")
        assert server.fetches == 2


class TestKeySets:
    async def test_a_legacy_project_has_none(self, server: KeyServer) -> None:
        """An empty set is a valid answer, so tokens get 401 and not 503 as in an outage."""
        server.publish()
        assert not await server.holds("first")

    async def test_other_kinds_of_keys_are_left_out(
        self, server: KeyServer, first: LocalKeys
    ) -> None:
        secret = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"}
        nameless = {name: value for name, value in public(first).items() if name != "kid"}
        server.publish(secret, nameless, {"kty": "new", "kid": "future"}, public(first))
        held = [kid for kid in ("secret", "", "future", "first") if await server.holds(kid)]
        assert held == ["first"]


class TestVerifier:
    async def test_rotation_changes_who_gets_in(
        self, server: KeyServer, first: LocalKeys, second: LocalKeys
    ) -> None:
        verifier = TokenVerifier(server.keys, issuer=ISSUER, cache=TokenCache(0, 0))
        old = first.token(SUBJECT, "person@unified.example")
        new = second.token(SUBJECT, "person@unified.example")
        assert (await verifier.verify(old)).subject == SUBJECT
        server.now += 1
        with pytest.raises(KeysUnavailableError):
            await verifier.verify(new)
        server.publish(public(first), public(second))
        server.now += COOLDOWN_SECONDS
        assert (await verifier.verify(new)).subject == SUBJECT
        assert (await verifier.verify(old)).subject == SUBJECT

    async def test_a_legacy_project_needs_its_secret(self, server: KeyServer) -> None:
        server.publish()
        with pytest.raises(InvalidTokenError):
            await TokenVerifier(server.keys, issuer=ISSUER, cache=TokenCache(0, 0)).verify(
                Project().with_secret("s" * 40)
            )

    async def test_an_outage_is_not_the_callers_fault(
        self, server: KeyServer, first: LocalKeys
    ) -> None:
        server.error = httpx.ConnectError("refused")
        with pytest.raises(KeysUnavailableError):
            await TokenVerifier(server.keys, issuer=ISSUER, cache=TokenCache(0, 0)).verify(
                first.token(SUBJECT, "person@unified.example")
            )
