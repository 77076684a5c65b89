from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.audit import AuditAction
from app.domain.content.media.file import MediaPurpose, MediaState, MediaType
from app.integrations.file_storage import StorageUnavailableError
from app.models import AuditEvent, ExternalEvidence, Media, User
from app.services.content import (
    media_sweep,
)
from app.services.content.media_sweep import MediaSweep, SweepRefusedError
from tests.factories.media import MP4, make_media, video_section
from tests.factories.module import make_module, publish, quiz_section, single_choice
from tests.fakes.file_storage import InMemoryFileStorage
from tests.planting import as_owner, unguarded
from tests.support import RollbackDatabase

DAY = timedelta(hours=24)
TWO_DAYS = timedelta(hours=48)


@pytest.fixture
def storage() -> InMemoryFileStorage:
    return InMemoryFileStorage()


@pytest.fixture
def sweep(database: RollbackDatabase, storage: InMemoryFileStorage) -> MediaSweep:
    return MediaSweep(database, storage)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_sweep, "PAGE", 2)


async def age(session: AsyncSession) -> None:
    """Make all files two days old."""
    async with unguarded(session):
        await as_owner(session, "UPDATE media SET updated_at = now() - interval '2 days'")
    await session.commit()


async def stored(
    session: AsyncSession,
    storage: InMemoryFileStorage,
    owner: User,
    state: MediaState = MediaState.READY,
    kind: MediaType = MediaType.MP4,
) -> Media:
    media = await make_media(session, owner, kind, state=state)
    storage.put(media.path, MP4, kind, age=TWO_DAYS)
    return media


async def left(session: AsyncSession) -> set[str]:
    return set(await session.scalars(select(Media.path)))


def scan_of(learner: User, media: Media) -> ExternalEvidence:
    return ExternalEvidence(
        user_id=learner.id,
        entered_by_id=learner.id,
        provider="American Heart Association",
        title="BLS",
        completed_on=media.created_at.date(),
        hours=4,
        credential_kind="bls",
        evidence_reference=str(media.id),
    )


