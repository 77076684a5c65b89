"""The real supabase-js against the stand-in on a real loopback server."""

import pytest

from devstack.storage.schemas import BucketOptions
from tests.devstack.conftest import RunClient, Serve
from tests.devstack.storage.conftest import SERVICE_KEY, Stack

pytestmark = pytest.mark.full


async def test_files(stack: Stack, serve: Serve, run_client: RunClient) -> None:
    options = BucketOptions(allowed_mime_types=["text/plain"])
    await stack.store.buckets.create("media", options)
    async with serve(stack.app) as origin:
        steps = await run_client(
            "files.mjs", ORIGIN=origin, SERVICE_KEY=SERVICE_KEY, BUCKET="media"
        )
    part = {
        "step": "download",
        "status": 206,
        "text": "content",
        "disposition": "attachment; filename=offered.txt; filename*=UTF-8''offered.txt",
    }
    assert steps == [
        {"step": "upload_form", "path": "a/form.txt", "fullPath": "media/a/form.txt"},
        {"step": "upload_bytes", "path": "a/bytes one.txt", "fullPath": "media/a/bytes one.txt"},
        {"step": "upload_again", "status": 400, "statusCode": "409"},
        part,
        part,
        {"step": "seek", "status": 206, "range": "bytes 8-16/17", "text": "of a file"},
        {"step": "seek", "status": 206, "range": "bytes 13-16/17", "text": "file"},
        {"step": "seek", "status": 416, "range": "bytes */17"},
        {"step": "list", "names": ["bytes one.txt", "form.txt"]},
        {"step": "exists", "form": True, "none": False},
        {"step": "remove", "removed": ["a/form.txt"]},
    ]
