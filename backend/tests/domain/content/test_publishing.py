import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.canonical import canonical_json, sha256_hex
from app.domain.content.draft import ModuleDraft, QuestionDraft, SectionDraft
from app.domain.content.publishing import NotPublishableError, blocking_reasons, publish
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import Question, QuestionKind
from app.domain.content.section_kind import document_sha256
from app.domain.content.section_settings import SectionKind
from tests.domain.content.quiz.strategies import EXPLANATION_CANARY, items, questions


def section(number: int = 1, kind: str = "text", **changes: Any) -> SectionDraft:  # any field
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "kind": SectionKind(kind),
        "title": f"Section {number}",
        "position": number,
        "body": "<p>Never recap needles by hand.</p>",
    }
    return SectionDraft(**(values | changes))


def single_choice(number: int = 100, **changes: Any) -> QuestionDraft:  # any field
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "kind": QuestionKind.SINGLE_CHOICE,
        "prompt": "Where do sharps go?",
        "points": Decimal("1.00"),
        "metadata": {"options": items("a", "b"), "correct": ["a"]},
        "explanation": "canary-explanation",
    }
    return QuestionDraft(**(values | changes))


def quiz(number: int = 1, **changes: Any) -> SectionDraft:  # any field
    return section(number, "quiz", **({"body": "", "questions": [single_choice()]} | changes))


def module(*sections: SectionDraft, **changes: Any) -> ModuleDraft:  # any field
    values: dict[str, Any] = {
        "id": UUID(int=1000),
        "slug": "bloodborne",
        "title": "Bloodborne pathogens",
    }
    return ModuleDraft(**(values | {"sections": sections} | changes))


def drafted(question: Question) -> QuestionDraft:
    return QuestionDraft(
        id=question.id,
        kind=question.kind,
        prompt=question.prompt,
        points=question.points,
        metadata=question.metadata.as_json(),
        explanation=question.explanation,
    )


quizzes = st.builds(
    lambda pool, drawn: module(
        section(1),
        quiz(2, questions=list(map(drafted, pool)), settings={"draw": 1} if drawn else {}),
    ),
    st.lists(questions(), min_size=1, max_size=4, unique_by=lambda question: question.id),
    st.booleans(),
)


def keys_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from keys_in(each)


class TestBlockingReasons:
    def test_a_good_draft_has_none(self) -> None:
        assert blocking_reasons(module(section(), quiz(2))) == []

    @pytest.mark.parametrize(
        ("draft", "pointer", "code"),
        [
            (module(), "/sections", "no_sections"),
            (module(section(required=False)), "/sections", "no_required_section"),
            (module(section(), title=" "), "/title", "title_missing"),
            (module(section(title="")), "/sections/0/title", "title_missing"),
            (module(section(body="<p> </p>")), "/sections/0/body", "body_missing"),
            (module(section(body="<script>x</script>")), "/sections/0/body", "body_missing"),
            (
                module(section(questions=[single_choice()])),
                "/sections/0/questions",
                "questions_outside_quiz",
            ),
            (module(section(), section(1)), "/sections", "duplicate_id"),
            (module(quiz(1), quiz(2)), "/sections", "duplicate_id"),
            (module(quiz(questions=[])), "/sections/0/questions", "no_questions"),
            (
                module(quiz(settings={"draw": 2})),
                "/sections/0/settings/draw",
                "draw_exceeds_pool",
            ),
            (
                module(quiz(settings={"pass_mark": 101})),
                "/sections/0/settings/pass_mark",
                "pass_mark_unreachable",
            ),
            (
                module(quiz(settings={"~a/b": 1})),
                "/sections/0/settings/~0a~1b",
                "extra_forbidden",
            ),
            (
                module(quiz(questions=[single_choice(metadata={"options": items("a", "b")})])),
                "/sections/0/questions/0/metadata/correct",
                "missing",
            ),
            (
                module(quiz(questions=[single_choice(prompt=" ")])),
                "/sections/0/questions/0/prompt",
                "blank_text",
            ),
            (
                module(section(kind="acknowledgement", body="")),
                "/sections/0/body",
                "nothing_to_acknowledge",
            ),
            (module(section(kind="video")), "/sections/0/settings", "target_missing"),
            (module(section(kind="document")), "/sections/0/settings", "target_missing"),
            (module(section(kind="link")), "/sections/0/settings/url", "target_missing"),
        ],
    )
    def test_names_what_blocks(self, draft: ModuleDraft, pointer: str, code: str) -> None:
        assert (pointer, code) in [(each.pointer, each.code) for each in blocking_reasons(draft)]
        with pytest.raises(NotPublishableError) as caught:
            publish(draft)
        assert list(caught.value.reasons) == blocking_reasons(draft)

    def test_names_all_of_them_at_once(self) -> None:
        draft = module(section(title="", body=""), quiz(2, questions=[]), title="")
        assert len(blocking_reasons(draft)) == 4

    @pytest.mark.parametrize(
        "accepted",
        [
            section(kind="acknowledgement"),
            section(kind="acknowledgement", body="", settings={"statement": "I will comply."}),
            section(kind="video", settings={"media_id": str(UUID(int=5))}),
            section(kind="document", settings={"url": "https://example.com/a.pdf"}),
            section(kind="link", settings={"url": "https://example.com"}),
            section(kind="live_session", body=""),
            section(body='<img src="https://example.com/x.png" alt="A bin">'),
            quiz(settings={"draw": 1, "pass_mark": 100}),
        ],
    )
    def test_lets_complete_sections_pass(self, accepted: SectionDraft) -> None:
        assert blocking_reasons(module(accepted)) == []

    def test_never_quotes_a_value(self) -> None:
        metadata = {"options": items("a", "b"), "correct": ["canary"]}
        draft = module(quiz(questions=[single_choice(metadata=metadata)]))
        reasons = blocking_reasons(draft)
        assert reasons
        assert "canary" not in "".join(f"{each.pointer} {each.detail}" for each in reasons)


