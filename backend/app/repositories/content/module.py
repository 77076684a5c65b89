import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, REGCONFIG, insert

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.domain.content.search import (
    DICTIONARIES,
    LONGEST,
    MAX_VOCABULARY,
    SHORTEST,
    plain_words,
)
from app.models import ModulePrerequisite, ModuleSection, ModuleVersion, TrainingModule
from app.models.content.module import ModuleStatus
from app.repositories.base import Orders, Repository, any_of, caseless
from app.repositories.content.deletion import restorable


@dataclass(frozen=True, slots=True)
class ModuleFilter:
    q: str | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    statuses: tuple[ModuleStatus, ...] = ()


DRAFT_ORDERS = Orders("title", TrainingModule.id, title=caseless(TrainingModule.title))
CATALOGUE_ORDERS = Orders("title", ModuleVersion.id, title=caseless(ModuleVersion.title))


@dataclass(frozen=True, slots=True)
class Card:
    """What the catalogue shows of a module: the draft to authors, the current version to others."""

    id: uuid.UUID
    slug: str
    status: ModuleStatus
    title: str
    summary: str
    category: str | None
    tags: list[str]
    language: str
    estimated_minutes: int | None
    section_count: int
    current_version: int | None
    unpublished_changes: bool | None
    """None for others than authors."""

    revision: int | None
    """None for others than authors."""

    @property
    def etag(self) -> str | None:
        return None if self.revision is None else f'"{self.id}.{self.revision}"'


@dataclass(frozen=True, slots=True)
class Facets:
    """The words that modules are filed under, with the number of modules of each."""

    categories: list[tuple[str, int]]
    tags: list[tuple[str, int]]
    languages: list[tuple[str, int]]


_BETWEEN_WORDS = "[[:space:][:punct:]]+"

_DRAFT_SECTIONS = (
    select(func.count())
    .where(ModuleSection.module_id == TrainingModule.id, ModuleSection.deleted_at.is_(None))
    .correlate(TrainingModule)
    .scalar_subquery()
)
_UNPUBLISHED = or_(
    TrainingModule.current_version_id.is_(None),
    TrainingModule.draft_sha256.is_distinct_from(TrainingModule.published_draft_sha256),
)


