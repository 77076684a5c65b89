import uuid

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.content.media.file import MediaPurpose, MediaState, MediaType
from app.models import Media, TrainingModule, User
from tests.factories.media import make_media, video_section
from tests.factories.module import make_module
from tests.routers.content.media.conftest import ANY, BASE
from tests.routers.problems import assert_problem, pointers
from tests.support import Api


async def submit(api: Api, user: User, reference: str) -> httpx.Response:
    body = {
        "provider": "American Heart Association",
        "title": "BLS provider",
        "completed_on": "2026-03-01",
        "hours": 4,
        "credential_kind": "bls",
        "printed_expiry": "2099-12-31",
        "evidence_reference": reference,
    }
    return await api.post("/external-trainings", user, json=body)


class TestEvidence:
    async def test_takes_a_file_of_the_person(self, api: Api, learner: User, scan: Media) -> None:
        response = await submit(api, learner, str(scan.id).upper())
        assert response.json()["evidence_reference"] == str(scan.id)

    async def test_takes_words(self, api: Api, learner: User) -> None:
        assert (await submit(api, learner, "Binder 7, page 3")).is_success

    async def test_then_the_file_stays(self, api: Api, learner: User, scan: Media) -> None:
        assert (await submit(api, learner, str(scan.id))).is_success
        response = await api.delete(f"{BASE}/{scan.id}", learner, headers=ANY)
        assert_problem(response, 409, "media_in_use")

    async def test_refuses_the_file_of_another(
        self, api: Api, other_learner: User, scan: Media, video: Media
    ) -> None:
        for media_id in (scan.id, video.id, uuid.uuid4()):
            response = await submit(api, other_learner, str(media_id))
            assert pointers(response) == [("/evidence_reference", "unknown_media")]

    @pytest.mark.parametrize("state", [MediaState.PENDING, MediaState.REJECTED])
    async def test_refuses_what_is_not_ready(
        self, api: Api, session: AsyncSession, learner: User, state: MediaState
    ) -> None:
        media = await make_media(session, learner, MediaType.PDF, MediaPurpose.EVIDENCE, state)
        response = await submit(api, learner, str(media.id))
        assert pointers(response) == [("/evidence_reference", "media_not_ready")]

    async def test_an_edit_is_checked_too(self, api: Api, learner: User, video: Media) -> None:
        entered = await submit(api, learner, "Binder 7")
        path = f"/external-trainings/{entered.json()['id']}"
        body = {"evidence_reference": str(video.id)}
        response = await api.patch(path, learner, headers=ANY, json=body)
        assert pointers(response) == [("/evidence_reference", "unknown_media")]
        assert (await api.patch(path, learner, headers=ANY, json={"hours": 5})).is_success


class TestSections:
    async def add(
        self, api: Api, author: User, module: TrainingModule, kind: str, **settings: str
    ) -> httpx.Response:
        body = {"kind": kind, "title": "Part", "settings": settings}
        return await api.post(f"/modules/{module.id}/sections", author, json=body)

    async def test_name_files_that_are_ready(
        self, api: Api, session: AsyncSession, author: User, video: Media
    ) -> None:
        module = await make_module(session)
        captions = await make_media(session, author, MediaType.VTT)
        document = await make_media(session, author, MediaType.PDF)
        settings = {"media_id": str(video.id), "captions_media_id": str(captions.id)}
        assert (await self.add(api, author, module, "video", **settings)).is_success
        assert (
            await self.add(api, author, module, "document", media_id=str(document.id))
        ).is_success

    @pytest.mark.parametrize("state", [MediaState.PENDING, MediaState.REJECTED])
    @pytest.mark.parametrize("kind", ["video", "document"])
    async def test_refuse_what_is_not_ready(
        self, api: Api, session: AsyncSession, author: User, state: MediaState, kind: str
    ) -> None:
        module = await make_module(session)
        media = await make_media(session, author, state=state)
        response = await self.add(api, author, module, kind, media_id=str(media.id))
        assert pointers(response) == [("/settings/media_id", "media_not_ready")]

    async def test_refuse_files_for_something_else(
        self, api: Api, author: User, film: TrainingModule, scan: Media, video: Media
    ) -> None:
        for kind, media_id, code in (
            ("document", scan.id, "unknown_media"),
            ("video", uuid.uuid4(), "unknown_media"),
            ("document", video.id, "media_type"),
        ):
            response = await self.add(api, author, film, kind, media_id=str(media_id))
            assert pointers(response) == [("/settings/media_id", code)]

    async def test_an_edit_is_checked_too(
        self, api: Api, session: AsyncSession, author: User, video: Media
    ) -> None:
        module = await make_module(session, video_section(video))
        path = f"/modules/{module.id}/sections/{module.sections[0].id}"
        body = {"settings": {"media_id": str(video.id), "captions_media_id": str(video.id)}}
        response = await api.patch(path, author, headers=ANY, json=body)
        assert pointers(response) == [("/settings/captions_media_id", "media_type")]

    async def test_publishing_checks_every_section(
        self, api: Api, session: AsyncSession, author: User, video: Media
    ) -> None:
        """An old draft may name a file that was never checked."""
        gone = await make_media(session, author, state=MediaState.PENDING)
        module = await make_module(session, video_section(video), video_section(gone))
        response = await api.post(f"/modules/{module.id}/publish", author, json={})
        problem = assert_problem(response, 422, "module_not_publishable")
        assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
            ("/sections/1/settings/media_id", "media_not_ready")
        ]
