"""Words of lists, as people enter them. Steps that services share."""

from collections.abc import Iterable, Sequence

from app.core.errors import FieldError, InvalidPayloadError
from app.domain.audit import AuditAction
from app.domain.word import near
from app.repositories.people.word import W, WordRepository
from app.services.unit_of_work import UnitOfWork


async def listed_word(
    uow: UnitOfWork, words: WordRepository[W], written: str, pointer: str, *, add: bool = False
) -> W:
    """Return the word that is meant; raise InvalidPayloadError where it is in no list.

    With `add` the list gets it, for an admin to confirm.
    """
    word = await _meant(uow, words, written, add=add)
    if word is None:
        raise InvalidPayloadError([await _unlisted(words, pointer, [written])])
    return word


async def listed_names(
    uow: UnitOfWork,
    words: WordRepository[W],
    written: Iterable[str],
    pointer: str,
    *,
    add: bool = False,
) -> tuple[frozenset[str], list[FieldError]]:
    """Return the present names of the words that are meant, and a fault for those in no list."""
    names, unknown = set(), []
    for each in sorted(written):
        word = await _meant(uow, words, each, add=add)
        if word is None:
            unknown.append(each)
        else:
            names.add(word.name)
    return frozenset(names), [await _unlisted(words, pointer, unknown)] if unknown else []


async def spellings_meant(
    uow: UnitOfWork, words: WordRepository[W], written: Iterable[str], pointer: str
) -> tuple[str, ...]:
    """Return every name and alias of the words that a filter means; refuse those in no list."""
    meant = [await listed_word(uow, words, each, pointer) for each in written]
    spellings = await words.spellings_of([word.id for word in meant])
    known = {spelling for word in meant for spelling in spellings[word.id].values()}
    return tuple(sorted(known | {word.name for word in meant}))


async def listing(
    uow: UnitOfWork, words: WordRepository[W], name: str, *, confirmed: bool = False
) -> W | None:
    """List a word; return the one that there is where somebody else listed it meanwhile."""
    made = await words.make(name, confirmed=confirmed)
    if made is None:
        return await words.spelled(name)
    after = {"name": made.name, "confirmed": made.confirmed}
    await uow.audit(AuditAction(f"{words.noun}:created"), made, after=after)
    return made


async def _meant(uow: UnitOfWork, words: WordRepository[W], written: str, *, add: bool) -> W | None:
    word = await words.held(written)
    return await listing(uow, words, written) if word is None and add else word


async def _unlisted(words: WordRepository[W], pointer: str, unknown: Sequence[str]) -> FieldError:
    """Return the fault of words in no list, with listed ones that may have been meant."""
    listed = await words.written()
    likely = dict.fromkeys(each for word in unknown for each in near(word, listed))
    return FieldError(pointer, f"unknown_{words.noun}", "This is in no list", tuple(likely))
