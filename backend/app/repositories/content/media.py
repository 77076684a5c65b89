import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    and_,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database import SoftDeletable
from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.domain.content.media.file import MediaPurpose, MediaState, MediaType
from app.domain.content.media.picture import FILE_IN_BODY, SCHEME
from app.domain.content.section_kind import MEDIA_FIELDS
from app.models import (
    Enrollment,
    ExternalEvidence,
    Media,
    ModuleSection,
    QuizQuestion,
    VersionMedia,
)
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.base import Orders, Repository, any_of
from app.repositories.content.deletion import restorable
from app.repositories.people.visibility import owner_visible_to

MediaId: TypeAlias = ColumnElement[uuid.UUID] | InstrumentedAttribute[uuid.UUID]


@dataclass(frozen=True, slots=True)
class MediaFilter:
    states: tuple[MediaState, ...] = ()
    content_types: tuple[MediaType, ...] = ()


_OF_ITEMS: Final = func.jsonb_path_query(
    QuizQuestion.answer_metadata, cast("$.*[*].picture.media_id", JSONPATH), type_=JSONB
)
MEDIA_ORDERS = Orders("-created_at", Media.id, created_at=Media.created_at)


class MediaRepository(Repository[Media]):
    model = Media

    async def get_visible(self, media_id: uuid.UUID, actor: Actor) -> Media | None:
        statement = select(Media).where(Media.id == media_id, _visible_to(actor))
        return (await self.session.scalars(statement)).one_or_none()

    async def readable_paths(
        self, media_ids: Collection[uuid.UUID], actor: Actor
    ) -> dict[uuid.UUID, str]:
        """Return where those of the files are that the actor may read and that are ready."""
        statement = select(Media.id, Media.path).where(
            Media.id.in_(media_ids), _visible_to(actor), Media.state == MediaState.READY
        )
        return {row.id: row.path for row in await self.session.execute(statement)}

    async def get_changeable(
        self, media_id: uuid.UUID, actor: Actor, *, lock: bool = False
    ) -> Media | None:
        """Return a file if the actor may complete and delete it, not only see it."""
        statement = select(Media).where(Media.id == media_id, _changeable_by(actor))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.scalars(statement)).one_or_none()

    async def list_of_sections(self, filters: MediaFilter, request: PageRequest) -> Page[Media]:
        """List the files for sections, newest first."""
        statement = select(Media).where(
            Media.purpose == MediaPurpose.SECTION,
            *any_of(Media.state, filters.states),
            *any_of(Media.declared_type, filters.content_types),
        )
        return await self.page(statement, request, MEDIA_ORDERS)

    async def keep(self, media_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Media]:
        """Return the files that exist, locked against deletion until the transaction ends."""
        wanted = set(media_ids)
        if not wanted:
            return {}
        statement = (
            select(Media).where(Media.id.in_(wanted)).with_for_update(read=True, key_share=True)
        )
        return {media.id: media for media in await self.session.scalars(statement)}

    async def add_to_version(self, version_id: uuid.UUID, media_ids: set[uuid.UUID]) -> None:
        self.session.add_all(
            VersionMedia(version_id=version_id, media_id=media_id) for media_id in media_ids
        )
        await self.session.flush()

    async def is_used(self, media_id: uuid.UUID) -> bool:
        """Tell whether a version, a draft or evidence uses the file, whose row is locked."""
        text = literal(str(media_id))
        return bool(await self.session.scalar(select(_used(literal(media_id), text))))

    async def abandoned(
        self, before: datetime, *, after: uuid.UUID | None, limit: int
    ) -> list[Media]:
        """List files that nothing uses and that have not changed since an instant, by id."""
        statement = select(Media).where(_abandoned(before))
        if after is not None:
            statement = statement.where(Media.id > after)
        return list(await self.session.scalars(statement.order_by(Media.id).limit(limit)))

    async def delete_abandoned(
        self, media_ids: Sequence[uuid.UUID], before: datetime
    ) -> list[Media]:
        """Delete those that are still unused after their rows have been locked."""
        locked = select(Media.id).where(Media.id.in_(media_ids)).order_by(Media.id)
        # Checked again in a second statement, because the first may have waited for the lock of a
        # transaction that began to use a file.
        free = list(await self.session.scalars(locked.with_for_update(skip_locked=True)))
        statement = delete(Media).where(Media.id.in_(free), _abandoned(before)).returning(Media)
        return list(await self.session.scalars(statement))

    async def known_paths(self, bucket: str, paths: Sequence[str]) -> set[str]:
        statement = select(Media.path).where(Media.bucket == bucket, Media.path.in_(paths))
        return set(await self.session.scalars(statement))


