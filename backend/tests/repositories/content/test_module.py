import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.pagination import PageRequest
from app.domain.actor import Actor, Role
from app.models import ModulePrerequisite, ModuleSection, QuizQuestion, TrainingModule
from app.models.content.module import ModuleStatus
from app.repositories.content import module as module_repository
from app.repositories.content.module import Facets, ModuleFilter, ModuleRepository
from tests.factories.module import (
    make_module,
    publish,
    quiz_section,
    single_choice,
    text_section,
)
from tests.repositories.conftest import impatient
from tests.support import RollbackDatabase

AUTHOR = Actor(uuid.uuid4(), Role.AUTHOR)
LEARNER = Actor(uuid.uuid4(), Role.LEARNER)
GONE = datetime(2026, 1, 1, tzinfo=UTC)


class TestParts:
    async def test_come_with_their_owner_in_order(self, store: AsyncSession) -> None:
        questions = [single_choice(prompt=f"Question {number}?") for number in range(3)]
        module = await make_module(store, text_section(), quiz_section(*questions))
        module.sections[0].position, module.sections[1].position = 2, 1
        questions[0].position, questions[2].position = 3, 1
        await store.commit()
        store.expunge_all()
        read = await ModuleRepository(store).not_deleted(module.id)
        assert read is not None
        assert [section.kind for section in read.sections] == ["quiz", "text"]
        assert [question.prompt for question in read.sections[0].questions] == [
            "Question 2?",
            "Question 1?",
            "Question 0?",
        ]
        assert read.sections[1].questions == []

    @pytest.mark.full
    async def test_do_not_lead_back_by_accident(self, store: AsyncSession) -> None:
        """Reading the parent raises, because it would cost a statement for each row."""
        module = await make_module(store, quiz_section())
        store.expunge_all()
        section = await store.get_one(ModuleSection, module.sections[0].id)
        with pytest.raises(InvalidRequestError, match="lazy='raise'"):
            _ = section.module
        with pytest.raises(InvalidRequestError, match="lazy='raise'"):
            _ = section.questions[0].section

    async def test_leave_with_their_owner(self, store: AsyncSession) -> None:
        module = await make_module(store, text_section(), quiz_section())
        module.sections.remove(module.sections[1])
        await store.flush()
        counted = [
            await store.scalar(select(func.count()).select_from(model))
            for model in (ModuleSection, QuizQuestion)
        ]
        assert counted == [1, 0]

    async def test_unbounded_directions_are_not_mapped(self) -> None:
        """What may be many, such as the enrollments of a person, is read by queries with pages."""
        from app.models import Enrollment, User  # noqa: PLC0415  # beside what is said of them

        assert set(TrainingModule.__mapper__.relationships.keys()) == {"sections"}
        assert set(User.__mapper__.relationships.keys()) == {"department", "job_title", "location"}
        assert set(Enrollment.__mapper__.relationships.keys()) == {"progress"}


class TestSlugs:
    async def test_one_live_module_for_one_slug(self, store: AsyncSession) -> None:
        await make_module(store, slug="hygiene")
        with pytest.raises(IntegrityError):
            await make_module(store, slug="hygiene")

    async def test_deleted_ones_do_not_hold_a_slug(self, store: AsyncSession) -> None:
        for _ in range(2):
            await make_module(store, slug="hygiene", deleted_at=GONE)
        module = await make_module(store, slug="hygiene")
        assert await ModuleRepository(store).by_slug("hygiene") is module

    async def test_of_a_stem(self, session: AsyncSession) -> None:
        for slug in ("care", "care-2", "care_2", "careful", "ca-re"):
            await make_module(session, slug=slug)
        await make_module(session, slug="care-3", deleted_at=GONE)
        assert await ModuleRepository(session).slugs_like("care") == {"care", "care-2"}
        assert await ModuleRepository(session).slugs_like("%") == set()


