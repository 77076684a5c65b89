"""A film from its author to its learners, through `training dev` and the real supabase-py."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from storage3.exceptions import StorageApiError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from devstack.options import SECRET_KEY
from tests.cli.processes import DevStack, Finished, dev_stack, run_training
from tests.factories.media import HTML, MP4, PNG

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevStack]:
    async with dev_stack(tmp_path_factory.mktemp("media") / "data") as stack:
        yield stack


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def supabase(stack: DevStack, http: httpx.AsyncClient) -> AsyncClient:
    """What a browser has: no secret key."""
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    return await acreate_client(stack.origin, "sb_publishable_development", options)


class Person:
    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    async def ask(self, method: str, path: str, status: int = 200, **arguments: Any) -> Any:
        response = await asyncio.to_thread(self.client.request, method, path, **arguments)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def declare(self, content: bytes, **changes: Any) -> dict[str, Any]:
        video = {"purpose": "section", "content_type": "video/mp4", "size_bytes": len(content)}
        return dict(await self.ask("POST", "/media", 201, json={**video, **changes}))


@dataclass(frozen=True, slots=True)
class People:
    author: Person
    learner: Person
    other: Person


@pytest.fixture
async def people(stack: DevStack) -> AsyncIterator[People]:
    emails = (f"{name}@unified.example" for name in ("author", "learner", "learner2"))
    clients = [await stack.sign_in(email) for email in emails]
    with clients[0], clients[1], clients[2]:
        yield People(*(Person(client) for client in clients))


async def send(
    supabase: AsyncClient, upload: dict[str, Any], content: bytes, kind: str = "video/mp4"
) -> None:
    bucket = supabase.storage.from_(upload["bucket"])
    await bucket.upload_to_signed_url(
        upload["path"], upload["token"], content, {"content-type": kind}
    )


async def uploaded(person: Person, supabase: AsyncClient, content: bytes) -> dict[str, Any]:
    media = await person.declare(content)
    await send(supabase, media["upload"], content)
    return dict(await person.ask("POST", f"/media/{media['id']}/complete"))


async def publish_film(author: Person, media_id: str) -> str:
    module = await author.ask("POST", "/modules", 201, json={"title": "Sharps on film"})
    path = f"/modules/{module['id']}"
    section = {"kind": "video", "title": "Film", "settings": {"media_id": media_id}}
    await author.ask("POST", f"{path}/sections", 201, json=section)
    await author.ask("POST", f"{path}/publish", 201, json={})
    return str(module["id"])


async def sweep(stack: DevStack, *options: str, **variables: str) -> Finished:
    environment = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database_of(stack),
        "SUPABASE_URL": stack.origin,
        "SUPABASE_SECRET_KEY": SECRET_KEY,
        **variables,
    }
    return await run_training("media", "sweep", *options, environment=environment)


def database_of(stack: DevStack) -> str:
    (line,) = [line for line in stack.announcement.splitlines() if "Database" in line]
    return line.split()[1]


async def let_a_day_pass(stack: DevStack) -> None:
    connection = await asyncpg.connect(database_of(stack))
    try:
        for statement in (
            # What was found in a file is settled, its time included.
            "SET session_replication_role = replica",
            "UPDATE media SET updated_at = updated_at - interval '25 hours'",
            "UPDATE storage.objects SET created_at = created_at - interval '25 hours'",
        ):
            await connection.execute(statement)
    finally:
        await connection.close()


def blobs(stack: DevStack) -> int:
    return len(list((Path(stack.data_dir) / "storage" / "blobs").iterdir()))


async def test_from_the_author_to_the_learner(
    people: People, supabase: AsyncClient, http: httpx.AsyncClient
) -> None:
    author, learner, other = people.author, people.learner, people.other
    media = await uploaded(author, supabase, MP4)
    assert (media["state"], media["found_type"]) == ("ready", "video/mp4")
    module_id = await publish_film(author, media["id"])
    download = f"/media/{media['id']}/download"
    await learner.ask("GET", download, 404)

    enrolled = await learner.ask("POST", "/enrollments", 201, json={"module_id": module_id})
    content = await learner.ask("GET", f"/enrollments/{enrolled['id']}/content")
    assert content["sections"][0]["settings"]["media_id"] == media["id"]
    url = (await learner.ask("GET", download))["url"]
    await other.ask("GET", download, 404)

    assert (await http.get(url)).content == MP4
    for asked, expected in (
        ("bytes=0-99", MP4[:100]),
        ("bytes=5000-", MP4[5000:]),
        ("bytes=-64", MP4[-64:]),
    ):
        part = await http.get(url, headers={"Range": asked})
        assert (part.status_code, part.content) == (HTTPStatus.PARTIAL_CONTENT, expected)
        assert part.headers["content-type"] == "video/mp4"
        assert part.headers["content-range"].endswith(f"/{len(MP4)}")
    beyond = await http.get(url, headers={"Range": f"bytes={len(MP4)}-"})
    assert beyond.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    read = await asyncio.to_thread(author.client.get, f"/media/{media['id']}")
    headers = {"If-Match": read.headers["ETag"]}
    refused = await author.ask("DELETE", f"/media/{media['id']}", 409, headers=headers)
    assert refused["code"] == "media_in_use"


async def test_a_page_that_calls_itself_a_film(
    stack: DevStack, people: People, supabase: AsyncClient
) -> None:
    author = people.author
    before = blobs(stack)
    media = await uploaded(author, supabase, HTML)
    assert (media["state"], media["rejection"]) == ("rejected", "type_mismatch")
    assert blobs(stack) == before
    await author.ask("GET", f"/media/{media['id']}/download", 409)
    module = await author.ask("POST", "/modules", 201, json={"title": "Page"})
    section = {"kind": "video", "title": "Page", "settings": {"media_id": media["id"]}}
    refused = await author.ask("POST", f"/modules/{module['id']}/sections", 422, json=section)
    assert refused["errors"][0]["code"] == "media_not_ready"


async def test_a_token_is_for_one_upload_of_an_allowed_type(
    people: People, supabase: AsyncClient
) -> None:
    author = people.author
    media = await author.declare(MP4)
    with pytest.raises(StorageApiError, match="mime type"):
        await send(supabase, media["upload"], HTML, "text/html")
    early = await author.ask("POST", f"/media/{media['id']}/complete", 409)
    assert early["code"] == "media_not_uploaded"
    await send(supabase, media["upload"], MP4)
    with pytest.raises(StorageApiError, match="already exists"):
        await send(supabase, media["upload"], HTML)
    other = media["upload"] | {"path": "section/other.mp4"}
    with pytest.raises(StorageApiError):
        await send(supabase, other, HTML)


async def test_evidence(people: People, supabase: AsyncClient, http: httpx.AsyncClient) -> None:
    learner, other = people.learner, people.other
    scan = await learner.declare(PNG, purpose="evidence", content_type="image/png")
    await send(supabase, scan["upload"], PNG, "image/png")
    await learner.ask("POST", f"/media/{scan['id']}/complete")
    training = {
        "provider": "American Heart Association",
        "title": "BLS",
        "credential_kind": "bls",
        "printed_expiry": "2099-12-31",
        "completed_on": "2026-03-01",
        "hours": 4,
        "evidence_reference": scan["id"],
    }
    await learner.ask("POST", "/external-trainings", 201, json=training)
    url = (await learner.ask("GET", f"/media/{scan['id']}/download"))["url"]
    assert (await http.get(url)).content == PNG
    await other.ask("GET", f"/media/{scan['id']}/download", 404)
    refused = await other.ask("POST", "/external-trainings", 422, json=training)
    assert refused["errors"][0]["pointer"] == "/evidence_reference"


async def test_sweep(stack: DevStack, people: People, supabase: AsyncClient) -> None:
    author = people.author
    unused = await uploaded(author, supabase, MP4)
    used = await uploaded(author, supabase, MP4)
    await publish_film(author, used["id"])
    kept = await sweep(stack)
    assert (kept.code, kept.output) == (0, "0 unused and 0 unknown files removed.\n")
    await let_a_day_pass(stack)
    stray = f"by/hand/{unused['id']}.webm"
    await stray_object(stack, stray)
    promised = await sweep(stack, "--dry-run")
    assert f"section/{unused['id']}.mp4 was used by nothing\n" in promised.output
    assert f"{stray} had no row\n" in promised.output
    assert "would be removed" in promised.output
    await author.ask("GET", f"/media/{unused['id']}")
    done = await sweep(stack)
    assert done.code == 0, done.errors
    assert done.output == promised.output.replace("would be removed", "removed")
    await author.ask("GET", f"/media/{unused['id']}", 404)
    await author.ask("GET", f"/media/{used['id']}/download")
    assert (await sweep(stack)).output == "0 unused and 0 unknown files removed.\n"


async def test_sweep_of_a_bucket_that_is_not_there(stack: DevStack) -> None:
    """Storage lists it as an empty one."""
    refused = await sweep(stack, STORAGE_BUCKET="elsewhere")
    told = "The file storage has no bucket elsewhere\n"
    assert (refused.code, refused.output, refused.errors) == (1, "", told)


async def stray_object(stack: DevStack, path: str) -> None:
    """Store an object as somebody with the secret key would, a day ago."""
    url = f"{stack.origin}/storage/v1/object/training-media/{path}"
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "video/webm"}
    async with httpx.AsyncClient() as client:
        (await client.post(url, content=MP4, headers=headers)).raise_for_status()
    connection = await asyncpg.connect(database_of(stack))
    try:
        await connection.execute(
            "UPDATE storage.objects SET created_at = now() - interval '25 hours' WHERE name = $1",
            path,
        )
    finally:
        await connection.close()
