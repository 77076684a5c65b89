import asyncio
import stat
from typing import Any

import httpx
import pytest

from app.devstack.storage import create_storage_app
from tests.devstack.storage.conftest import SERVICE_KEY, Stack

VIDEO = bytes(range(256)) * 40
TYPE = {"Content-Type": "video/mp4"}


@pytest.fixture
async def bucket(client: httpx.AsyncClient) -> str:
    body = {
        "name": "media",
        "file_size_limit": "10KB",
        "allowed_mime_types": ["video/mp4", "image/*"],
    }
    response = await client.post("bucket", json=body)
    assert response.json() == {"name": "media"}
    return "media"


@pytest.fixture
async def video(client: httpx.AsyncClient, bucket: str) -> str:
    response = await client.post("object/media/lessons/intro.mp4", content=VIDEO, headers=TYPE)
    assert response.json()["Key"] == "media/lessons/intro.mp4"
    return "lessons/intro.mp4"


async def sign_upload(client: httpx.AsyncClient, key: str, *, upsert: bool = False) -> str:
    headers = {"x-upsert": str(upsert).lower()}
    response = await client.post(f"object/upload/sign/media/{key}", headers=headers)
    url: str = response.json()["url"]
    return url.removeprefix("/")


async def sign_download(client: httpx.AsyncClient, key: str, expires_in: int | str = 60) -> str:
    body = {"expiresIn": expires_in}
    response = await client.post(f"object/sign/media/{key}", json=body)
    url: str = response.json()["signedURL"]
    return url.removeprefix("/")


def assert_error(response: httpx.Response, status: int, error: str) -> None:
    """Supabase Storage says 400 on the wire and the status proper in the body."""
    body = response.json()
    assert response.status_code == 400
    assert (body["statusCode"], body["error"]) == (str(status), error)
    assert body["message"]


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


class TestAccess:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "bucket"),
            ("POST", "bucket"),
            ("GET", "bucket/media"),
            ("PUT", "bucket/media"),
            ("POST", "object/sign/media"),
            ("POST", "object/sign/media/lessons/intro.mp4"),
            ("POST", "object/upload/sign/media/new.mp4"),
            ("POST", "object/media/new.mp4"),
            ("PUT", "object/media/lessons/intro.mp4"),
            ("GET", "object/media/lessons/intro.mp4"),
            ("GET", "object/authenticated/media/lessons/intro.mp4"),
            ("GET", "object/info/media/lessons/intro.mp4"),
            ("POST", "object/list/media"),
            ("POST", "object/move"),
            ("DELETE", "object/media"),
            ("DELETE", "object/media/lessons/intro.mp4"),
        ],
    )
    async def test_asks_for_the_service_key(
        self, anonymous: httpx.AsyncClient, video: str, method: str, path: str
    ) -> None:
        for headers in ({}, {"apikey": "sb_publishable_development"}):
            response = await anonymous.request(method, path, headers=headers)
            assert_error(response, 403, "Unauthorized")

    def test_refuses_production(self, stack: Stack) -> None:
        with pytest.raises(RuntimeError, match="must not run in production"):
            create_storage_app(stack.store, service_key=SERVICE_KEY, environment="production")


