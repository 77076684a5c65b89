"""The lists of departments and job titles."""

import uuid
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Generic

from pydantic import MISSING, Field

from app.core.concurrency import Precondition
from app.core.errors import ConflictError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.word import comparable
from app.repositories.people.word import W, WordRepository
from app.schemas.base import ListOf
from app.schemas.people.word import WordCreate, WordMerge, WordRead, WordUpdate
from app.services.answer import Answer
from app.services.base import Service, apply, found, listed
from app.services.compliance.reconciliation import reconcile_people
from app.services.unit_of_work import UnitOfWork


class WordTakenError(ConflictError):
    """Some of these spellings belong to other words of the list."""

    code = "word_taken"
    title = "The list has this word already, as a name or as an alias"
    members: ClassVar = {"taken": Annotated[list[str], Field(examples=[["Hygiene"]])]}

    def __init__(self, taken: Collection[str] = ()) -> None:
        super().__init__(taken=sorted(taken))


class WordInUseError(ConflictError):
    code = "word_in_use"
    title = "People or rules of today or of the past have the word by this name"
    detail = "Keep these among the aliases."
    members: ClassVar = {"used": Annotated[list[str], Field(examples=[["Hygiene"]])]}

    def __init__(self, used: Collection[str]) -> None:
        super().__init__(used=sorted(used))


class WordService(Service, Generic[W]):
    @abstractmethod
    def words(self, uow: UnitOfWork) -> WordRepository[W]: ...

    async def list(self, request: PageRequest, *, confirmed: Collection[bool]) -> ListOf[WordRead]:
        async with self.reading() as uow:
            words = self.words(uow)
            page = await words.list_page(request, confirmed=confirmed)
            spellings = await words.spellings_of([word.id for word in page.items])
            return listed(page, lambda word: _read(word, spellings[word.id]))

    async def get(self, word_id: uuid.UUID) -> Answer[WordRead]:
        async with self.reading() as uow:
            words = self.words(uow)
            return await _answer(words, found(await words.by_id(word_id), words.noun))

    async def create(self, payload: WordCreate) -> Answer[WordRead]:
        async with self.work() as uow:
            words = self.words(uow)
            word = await words.make(payload.name, confirmed=True)
            if word is None:
                raise WordTakenError([payload.name])
            await _claim(words, word, payload.aliases)
            after = {"name": word.name, "aliases": payload.aliases, "confirmed": True}
            await uow.audit(AuditAction(f"{words.noun}:created"), word, after=after)
            return await uow.answer(await _answer(words, word, created=True))

    async def update(
        self, word_id: uuid.UUID, payload: WordUpdate, precondition: Precondition
    ) -> Answer[WordRead]:
        """Change a word. Who has it, now or in the past, has it by its new name at once."""
        async with self.work() as uow:
            words = self.words(uow)
            word = found(await words.by_id(word_id, lock=True), words.noun)
            precondition.require(word.etag)
            known = (await words.spellings_of([word.id]))[word.id]
            before, after = apply(word, payload, ("name", "confirmed"))
            spelled = await _respell(words, word, known, payload)
            if spelled.keys() != known.keys() or "name" in after:
                before["aliases"], after["aliases"] = _aliases(before, word, known, spelled)
            if after:
                word.touch()
                await words.save(word)
                await uow.audit(
                    AuditAction(f"{words.noun}:updated"), word, before=before, after=after
                )
            if "name" in before:
                await _reconcile(uow, words, known.keys() | spelled.keys())
            else:
                await _reconcile(uow, words, known.keys() ^ spelled.keys())
            return await _answer(words, word)

    async def merge(self, word_id: uuid.UUID, payload: WordMerge) -> Answer[WordRead]:
        """Let a word become an alias of another. People and rules that have it have that one."""
        async with self.work() as uow:
            words = self.words(uow)
            word, into = await self._pair(words, word_id, payload.into_id)
            known = (await words.spellings_of([word.id]))[word.id]
            before = {"name": word.name, "aliases": _besides(word.name, known)}
            await words.merge_into(word, into)
            into.touch()
            await words.save(into)
            after = {"into_id": into.id, "name": into.name}
            action = AuditAction(f"{words.noun}:merged")
            await uow.audit(action, word_id, before=before, after=after)
            await _reconcile(uow, words, known.keys() | {comparable(str(before["name"]))})
            return await uow.answer(await _answer(words, into))

    async def _pair(
        self, words: WordRepository[W], word_id: uuid.UUID, into_id: uuid.UUID
    ) -> tuple[W, W]:
        """Lock both, in one order, so that two merges never wait for each other."""
        locked = {each: await words.locked(each) for each in sorted({word_id, into_id})}
        word, into = found(locked[word_id], words.noun), locked[into_id]
        if into is None:
            raise InvalidPayloadError.at("/into_id", f"unknown_{words.noun}", "This is in no list")
        if into_id == word_id:
            raise InvalidPayloadError.at("/into_id", "same_word", "It is one already")
        return word, into


async def _claim(words: WordRepository[W], word: W, written: Collection[str]) -> None:
    if written and (taken := await words.claim(word.id, written)):
        raise WordTakenError(taken)


async def _respell(
    words: WordRepository[W], word: W, known: Mapping[str, str], payload: WordUpdate
) -> dict[str, str]:
    """Claim and release what is needed; return how each spelling is written now."""
    aliases = known.values() if payload.aliases is MISSING else payload.aliases
    wanted = {comparable(each): each for each in (*aliases, word.name)}
    if gone := known.keys() - wanted.keys():
        used = [each for each in await words.in_use() if comparable(each) in gone]
        if used:
            raise WordInUseError(used)
        await words.release(word.id, gone)
    await _claim(words, word, wanted.values())
    return wanted


def _aliases(
    before: Mapping[str, object], word: W, known: Mapping[str, str], spelled: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    named = str(before.get("name", word.name))
    return _besides(named, known), _besides(word.name, spelled)


def _besides(name: str, spellings: Mapping[str, str]) -> list[str]:
    return sorted(each for key, each in spellings.items() if key != comparable(name))


async def _reconcile(uow: UnitOfWork, words: WordRepository[W], spellings: Collection[str]) -> None:
    """Work out whoever has one of these spellings, at once where they are few."""
    written = [each for each in await words.in_use() if comparable(each) in spellings]
    await reconcile_people(uow, await words.people_with(written))


def _read(word: W, spellings: Mapping[str, str]) -> WordRead:
    return WordRead(
        id=word.id,
        name=word.name,
        aliases=_besides(word.name, spellings),
        confirmed=word.confirmed,
        created_at=word.created_at,
        updated_at=word.updated_at,
        etag=word.etag,
    )


async def _answer(words: WordRepository[W], word: W, *, created: bool = False) -> Answer[WordRead]:
    spellings = await words.spellings_of([word.id])
    return Answer(_read(word, spellings[word.id]), created)
