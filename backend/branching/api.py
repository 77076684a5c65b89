"""The Management API (https://api.supabase.com/api/v1), as far as branches need it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from branching.backoff import Backoff
from branching.errors import ApiRefusedError, ApiUnavailableError
from branching.resources import (
    ApiKey,
    Branch,
    BranchDetail,
    PoolerConfig,
    ServiceHealth,
)

T = TypeVar("T")
Query = Mapping[str, str | Sequence[str]]
Body = Mapping[str, str | bool]

SERVICES: Final = ("auth", "db", "pooler")
ATTEMPTS: Final = 5
TIMEOUT_SECONDS: Final = 30.0
LONGEST_RETRY_AFTER: Final = 60.0
REASON_LENGTH: Final = 200
NOT_FOUND: Final = 404
CONFLICT: Final = 409
TOO_MANY_REQUESTS: Final = 429


class BranchApi(Protocol):
    """Every method raises ApiUnavailableError or ApiRefusedError when it gets no answer."""

    async def branches(self) -> list[Branch]:
        """Return the branches of the parent project, its default branch among them."""

    async def create(self, name: str) -> Branch:
        """Create an ephemeral branch without data; return the existing one of that name."""

    async def health(self, ref: str) -> list[ServiceHealth]: ...

    async def detail(self, ref: str) -> BranchDetail: ...

    async def poolers(self, ref: str) -> list[PoolerConfig]: ...

    async def keys(self, ref: str) -> list[ApiKey]: ...

    async def delete(self, branch: Branch) -> bool:
        """Delete at once; return False when it was gone already."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    response: httpx.Response | None
    """None when the connection broke."""

    @property
    def answer(self) -> httpx.Response | None:
        """The response, unless a later one may differ."""
        if self.response is None or self.response.status_code == TOO_MANY_REQUESTS:
            return None
        return None if self.response.is_server_error else self.response

    @property
    def retry_after(self) -> float:
        """Seconds that the server asks for, bounded; 0 when it does not say, or gives a date."""
        if self.response is None:
            return 0.0
        limited = self.response.status_code == TOO_MANY_REQUESTS
        reset = self.response.headers.get("x-ratelimit-reset", "") if limited else ""
        text = self.response.headers.get("retry-after", reset)
        return min(float(text), LONGEST_RETRY_AFTER) if text.isdecimal() else 0.0


class ManagementApi:
    """The real API. Reads and deletions are repeated as they are; see `create` for creation."""

    def __init__(
        self, http: httpx.AsyncClient, project_ref: str, backoff: Backoff | None = None
    ) -> None:
        self._http = http
        self._branches_path = f"/v1/projects/{project_ref}/branches"
        self._backoff = backoff or Backoff()

    async def branches(self) -> list[Branch]:
        return await self._get(self._branches_path, list[Branch])

    async def create(self, name: str) -> Branch:
        """Create the branch once, however often the answer is lost.

        A request without an answer may have been carried out, so each repetition first looks
        for the branch.
        """
        body: Body = {"branch_name": name, "persistent": False, "with_data": False}
        async for attempt in self._attempts("POST", self._branches_path, body=body):
            if attempt.answer is not None and attempt.answer.status_code != CONFLICT:
                return _parse(attempt.answer, Branch)
            if branch := await self._named(name):
                return branch
            if attempt.answer is not None:
                raise _refused(attempt.answer)
        raise _unavailable("POST", self._branches_path)

    async def health(self, ref: str) -> list[ServiceHealth]:
        query = {"services": list(SERVICES)}
        return await self._get(f"/v1/projects/{ref}/health", list[ServiceHealth], query)

    async def detail(self, ref: str) -> BranchDetail:
        return await self._get(f"/v1/branches/{ref}", BranchDetail)

    async def poolers(self, ref: str) -> list[PoolerConfig]:
        return await self._get(f"/v1/projects/{ref}/config/database/pooler", list[PoolerConfig])

    async def keys(self, ref: str) -> list[ApiKey]:
        return await self._get(f"/v1/projects/{ref}/api-keys", list[ApiKey], {"reveal": "true"})

    async def delete(self, branch: Branch) -> bool:
        query = {"force": "true"}
        response = await self._send("DELETE", f"/v1/branches/{branch.project_ref}", query)
        if response.status_code == NOT_FOUND:
            return False
        if response.is_error:
            raise _refused(response)
        return True

    async def _named(self, name: str) -> Branch | None:
        return next((branch for branch in await self.branches() if branch.name == name), None)

    async def _get(self, path: str, kind: type[T], query: Query | None = None) -> T:
        return _parse(await self._send("GET", path, query), kind)

    async def _send(self, method: str, path: str, query: Query | None = None) -> httpx.Response:
        async for attempt in self._attempts(method, path, query=query):
            if attempt.answer is not None:
                return attempt.answer
        raise _unavailable(method, path)

    async def _attempts(
        self, method: str, path: str, *, query: Query | None = None, body: Body | None = None
    ) -> AsyncIterator[_Attempt]:
        """Yield responses to repeated sending, with pauses, until the attempts are used up."""
        for number in range(ATTEMPTS):
            attempt = await self._once(method, path, query, body)
            yield attempt
            if number + 1 < ATTEMPTS:
                await self._backoff.pause(number, at_least=attempt.retry_after)

    async def _once(
        self, method: str, path: str, query: Query | None, body: Body | None
    ) -> _Attempt:
        try:
            return _Attempt(await self._http.request(method, path, params=query, json=body))
        except httpx.TransportError:
            return _Attempt(None)


def _parse(response: httpx.Response, kind: type[T]) -> T:
    if response.is_error:
        raise _refused(response)
    try:
        return TypeAdapter(kind).validate_json(response.content)
    except ValidationError as error:
        # The values may be credentials: say where the answer differs, not what it holds.
        places = sorted({".".join(map(str, fault["loc"])) or "body" for fault in error.errors()})
        reason = f"unexpected answer ({', '.join(places)})"
        raise ApiRefusedError(response.status_code, _request(response), reason) from None


def _refused(response: httpx.Response) -> ApiRefusedError:
    try:
        reason = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        reason = response.reason_phrase
    return ApiRefusedError(response.status_code, _request(response), reason[:REASON_LENGTH])


def _unavailable(method: str, path: str) -> ApiUnavailableError:
    return ApiUnavailableError(f"{method} {path}: no answer in {ATTEMPTS} attempts")


def _request(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}"