class TestSweep:
    async def test_removes_what_nothing_uses(
        self,
        session: AsyncSession,
        storage: InMemoryFileStorage,
        sweep: MediaSweep,
        author: User,
    ) -> None:
        gone = {(await stored(session, storage, author, state)).path for state in MediaState}
        gone |= {(await stored(session, storage, author)).path for _ in range(3)}
        await age(session)
        swept = await sweep.sweep(DAY)
        assert (set(swept.abandoned), swept.strays) == (gone, [])
        assert (await left(session), storage.files) == (set(), {})
        actions = await session.scalars(select(AuditEvent.action))
        assert list(actions).count(AuditAction.MEDIA_DELETED) == len(gone)

    async def test_a_dry_run_only_says_so(
        self,
        session: AsyncSession,
        storage: InMemoryFileStorage,
        sweep: MediaSweep,
        author: User,
    ) -> None:
        media = await stored(session, storage, author)
        storage.put("section/stray.mp4", MP4, "video/mp4", age=TWO_DAYS)
        await age(session)
        swept = await sweep.sweep(DAY, dry_run=True)
        assert (swept.abandoned, swept.strays) == ([media.path], ["section/stray.mp4"])
        assert await left(session) == {media.path}
        assert set(storage.files) == {media.path, "section/stray.mp4"}

    async def test_finds_strays_wherever_they_are(
        self, storage: InMemoryFileStorage, sweep: MediaSweep
    ) -> None:
        strays = {"top.mp4", "other/one.mp4", "other/deep/down/two.mp4", "section/a/three.mp4"}
        for path in strays:
            storage.put(path, MP4, "video/mp4", age=TWO_DAYS)
        assert set((await sweep.sweep(DAY)).strays) == strays
        assert storage.files == {}

    async def test_keeps_what_a_deleted_section_may_come_back_with(
        self,
        session: AsyncSession,
        storage: InMemoryFileStorage,
        sweep: MediaSweep,
        author: User,
    ) -> None:
        media = await stored(session, storage, author)
        module = await make_module(session, video_section(media))
        await age(session)
        for days, kept in ((29, {media.path}), (31, set())):
            module.sections[0].deleted_at = datetime.now(UTC) - timedelta(days=days)
            await session.commit()
            await sweep.sweep(DAY)
            assert await left(session) == kept

    @pytest.mark.parametrize("of_question", [True, False], ids=["question", "section"])
    async def test_keeps_pictures_while_their_place_is_there_or_may_come_back(
        self, session: AsyncSession, database: RollbackDatabase, author: User, *, of_question: bool
    ) -> None:
        storage = InMemoryFileStorage()
        files = [await stored(session, storage, author, kind=MediaType.PNG) for _ in range(4)]
        in_body, of_prompt, of_option, of_right = [str(each.id) for each in files]
        pictured = [{"id": "a", "text": "A", "picture": {"media_id": of_option, "alt": "A bin"}}]
        right = [{"id": "b", "text": "B", "picture": {"media_id": of_right, "alt": "A lid"}}]
        asked = single_choice(
            picture={"media_id": of_prompt, "alt": "A tray"},
            answer_metadata={"left": pictured, "right": right, "pairs": {"picture": "media_id"}},
        )
        body = f'<p>media:</p><img alt="A &lt;bin&gt;" src="media:{in_body}"><img alt="x">'
        section = quiz_section(asked, body=body)
        await make_module(session, section)
        await age(session)
        gone = {files[0].path} if of_question else set()
        for days, kept in ((None, 4), (29, 4), (31, len(gone))):
            part = asked if of_question else section
            part.deleted_at = datetime.now(UTC) - timedelta(days=days) if days else None
            await session.commit()
            await MediaSweep(database, storage).sweep(DAY)
            assert len(await left(session)) == kept
        assert await left(session) == gone

    async def test_keeps_what_content_drafts_and_evidence_name(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        storage: InMemoryFileStorage,
        author: User,
        learner: User,
    ) -> None:
        published, draft, film = [await stored(session, storage, author) for _ in range(3)]
        captions = await stored(session, storage, author, kind=MediaType.VTT)
        module = await make_module(session, video_section(published))
        await publish(database, module)
        # The published version still shows the file that was removed from the draft.
        await session.execute(text("DELETE FROM module_sections"))
        await make_module(session, video_section(draft))
        await make_module(session, video_section(film, captions_media_id=str(captions.id)))
        scan = await make_media(session, learner, MediaType.PNG, MediaPurpose.EVIDENCE)
        card = await make_media(session, learner, MediaType.PNG, MediaPurpose.EVIDENCE)
        for file in (scan, card):
            storage.put(file.path, MP4, "image/png", age=TWO_DAYS)
        in_capitals = scan_of(learner, card)
        in_capitals.evidence_reference = str(card.id).upper()
        session.add_all([scan_of(learner, scan), in_capitals])
        await session.commit()
        await age(session)
        swept = await MediaSweep(database, storage).sweep(DAY)
        assert (swept.abandoned, swept.strays) == ([], [])
        used = {media.path for media in (published, draft, film, captions, scan, card)}
        assert await left(session) == set(storage.files) == used

    async def test_an_erased_scan_goes(
        self,
        session: AsyncSession,
        storage: InMemoryFileStorage,
        sweep: MediaSweep,
        learner: User,
    ) -> None:
        scan = await stored(session, storage, learner)
        training = scan_of(learner, scan)
        session.add(training)
        await session.commit()
        await age(session)
        assert (await sweep.sweep(DAY)).abandoned == []
        training.evidence_reference = None
        await session.commit()
        assert (await sweep.sweep(DAY)).abandoned == [scan.path]

    async def test_keeps_what_is_new(
        self,
        session: AsyncSession,
        storage: InMemoryFileStorage,
        sweep: MediaSweep,
        author: User,
    ) -> None:
        media = await make_media(session, author, state=MediaState.PENDING)
        storage.put("section/new.mp4", MP4, "video/mp4")
        swept = await sweep.sweep(DAY)
        assert (swept.abandoned, swept.strays) == ([], [])
        assert await left(session) == {media.path}
        assert set(storage.files) == {"section/new.mp4"}

    async def test_finds_every_file_without_a_row(
        self, session: AsyncSession, storage: InMemoryFileStorage, sweep: MediaSweep, author: User
    ) -> None:
        media = await stored(session, storage, author)
        await make_module(session, video_section(media))
        strays = {f"{folder}/{n}.mp4" for folder in ("section", "evidence") for n in range(5)}
        for path in strays:
            storage.put(path, MP4, "video/mp4", age=TWO_DAYS)
        swept = await sweep.sweep(DAY)
        assert (set(swept.strays), swept.files) == (strays, 11)
        assert set(storage.files) == {media.path}


class TestWrongDatabase:
    @pytest.fixture(autouse=True)
    def _many_files(self, storage: InMemoryFileStorage) -> None:
        for number in range(21):
            storage.put(f"section/{number}.mp4", MP4, "video/mp4", age=TWO_DAYS)

    async def test_is_refused_before_anything_is_removed(
        self, session: AsyncSession, storage: InMemoryFileStorage, sweep: MediaSweep, author: User
    ) -> None:
        media = await make_media(session, author)
        await age(session)
        with pytest.raises(SweepRefusedError, match="21 of 21"):
            await sweep.sweep(DAY)
        assert len(storage.files) == 21
        assert await left(session) == {media.path}

    async def test_unless_it_is_confirmed(
        self, storage: InMemoryFileStorage, sweep: MediaSweep
    ) -> None:
        await sweep.sweep(DAY, confirmed=True)
        assert storage.files == {}


async def test_what_fails_in_between_is_found_again(
    session: AsyncSession,
    storage: InMemoryFileStorage,
    sweep: MediaSweep,
    author: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        raise StorageUnavailableError

    media = await stored(session, storage, author)
    await age(session)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "remove", fail)
        with pytest.raises(StorageUnavailableError):
            await sweep.sweep(DAY)
    assert await left(session) == set()
    assert (await sweep.sweep(DAY)).strays == [media.path]
    assert storage.files == {}
