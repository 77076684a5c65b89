from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.domain.content.media.file import MediaState, MediaType
from app.models import Media, TrainingModule, User
from tests.factories.media import make_media, video_section
from tests.factories.module import make_module
from tests.fakes.file_storage import InMemoryFileStorage
from tests.routers.content.media.conftest import ANY, BASE, Others
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, count_statements, etag


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    body = {"module_id": str(module.id)}
    return str((await api.post("/enrollments", user, json=body)).json()["id"])


class TestDownloads:
    """Several files signed at once, such as the pictures of a module."""

    def path(self, *media: Media) -> str:
        return f"{BASE}/downloads?" + "&".join(f"media_id={each.id}" for each in media)

    async def test_anonymous(self, api: Api, video: Media) -> None:
        assert_anonymous(await api.get(self.path(video)))

    async def test_are_those_that_one_may_read_in_the_order_asked_for(
        self, api: Api, learner: User, film: TrainingModule, video: Media, scan: Media
    ) -> None:
        asked = (scan, video, scan)
        response = await api.get(self.path(*asked), learner)
        assert response.headers["Cache-Control"] == "no-store"
        urls = [(each["media_id"], bool(each["url"])) for each in response.json()["items"]]
        assert urls == [(str(scan.id), True), (str(video.id), False)]
        await enroll(api, learner, film)
        signed = (await api.get(self.path(*asked), learner)).json()
        assert [bool(each["url"]) for each in signed["items"]] == [True, True]
        assert f"{video.path}?expires_in=300" in signed["items"][1]["url"]
        left = datetime.fromisoformat(signed["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=4) < left <= timedelta(minutes=5)

    async def test_tell_nothing_of_what_is_not_ready_or_lost(
        self,
        api: Api,
        session: AsyncSession,
        author: User,
        video: Media,
        storage: InMemoryFileStorage,
    ) -> None:
        pending = await make_media(session, author, state=MediaState.PENDING)
        storage.files.clear()
        signed = (await api.get(self.path(pending, video), author)).json()
        assert [each["url"] for each in signed["items"]] == [None, None]

    async def test_are_one_to_a_hundred(self, api: Api, author: User, video: Media) -> None:
        for path in (f"{BASE}/downloads", self.path(*[video] * 101)):
            assert_problem(await api.get(path, author), 422, "invalid_payload")

    async def test_take_as_many_statements_as_one_does(
        self, api: Api, session: AsyncSession, author: User, engine: AsyncEngine
    ) -> None:
        pictures = [await make_media(session, author, MediaType.PNG) for _ in range(10)]
        counts = []
        for asked in (pictures[:1], pictures):
            with count_statements(engine) as statements:
                assert (await api.get(self.path(*asked), author)).is_success
            counts.append(len(statements.seen))
        assert counts[0] == counts[1]


class TestDownload:
    async def test_anonymous(self, api: Api, video: Media) -> None:
        assert_anonymous(await api.get(f"{BASE}/{video.id}/download"))

    async def test_is_signed_for_a_short_while(self, api: Api, author: User, video: Media) -> None:
        response = await api.get(f"{BASE}/{video.id}/download", author)
        signed = response.json()
        assert response.headers["Cache-Control"] == "no-store"
        assert f"{video.path}?expires_in=300" in signed["url"]
        left = datetime.fromisoformat(signed["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=4) < left <= timedelta(minutes=5)

    async def test_learners_get_what_they_are_enrolled_in(
        self, api: Api, learner: User, other_learner: User, film: TrainingModule, video: Media
    ) -> None:
        for path in (f"{BASE}/{video.id}", f"{BASE}/{video.id}/download"):
            assert_problem(await api.get(path, learner), 404, "media_not_found")
        enrollment_id = await enroll(api, learner, film)
        for path in (f"{BASE}/{video.id}", f"{BASE}/{video.id}/download"):
            assert (await api.get(path, learner)).is_success
            assert_problem(await api.get(path, other_learner), 404, "media_not_found")
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        withdrawn = await api.get(f"{BASE}/{video.id}/download", learner)
        assert_problem(withdrawn, 404, "media_not_found")

    async def test_a_draft_shows_learners_nothing(
        self, api: Api, session: AsyncSession, learner: User, film: TrainingModule, author: User
    ) -> None:
        """Learners are enrolled in the published version, without the draft's additions."""
        await enroll(api, learner, film)
        added = await make_media(session, author)
        body = {"kind": "video", "title": "New", "settings": {"media_id": str(added.id)}}
        await api.post(f"/modules/{film.id}/sections", author, json=body)
        response = await api.get(f"{BASE}/{added.id}/download", learner)
        assert_problem(response, 404, "media_not_found")

    async def test_evidence_is_for_its_owner_their_manager_and_admins(
        self, api: Api, others: Others, author: User, scan: Media
    ) -> None:
        path = f"{BASE}/{scan.id}/download"
        for user in others.entitled:
            assert (await api.get(path, user)).is_success
        for user in (*others.strangers, author):
            assert_problem(await api.get(path, user), 404, "media_not_found")

    @pytest.mark.parametrize("state", [MediaState.PENDING, MediaState.REJECTED])
    async def test_only_what_is_ready(
        self, api: Api, session: AsyncSession, author: User, state: MediaState
    ) -> None:
        media = await make_media(session, author, state=state)
        response = await api.get(f"{BASE}/{media.id}/download", author)
        assert_problem(response, 409, "media_not_ready")

    async def test_a_lost_file_is_not_found(
        self, api: Api, author: User, video: Media, storage: InMemoryFileStorage
    ) -> None:
        storage.files.clear()
        response = await api.get(f"{BASE}/{video.id}/download", author)
        assert_problem(response, 404, "media_not_found")


class TestList:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get(BASE))

    async def test_is_for_authors(self, api: Api, learner: User, manager: User) -> None:
        for user in (learner, manager):
            assert_problem(await api.get(BASE, user), 403, "forbidden")

    async def test_has_the_files_of_sections_newest_first(
        self, api: Api, session: AsyncSession, author: User, admin: User, scan: Media
    ) -> None:
        made = [await make_media(session, admin, kind) for kind in (MediaType.MP4, MediaType.PDF)]
        await make_media(session, author, state=MediaState.PENDING)
        ready = (await api.get(f"{BASE}?state=ready", author)).json()["items"]
        assert {item["id"] for item in ready} == {str(media.id) for media in made}
        documents = await api.get(f"{BASE}?content_type=application/pdf", author)
        assert [item["id"] for item in documents.json()["items"]] == [str(made[1].id)]
        page = (await api.get(f"{BASE}?limit=2&include_total=true", author)).json()
        assert (len(page["items"]), page["total"]) == (2, 3)
        rest = await api.get(f"{BASE}?limit=2&cursor={page['next_cursor']}", author)
        assert len(rest.json()["items"]) == 1


class TestDelete:
    async def test_anonymous(self, api: Api, video: Media) -> None:
        assert_anonymous(await api.delete(f"{BASE}/{video.id}", headers=ANY))

    async def test_learners_cannot(
        self, api: Api, learner: User, film: TrainingModule, video: Media
    ) -> None:
        await api.post("/enrollments", learner, json={"module_id": str(film.id)})
        refused = await api.delete(f"{BASE}/{video.id}", learner, headers=ANY)
        assert_problem(refused, 404, "media_not_found")

    async def test_strangers_cannot(
        self, api: Api, others: Others, author: User, scan: Media
    ) -> None:
        for user in (*others.strangers, author):
            refused = await api.delete(f"{BASE}/{scan.id}", user, headers=ANY)
            assert_problem(refused, 404, "media_not_found")

    async def test_needs_the_newest_etag(
        self, api: Api, author: User, video: Media, storage: InMemoryFileStorage
    ) -> None:
        path = f"{BASE}/{video.id}"
        assert_problem(await api.delete(path, author), 428, "precondition_required")
        stale = await api.delete(path, author, headers={"If-Match": '"old"'})
        assert_problem(stale, 412, "precondition_failed")
        read = await api.get(path, author)
        assert (await api.delete(path, author, headers=etag(read))).status_code == 204
        assert_problem(await api.get(path, author), 404, "media_not_found")
        assert storage.files == {}

    async def test_not_what_a_version_shows(
        self, api: Api, author: User, film: TrainingModule, video: Media
    ) -> None:
        for section in film.sections:
            await api.delete(f"/modules/{film.id}/sections/{section.id}", author, headers=ANY)
        response = await api.delete(f"{BASE}/{video.id}", author, headers=ANY)
        assert_problem(response, 409, "media_in_use")

    async def test_not_what_a_draft_names(
        self, api: Api, session: AsyncSession, author: User, video: Media
    ) -> None:
        module = await make_module(session, video_section(video))
        response = await api.delete(f"{BASE}/{video.id}", author, headers=ANY)
        assert_problem(response, 409, "media_in_use")
        path = f"/modules/{module.id}/sections/{module.sections[0].id}"
        await api.delete(path, author, headers=ANY)
        assert (await api.delete(f"{BASE}/{video.id}", author, headers=ANY)).is_success

    async def test_not_the_captions_of_a_draft(
        self, api: Api, session: AsyncSession, author: User, video: Media
    ) -> None:
        captions = await make_media(session, author, MediaType.VTT)
        await make_module(session, video_section(video, captions_media_id=str(captions.id)))
        response = await api.delete(f"{BASE}/{captions.id}", author, headers=ANY)
        assert_problem(response, 409, "media_in_use")

    async def test_storage_may_be_away(
        self, api: Api, author: User, video: Media, storage: InMemoryFileStorage
    ) -> None:
        storage.available = False
        response = await api.delete(f"{BASE}/{video.id}", author, headers=ANY)
        assert response.status_code == HTTPStatus.NO_CONTENT
