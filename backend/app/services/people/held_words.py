"""The department and job title that a person is given. Steps that services share."""

import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import MISSING

from app.models import Department, JobTitle, User
from app.models.people.word import Word
from app.repositories.people.word import W, WordRepository
from app.schemas.people.employment import RehireCreate, TransferCreate
from app.schemas.people.user import UserCreate, UserInvite, UserUpdate
from app.services.unit_of_work import UnitOfWork
from app.services.word import listed_word, listing


@dataclass(frozen=True, slots=True)
class HeldWords:
    """The listed words that a payload means; MISSING where it leaves them as they are."""

    department: Department | MISSING | None
    job_title: JobTitle | MISSING | None


async def held_words(
    uow: UnitOfWork,
    payload: UserUpdate | UserCreate | UserInvite | RehireCreate | TransferCreate,
    *,
    add: bool,
) -> HeldWords:
    """Look up the words; raise InvalidPayloadError for one that is in no list, unless `add`."""
    return HeldWords(
        await _meant(uow, uow.departments, payload.department, add=add),
        await _meant(uow, uow.job_titles, payload.job_title, add=add),
    )


async def _meant(
    uow: UnitOfWork, words: WordRepository[W], written: str | MISSING | None, *, add: bool
) -> W | MISSING | None:
    if written is MISSING or written is None:
        return written
    return await listed_word(uow, words, written, f"/{words.noun}", add=add)


async def sent_attributes(
    uow: UnitOfWork, payload: RehireCreate | TransferCreate, *, add: bool
) -> dict[str, Any]:
    """Return what a payload says of an employment, without what it leaves as it is."""
    words = await held_words(uow, payload, add=add)
    sent = {
        "location_id": payload.location_id,
        "department": _name(words.department),
        "job_title": _name(words.job_title),
        "role": MISSING if payload.role is None else payload.role,
        "worker_kind": payload.worker_kind,
    }
    return {name: value for name, value in sent.items() if value is not MISSING}


async def meant_name(
    uow: UnitOfWork, words: WordRepository[W], written: str | None, *, add: bool
) -> str | None:
    word = await _meant(uow, words, written, add=add)
    return word.name if isinstance(word, Word) else None


def _name(word: Word | MISSING | None) -> str | MISSING | None:
    return word.name if isinstance(word, Word) else word


async def recorded_word(
    uow: UnitOfWork, words: WordRepository[W], name: str | None
) -> uuid.UUID | None:
    """Return the word that an employment was recorded with, by whatever name it has now."""
    if name is None:
        return None
    word = await words.spelled(name) or await listing(uow, words, name)
    return word.id if word else None


def move(user: User, words: HeldWords, before: dict[str, object], after: dict[str, object]) -> None:
    """Give the person the words; what changes is added to `before` and `after`."""
    for noun in ("department", "job_title"):
        word, held = getattr(words, noun), getattr(user, noun)
        if word is MISSING or word is held:
            continue
        before[noun] = held.name if held else None
        after[noun] = word.name if word else None
        setattr(user, f"{noun}_id", word.id if word else None)
