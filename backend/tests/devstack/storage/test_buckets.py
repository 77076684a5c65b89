import httpx
import pytest

from tests.devstack.storage.conftest import assert_error


class TestBuckets:
    async def test_are_created_once(self, client: httpx.AsyncClient, bucket: str) -> None:
        assert_error(await client.post("bucket", json={"name": bucket}), 409, "Duplicate")
        (listed,) = (await client.get("bucket")).json()
        assert listed == (await client.get("bucket/media")).json()
        assert listed["file_size_limit"] == 10 * 1024
        assert listed["allowed_mime_types"] == ["video/mp4", "image/*"]
        assert listed["public"] is False

    async def test_limits_can_be_changed(self, client: httpx.AsyncClient, bucket: str) -> None:
        await client.put("bucket/media", json={"public": False, "file_size_limit": 5})
        changed = (await client.get("bucket/media")).json()
        assert (changed["file_size_limit"], changed["allowed_mime_types"]) == (5, None)
        assert_error(await client.put("bucket/none", json={}), 404, "Bucket not found")

    async def test_are_private(self, client: httpx.AsyncClient) -> None:
        response = await client.post("bucket", json={"name": "open", "public": True})
        assert_error(response, 400, "InvalidRequest")

    @pytest.mark.parametrize("name", ["", "..", "a/b", "ä", "x" * 101])
    async def test_refuse_bad_names(self, client: httpx.AsyncClient, name: str) -> None:
        assert_error(await client.post("bucket", json={"name": name}), 400, "Invalid Input")

    async def test_a_missing_one(self, client: httpx.AsyncClient) -> None:
        assert_error(await client.get("bucket/none"), 404, "Bucket not found")