class TestSignedUpload:
    async def test_takes_bare_content(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, bucket: str
    ) -> None:
        url = await sign_upload(client, "a.mp4")
        stored = (await anonymous.put(url, content=VIDEO, headers=TYPE)).json()
        assert stored["Key"] == "media/a.mp4"
        assert stored["Id"]
        downloaded = await client.get("object/media/a.mp4")
        assert downloaded.content == VIDEO
        assert downloaded.headers["content-type"] == "video/mp4"

    async def test_takes_a_form_with_any_name_for_the_file(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, bucket: str
    ) -> None:
        for name in ("", "file"):
            url = await sign_upload(client, f"{name or 'blank'}.png")
            form = {"cacheControl": "60", "metadata": '{"pages": 2}'}
            files = {name: ("a.png", b"content", "image/png")}
            assert (await anonymous.put(url, data=form, files=files)).status_code == 200
        info = (await client.get("object/info/media/blank.png")).json()
        assert (info["size"], info["content_type"]) == (7, "image/png")
        assert (info["cache_control"], info["metadata"]) == ("max-age=60", {"pages": 2})

    async def test_refuses_a_form_without_a_file(
        self, client: httpx.AsyncClient, bucket: str
    ) -> None:
        url = await sign_upload(client, "a.png")
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        response = await client.put(url, content=b"--x--\r\n", headers=headers)
        assert_error(response, 400, "InvalidRequest")

    async def test_creates_once_unless_signed_for_replacement(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, video: str, stack: Stack
    ) -> None:
        refused = await client.post(f"object/upload/sign/media/{video}")
        assert_error(refused, 409, "Duplicate")
        url = await sign_upload(client, video, upsert=True)
        replaced = await anonymous.put(url, content=b"new", headers=TYPE)
        assert replaced.status_code == 200
        assert (await client.get(f"object/media/{video}")).content == b"new"
        assert stack.blobs() == 1

    async def test_the_request_cannot_make_itself_a_replacement(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, bucket: str
    ) -> None:
        url = await sign_upload(client, "a.mp4")
        headers = {**TYPE, "x-upsert": "true"}
        assert (await anonymous.put(url, content=b"1", headers=headers)).status_code == 200
        assert_error(await anonymous.put(url, content=b"2", headers=headers), 409, "Duplicate")

    async def test_one_of_many_at_once_wins(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, bucket: str, stack: Stack
    ) -> None:
        for number in range(5):  # the first round opens the connections, the later ones race
            url = await sign_upload(client, f"{number}.mp4")
            attempts = (anonymous.put(url, content=bytes([n]), headers=TYPE) for n in range(10))
            responses = await asyncio.gather(*attempts)
            assert sorted(response.status_code for response in responses) == [200] + [400] * 9
            assert stack.blobs() == number + 1

    async def test_a_token_is_for_one_object_and_for_upload(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, video: str
    ) -> None:
        query = httpx.URL(await sign_upload(client, "a.mp4")).query.decode()
        other = await anonymous.put(f"object/upload/sign/media/b.mp4?{query}", content=b"")
        assert_error(other, 400, "InvalidJWT")
        query = httpx.URL(await sign_download(client, video)).query.decode()
        crossed = await anonymous.put(f"object/upload/sign/media/{video}?{query}", content=b"")
        assert_error(crossed, 400, "InvalidJWT")
        missing = await anonymous.put("object/upload/sign/media/a.mp4", content=b"")
        assert_error(missing, 400, "InvalidJWT")

    async def test_expires_after_two_hours(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, bucket: str, stack: Stack
    ) -> None:
        url = await sign_upload(client, "a.mp4")
        stack.advance(2 * 3600 + 1)
        assert_error(await anonymous.put(url, content=b"", headers=TYPE), 400, "InvalidJWT")

    @pytest.mark.parametrize("form", [False, True])
    async def test_keeps_to_the_size_limit(
        self, client: httpx.AsyncClient, bucket: str, stack: Stack, *, form: bool
    ) -> None:
        url = await sign_upload(client, "a.mp4", upsert=True)
        for size, status in ((10 * 1024, 200), (10 * 1024 + 1, 400), (100 * 1024, 400)):
            content = bytes(size)
            response = await (
                client.put(url, files={"file": ("a.mp4", content, "video/mp4")})
                if form
                else client.put(url, content=content, headers=TYPE)
            )
            assert response.status_code == status
        assert_error(response, 413, "Payload too large")
        assert stack.blobs() == 1

    @pytest.mark.parametrize(
        ("mimetype", "status"),
        [("video/mp4", 200), ("image/webp", 200), ("Video/MP4; codecs=x", 200), ("video/ogg", 400)],
    )
    async def test_keeps_to_the_allowed_types(
        self, client: httpx.AsyncClient, bucket: str, mimetype: str, status: int
    ) -> None:
        url = await sign_upload(client, "a")
        response = await client.put(url, content=b"", headers={"Content-Type": mimetype})
        assert response.status_code == status
        if status == 400:
            assert_error(response, 415, "invalid_mime_type")


class TestKeys:
    @pytest.mark.parametrize(
        "key", ["../x", "a/../x", "a/./x", "/x", "a//x", "x/", "ü.mp4", "a\\..\\x", "a\0", "a#b"]
    )
    async def test_refuses_what_is_no_key(
        self, client: httpx.AsyncClient, bucket: str, stack: Stack, key: str
    ) -> None:
        move = {"bucketId": "media", "sourceKey": "a", "destinationKey": key}
        assert_error(await client.post("object/move", json=move), 400, "InvalidKey")
        path = "".join(f"%{byte:02X}" for byte in key.encode())
        response = await client.post(f"object/upload/sign/media/{path}")
        assert_error(response, 400, "InvalidKey")
        uploaded = await client.post(f"object/media/{path}", content=b"", headers=TYPE)
        assert_error(uploaded, 400, "InvalidKey")
        assert stack.blobs() == 0

    async def test_contents_lie_under_names_of_their_own(
        self, client: httpx.AsyncClient, video: str, stack: Stack
    ) -> None:
        version = (await client.get(f"object/info/media/{video}")).json()["version"]
        names = {path.name for path in (stack.store.folder / "blobs").iterdir()}
        assert names == {version}

    def test_only_the_owner_can_read_the_signing_key(
        self, anonymous: httpx.AsyncClient, stack: Stack
    ) -> None:
        key_file = stack.store.folder / "url-signing.key"
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


