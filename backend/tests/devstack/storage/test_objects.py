import httpx

from tests.devstack.storage.conftest import TYPE, VIDEO, Stack, assert_error


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
        assert (await client.post("object/list/none", json={})).json() == []
