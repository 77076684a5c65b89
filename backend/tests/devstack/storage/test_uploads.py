import asyncio
import stat

import httpx
import pytest

from tests.devstack.storage.conftest import (
    TYPE,
    VIDEO,
    Stack,
    assert_error,
    sign_download,
    sign_upload,
)


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