class ModuleRepository(Repository[TrainingModule]):
    model = TrainingModule

    async def not_deleted(
        self, module_id: uuid.UUID, *, lock: bool = False
    ) -> TrainingModule | None:
        """Return a module with its sections and questions; `lock` serialises its editors.

        The lock lets rows that refer to the module come and go: enrollments, and prerequisites of
        other modules, whose editors would otherwise wait for each other.
        """
        statement = select(TrainingModule).where(
            TrainingModule.id == module_id, TrainingModule.deleted_at.is_(None)
        )
        if lock:
            await self.session.execute(
                select(TrainingModule.id)
                .where(TrainingModule.id == module_id)
                .with_for_update(key_share=True)
            )
        return (await self.session.scalars(statement)).one_or_none()

    async def deleted(self, module_id: uuid.UUID) -> TrainingModule | None:
        statement = (
            select(TrainingModule)
            .where(TrainingModule.id == module_id, TrainingModule.deleted_at.is_not(None))
            .with_for_update(key_share=True)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def read_parts(self, owner: TrainingModule | ModuleSection) -> None:
        """Write what was changed, and read again which parts a module or a section has."""
        await self.session.flush()
        parts = "sections" if isinstance(owner, TrainingModule) else "questions"
        await self.session.refresh(owner, [parts])

    async def deleted_section(
        self, module_id: uuid.UUID, section_id: uuid.UUID
    ) -> ModuleSection | None:
        """Return a section that may still be restored; the caller holds the module's lock."""
        statement = select(ModuleSection).where(
            ModuleSection.id == section_id,
            ModuleSection.module_id == module_id,
            restorable(ModuleSection),
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def deleted_sections(self, module_id: uuid.UUID) -> list[ModuleSection]:
        """List the sections that may still be restored, the last one deleted first."""
        statement = (
            select(ModuleSection)
            .where(ModuleSection.module_id == module_id, restorable(ModuleSection))
            .order_by(ModuleSection.deleted_at.desc(), ModuleSection.id)
        )
        return list(await self.session.scalars(statement))

    async def references(
        self, module_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, dict[str, Any]]:
        """Return what a reference to each module says, deleted ones included."""
        statement = select(TrainingModule.id, TrainingModule.title, TrainingModule.category).where(
            TrainingModule.id.in_(module_ids)
        )
        found = await self.session.execute(statement)
        return {
            module_id: {"id": module_id, "title": title, "category": category}
            for module_id, title, category in found
        }

    async def by_slug(self, slug: str) -> TrainingModule | None:
        statement = select(TrainingModule).where(
            TrainingModule.slug == slug, TrainingModule.deleted_at.is_(None)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def lock_slugs(self) -> None:
        await self.session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended("module_slugs", 0)))
        )

    async def slugs_like(self, stem: str) -> set[str]:
        """Return the slugs that begin with `stem`; nobody else takes one until the commit."""
        await self.lock_slugs()
        statement = select(TrainingModule.slug).where(
            or_(
                TrainingModule.slug == stem,
                TrainingModule.slug.startswith(f"{stem}-", autoescape=True),
            ),
            TrainingModule.deleted_at.is_(None),
        )
        return set(await self.session.scalars(statement))

    async def catalogue(
        self, actor: Actor, filters: ModuleFilter, request: PageRequest
    ) -> Page[Card]:
        author = actor.writes_modules
        source = TrainingModule if author else ModuleVersion
        statement = _cards(author=author).where(*_criteria(source, filters))
        orders = DRAFT_ORDERS if author else CATALOGUE_ORDERS
        return await self.page_of(Card, statement, request, orders)

    async def vocabulary(self, actor: Actor) -> list[str]:
        """Return words of the titles, categories and tags that the actor can find.

        The most frequent ones where there are more than MAX_VOCABULARY.
        """
        cards = _cards(author=actor.writes_modules).subquery()
        written = func.concat_ws(" ", cards.c.title, cards.c.category, cast(cards.c.tags, String))
        words = func.regexp_split_to_table(func.lower(written), _BETWEEN_WORDS)
        said = select(words.label("word")).select_from(cards).subquery()
        statement = (
            select(said.c.word)
            .where(func.length(said.c.word).between(SHORTEST, LONGEST))
            .group_by(said.c.word)
            .order_by(func.count().desc(), said.c.word)
            .limit(MAX_VOCABULARY)
        )
        return list(await self.session.scalars(statement))

    async def facets(self, actor: Actor) -> Facets:
        """Count what the actor can find by category, tag and language, each in its order."""
        cards = _cards(author=actor.writes_modules).subquery()
        tag = func.jsonb_array_elements_text(cast(cards.c.tags, JSONB)).table_valued("value")
        tagged = select(tag.c.value).select_from(cards).join(tag, true()).subquery()
        return Facets(
            await self._counts(select(cards.c.category.label("value")).subquery()),
            await self._counts(tagged),
            await self._counts(select(cards.c.language.label("value")).subquery()),
        )

    async def _counts(self, values: Subquery) -> list[tuple[str, int]]:
        statement = (
            select(values.c.value, func.count())
            .where(values.c.value.is_not(None))
            .group_by(values.c.value)
            .order_by(func.lower(values.c.value), values.c.value)
        )
        return [(value, count) for value, count in await self.session.execute(statement)]

    async def card(self, module_id: uuid.UUID, *, author: bool) -> Card | None:
        row = (
            await self.session.execute(_cards(author=author).where(TrainingModule.id == module_id))
        ).one_or_none()
        return None if row is None else Card(*row)

    async def prerequisite_ids(self, module_id: uuid.UUID) -> list[uuid.UUID]:
        statement = (
            select(ModulePrerequisite.requires_id)
            .where(ModulePrerequisite.module_id == module_id)
            .order_by(ModulePrerequisite.requires_id)
        )
        return list(await self.session.scalars(statement))

    async def replace_prerequisites(
        self, module_id: uuid.UUID, required_ids: Sequence[uuid.UUID]
    ) -> None:
        await self.session.execute(
            delete(ModulePrerequisite).where(
                ModulePrerequisite.module_id == module_id,
                ModulePrerequisite.requires_id.not_in(required_ids),
            )
        )
        if required_ids:
            rows = [{"module_id": module_id, "requires_id": required} for required in required_ids]
            await self.session.execute(
                insert(ModulePrerequisite).values(rows).on_conflict_do_nothing()
            )

    async def would_cycle(self, module_id: uuid.UUID, required_ids: Sequence[uuid.UUID]) -> bool:
        """Whether any of `required_ids` already requires `module_id`, however indirectly."""
        chain = (
            select(ModulePrerequisite.requires_id)
            .where(ModulePrerequisite.module_id.in_(required_ids))
            .cte(recursive=True)
        )
        chain = chain.union(
            select(ModulePrerequisite.requires_id).join(
                chain, ModulePrerequisite.module_id == chain.c.requires_id
            )
        )
        reached = await self.session.scalars(select(chain.c.requires_id))
        return module_id in {*required_ids, *reached}

    async def existing_ids(self, module_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        statement = select(TrainingModule.id).where(
            TrainingModule.id.in_(module_ids), TrainingModule.deleted_at.is_(None)
        )
        return set(await self.session.scalars(statement))

    async def lock_all_prerequisites(self) -> None:
        """Let one transaction at a time change prerequisites; two could close a cycle together."""
        await self.session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended("module_prerequisites", 0)))
        )


