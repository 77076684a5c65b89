import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.comparison import Comparison, compare
from app.domain.content.draft import ModuleDraft, SectionDraft
from app.domain.content.publishing import publish, read_back
from tests.domain.content.test_publishing import module, quiz, section, single_choice


def moved(before: Sequence[int], after: Sequence[int]) -> list[int]:
    compared = compare(*(module(*_in_order(order)) for order in (before, after)))
    return [int(each.part.id) for each in compared.sections.moved]


def _in_order(numbers: Sequence[int]) -> list[SectionDraft]:
    return [section(number, position=place) for place, number in enumerate(numbers, start=1)]


def is_same(compared: Comparison) -> bool:
    return not (compared.fields or compared.sections or compared.questions)


def published(draft: ModuleDraft) -> ModuleDraft:
    made = publish(draft)
    keys = {UUID(each): key for each, key in orjson.loads(orjson.dumps(made.answer_key)).items()}
    return read_back(made.content, keys)


FULL = module(
    section(1),
    quiz(
        2,
        settings={"pass_mark": 75, "draw": 1},
        questions=[single_choice(100), single_choice(101, name="Needles")],
    ),
    section(3, "video", settings={"url": "https://example.org/film"}),
    summary="About needles",
    tags=["osha"],
)


class TestReadBack:
    def test_a_version_is_the_draft_that_it_was_made_of(self) -> None:
        assert is_same(compare(published(FULL), FULL))
        assert published(FULL).sha256() == published(published(FULL)).sha256()

    def test_an_older_version_lacks_settings_that_were_added_since(self) -> None:
        old = replace(FULL, sections=[replace(FULL.sections[0], settings={}), *FULL.sections[1:]])
        assert is_same(compare(old, FULL))


class TestFields:
    def test_of_the_module(self) -> None:
        other = replace(FULL, title="Sharps", tags=["osha", "cdc"], summary=None)
        assert compare(FULL, other).fields == ("title", "summary", "tags")

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"title": "New", "required": False}, ("title", "required")),
            ({"body": "<p>New.</p>"}, ("body",)),
            ({"settings": {"minimum_seconds": 60}}, ("settings.minimum_seconds",)),
            ({"settings": {"minimum_seconds": 0}}, ()),
        ],
    )
    def test_of_sections(self, changes: dict[str, Any], fields: tuple[str, ...]) -> None:
        first, *others = FULL.sections
        after = replace(FULL, sections=[replace(first, **changes), *others])
        changed = compare(FULL, after).sections.changed
        assert [each.fields for each in changed] == [fields] * bool(fields)

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"prompt": "New?"}, ("prompt",)),
            ({"points": Decimal("1.000")}, ()),
            ({"points": Decimal(2), "explanation": None}, ("points", "explanation")),
            (
                {"metadata": dict(single_choice().metadata) | {"correct": ["b"]}},
                ("metadata.correct",),
            ),
            ({"name": "Bins", "tags": ["osha"]}, ("name", "tags")),
        ],
    )
    def test_of_questions(self, changes: dict[str, Any], fields: tuple[str, ...]) -> None:
        first, second, third = FULL.sections
        other = replace(second.questions[0], **changes)
        section = replace(second, questions=[other, second.questions[1]])
        compared = compare(FULL, replace(FULL, sections=[first, section, third]))
        assert not compared.sections
        found = [each.fields for _, parts in compared.questions for each in parts.changed]
        assert found == [fields] * bool(fields)


class TestParts:
    def test_added_and_removed(self) -> None:
        compared = compare(module(*_in_order([1, 2, 3])), module(*_in_order([4, 1, 3])))
        assert [(int(each.part.id), each.position) for each in compared.sections.added] == [(4, 1)]
        assert [(int(each.part.id), each.position) for each in compared.sections.removed] == [
            (2, 2)
        ]
        assert compared.sections.moved == ()

    @pytest.mark.parametrize(
        ("before", "after", "found"),
        [
            ([1, 2, 3, 4], [4, 1, 2, 3], [4]),
            ([1, 2, 3, 4], [2, 3, 4, 1], [1]),
            ([1, 2, 3], [3, 2, 1], [3, 2]),
            ([1, 2, 3], [9, 1, 2, 3], []),
            ([], [1], []),
        ],
    )
    def test_moved_are_the_fewest(
        self, before: list[int], after: list[int], found: list[int]
    ) -> None:
        assert moved(before, after) == found

    def test_questions_of_a_section_that_went_are_not_told_of(self) -> None:
        assert compare(FULL, replace(FULL, sections=FULL.sections[:1])).questions == ()


@given(st.lists(st.integers(1, 30), unique=True), st.randoms(use_true_random=False))
def test_what_is_said_leads_from_one_order_to_the_other(
    before: list[int], dice: random.Random
) -> None:
    after = [number for number in [*before, 31, 32] if dice.random() < 0.8]
    dice.shuffle(after)
    changes = compare(module(*_in_order(before)), module(*_in_order(after))).sections
    placed = {
        **{int(each.part.id): each.position for each in changes.added},
        **{int(each.part.id): each.after for each in changes.moved},
    }
    gone = {int(each.part.id) for each in changes.removed} | placed.keys()
    order = [number for number in before if number not in gone]
    for number in sorted(placed, key=placed.__getitem__):
        order.insert(placed[number] - 1, number)
    assert order == after
