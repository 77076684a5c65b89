"""The real client with a transport of our own, and the one in memory, must behave alike."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from app.domain.content.media.file import UPLOAD_LIFETIME
from app.integrations.file_storage import (
    BucketMissingError,
    FileStorage,
    StorageKeyRefusedError,
    StorageUnavailableError,
    SupabaseFileStorage,
)
from tests.fakes.file_storage import InMemoryFileStorage

READS = ("sign_download", "find", "head", "tail", "sha256")
URL = "https://abc.supabase.co"
PATH = "section/0199c2d4-7a51-7c3e-9d35-1d6f0a4d8e21.mp4"
CREATED = "2026-11-20T10:00:00Z"
CONTENT = bytes(range(256)) * 40
Answer = Callable[[httpx.Request], httpx.Response]
Make = Callable[[Answer], SupabaseFileStorage]
CALLS: dict[str, Callable[[FileStorage], Any]] = {
    "sign_upload": lambda storage: storage.sign_upload(PATH),
    "sign_download": lambda storage: storage.sign_download(PATH, 60),
    "find": lambda storage: storage.find(PATH),
    "head": lambda storage: storage.head(PATH, 16),
    "tail": lambda storage: storage.tail(PATH, 16),
    "save": lambda storage: storage.save(PATH, io.BytesIO()),
    "sha256": lambda storage: storage.sha256(PATH),
    "remove": lambda storage: storage.remove([PATH]),
    "page": lambda storage: storage.page("section", limit=10, offset=0),
}


def refusal(status: int, error: str) -> httpx.Response:
    body = {"statusCode": str(status), "error": error, "message": "No"}
    return httpx.Response(400, json=body)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make the real client; `answer` gives the response to every request."""

    def over(answer: Answer) -> SupabaseFileStorage:
        async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            return answer(request)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
        return SupabaseFileStorage(URL, "sb_secret_test", "training-media")

    return over


def serving(request: httpx.Request) -> httpx.Response:
    """Answer as Storage does for one file of `CONTENT`."""
    path = request.url.path.removeprefix("/storage/v1/object/")
    if request.method == "GET" and path.startswith("sign/"):
        start, _, end = request.headers.get("range", "bytes=0-").partition("=")[2].partition("-")
        if not start:
            return httpx.Response(206, content=CONTENT[-int(end) :])
        part = CONTENT[int(start) : int(end) + 1 if end else None]
        return httpx.Response(206 if end else 200, content=part)
    answers: dict[str, Any] = {
        f"upload/sign/training-media/{PATH}": {"url": f"/object/upload/sign/x?token={TOKEN}"},
        f"sign/training-media/{PATH}": {"signedURL": f"/object/sign/training-media/{PATH}?token=t"},
        f"info/training-media/{PATH}": {
            "size": len(CONTENT),
            "content_type": "video/mp4",
            "created_at": CREATED,
        },
        "list/training-media": [
            {"name": "folder", "id": None, "metadata": None, "created_at": None},
            {"name": "b.mp4", "id": "2", "metadata": None, "created_at": CREATED},
            {
                "name": "a.mp4",
                "id": "1",
                "metadata": {"size": 3, "mimetype": "video/mp4"},
                "created_at": CREATED,
            },
        ],
        "training-media": [],
    }
    return httpx.Response(200, json=answers[path])


EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN = jwt.encode({"exp": EXPIRES}, "k" * 32, algorithm="HS256")