class TestSignedDownload:
    @pytest.mark.parametrize("expires_in", [60, "60"])
    async def test_serves_until_it_expires(
        self,
        client: httpx.AsyncClient,
        anonymous: httpx.AsyncClient,
        video: str,
        stack: Stack,
        expires_in: int | str,
    ) -> None:
        url = await sign_download(client, video, expires_in)
        assert url.startswith(f"object/sign/media/{video}?token=")
        served = await anonymous.get(url)
        assert served.content == VIDEO
        assert served.headers["expires"]
        stack.advance(61)
        assert_error(await anonymous.get(url), 400, "InvalidJWT")

    async def test_urls_survive_a_restart(
        self, client: httpx.AsyncClient, video: str, stack: Stack
    ) -> None:
        url = await sign_download(client, video)
        transport = httpx.ASGITransport(stack.app())
        base_url = "http://stack/storage/v1/"
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as restarted:
            assert (await restarted.get(url)).content == VIDEO

    @pytest.mark.parametrize("expires_in", [0, -1, "soon", 10**30, None])
    async def test_refuses_other_lifetimes(
        self, client: httpx.AsyncClient, video: str, expires_in: object
    ) -> None:
        body = {"expiresIn": expires_in}
        response = await client.post(f"object/sign/media/{video}", json=body)
        assert_error(response, 400, "InvalidRequest")

    @pytest.mark.parametrize("token", ["", "x", "e30.e30.e30"])
    async def test_refuses_forged_tokens(
        self, anonymous: httpx.AsyncClient, video: str, token: str
    ) -> None:
        response = await anonymous.get(f"object/sign/media/{video}", params={"token": token})
        assert_error(response, 400, "InvalidJWT")

    async def test_a_token_is_for_one_object_and_for_download(
        self, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, video: str
    ) -> None:
        await client.post("object/media/other.mp4", content=b"", headers=TYPE)
        query = httpx.URL(await sign_download(client, video)).query.decode()
        other = await anonymous.get(f"object/sign/media/other.mp4?{query}")
        assert_error(other, 400, "InvalidJWT")
        query = httpx.URL(await sign_upload(client, video, upsert=True)).query.decode()
        crossed = await anonymous.get(f"object/sign/media/{video}?{query}")
        assert_error(crossed, 400, "InvalidJWT")

    async def test_signs_nothing_that_is_not_there(
        self, client: httpx.AsyncClient, video: str
    ) -> None:
        body: dict[str, Any] = {"expiresIn": 60}
        missing = await client.post("object/sign/media/none.mp4", json=body)
        assert_error(missing, 404, "not_found")
        body["paths"] = [video, "none.mp4"]
        found, absent = (await client.post("object/sign/media", json=body)).json()
        assert found["error"] is None
        assert found["signedURL"].startswith("/object/sign/media/")
        assert (absent["signedURL"], bool(absent["error"])) == (None, True)


class TestRanges:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("bytes=0-99", slice(0, 100)),
            ("bytes=10000-", slice(10000, None)),
            ("bytes=-40", slice(-40, None)),
            ("bytes=10200-99999", slice(10200, None)),
        ],
    )
    async def test_serves_a_part(
        self, client: httpx.AsyncClient, video: str, header: str, expected: slice
    ) -> None:
        url = await sign_download(client, video)
        response = await client.get(url, headers={"Range": header})
        assert response.status_code == 206
        assert response.content == VIDEO[expected]
        start, stop, _ = expected.indices(len(VIDEO))
        assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(VIDEO)}"
        assert response.headers["accept-ranges"] == "bytes"

    async def test_says_when_there_is_no_such_part(
        self, client: httpx.AsyncClient, video: str
    ) -> None:
        url = await sign_download(client, video)
        response = await client.get(url, headers={"Range": f"bytes={len(VIDEO)}-"})
        assert response.status_code == 416
        assert response.headers["content-range"] == f"bytes */{len(VIDEO)}"

    async def test_a_part_of_another_version_is_not_mixed_in(
        self, client: httpx.AsyncClient, video: str
    ) -> None:
        url = await sign_download(client, video)
        etag = (await client.get(url)).headers["etag"]
        headers = {"Range": "bytes=0-9", "If-Range": etag}
        assert (await client.get(url, headers=headers)).status_code == 206
        await client.put(f"object/media/{video}", content=VIDEO[::-1], headers=TYPE)
        changed = await client.get(url, headers=headers)
        assert (changed.status_code, changed.content) == (200, VIDEO[::-1])

    async def test_an_unchanged_object_is_not_sent_again(
        self, client: httpx.AsyncClient, video: str
    ) -> None:
        first = await client.get(f"object/media/{video}")
        headers = {"If-None-Match": first.headers["etag"]}
        again = await client.get(f"object/media/{video}", headers=headers)
        assert (again.status_code, again.content) == (304, b"")


