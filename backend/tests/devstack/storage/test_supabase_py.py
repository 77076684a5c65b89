"""The real supabase-py against the stand-in on a real loopback server."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from storage3.exceptions import StorageApiError
from storage3.types import CreateSignedUploadUrlOptions
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from tests.devstack.conftest import Serve
from tests.devstack.storage.conftest import SERVICE_KEY, Stack

BUCKET = "media"
VIDEO = bytes(range(256)) * 40


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def supabase(
    stack: Stack, serve: Serve, http: httpx.AsyncClient
) -> AsyncIterator[AsyncClient]:
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    async with serve(stack.app) as origin:
        client = await acreate_client(origin, SERVICE_KEY, options)
        await client.storage.create_bucket(
            BUCKET,
            options={
                "public": False,
                "file_size_limit": 1_000_000,
                "allowed_mime_types": ["video/mp4"],
            },
        )
        yield client


async def test_buckets(supabase: AsyncClient) -> None:
    bucket = await supabase.storage.get_bucket(BUCKET)
    assert (bucket.public, bucket.file_size_limit) == (False, 1_000_000)
    assert [one.id for one in await supabase.storage.list_buckets()] == [BUCKET]
    with pytest.raises(StorageApiError) as refusal:
        await supabase.storage.create_bucket(BUCKET)
    assert (refusal.value.status, refusal.value.code) == ("409", "Duplicate")
    with pytest.raises(StorageApiError) as refusal:
        await supabase.storage.get_bucket("none")
    assert (refusal.value.status, refusal.value.code) == ("404", "Bucket not found")


async def test_signed_upload_and_download(
    supabase: AsyncClient, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    media = supabase.storage.from_(BUCKET)
    grant = await media.create_signed_upload_url("lessons/intro one.mp4")
    source = tmp_path / "intro.mp4"
    source.write_bytes(VIDEO)
    uploaded = await media.upload_to_signed_url(
        grant["path"], grant["token"], source, {"content-type": "video/mp4"}
    )
    assert uploaded.full_path == f"{BUCKET}/lessons/intro one.mp4"
    signed = await media.create_signed_url(grant["path"], 60, {"download": "intro.mp4"})
    assert signed["signedURL"]
    part = await http.get(signed["signedURL"], headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, VIDEO[:100])
    assert "filename=intro.mp4" in part.headers["content-disposition"]
    both = await media.create_signed_urls([grant["path"], "none.mp4"], 60)
    assert both[0]["signedURL"]
    assert (await http.get(both[0]["signedURL"])).content == VIDEO
    assert (both[1]["signedURL"], bool(both[1]["error"])) == (None, True)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=5000-5099", slice(5000, 5100)),
        ("bytes=10000-", slice(10000, None)),
        ("bytes=-64", slice(-64, None)),
    ],
)
async def test_a_video_can_be_sought_in(
    supabase: AsyncClient, http: httpx.AsyncClient, asked: str, part: slice
) -> None:
    media = supabase.storage.from_(BUCKET)
    await media.upload("film.mp4", VIDEO, {"content-type": "video/mp4"})
    url = (await media.create_signed_url("film.mp4", 60))["signedURL"]
    assert url
    served = await http.get(url, headers={"Range": asked})
    assert (served.status_code, served.content) == (206, VIDEO[part])
    assert served.headers["content-type"] == "video/mp4"
    start, stop, _ = part.indices(len(VIDEO))
    assert served.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(VIDEO)}"
    beyond = await http.get(url, headers={"Range": f"bytes={len(VIDEO)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(VIDEO)}")


async def test_replacement_has_to_be_signed_for(supabase: AsyncClient) -> None:
    media = supabase.storage.from_(BUCKET)
    await media.upload("a.mp4", b"old", {"content-type": "video/mp4"})
    with pytest.raises(StorageApiError) as refusal:
        await media.create_signed_upload_url("a.mp4")
    assert (refusal.value.status, refusal.value.code) == ("409", "Duplicate")
    grant = await media.create_signed_upload_url(
        "a.mp4", CreateSignedUploadUrlOptions(upsert="true")
    )
    await media.upload_to_signed_url("a.mp4", grant["token"], b"new", {"content-type": "video/mp4"})
    assert await media.download("a.mp4") == b"new"


async def test_objects(supabase: AsyncClient) -> None:
    media = supabase.storage.from_(BUCKET)
    await media.upload("x/a.mp4", VIDEO, {"content-type": "video/mp4"})
    assert (await media.info("x/a.mp4"))["size"] == len(VIDEO)
    assert await media.exists("x/a.mp4")
    assert [entry["name"] for entry in await media.list("x")] == ["a.mp4"]
    await media.move("x/a.mp4", "y/b.mp4")
    assert not await media.exists("x/a.mp4")
    removed = await media.remove(["y/b.mp4"])
    assert [one["name"] for one in removed] == ["y/b.mp4"]


async def test_errors_keep_their_code_and_status(supabase: AsyncClient) -> None:
    media = supabase.storage.from_(BUCKET)
    for content, mimetype, expected in (
        (b"", "text/html", ("415", "invalid_mime_type")),
        (bytes(1_000_001), "video/mp4", ("413", "Payload too large")),
    ):
        with pytest.raises(StorageApiError) as refusal:
            await media.upload("a.mp4", content, {"content-type": mimetype})
        assert (refusal.value.status, refusal.value.code) == expected
    with pytest.raises(StorageApiError) as refusal:
        await media.create_signed_url("none.mp4", 60)
    assert (refusal.value.status, refusal.value.code) == ("404", "not_found")
