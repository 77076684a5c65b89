import hashlib
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from app.models import Media, User
from tests.factories.media import HTML, MP4, PNG
from tests.factories.pdf import catalog, pdf
from tests.fakes.file_storage import InMemoryFileStorage
from tests.routers.content.media.conftest import BASE, SCAN, VIDEO
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api


async def declare(api: Api, user: User, **changes: Any) -> dict[str, Any]:
    response = await api.post(BASE, user, json={**VIDEO, **changes})
    assert response.status_code == HTTPStatus.CREATED, response.text
    return dict(response.json())


async def complete(api: Api, user: User, media_id: object) -> httpx.Response:
    return await api.post(f"{BASE}/{media_id}/complete", user)


class TestDeclare:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post(BASE, json=VIDEO))

    async def test_files_for_sections_are_for_authors(
        self, api: Api, learner: User, manager: User
    ) -> None:
        for user in (learner, manager):
            assert_problem(await api.post(BASE, user, json=VIDEO), 403, "forbidden")

    async def test_says_where_to_send_it(self, api: Api, author: User) -> None:
        response = await api.post(BASE, author, json={**VIDEO, "file_name": "Film.mp4"})
        media = response.json()
        assert response.status_code == HTTPStatus.CREATED
        assert response.headers["Location"] == f"/api/v1/media/{media['id']}"
        assert response.headers["ETag"]
        assert (media["state"], media["file_name"]) == ("pending", "Film.mp4")
        upload = media["upload"]
        assert upload["path"] == f"section/{media['id']}.mp4"
        assert upload["token"]
        assert upload["path"] in upload["url"]
        assert datetime.fromisoformat(upload["expires_at"]) > datetime.now(UTC)

    async def test_the_name_is_never_part_of_the_path(self, api: Api, author: User) -> None:
        media = await declare(api, author, file_name="..%2f..%2fsecret.html")
        assert media["upload"]["path"] == f"section/{media['id']}.mp4"

    @pytest.mark.parametrize("name", ["../x.mp4", "a\\b.mp4", "a\nb.mp4", ""])
    async def test_refuses_names_that_are_paths(self, api: Api, author: User, name: str) -> None:
        response = await api.post(BASE, author, json={**VIDEO, "file_name": name})
        assert [pointer for pointer, _ in pointers(response)] == ["/file_name"]

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"content_type": "text/html"}, "/content_type"),
            ({"content_type": "image/svg+xml"}, "/content_type"),
            ({"size_bytes": 0}, "/size_bytes"),
            ({"size_bytes": 50 * 2**20 + 1}, "/size_bytes"),
            ({"size_bytes": 2**63}, "/size_bytes"),
            ({"path": "x"}, "/path"),
            ({"state": "ready"}, "/state"),
            ({"user_id": str(uuid.uuid4())}, "/user_id"),
        ],
    )
    async def test_rules(
        self, api: Api, author: User, changes: dict[str, Any], pointer: str
    ) -> None:
        response = await api.post(BASE, author, json={**VIDEO, **changes})
        assert [found for found, _ in pointers(response)] == [pointer]

    @pytest.mark.parametrize("kind", ["video/mp4", "text/vtt", "image/webp"])
    async def test_evidence_takes_fewer_types(self, api: Api, learner: User, kind: str) -> None:
        response = await api.post(BASE, learner, json={**SCAN, "content_type": kind})
        assert pointers(response) == [("/content_type", "media_type")]

    async def test_evidence_is_smaller(self, api: Api, learner: User) -> None:
        response = await api.post(BASE, learner, json={**SCAN, "size_bytes": 20 * 2**20 + 1})
        assert pointers(response) == [("/size_bytes", "too_large")]

    async def test_evidence_of_somebody_is_theirs(
        self, api: Api, learner: User, own_manager: User
    ) -> None:
        media = await declare(api, own_manager, **SCAN, user_id=str(learner.id))
        assert media["owner_id"] == str(learner.id)
        assert media["uploaded_by_id"] == str(own_manager.id)
        assert (await api.get(f"{BASE}/{media['id']}", learner)).is_success

    async def test_not_of_strangers(
        self, api: Api, learner: User, other_learner: User, manager: User
    ) -> None:
        for user in (other_learner, manager):
            body = {**SCAN, "user_id": str(learner.id)}
            response = await api.post(BASE, user, json=body)
            assert pointers(response) == [("/user_id", "unknown_user")]

    async def test_a_retry_makes_no_second_file(
        self, api: Api, author: User, storage: InMemoryFileStorage
    ) -> None:
        headers = {"Idempotency-Key": "upload-1"}
        first = await api.post(BASE, author, json=VIDEO, headers=headers)
        storage.available = False
        again = await api.post(BASE, author, json=VIDEO, headers=headers)
        assert again.json() == first.json()
        assert again.headers["Idempotency-Replayed"] == "true"
        storage.available = True
        other = await api.post(BASE, author, json={**VIDEO, "size_bytes": 9}, headers=headers)
        assert_problem(other, 422, "idempotency_key_reused")
        assert len((await api.get(BASE, author)).json()["items"]) == 1

    async def test_storage_is_away(
        self, api: Api, author: User, storage: InMemoryFileStorage
    ) -> None:
        storage.available = False
        response = await api.post(BASE, author, json=VIDEO)
        assert_problem(response, 503, "storage_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert (await api.get(BASE, author)).json()["items"] == []


class TestComplete:
    async def test_anonymous(self, api: Api, video: Media) -> None:
        assert_anonymous(await api.post(f"{BASE}/{video.id}/complete"))

    async def test_others_cannot(
        self, api: Api, learner: User, author: User, other_learner: User, manager: User
    ) -> None:
        of_section = (await declare(api, author))["id"]
        of_learner = (await declare(api, learner, **SCAN))["id"]
        for user in (learner, manager):
            assert_problem(await complete(api, user, of_section), 404, "media_not_found")
        for user in (other_learner, manager, author):
            assert_problem(await complete(api, user, of_learner), 404, "media_not_found")

    async def test_becomes_ready(
        self, api: Api, author: User, storage: InMemoryFileStorage
    ) -> None:
        media = await declare(api, author)
        storage.put(media["upload"]["path"], MP4, "video/mp4")
        ready = (await complete(api, author, media["id"])).json()
        assert (ready["state"], ready["rejection"]) == ("ready", None)
        assert (ready["found_type"], ready["found_bytes"]) == ("video/mp4", len(MP4))
        assert len(ready["sha256"]) == 64
        assert ready["completed_at"]

    async def test_before_the_upload(self, api: Api, author: User) -> None:
        media = await declare(api, author)
        response = await complete(api, author, media["id"])
        assert_problem(response, 409, "media_not_uploaded")
        assert (await api.get(f"{BASE}/{media['id']}", author)).json()["state"] == "pending"

    @pytest.mark.parametrize(
        "upload",
        [
            (HTML, "video/mp4", "type_mismatch"),
            (PNG, "video/mp4", "type_mismatch"),
            (MP4, "text/html", "type_mismatch"),
            (b"", "video/mp4", "size_mismatch"),
        ],
    )
    async def test_what_is_something_else_is_rejected_and_removed(
        self, api: Api, author: User, storage: InMemoryFileStorage, upload: tuple[bytes, str, str]
    ) -> None:
        content, sent, rejection = upload
        media = await declare(api, author, size_bytes=len(content) or 9)
        storage.put(media["upload"]["path"], content, sent)
        rejected = (await complete(api, author, media["id"])).json()
        assert (rejected["state"], rejected["rejection"]) == ("rejected", rejection)
        assert rejected["sha256"] is None
        assert storage.files == {}

    @pytest.mark.full
    @pytest.mark.parametrize(
        ("content", "rejection"),
        [
            (pdf(), None),
            (pdf(catalog("/OpenAction << /S /Launch /F (calc.exe) >>")), "active_content"),
            (pdf() + HTML, "polyglot"),
            (b"%PDF-1.7\nNot really.\n%%EOF\n", "unreadable"),
        ],
    )
    async def test_pdfs_are_looked_through(
        self,
        api: Api,
        learner: User,
        storage: InMemoryFileStorage,
        content: bytes,
        rejection: str | None,
    ) -> None:
        announced = SCAN | {"content_type": "application/pdf", "size_bytes": len(content)}
        media = await declare(api, learner, **announced)
        storage.put(media["upload"]["path"], content, "application/pdf")
        judged = (await complete(api, learner, media["id"])).json()
        state = "rejected" if rejection else "ready"
        assert (judged["state"], judged["rejection"]) == (state, rejection)
        assert bool(storage.files) == (rejection is None)
        digest = hashlib.sha256(content).hexdigest()
        assert judged["sha256"] == (None if rejection else digest)

    async def test_another_size_is_rejected(
        self, api: Api, author: User, storage: InMemoryFileStorage
    ) -> None:
        media = await declare(api, author)
        storage.put(media["upload"]["path"], MP4 + b"more", "video/mp4")
        assert (await complete(api, author, media["id"])).json()["rejection"] == "size_mismatch"

    @pytest.mark.parametrize("content", [MP4, HTML])
    async def test_is_decided_once(
        self, api: Api, author: User, storage: InMemoryFileStorage, content: bytes
    ) -> None:
        media = await declare(api, author, size_bytes=len(content))
        storage.put(media["upload"]["path"], content, "video/mp4")
        first = await complete(api, author, media["id"])
        # The upload token is still valid, but what is uploaded with it later changes nothing.
        storage.put(media["upload"]["path"], MP4 if content == HTML else HTML, "video/mp4")
        again = await complete(api, author, media["id"])
        assert again.json() == first.json()

    async def test_storage_is_away(
        self, api: Api, author: User, storage: InMemoryFileStorage
    ) -> None:
        media = await declare(api, author)
        storage.put(media["upload"]["path"], MP4, "video/mp4")
        storage.available = False
        response = await complete(api, author, media["id"])
        assert_problem(response, 503, "storage_unavailable")
        storage.available = True
        assert (await complete(api, author, media["id"])).json()["state"] == "ready"
