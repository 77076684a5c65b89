import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.quiz.questions import Question, QuestionView, learner_view
from app.domain.study.quiz.answers import (
    AnswerError,
    AnswerFault,
    answer_json,
    is_blank,
    parse_answer,
    parse_answers,
)
from tests.domain.content.quiz.strategies import items, question, questions

ABC = items("a", "b", "c")
QUESTIONS: dict[str, Question] = {
    "single_choice": question("single_choice", {"options": ABC, "correct": ["a"]}),
    "multiple_choice": question("multiple_choice", {"options": ABC, "correct": ["a"]}),
    "true_false": question("true_false", {"correct": True}),
    "short_answer": question("short_answer", {"accepted": ["x"]}),
    "numeric": question("numeric", {"correct": 12.5}),
    "matching": question(
        "matching",
        {"left": items("l1", "l2"), "right": ABC, "pairs": {"l1": "a", "l2": "b"}},
    ),
    "ordering": question("ordering", {"items": ABC, "correct": ["c", "a", "b"]}),
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


class TestParseAnswer:
    @pytest.mark.parametrize(
        ("kind", "raw"),
        [
            ("single_choice", "a"),
            ("multiple_choice", ["a", "c"]),
            ("multiple_choice", []),
            ("true_false", False),
            ("short_answer", "text"),
            ("short_answer", ""),
            ("short_answer", "x" * 1000),
            ("numeric", 12.4),
            ("numeric", -3),
            ("numeric", 0.1 + 0.2),
            ("matching", {"l1": "b"}),
            ("matching", {}),
            ("ordering", ["c", "a", "b"]),
        ],
    )
    def test_reads_and_writes_the_contract_unchanged(self, kind: str, raw: object) -> None:
        answer = parse_answer(QUESTIONS[kind], raw)
        assert answer_json(answer) == raw
        assert type(answer_json(answer)) is type(raw)

    @pytest.mark.parametrize("kind", QUESTIONS)
    def test_null_clears(self, kind: str) -> None:
        assert parse_answer(QUESTIONS[kind], None) is None

    @pytest.mark.parametrize(
        ("kind", "raw", "code"),
        [
            ("single_choice", "canary", "unknown_id"),
            ("single_choice", ["a"], "invalid_answer"),
            ("multiple_choice", "a", "invalid_answer"),
            ("multiple_choice", ["canary"], "unknown_id"),
            ("multiple_choice", ["a", "a"], "duplicate_id"),
            ("multiple_choice", ["a", "a", "b", "c"], "invalid_answer"),
            ("multiple_choice", [["a"]], "invalid_answer"),
            ("true_false", 1, "invalid_answer"),
            ("true_false", "true", "invalid_answer"),
            ("short_answer", 7, "invalid_answer"),
            ("short_answer", "x" * 1001, "answer_too_long"),
            ("short_answer", "canary\0", "unstorable_text"),
            ("short_answer", "canary\udfff", "unstorable_text"),
            ("numeric", True, "not_a_number"),
            ("numeric", [1], "not_a_number"),
            ("numeric", float("nan"), "number_out_of_range"),
            ("numeric", float("-inf"), "number_out_of_range"),
            ("numeric", 10**400, "number_out_of_range"),
            ("numeric", 1e300, "number_out_of_range"),
            ("numeric", 1e-300, "number_out_of_range"),
            ("numeric", "canary", "not_a_number"),
            ("numeric", "1,234", "ambiguous_number"),
            ("numeric", "0,1234567890123456789", "number_too_precise"),
            ("matching", {"canary": "a"}, "unknown_id"),
            ("matching", {"l1": "canary"}, "unknown_id"),
            ("matching", {"l1": None}, "invalid_answer"),
            ("matching", [["l1", "a"]], "invalid_answer"),
            ("ordering", ["a", "b"], "not_a_permutation"),
            ("ordering", ["a", "b", "b"], "duplicate_id"),
            ("ordering", "abc", "invalid_answer"),
        ],
    )
    def test_refuses_malformed_answers(self, kind: str, raw: object, code: str) -> None:
        with pytest.raises(AnswerError) as caught:
            parse_answer(QUESTIONS[kind], raw)
        assert caught.value.code == code
        assert "canary" not in caught.value.detail

    @pytest.mark.parametrize(
        ("kind", "raw", "detail"),
        [
            ("single_choice", 1, "The id of one option is expected."),
            ("single_choice", "z", "The id is not among those that were shown."),
            ("multiple_choice", "a", "A list of option ids is expected."),
            ("multiple_choice", ["a", "a"], "Every id is named at most once."),
            ("ordering", ["a", "b"], "The order names every item once."),
            ("matching", [], "An object of left to right is expected."),
            ("true_false", 1, "True or false is expected."),
            ("short_answer", 1, "A text is expected."),
            ("short_answer", "x" * 1001, "At most 1000 characters are kept."),
            ("short_answer", "x\0", "The text has forbidden characters."),
        ],
    )
    def test_says_what_is_expected(self, kind: str, raw: object, detail: str) -> None:
        with pytest.raises(AnswerError) as caught:
            parse_answer(QUESTIONS[kind], raw)
        assert caught.value.detail == str(caught.value) == detail

    def test_reads_numbers_as_people_type_them(self) -> None:
        assert answer_json(parse_answer(QUESTIONS["numeric"], "1.234,5")) == 1234.5

    @given(questions(), anything)
    def test_accepts_or_refuses_anything_and_stays_stable(
        self, asked: Question, raw: object
    ) -> None:
        shown = learner_view(asked, "seed")
        try:
            answer = parse_answer(shown, raw)
        except AnswerError:
            return
        stored = json.loads(json.dumps(answer_json(answer)))
        assert parse_answer(shown, stored) == answer


class TestParseAnswers:
    def test_one_malformed_answer_takes_nothing_from_the_others(self) -> None:
        first, second = UUID(int=1), UUID(int=2)
        shown: dict[UUID, QuestionView] = {
            first: learner_view(QUESTIONS["true_false"]),
            second: learner_view(
                question("single_choice", {"options": ABC, "correct": ["a"]}, id=second)
            ),
        }
        raw: dict[str, Any] = {str(first): True, str(second): "z", "x" * 99: 1, str(UUID(int=3)): 1}
        parsed = parse_answers(shown, raw)
        assert parsed.valid == {first: True}
        unknown = "This question is not part of the attempt."
        assert parsed.faults == [
            AnswerFault(str(second), "unknown_id", "The id is not among those that were shown."),
            AnswerFault("x" * 36, "unknown_question", unknown),
            AnswerFault(str(UUID(int=3)), "unknown_question", unknown),
        ]


@pytest.mark.parametrize(
    ("answer", "blank"),
    [(None, True), ("", True), (" ", True), ((), True), ({}, True), (False, False), ("a", False)],
)
def test_is_blank(answer: Any, blank: bool) -> None:  # noqa: FBT001  # any answer; parameters
    assert is_blank(answer) is blank
