"""Lists of words: what departments and job titles have in common."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, union, union_all, update
from sqlalchemy.dialects.postgresql import insert

from app.core.pagination import Page, PageRequest
from app.domain.word import comparable
from app.models import EmploymentChange, Position, RequirementVersion, User
from app.models.people.word import Spelling, Word
from app.repositories.base import Orders, Repository, any_of, caseless

W = TypeVar("W", bound=Word)

_RECORDS = (EmploymentChange, Position)


def word_orders(model: type[Word]) -> Orders:
    return Orders("name", model.id, name=caseless(model.name))


class WordRepository(Repository[W], Generic[W]):
    noun: ClassVar[str]
    """Also the name of the columns of employments and positions that have such a word, and, in the
    plural, of the member of an audience that names such words."""

    model: ClassVar[type[Any]]
    spellings: ClassVar[type[Spelling]]
    orders: ClassVar[Orders]

    @property
    def _held(self) -> list[ColumnElement[str | None]]:
        return [model.__table__.c[self.noun] for model in _RECORDS]

    async def make(self, name: str, *, confirmed: bool) -> W | None:
        """List a word; return None when there is one of this spelling."""
        values = {"name": name, "confirmed": confirmed}
        statement = insert(self.model).values(values).on_conflict_do_nothing()
        made: W | None = (await self.session.scalars(statement.returning(self.model))).one_or_none()
        if made is not None and await self.claim(made.id, [name]):
            # Somebody has listed it since, as a name or as an alias of another word.
            await self.delete(made)
            return None
        return made

    async def claim(self, word_id: uuid.UUID, written: Iterable[str]) -> list[str]:
        """Give spellings to a word; return those that belong to another.

        Waits for whoever is claiming one of them.
        """
        # In one order everywhere, so that two claims never wait for each other.
        rows = {comparable(each): each for each in written}
        values = [
            {"spelling": each, "written": rows[each], "word_id": word_id} for each in sorted(rows)
        ]
        statement = insert(self.spellings).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["spelling"],
            set_={"written": statement.excluded.written},
            where=self.spellings.word_id == statement.excluded.word_id,
        )
        claimed = await self.session.scalars(statement.returning(self.spellings.spelling))
        return sorted(rows[each] for each in rows.keys() - set(claimed))

    async def release(self, word_id: uuid.UUID, spellings: Collection[str]) -> None:
        await self.session.execute(
            delete(self.spellings).where(
                self.spellings.word_id == word_id, self.spellings.spelling.in_(spellings)
            )
        )

    async def by_id(self, word_id: uuid.UUID, *, lock: bool = False) -> W | None:
        found: W | None = await self.session.get(self.model, word_id, with_for_update=lock or None)
        return found

    async def locked(self, word_id: uuid.UUID) -> W | None:
        """Lock a word against other changes of it, and not against being given to people."""
        statement = select(self.model).where(self.model.id == word_id)
        found: W | None = (
            await self.session.scalars(statement.with_for_update(key_share=True))
        ).one_or_none()
        return found

    async def spelled(self, written: str) -> W | None:
        """Return the word that is meant by a name or an alias."""
        return (await self.session.scalars(self._spelled(written))).first()

    async def held(self, written: str) -> W | None:
        """Return the word that is meant; nobody merges it away until the transaction ends."""
        statement = self._spelled(written).with_for_update(read=True, key_share=True, of=self.model)
        word = (await self.session.scalars(statement)).first()
        # Nothing is found where a merge was waited for. By now its spelling is of another word.
        return word or (await self.session.scalars(statement)).first()

    async def merge_into(self, word: W, into: W) -> None:
        """Let one word become an alias of another, and whoever has it have that one.

        Whoever is giving somebody the word at this moment is waited for.
        """
        await self.claim(into.id, [into.name])
        await self.session.execute(
            update(self.spellings)
            .where(self.spellings.word_id == word.id)
            .values(word_id=into.id)
            .execution_options(synchronize_session=False)
        )
        await self.claim(into.id, [word.name])
        await self._give(word, into)
        await self.session.refresh(word, with_for_update=True)
        await self._give(word, into)
        await self.delete(word)

    async def _give(self, word: W, into: W) -> None:
        column = User.__table__.c[f"{self.noun}_id"]
        # Locked in one order, so that two of these never wait for each other.
        people = select(User.id).where(column == word.id).order_by(User.id)
        values = {column.name: into.id, "revision": User.revision + 1, "updated_at": func.now()}
        await self.session.execute(
            update(User)
            .where(User.id.in_(people.with_for_update(key_share=True)))
            .values(values)
            .execution_options(synchronize_session=False)
        )

    def _spelled(self, written: str) -> Select[Any]:
        spelling = self.spellings.spelling
        # Former releases list departments without their spelling.
        unclaimed = func.lower(self.model.name) == written.lower()
        return (
            select(self.model)
            .outerjoin(
                self.spellings,
                (self.spellings.word_id == self.model.id) & (spelling == comparable(written)),
            )
            .where(or_(spelling.is_not(None), unclaimed))
            .order_by(spelling.is_(None))
            .limit(1)
        )

    async def written(self) -> list[str]:
        """Return all names and aliases."""
        names = union_all(select(self.model.name), select(self.spellings.written))
        return sorted(set(await self.session.scalars(names)))

    async def list_page(self, request: PageRequest, *, confirmed: Collection[bool] = ()) -> Page[W]:
        statement: Select[Any] = select(self.model).where(*any_of(self.model.confirmed, confirmed))
        return await self.page(statement, request, self.orders)

    async def spellings_of(
        self, word_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, dict[str, str]]:
        """Return, for each word, how each of its spellings is written."""
        spelling = self.spellings
        statement = select(spelling.word_id, spelling.spelling, spelling.written)
        found: dict[uuid.UUID, dict[str, str]] = defaultdict(dict)
        for row in await self.session.execute(statement.where(spelling.word_id.in_(word_ids))):
            found[row[0]][row[1]] = row[2]
        return found

    async def in_use(self) -> set[str]:
        """Return how such words are written in employments and in rules, past ones included."""
        audience = RequirementVersion.rule["audience"][f"{self.noun}s"]
        named = select(func.jsonb_array_elements_text(audience)).where(
            func.jsonb_typeof(audience) == "array"
        )
        held = [select(each).where(each.is_not(None)).distinct() for each in self._held]
        return set(await self.session.scalars(union_all(*held, named)))

    async def people_with(self, written: Collection[str]) -> list[uuid.UUID]:
        """Return whoever has or had one of these words, as it is written on record."""
        holders = (
            select(model.__table__.c.user_id).where(held.in_(written))
            for model, held in zip(_RECORDS, self._held, strict=True)
        )
        return sorted(await self.session.scalars(union(*holders)))
