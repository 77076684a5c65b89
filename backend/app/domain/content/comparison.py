"""What differs between two states of a module: drafts, or versions read back as drafts."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from app.domain.content.draft import ModuleDraft, QuestionDraft, SectionDraft
from app.domain.content.section_kind import parse_settings

P = TypeVar("P", SectionDraft, QuestionDraft)

_OF_MODULES: Final = (
    "slug",
    "title",
    "summary",
    "category",
    "tags",
    "language",
    "estimated_minutes",
)
_OF_SECTIONS: Final = ("title", "body", "required", "states", "settings")
_OF_QUESTIONS: Final = (
    "prompt",
    "points",
    "metadata",
    "explanation",
    "name",
    "category",
    "tags",
    "picture",
)


@dataclass(frozen=True, slots=True)
class Placed(Generic[P]):
    """A part and its place among its siblings, counted from 1."""

    part: P
    position: int


@dataclass(frozen=True, slots=True)
class Moved(Generic[P]):
    part: P
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Changed(Generic[P]):
    """`fields` as `title`, or `settings.pass_mark` where a field has fields itself."""

    part: P
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts(Generic[P]):
    """What became of parts. One may be both changed and moved.

    Moved are the fewest that explain the order: where one goes to the front, the others stay.
    """

    added: tuple[Placed[P], ...]
    removed: tuple[Placed[P], ...]
    changed: tuple[Changed[P], ...]
    moved: tuple[Moved[P], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`questions` of sections that are in both states and have differences; by section."""

    fields: tuple[str, ...]
    sections: Parts[SectionDraft]
    questions: tuple[tuple[SectionDraft, Parts[QuestionDraft]], ...]


def compare(before: ModuleDraft, after: ModuleDraft) -> Comparison:
    old = {section.id: section for section in before.sections}
    sections = after.in_order()
    questions = [
        (section, _parts(old[section.id].questions, section.questions, _OF_QUESTIONS))
        for section in sections
        if section.id in old
    ]
    return Comparison(
        fields=tuple(_fields(before, after, _OF_MODULES)),
        sections=_parts(before.in_order(), sections, _OF_SECTIONS),
        questions=tuple((section, parts) for section, parts in questions if parts),
    )


def _parts(before: Sequence[P], after: Sequence[P], names: Iterable[str]) -> Parts[P]:
    old, new = _placed(before), _placed(after)
    kept = [part for part in after if part.id in old]
    differing = ((part, tuple(_fields(old[part.id].part, part, names))) for part in kept)
    in_place = _longest_rise([old[part.id].position for part in kept])
    moved = [part for part in kept if old[part.id].position not in in_place]
    return Parts(
        added=tuple(placed for part_id, placed in new.items() if part_id not in old),
        removed=tuple(placed for part_id, placed in old.items() if part_id not in new),
        changed=tuple(Changed(part, fields) for part, fields in differing if fields),
        moved=tuple(Moved(part, old[part.id].position, new[part.id].position) for part in moved),
    )


def _placed(parts: Sequence[P]) -> dict[Any, Placed[P]]:
    return {part.id: Placed(part, position) for position, part in enumerate(parts, start=1)}


def _fields(before: Any, after: Any, names: Iterable[str]) -> Iterator[str]:  # noqa: ANN401  # drafts
    """Yield the names of the fields that differ, one level into those that are objects."""
    for name in names:
        old, new = _value(before, name), _value(after, name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            keys = dict.fromkeys([*old, *new])
            yield from (f"{name}.{key}" for key in keys if old.get(key) != new.get(key))
        elif old != new:
            yield name


_LISTS = ("tags", "states")


def _value(part: Any, name: str) -> Any:  # noqa: ANN401  # a draft's field
    value = getattr(part, name)
    if name == "settings":
        return _complete(part)
    return list(value or ()) if name in _LISTS else value


def _complete(section: SectionDraft) -> Mapping[str, Any]:
    """Return the settings with their defaults: older ones lack fields that were added since."""
    try:
        return parse_settings(section.kind, section.settings).as_json()
    except ValidationError:
        return section.settings


def _longest_rise(positions: Sequence[int]) -> set[int]:
    """Return the members of a longest rising subsequence of different numbers."""
    tails: list[int] = []
    before: dict[int, int | None] = {}
    for position in positions:
        place = bisect_left(tails, position)
        before[position] = tails[place - 1] if place else None
        tails[place : place + 1] = [position]
    rise: set[int] = set()
    last = tails[-1] if tails else None
    while last is not None:
        rise.add(last)
        last = before[last]
    return rise