def _visible_to(actor: Actor) -> ColumnElement[bool]:
    of_sections = true() if actor.writes_modules else _shown_to(actor)
    return or_(
        and_(Media.purpose == MediaPurpose.SECTION, of_sections),
        and_(Media.purpose == MediaPurpose.EVIDENCE, owner_visible_to(actor, Media.owner_id)),
    )


def _changeable_by(actor: Actor) -> ColumnElement[bool]:
    evidence = and_(Media.purpose == MediaPurpose.EVIDENCE, owner_visible_to(actor, Media.owner_id))
    return (
        or_(Media.purpose == MediaPurpose.SECTION, evidence) if actor.writes_modules else evidence
    )


def _shown_to(actor: Actor) -> ColumnElement[bool]:
    """Match the files of the versions in which the actor is or was enrolled."""
    return exists().where(
        VersionMedia.media_id == Media.id,
        Enrollment.version_id == VersionMedia.version_id,
        Enrollment.user_id.in_(actor.entry_ids),
        Enrollment.status != EnrollmentStatus.WITHDRAWN,
    )


def _abandoned(before: datetime) -> ColumnElement[bool]:
    # Pending and rejected files cannot be in use, because services accept only ready ones.
    text = cast(Media.id, String)
    return and_(Media.updated_at < before, ~_used(Media.id, text), ~text.in_(_named_by(_kept)))


def _used(media_id: MediaId, text: ColumnElement[str]) -> ColumnElement[bool]:
    evidence = exists().where(func.lower(ExternalEvidence.evidence_reference) == text)
    return or_(_published(media_id), evidence, text.in_(_named_by(_is_there)))


def _is_there(part: type[SoftDeletable]) -> ColumnElement[bool]:
    return part.deleted_at.is_(None)


def _kept(part: type[SoftDeletable]) -> ColumnElement[bool]:
    return or_(_is_there(part), restorable(part))


def _named_by(counts: Callable[[type[SoftDeletable]], ColumnElement[bool]]) -> CompoundSelect[str]:
    """Select the ids of the files that drafts name, as text, in one scan of all drafts.

    These are the files that `app.domain.content.media.use` yields of a single draft.
    """
    of_sections = counts(ModuleSection)
    of_questions = and_(
        QuizQuestion.section_id == ModuleSection.id, of_sections, counts(QuizQuestion)
    )
    in_settings = (ModuleSection.settings[field].as_string() for field in MEDIA_FIELDS)
    in_body = func.regexp_matches(ModuleSection.body, FILE_IN_BODY, "g", type_=ARRAY(String))[1]
    of_question = QuizQuestion.picture["media_id"].as_string()
    return union_all(
        *(select(each).where(of_sections, each.is_not(None)) for each in in_settings),
        select(in_body).where(of_sections, ModuleSection.body.contains(SCHEME)),
        select(of_question).where(of_questions, of_question.is_not(None)),
        select(_OF_ITEMS.op("#>>")(cast([], ARRAY(String)))).where(of_questions),
    )


def _published(media_id: MediaId) -> ColumnElement[bool]:
    return exists().where(VersionMedia.media_id == media_id)