class TestDeletion:
    async def test_hides_a_module_everywhere(self, store: AsyncSession) -> None:
        module = await make_module(store, deleted_at=GONE)
        modules = ModuleRepository(store)
        assert await modules.not_deleted(module.id) is None
        assert await modules.by_slug(module.slug) is None
        assert await modules.card(module.id, author=True) is None
        assert await modules.existing_ids([module.id]) == set()
        page = await modules.catalogue(AUTHOR, ModuleFilter(), PageRequest(include_total=True))
        assert (page.items, page.total) == ([], 0)

    async def test_can_be_undone(self, store: AsyncSession) -> None:
        module = await make_module(store, deleted_at=GONE)
        kept = await make_module(store)
        modules = ModuleRepository(store)
        assert await modules.deleted(module.id) is module
        assert await modules.deleted(kept.id) is None


class TestCatalogue:
    async def test_authors_see_drafts(self, store: AsyncSession) -> None:
        module = await make_module(store, text_section(), text_section(), title="Draft")
        page = await ModuleRepository(store).catalogue(AUTHOR, ModuleFilter(), PageRequest())
        (card,) = page.items
        assert (card.id, card.title, card.section_count) == (module.id, "Draft", 2)
        assert (card.status, card.current_version) == (ModuleStatus.DRAFT, None)

    async def test_learners_see_what_is_published(
        self, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await make_module(session, title="Published")
        await publish(database, module)
        await session.refresh(module)
        module.title = "Renamed since"
        await session.commit()
        archived = await make_module(session)
        await publish(database, archived)
        await session.refresh(archived)
        archived.status = ModuleStatus.ARCHIVED
        await make_module(session)
        await session.commit()
        page = await ModuleRepository(session).catalogue(LEARNER, ModuleFilter(), PageRequest())
        assert [(card.title, card.current_version) for card in page.items] == [("Published", 1)]

    async def test_filters(self, session: AsyncSession) -> None:
        await make_module(session, slug="a", category="Safety", tags=["osha", "annual"])
        await make_module(session, slug="b", category="Privacy", tags=["osha annual"])
        cases = {
            ModuleFilter(categories=("SAFETY",)): ["a"],
            ModuleFilter(tags=("osha",)): ["a"],
            ModuleFilter(tags=("osha", "osha annual")): ["a", "b"],
            ModuleFilter(categories=("safety", "PRIVACY")): ["a", "b"],
            ModuleFilter(languages=("es",)): [],
            ModuleFilter(languages=("es", "en")): ["a", "b"],
            ModuleFilter(tags=("osha annual",)): ["b"],
            ModuleFilter(tags=('osha"',)): [],
            ModuleFilter(statuses=(ModuleStatus.DRAFT,)): ["a", "b"],
            ModuleFilter(statuses=(ModuleStatus.PUBLISHED,)): [],
        }
        for filters, slugs in cases.items():
            page = await ModuleRepository(session).catalogue(AUTHOR, filters, PageRequest())
            assert sorted(card.slug for card in page.items) == slugs, filters

    @pytest.mark.parametrize(
        ("q", "slugs"),
        [
            ("pathogen", ["blood"]),
            ("bloodborne AND pathogens", ["blood"]),
            ("exposures", ["blood"]),
            ("safety", ["blood", "radiation"]),
            ("safety -radiation", ["blood"]),
            ('"exposure control"', ["blood"]),
            ("x-ray", ["radiation"]),
            ("the", []),
            ("patho", ["blood"]),
            ("borne expo", ["blood"]),
            ("RAY", ["radiation"]),
            ("borne radiation", []),
            ("100%", []),
            ("_", []),
            ("-patho", ["blood", "radiation"]),
            ("&|!():*'", []),
            ("nothing", []),
        ],
    )
    async def test_search_reads_title_summary_category_and_tags(
        self, session: AsyncSession, q: str, slugs: list[str]
    ) -> None:
        await make_module(
            session,
            slug="blood",
            title="Bloodborne Pathogens",
            summary="The exposure control plan",
            category="Safety",
        )
        await make_module(session, slug="radiation", title="Radiation safety", tags=["x-ray"])
        page = await ModuleRepository(session).catalogue(
            AUTHOR, ModuleFilter(q=q), PageRequest(include_total=True)
        )
        assert sorted(card.slug for card in page.items) == slugs
        assert page.total == len(slugs)

    @pytest.mark.parametrize(
        ("q", "slugs"),
        [
            ("inyección", ["es"]),
            ("inyeccion", ["es"]),
            ("INYECCIONES", ["es"]),
            ("manos -agujas", ["es"]),
            ("blessure", ["fr"]),
            ("blessures piqûre", ["fr"]),
            ("lavado", ["es"]),
            ("ワクチン", ["ja"]),
            ("hands", ["en"]),
        ],
    )
    async def test_words_have_the_forms_of_their_language(
        self, session: AsyncSession, q: str, slugs: list[str]
    ) -> None:
        texts = {
            "es": ("es-MX", "Lavarse las manos", "Antes de las inyecciones y al lavar"),
            "fr": ("fr", "Prévenir les piqûres", "Une blessure est vite faite"),
            "ja": ("ja", "ワクチン", ""),
            "en": ("en", "Washing a hand", ""),
        }
        for slug, (language, title, summary) in texts.items():
            await make_module(session, slug=slug, language=language, title=title, summary=summary)
        page = await ModuleRepository(session).catalogue(AUTHOR, ModuleFilter(q=q), PageRequest())
        assert sorted(card.slug for card in page.items) == slugs


class TestFacets:
    async def test_count_what_the_actor_finds(self, session: AsyncSession) -> None:
        await make_module(session, category="Safety", tags=["osha", "annual"])
        await make_module(session, category="Safety", tags=["osha"], language="es")
        await make_module(session, category=None)
        facets = await ModuleRepository(session).facets(AUTHOR)
        assert facets == Facets(
            categories=[("Safety", 2)],
            tags=[("annual", 1), ("osha", 2)],
            languages=[("en", 2), ("es", 1)],
        )

    async def test_learners_find_no_drafts(self, session: AsyncSession) -> None:
        await make_module(session, category="Secret", tags=["secret"])
        assert await ModuleRepository(session).facets(LEARNER) == Facets([], [], [])
        assert await ModuleRepository(session).vocabulary(LEARNER) == []


class TestVocabulary:
    async def test_words_of_titles_categories_and_tags(self, session: AsyncSession) -> None:
        await make_module(session, title="Hände & Hygiene", category="Safety", tags=["osha-30"])
        await make_module(session, title=f"HYGIENE of {'x' * 31}", category=None, tags=[])
        found = await ModuleRepository(session).vocabulary(AUTHOR)
        assert found == ["hygiene", "hände", "osha", "safety"]

    async def test_is_bounded_in_words(
        self, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many words a module has: those that most modules have are kept."""
        monkeypatch.setattr(module_repository, "MAX_VOCABULARY", 3)
        tags = [" ".join(f"word{n}x{m}" for m in range(10)) for n in range(30)]
        await make_module(session, title="Hand hygiene", tags=tags)
        await make_module(session, title="Hygiene", tags=[])
        found = await ModuleRepository(session).vocabulary(AUTHOR)
        assert (len(found), found[0]) == (3, "hygiene")


class TestPrerequisites:
    async def test_cycles_are_found_however_long(self, store: AsyncSession) -> None:
        first, second, third, other = [(await make_module(store)).id for _ in range(4)]
        store.add_all(
            [
                ModulePrerequisite(module_id=first, requires_id=second),
                ModulePrerequisite(module_id=second, requires_id=third),
            ]
        )
        await store.flush()
        modules = ModuleRepository(store)
        assert await modules.would_cycle(third, [first])
        assert await modules.would_cycle(third, [other, first])
        assert await modules.would_cycle(first, [first])
        assert not await modules.would_cycle(first, [third, other])
        assert not await modules.would_cycle(first, [])
        assert await modules.prerequisite_ids(first) == [second]

    async def test_are_replaced(self, session: AsyncSession) -> None:
        module, first, second = [(await make_module(session)).id for _ in range(3)]
        modules = ModuleRepository(session)
        for ids in ([first], [first, second, first], [second], []):
            await modules.replace_prerequisites(module, ids)
            assert await modules.prerequisite_ids(module) == sorted(set(ids))


async def test_editors_of_a_module_queue(committed_database: Database) -> None:
    async with committed_database.writing() as first, committed_database.writing() as second:
        module = await make_module(first)
        await ModuleRepository(first).not_deleted(module.id, lock=True)
        await impatient(second)
        with pytest.raises(DBAPIError, match="lock timeout"):
            await ModuleRepository(second).not_deleted(module.id, lock=True)