class TestHours:
    @pytest.mark.parametrize(
        ("seconds", "required", "codes"),
        [
            (7199, True, ["hours_without_floor"]),
            (7200, True, []),
            (7200, False, ["hours_without_floor"]),
        ],
    )
    def test_need_a_floor(self, *, seconds: int, required: bool, codes: list[str]) -> None:
        timed = section(settings={"minimum_seconds": seconds}, required=required)
        draft = module(timed, section(2), minutes_owed=120)
        assert [reason.code for reason in blocking_reasons(draft)] == codes

    def test_are_not_counted_while_a_section_is_at_fault(self) -> None:
        draft = module(section(settings={"minimum_seconds": "x"}), minutes_owed=120)
        assert [reason.code for reason in blocking_reasons(draft)] == ["int_type"]


class TestPublish:
    def test_content_is_the_contract(self) -> None:
        draft = module(
            quiz(2, settings={"pass_mark": 90}),
            section(1),
            section(
                3, "acknowledgement", body="<p onclick=x>Policy</p>", settings={"statement": "Yes"}
            ),
            tags=("osha",),
            estimated_minutes=30,
        )
        published = publish(draft)
        assert json.loads(published.content) == {
            "module": {
                "id": str(UUID(int=1000)),
                "slug": "bloodborne",
                "title": "Bloodborne pathogens",
                "summary": None,
                "category": None,
                "tags": ["osha"],
                "language": "en",
                "estimated_minutes": 30,
            },
            "sections": [
                {
                    "id": str(UUID(int=1)),
                    "kind": "text",
                    "title": "Section 1",
                    "body": "<p>Never recap needles by hand.</p>",
                    "required": True,
                    "position": 1,
                    "settings": {"minimum_seconds": 0},
                    "questions": [],
                },
                {
                    "id": str(UUID(int=2)),
                    "kind": "quiz",
                    "title": "Section 2",
                    "body": "",
                    "required": True,
                    "position": 2,
                    "settings": {
                        "pass_mark": 90,
                        "max_attempts": 3,
                        "time_limit_seconds": None,
                        "draw": None,
                        "shuffle": True,
                        "feedback": "after_pass",
                        "cooldown_minutes": 0,
                        "question_count": 1,
                    },
                    "questions": [
                        {
                            "id": str(UUID(int=100)),
                            "kind": "single_choice",
                            "prompt": "Where do sharps go?",
                            "points": 1,
                            "options": items("a", "b"),
                        }
                    ],
                },
                {
                    "id": str(UUID(int=3)),
                    "kind": "acknowledgement",
                    "title": "Section 3",
                    "body": "<p>Policy</p>",
                    "required": True,
                    "position": 3,
                    "settings": {"statement": "Yes"},
                    "questions": [],
                    "document_sha256": document_sha256(
                        title="Section 3", body="<p>Policy</p>", statement="Yes"
                    ),
                },
            ],
        }
        assert published.content_sha256 == hashlib.sha256(published.content).hexdigest()
        assert published.outline == [
            {
                "section_id": str(UUID(int=number)),
                "kind": kind,
                "title": f"Section {number}",
                "required": True,
            }
            for number, kind in [(1, "text"), (2, "quiz"), (3, "acknowledgement")]
        ]

    def test_a_pool_is_not_shown(self) -> None:
        pool = [single_choice(100), single_choice(101)]
        published = publish(module(quiz(questions=pool, settings={"draw": 1})))
        shown = json.loads(published.content)["sections"][0]
        assert shown["questions"] == []
        assert shown["settings"]["question_count"] == 1
        assert len(QuizKey(**published.answer_key[str(UUID(int=1))]).questions) == 2

    @given(quizzes)
    def test_content_never_contains_the_key(self, draft: ModuleDraft) -> None:
        content = publish(draft).content
        assert EXPLANATION_CANARY.encode() not in content
        forbidden = {"correct", "pairs", "accepted", "tolerance", "explanation", "metadata"}
        assert not forbidden & set(keys_in(json.loads(content)))

    @given(quizzes)
    def test_is_deterministic(self, draft: ModuleDraft) -> None:
        again = replace(draft, sections=list(reversed(draft.sections)))
        assert publish(draft) == publish(again)

    @given(quizzes)
    def test_the_key_survives_json_and_is_hashed(self, draft: ModuleDraft) -> None:
        published = publish(draft)
        stored = json.loads(json.dumps(published.answer_key))
        assert sha256_hex(canonical_json(stored)) == published.answer_key_sha256
        (raw,) = stored.values()
        key = QuizKey.model_validate(raw)
        assert [drafted(question) for question in key.questions] == draft.sections[1].questions

    def test_a_change_of_the_key_alone_changes_only_its_hash(self) -> None:
        metadata = {"options": items("a", "b"), "correct": ["b"]}
        one, other = (
            publish(module(quiz())),
            publish(module(quiz(questions=[single_choice(metadata=metadata)]))),
        )
        assert one.content == other.content
        assert one.answer_key_sha256 != other.answer_key_sha256


@pytest.mark.parametrize("change", [{"title": "T2"}, {"body": "b2"}, {"statement": None}])
def test_a_signature_covers_title_body_and_statement(change: dict[str, Any]) -> None:
    document = {"title": "T", "body": "b", "statement": "s"}
    assert document_sha256(**document) != document_sha256(**(document | change))
