from typing import Any

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