def _cards(*, author: bool) -> Select[Any]:
    source = TrainingModule if author else ModuleVersion
    sections = _DRAFT_SECTIONS if author else func.jsonb_array_length(ModuleVersion.outline)
    statement = select(
        TrainingModule.id,
        TrainingModule.slug,
        TrainingModule.status,
        source.title,
        source.summary,
        source.category,
        source.tags,
        source.language,
        source.estimated_minutes,
        sections,
        ModuleVersion.number,
        (_UNPUBLISHED if author else null()).label("unpublished_changes"),
        (TrainingModule.revision if author else null()).label("revision"),
    ).where(TrainingModule.deleted_at.is_(None))
    current = ModuleVersion.id == TrainingModule.current_version_id
    if author:
        return statement.outerjoin(ModuleVersion, current)
    return statement.join(ModuleVersion, current).where(
        TrainingModule.status == ModuleStatus.PUBLISHED
    )


def _criteria(
    source: type[TrainingModule | ModuleVersion], filters: ModuleFilter
) -> list[ColumnElement[bool]]:
    tagged = [cast(source.tags, JSONB).contains([tag]) for tag in filters.tags]
    return [
        *([_matches(source, filters.q)] if filters.q else []),
        *any_of(func.lower(source.category), [each.lower() for each in filters.categories]),
        *([or_(*tagged)] if tagged else []),
        *any_of(source.language, filters.languages),
        *any_of(TrainingModule.status, filters.statuses),
    ]


def _matches(source: type[TrainingModule | ModuleVersion], text: str) -> ColumnElement[bool]:
    """Search for words in all their forms, and for parts of words as somebody types them.

    The forms are those of the module's language, whatever that of the person who asks is.
    """
    english = literal("english", REGCONFIG)
    words = source.title + " " + source.summary + " " + func.coalesce(source.category, "")
    language = func.split_part(func.lower(source.language), "-", 1)
    known = [(language == tag, literal(name, REGCONFIG)) for tag, name in DICTIONARIES.items()]
    # The first expression is that of the indexes ix_..._search.
    found = or_(
        _has_words(source, words, english, text),
        and_(language != "en", _has_words(source, words, case(*known, else_=english), text)),
    )
    query = func.websearch_to_tsquery(english, text)
    typed = plain_words(text)
    if not typed:
        return found
    everything = words + " " + cast(source.tags, String)
    parts = (everything.icontains(word, autoescape=True) for word in typed)
    # Words such as "the" are in every text; the search leaves them out of its query.
    return or_(found, and_(func.numnode(query) > 0, *parts))


def _has_words(
    source: type[TrainingModule | ModuleVersion],
    words: ColumnElement[str],
    dictionary: ColumnElement[Any],
    text: str,
) -> ColumnElement[bool]:
    tags = func.to_tsvector(dictionary, source.tags)
    document = func.to_tsvector(dictionary, words).op("||")(tags)
    return document.bool_op("@@")(func.websearch_to_tsquery(dictionary, text))
