"""Answers are compressed where the client asks for it and nothing secret is in them."""

import zlib
from http import HTTPStatus

import httpx
import pytest
from starlette.responses import JSONResponse

from app.models import User
from app.routers.middleware.compress import MINIMUM_BYTES, Compress
from tests.support import ORIGIN, Api


async def raw(api: Api, path: str, encodings: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """Return the answer and its body as it was sent."""
    sent = {"Accept-Encoding": encodings, **headers}
    api.client.event_hooks = {}  # The comparison with the document reads the body itself.
    async with api.client.stream("GET", f"/api/v1{path}", headers=sent) as response:
        return response, b"".join([block async for block in response.aiter_raw()])


@pytest.fixture
async def long_list(api: Api, admin: User) -> dict[str, str]:
    """The headers of somebody whose list of modules is above the limit."""
    for number in range(10):
        payload = {"title": f"Hand hygiene {number}", "summary": "Soap. " * 30}
        created = await api.post("/modules", admin, json=payload)
        assert created.status_code == HTTPStatus.CREATED
    return api.bearer(admin)


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip"])
async def test_long_answers_are_compressed(
    api: Api, long_list: dict[str, str], encoding: str
) -> None:
    plain, body = await raw(api, "/modules", "identity", **long_list)
    response, sent = await raw(api, "/modules", f"{encoding}, identity;q=0.5", **long_list)
    assert len(body) > MINIMUM_BYTES
    assert "content-encoding" not in plain.headers
    assert response.headers["Content-Encoding"] == encoding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert len(sent) * 4 < len(body)
    if encoding == "gzip":
        assert zlib.decompress(sent, wbits=31) == body
    read = await api.client.get(
        "/api/v1/modules", headers={"Accept-Encoding": encoding, **long_list}
    )
    assert read.content == body


async def test_short_answers_are_not(api: Api) -> None:
    response, body = await raw(api, "/health/live", "gzip")
    assert "content-encoding" not in response.headers
    assert len(body) < MINIMUM_BYTES


async def test_an_encoding_that_is_refused_is_not_used(api: Api, long_list: dict[str, str]) -> None:
    response, _ = await raw(api, "/modules", "gzip;q=0, br;q=0, zstd;q=0", **long_list)
    assert "content-encoding" not in response.headers


async def test_etags_stay_what_they_are(api: Api, long_list: dict[str, str]) -> None:
    """They name a revision, for `If-Match`, and not the bytes of one encoding."""
    listed = await api.client.get("/api/v1/modules", headers=long_list)
    path = f"/modules/{listed.json()['items'][0]['id']}"
    plain, _ = await raw(api, path, "identity", **long_list)
    packed, _ = await raw(api, path, "gzip", **long_list)
    assert plain.headers["ETag"] == packed.headers["ETag"]


@pytest.mark.parametrize(
    ("path", "encoding"),
    [
        ("/api/v1/modules", "gzip"),
        ("/api/v1/media", None),
        ("/api/v1/media/0198f3a2-0000-7000-8000-000000000000/download", None),
    ],
)
async def test_what_holds_a_signed_address_is_not_compressed(
    path: str,
    encoding: str | None,
) -> None:
    app = Compress(JSONResponse({"text": "x" * MINIMUM_BYTES}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        response = await client.get(path, headers={"Accept-Encoding": "gzip"})
    assert response.headers.get("Content-Encoding") == encoding
