import json
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.content.media.use import media_of_question
from app.domain.content.quiz.metadata import ITEM_LISTS
from app.domain.content.quiz.questions import (
    ChoiceView,
    MatchingQuestion,
    MatchingView,
    Question,
    QuestionKind,
    answer_key,
    learner_view,
    parse_question,
)
from tests.domain.content.quiz.question_types import QUESTION_TYPES, parse_metadata
from tests.domain.content.quiz.strategies import EXPLANATION_CANARY, items, question, questions

AB = items("a", "b")
VALID: dict[str, dict[str, Any]] = {
    "single_choice": {"options": AB, "correct": ["a"]},
    "multiple_choice": {"options": AB, "correct": ["a", "b"]},
    "true_false": {"correct": True},
    "short_answer": {"accepted": ["sharps container"], "case_sensitive": False},
    "numeric": {"correct": 12.5, "tolerance": 0.5},
    "matching": {"left": items("l1", "l2"), "right": AB, "pairs": {"l1": "b", "l2": "a"}},
    "ordering": {"items": items("a", "b", "c"), "correct": ["c", "a", "b"]},
}


def faults(kind: str, metadata: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        parse_metadata(QuestionKind(kind), metadata)
    found = caught.value.errors(include_input=False, include_url=False)
    return [("/".join(map(str, fault["loc"])), fault["type"]) for fault in found]


class TestMetadata:
    def test_knows_every_kind(self) -> None:
        assert set(QUESTION_TYPES) == set(QuestionKind) == set(map(QuestionKind, VALID))

    @pytest.mark.parametrize("kind", VALID)
    def test_reads_and_writes_the_contract_unchanged(self, kind: str) -> None:
        assert parse_metadata(QuestionKind(kind), VALID[kind]).as_json() == VALID[kind]

    @pytest.mark.parametrize("kind", VALID)
    def test_refuses_unknown_fields(self, kind: str) -> None:
        assert faults(kind, VALID[kind] | {"hint": "x"}) == [("hint", "extra_forbidden")]

    @pytest.mark.parametrize(
        ("kind", "change", "fault"),
        [
            ("single_choice", {"correct": []}, ("correct", "nothing_correct")),
            ("single_choice", {"correct": ["z"]}, ("correct", "unknown_option")),
            ("single_choice", {"options": AB[:1]}, ("options", "too_short")),
            ("single_choice", {"options": [*AB, AB[0]]}, ("options", "duplicate_id")),
            (
                "single_choice",
                {"options": [*AB, {"id": "c", "text": " text  of a"}]},
                ("options", "duplicate_text"),
            ),
            (
                "single_choice",
                {"options": [*AB, {"id": "c d", "text": "c"}]},
                ("options/2/id", "string_pattern_mismatch"),
            ),
            (
                "single_choice",
                {"options": [*AB, {"id": "c\n", "text": "c"}]},
                ("options/2/id", "string_pattern_mismatch"),
            ),
            (
                "single_choice",
                {"options": [*AB, {"id": "c" * 65, "text": "c"}]},
                ("options/2/id", "string_pattern_mismatch"),
            ),
            (
                "single_choice",
                {"options": [*AB, {"id": "c", "text": "nul \0"}]},
                ("options/2/text", "unstorable_text"),
            ),
            (
                "single_choice",
                {"options": items(*(f"o{n}" for n in range(51))), "correct": ["o1"]},
                ("options", "too_long"),
            ),
            ("multiple_choice", {"correct": []}, ("correct", "nothing_correct")),
            ("multiple_choice", {"correct": ["a", "a"]}, ("correct", "duplicate_id")),
            ("true_false", {"correct": "true"}, ("correct", "bool_type")),
            ("true_false", {"correct": 1}, ("correct", "bool_type")),
            ("short_answer", {"accepted": []}, ("accepted", "too_short")),
            ("short_answer", {"accepted": [" \u00ad\t"]}, ("accepted/0", "blank_text")),
            ("numeric", {"correct": "12"}, ("correct", "not_a_number")),
            ("numeric", {"correct": True}, ("correct", "not_a_number")),
            ("numeric", {"correct": float("nan")}, ("correct", "number_out_of_range")),
            ("numeric", {"correct": float("inf")}, ("correct", "number_out_of_range")),
            ("numeric", {"correct": 10**5000}, ("correct", "number_out_of_range")),
            ("numeric", {"correct": 1e-13}, ("correct", "number_out_of_range")),
            (
                "numeric",
                {"correct": Decimal("0.12345678901234567890")},
                ("correct", "number_too_precise"),
            ),
            ("numeric", {"tolerance": -0.1}, ("tolerance", "greater_than_equal")),
            ("matching", {"pairs": {"l1": "a"}}, ("pairs", "incomplete_pairs")),
            (
                "matching",
                {"pairs": {"l1": "a", "l2": "a", "l3": "a"}},
                ("pairs", "incomplete_pairs"),
            ),
            ("matching", {"pairs": {"l1": "a", "l2": "z"}}, ("pairs", "unknown_pair")),
            ("matching", {"right": AB[:1]}, ("right", "too_short")),
            ("ordering", {"correct": ["a", "b"]}, ("correct", "not_a_permutation")),
            ("ordering", {"correct": ["a", "b", "b"]}, ("correct", "not_a_permutation")),
            ("ordering", {"correct": ["a", "b", "c", "c"]}, ("correct", "not_a_permutation")),
            ("ordering", {"correct": ["a", "b", "z"]}, ("correct", "not_a_permutation")),
            ("single_choice", {"feedback": {"options": {"z": "x"}}}, ("feedback", "unknown_id")),
            ("multiple_choice", {"feedback": {"options": {"z": "x"}}}, ("feedback", "unknown_id")),
            ("matching", {"feedback": {"pairs": {"a": "x"}}}, ("feedback", "unknown_id")),
            (
                "true_false",
                {"feedback": {"options": {"yes": "x"}}},
                ("feedback/options/yes/[key]", "literal_error"),
            ),
            (
                "true_false",
                {"feedback": {"partly_correct": "x"}},
                ("feedback/partly_correct", "extra_forbidden"),
            ),
            ("ordering", {"feedback": {"correct": " "}}, ("feedback/correct", "blank_text")),
            (
                "short_answer",
                {"feedback": {"answers": [{"answer": "a", "feedback": "x"}] * 2}},
                ("feedback/answers", "duplicate_answer"),
            ),
            (
                "numeric",
                {"feedback": {"answers": [{"number": 1, "feedback": "x"}] * 2}},
                ("feedback/answers", "duplicate_answer"),
            ),
            (
                "numeric",
                {"alternatives": [{"number": 1, "tolerance": -1}]},
                ("alternatives/0/tolerance", "greater_than_equal"),
            ),
        ],
    )
    def test_refuses_inconsistent_keys(
        self, kind: str, change: dict[str, Any], fault: tuple[str, str]
    ) -> None:
        assert fault in faults(kind, VALID[kind] | change)

    @pytest.mark.parametrize("kind", VALID)
    def test_empty_feedback_is_none_and_is_not_written(self, kind: str) -> None:
        assert (
            parse_metadata(QuestionKind(kind), VALID[kind] | {"feedback": {}}).as_json()
            == (VALID[kind])
        )

    def test_refuses_lone_surrogates(self) -> None:
        assert faults("short_answer", {"accepted": ["\ud800"]})

    def test_never_quotes_the_value(self) -> None:
        with pytest.raises(ValidationError) as caught:
            parse_metadata(QuestionKind.SINGLE_CHOICE, {"options": AB, "correct": ["canary"]})
        assert "canary" not in json.dumps(
            caught.value.errors(include_input=False, include_url=False)
        )

    @pytest.mark.parametrize("number", [0, 12.5, 0.1, 80, -3.25, 0.30000000000000004, 1e-12])
    def test_numbers_keep_their_digits(self, number: float) -> None:
        metadata = parse_metadata(QuestionKind.NUMERIC, {"correct": number, "tolerance": 0})
        assert metadata.model_dump_json() == f'{{"correct":{number},"tolerance":0}}'


class TestQuestion:
    @pytest.mark.parametrize("points", [0, -1, 1000.01, 0.001, "1", None])
    def test_refuses_odd_points(self, points: object) -> None:
        with pytest.raises(ValidationError):
            question("true_false", {"correct": True}, points=points)

    @pytest.mark.parametrize("explanation", [None, "", " \n"])
    def test_blank_explanation_is_none(self, explanation: str | None) -> None:
        asked = question("true_false", {"correct": True}, explanation=explanation)
        assert asked.explanation is None

    def test_refuses_metadata_of_another_kind(self) -> None:
        with pytest.raises(ValidationError):
            question("single_choice", {"correct": True})

    @given(questions())
    def test_key_survives_json(self, asked: Question) -> None:
        stored = json.loads(orjson.dumps(answer_key(asked)))
        assert parse_question(stored) == asked

    def test_texts_are_tidied(self) -> None:
        asked = question("true_false", {"correct": True}, prompt="\r\n One\r\ntwo\rthree ")
        assert asked.prompt == "One\ntwo\nthree"

    @pytest.mark.parametrize("char", ["\0", "\x0b", "\x1b", "\x7f", "\x85", "\uffff", "\ud800"])
    def test_refuses_control_characters(self, char: str) -> None:
        with pytest.raises(ValidationError):
            question("true_false", {"correct": True}, prompt=f"a{char}b")


class TestLearnerView:
    @given(questions(), st.none() | st.text("0123456789abcdef", min_size=1))
    def test_shows_nothing_of_the_key(self, asked: Question, seed: str | None) -> None:
        shown = learner_view(asked, seed).as_json()
        allowed = {"id", "kind", "prompt", "points", "picture", *ITEM_LISTS}
        assert shown.keys() <= allowed
        assert EXPLANATION_CANARY not in json.dumps(shown)
        for name in shown.keys() & {*ITEM_LISTS}:
            assert all(item.keys() - {"picture"} == {"id", "text"} for item in shown[name])

    @given(questions(kinds=[QuestionKind.SHORT_ANSWER, QuestionKind.NUMERIC]))
    def test_entries_show_only_the_prompt(self, asked: Question) -> None:
        shown = learner_view(asked).as_json()
        assert shown.keys() - {"picture"} == {"id", "kind", "prompt", "points"}

    @given(questions())
    def test_shows_every_picture(self, asked: Question) -> None:
        raw = answer_key(asked)
        key = media_of_question(raw.get("picture"), raw["metadata"])
        shown = learner_view(asked).as_json()
        seen = media_of_question(shown.get("picture"), shown)
        assert sorted(each.media_id for each in seen) == sorted(each.media_id for each in key)

    @given(questions(kinds=[QuestionKind.ORDERING]), st.none() | st.just("seed"))
    def test_ordering_never_shows_the_right_order(self, asked: Question, seed: str | None) -> None:
        shown = learner_view(asked, seed).as_json()
        assert [item["id"] for item in shown["items"]] != answer_key(asked)["metadata"]["correct"]

    @given(questions(kinds=[QuestionKind.MATCHING]), st.none() | st.just("seed"))
    def test_matching_never_shows_pairs_side_by_side(
        self, asked: Question, seed: str | None
    ) -> None:
        shown, key = learner_view(asked, seed), asked
        assert isinstance(shown, MatchingView)
        assert isinstance(key, MatchingQuestion)
        right = [item.id for item in shown.right]
        in_order = list(dict.fromkeys(key.metadata.pairs[item.id] for item in shown.left))
        assert right[: len(in_order)] != in_order

    @given(questions(kinds=[QuestionKind.ORDERING, QuestionKind.MATCHING]), st.randoms())
    def test_shown_order_is_independent_of_the_authored_one(
        self, asked: Question, random: Random
    ) -> None:
        key = answer_key(asked)
        field = "items" if "items" in key["metadata"] else "right"
        random.shuffle(key["metadata"][field])
        reordered = parse_question(key)
        assert learner_view(reordered) == learner_view(asked)

    @given(questions(), st.none() | st.text("0123456789abcdef", min_size=1))
    def test_is_deterministic_and_loses_nothing(self, asked: Question, seed: str | None) -> None:
        shown = learner_view(asked, seed).as_json()
        assert shown == learner_view(asked, seed).as_json()
        metadata = answer_key(asked)["metadata"]
        for name in shown.keys() & {"options", "left", "right", "items"}:
            assert sorted(shown[name], key=str) == sorted(metadata[name], key=str)

    def test_options_are_shuffled_only_with_a_seed(self) -> None:
        options = items(*"abcdefgh")
        asked = question("single_choice", {"options": options, "correct": ["a"]})
        as_authored, mixed = learner_view(asked), learner_view(asked, "seed")
        assert isinstance(as_authored, ChoiceView)
        assert isinstance(mixed, ChoiceView)
        assert [option.id for option in as_authored.options] == list("abcdefgh")
        # Attempts store their seed, so it has to give the same order in every later release.
        assert "".join(option.id for option in mixed.options) == "dcbfaehg"