class TestDownloadName:
    @pytest.mark.parametrize(
        ("name", "header"),
        [
            ("", "attachment;"),
            ("Plan é.pdf", "attachment; filename=Plan%20%C3%A9.pdf"),
            ('a"\r\nSet-Cookie: b', "attachment; filename=a%22%0D%0ASet-Cookie%3A%20b"),
        ],
    )
    async def test_offers_the_file_for_saving(
        self, client: httpx.AsyncClient, video: str, name: str, header: str
    ) -> None:
        url = httpx.URL(await sign_download(client, video)).copy_add_param("download", name)
        disposition = (await client.get(url)).headers["content-disposition"]
        assert disposition.partition("; filename*")[0] == header

    async def test_shows_it_without_the_parameter(
        self, client: httpx.AsyncClient, video: str
    ) -> None:
        response = await client.get(await sign_download(client, video))
        assert "content-disposition" not in response.headers


class TestObjects:
    async def test_info(self, client: httpx.AsyncClient, video: str) -> None:
        info = (await client.get(f"object/info/media/{video}")).json()
        assert (info["name"], info["size"]) == (video, len(VIDEO))
        response = await client.head(f"object/media/{video}")
        assert response.headers["etag"] == info["etag"]
        assert response.headers["content-length"] == str(len(VIDEO))
        missing = await client.get("object/info/media/none")
        assert_error(missing, 404, "not_found")

    async def test_list_shows_one_level(self, client: httpx.AsyncClient, bucket: str) -> None:
        for key in ("b.png", "a.png", "x/1.png", "x/y/2.png", "xy.png"):
            await client.post(
                f"object/media/{key}", content=b"", headers={"Content-Type": "image/png"}
            )

        async def names(**body: object) -> list[str]:
            entries = (await client.post("object/list/media", json=body)).json()
            return [entry["name"] + ("" if entry["id"] else "/") for entry in entries]

        assert await names(prefix="") == ["x/", "a.png", "b.png", "xy.png"]
        assert await names(prefix="x") == await names(prefix="x/") == ["y/", "1.png"]
        assert await names(prefix="x/y") == ["2.png"]
        assert await names(search="b") == ["b.png"]
        assert await names(limit=2, offset=1) == ["a.png", "b.png"]
        descending = {"column": "name", "order": "desc"}
        assert await names(sortBy=descending) == ["x/", "xy.png", "b.png", "a.png"]

    async def test_move(self, client: httpx.AsyncClient, video: str) -> None:
        await client.post("object/media/other.mp4", content=b"", headers=TYPE)
        body = {"bucketId": "media", "sourceKey": video, "destinationKey": "other.mp4"}
        assert_error(await client.post("object/move", json=body), 409, "Duplicate")
        body["destinationKey"] = "moved/here.mp4"
        moved = (await client.post("object/move", json=body)).json()
        assert (moved["message"], moved["Key"]) == ("Successfully moved", "moved/here.mp4")
        assert (await client.get("object/media/moved/here.mp4")).content == VIDEO
        assert_error(await client.post("object/move", json=body), 404, "not_found")

    async def test_remove(self, client: httpx.AsyncClient, video: str, stack: Stack) -> None:
        body = {"prefixes": [video, "none.mp4"]}
        removed = (await client.request("DELETE", "object/media", json=body)).json()
        assert [one["name"] for one in removed] == [video]
        assert stack.blobs() == 0
        assert_error(await client.get(f"object/media/{video}"), 404, "not_found")
        single = await client.delete(f"object/media/{video}")
        assert_error(single, 404, "not_found")

    async def test_update_needs_an_object(self, client: httpx.AsyncClient, bucket: str) -> None:
        response = await client.put("object/media/none.mp4", content=b"", headers=TYPE)
        assert_error(response, 404, "not_found")

    async def test_unknown_paths_and_bodies_have_the_error_format(
        self, client: httpx.AsyncClient, bucket: str
    ) -> None:
        assert_error(await client.get("nowhere"), 404, "Not Found")
        assert_error(await client.post("object/move", content=b"{"), 400, "InvalidRequest")
        assert_error(await client.post("object/list/none", json={}), 404, "Bucket not found")