class TestSupabase:
    async def test_signs_an_upload(self, make: Make) -> None:
        grant = await make(serving).sign_upload(PATH)
        assert (grant.path, grant.token, grant.expires_at) == (PATH, TOKEN, EXPIRES)
        assert grant.url.startswith(f"{URL}/storage/v1/object/upload/sign/")

    async def test_an_unreadable_token_lasts_as_long_as_they_do(self, make: Make) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"url": "/object/upload/sign/x?token=opaque"})

        left = (await make(answer).sign_upload(PATH)).expires_at - datetime.now(UTC)
        assert abs(left - UPLOAD_LIFETIME) < timedelta(minutes=1)

    async def test_signs_a_download(self, make: Make) -> None:
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return serving(request)

        url = await make(answer).sign_download(PATH, 300)
        assert url
        assert url.startswith(f"{URL}/storage/v1/object/sign/training-media/{PATH}?")
        assert b'"300"' in seen[0].content
        # Saved and not shown, because a PDF may hold scripts and a picture may be a web page too.
        assert "download" in httpx.URL(url).params
        assert seen[0].headers["Authorization"] == "Bearer sb_secret_test"

    async def test_signs_several_downloads_in_one_call(self, make: Make) -> None:
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            signed = {"path": PATH, "error": None, "signedURL": "/object/sign/x?token=t"}
            return httpx.Response(
                200, json=[signed, {"path": "none.png", "error": "not found", "signedURL": None}]
            )

        storage = make(answer)
        urls = await storage.sign_downloads([PATH, "none.png"], 300)
        assert urls == {PATH: f"{URL}/storage/v1/object/sign/x?token=t&download="}
        assert [request.url.path for request in seen] == ["/storage/v1/object/sign/training-media"]
        assert await storage.sign_downloads([], 300) == {}
        assert len(seen) == 1

    async def test_finds_and_reads(self, make: Make) -> None:
        storage = make(serving)
        found = await storage.find(PATH)
        assert found
        assert (found.size_bytes, found.content_type) == (len(CONTENT), "video/mp4")
        assert found.created_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
        assert await storage.head(PATH, 16) == CONTENT[:16]
        assert await storage.tail(PATH, 16) == CONTENT[-16:]
        copy = io.BytesIO()
        assert await storage.save(PATH, copy)
        assert copy.getvalue() == CONTENT
        held = InMemoryFileStorage()
        held.put(PATH, CONTENT, "video/mp4")
        assert await storage.sha256(PATH) == await held.sha256(PATH)

    async def test_reads_no_more_than_asked_where_ranges_are_unknown(self, make: Make) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            del request.headers["range"]
            return serving(request)

        def plain(request: httpx.Request) -> httpx.Response:
            return answer(request) if "range" in request.headers else serving(request)

        assert await make(plain).head(PATH, 16) == CONTENT[:16]
        assert await make(plain).tail(PATH, 16) == CONTENT[-16:]

    async def test_an_empty_file_has_no_head(self, make: Make) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(416) if request.method == "GET" else serving(request)

        assert await make(answer).head(PATH, 16) == b""

    async def test_a_missing_bucket_is_no_empty_one(self, make: Make) -> None:
        """Storage 1.11 lists a missing bucket as empty, and answers 400 for the bucket itself."""
        body = {"statusCode": "404", "error": "Bucket not found", "message": "Bucket not found"}
        storage = make(lambda _: httpx.Response(400, json=body))
        with pytest.raises(BucketMissingError):
            await storage.require_bucket()

    async def test_a_bucket_that_is_there(self, make: Make) -> None:
        storage = make(lambda _: httpx.Response(200, json={"id": "training-media", "new": 1}))
        await storage.require_bucket()

    @pytest.mark.parametrize("status", [200, 401, 500])
    async def test_a_bucket_that_nobody_can_tell_of(self, make: Make, status: int) -> None:
        storage = make(lambda _: httpx.Response(status, text="<html>"))
        with pytest.raises(StorageUnavailableError) as caught:
            await storage.require_bucket()
        assert caught.value.code == "storage_unavailable"

    @pytest.mark.parametrize(
        "response",
        [
            httpx.Response(401, json={"message": "Invalid API key"}),
            httpx.Response(400, json={"statusCode": "403", "error": "Unauthorized"}),
            refusal(403, "Unauthorized"),
        ],
    )
    async def test_a_key_that_is_refused_is_told(
        self, make: Make, response: httpx.Response
    ) -> None:
        with pytest.raises(StorageKeyRefusedError, match="SUPABASE_SECRET_KEY"):
            await make(lambda _: response).require_bucket()

    async def test_lists_files_without_folders(self, make: Make) -> None:
        page = await make(serving).page("section", limit=10, offset=0)
        assert [(file.path, file.size_bytes) for file in page.files] == [
            ("section/b.mp4", 0),
            ("section/a.mp4", 3),
        ]

    @pytest.mark.parametrize("call", READS)
    async def test_a_missing_file_is_none(self, make: Make, call: str) -> None:
        assert await CALLS[call](make(lambda _: refusal(404, "not_found"))) is None

    async def test_a_missing_file_is_not_saved(self, make: Make) -> None:
        assert not await CALLS["save"](make(lambda _: refusal(404, "not_found")))
        assert not await CALLS["save"](InMemoryFileStorage())

    async def test_removes_nothing_without_a_call(self, make: Make) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            raise AssertionError

        await make(answer).remove([])

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize(
        "response",
        [
            refusal(404, "Bucket not found"),
            refusal(403, "Unauthorized"),
            httpx.Response(500, text="oops"),
            httpx.Response(502, text="<html>"),
            httpx.Response(200, text="<html>"),
        ],
        ids=["bucket", "key", "500", "502", "html"],
    )
    async def test_anything_else_is_unavailable(
        self, make: Make, call: str, response: httpx.Response
    ) -> None:
        with pytest.raises(StorageUnavailableError) as error:
            await CALLS[call](make(lambda _: response))
        assert (error.value.status, error.value.code) == (503, "storage_unavailable")
        assert error.value.headers["Retry-After"]

    @pytest.mark.parametrize(
        "call", ["sign_upload", "sign_download", "find", "head", "tail", "sha256"]
    )
    @pytest.mark.parametrize("body", [{}, "text", None])
    async def test_so_is_json_that_says_nothing(self, make: Make, call: str, body: object) -> None:
        with pytest.raises(StorageUnavailableError):
            await CALLS[call](make(lambda _: httpx.Response(200, json=body)))

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.ReadError])
    async def test_so_is_the_network(
        self, make: Make, call: str, failure: type[httpx.HTTPError]
    ) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            raise failure("gone")

        with pytest.raises(StorageUnavailableError):
            await CALLS[call](make(answer))

    async def test_a_read_that_breaks_off_is_unavailable(self, make: Make) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(500) if request.method == "GET" else serving(request)

        for call in ("head", "tail", "save", "sha256"):
            with pytest.raises(StorageUnavailableError):
                await CALLS[call](make(answer))

    async def test_closes_what_it_opened(self, make: Make) -> None:
        storage = make(serving)
        await storage.close()
        await storage.sign_upload(PATH)
        await storage.close()
        with pytest.raises(RuntimeError):
            await storage.sign_upload(PATH)


class TestInMemory:
    async def test_behaves_like_a_bucket(self) -> None:
        storage = InMemoryFileStorage()
        for call in READS:
            assert await CALLS[call](storage) is None
        storage.put(PATH, CONTENT, "video/mp4")
        storage.put("section/nested/b.mp4", b"", "video/mp4")
        page = await storage.page("section", limit=10, offset=0)
        assert ([file.path for file in page.files], page.folders) == ([PATH], ["section/nested"])
        assert (await storage.page("section", limit=10, offset=2)).entries == 0
        await storage.remove([PATH, "none"])
        assert await storage.find(PATH) is None

    @pytest.mark.parametrize("call", CALLS)
    async def test_can_be_away(self, call: str) -> None:
        storage = InMemoryFileStorage()
        storage.available = False
        with pytest.raises(StorageUnavailableError):
            await CALLS[call](storage)
