from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import (
    MatchingQuestion,
    MultipleChoiceQuestion,
    NumericQuestion,
    OrderingQuestion,
    Question,
    QuestionKind,
    ShortAnswerQuestion,
    SingleChoiceQuestion,
    answer_key,
    learner_view,
    parse_question,
)
from app.domain.study.quiz.answers import Answer, AnswerError, answer_json, is_blank, parse_answer
from app.domain.study.quiz.grading import (
    Correction,
    CorrectionKind,
    Grade,
    QuestionGrade,
    accepting,
    grade,
    rounded,
    share,
    share_right,
)
from tests.domain.content.quiz.strategies import items, numbers, question, questions, texts


def right_answer(asked: Question) -> Answer:
    match asked:
        case ShortAnswerQuestion():
            return asked.metadata.accepted[0]
        case MatchingQuestion():
            return dict(asked.metadata.pairs)
        case MultipleChoiceQuestion() | OrderingQuestion():
            return asked.metadata.correct
        case _:
            key = answer_key(asked)["metadata"]["correct"]
            return parse_answer(asked, key[0] if isinstance(key, list) else key)


@st.composite
def any_answer(draw: st.DrawFn, asked: Question) -> Answer:
    """Any well-formed answer, or none."""
    shown = learner_view(asked).as_json()
    ids = {
        name: [item["id"] for item in shown.get(name, [])]
        for name in ("options", "left", "right", "items")
    }
    by_kind: dict[QuestionKind, st.SearchStrategy[Any]] = {
        QuestionKind.TRUE_FALSE: st.booleans(),
        QuestionKind.SHORT_ANSWER: st.just("") | texts,
        QuestionKind.NUMERIC: numbers,
        QuestionKind.SINGLE_CHOICE: st.sampled_from(ids["options"] or [""]),
        QuestionKind.MULTIPLE_CHOICE: st.lists(
            st.sampled_from(ids["options"] or [""]), unique=True
        ),
        QuestionKind.MATCHING: st.dictionaries(
            st.sampled_from(ids["left"] or [""]), st.sampled_from(ids["right"] or [""])
        ),
        QuestionKind.ORDERING: st.permutations(ids["items"]),
    }
    return parse_answer(asked, draw(st.none() | st.just(right_answer(asked)) | by_kind[asked.kind]))


Sitting = tuple[tuple[Question, ...], dict[UUID, Answer]]


@st.composite
def sittings(draw: st.DrawFn) -> Sitting:
    asked = draw(st.lists(questions(), min_size=1, max_size=5, unique_by=lambda each: each.id))
    return tuple(asked), {each.id: draw(any_answer(each)) for each in asked}


def graded(
    asked: Sequence[Question],
    answers: dict[UUID, Answer],
    corrections: Sequence[Correction] = (),
    pass_mark: object = 80,
) -> Grade:
    key = QuizKey.model_validate({"questions": asked, "pass_mark": pass_mark})
    return grade([each.id for each in asked], key, answers, corrections)


def shuffled_inside(asked: Question, random: Random) -> Question:
    """Return the same question, its options, sides and items authored in another order."""
    raw = answer_key(asked)
    for name in ("options", "left", "right", "items"):
        if name in raw["metadata"]:
            random.shuffle(raw["metadata"][name])
    if asked.kind is QuestionKind.MULTIPLE_CHOICE:
        random.shuffle(raw["metadata"]["correct"])
    return parse_question(raw)


class TestProperties:
    @given(sittings(), st.randoms(use_true_random=False))
    def test_shuffles_never_change_a_grade(self, sitting: Sitting, random: Random) -> None:
        asked, answers = sitting
        mixed = [shuffled_inside(each, random) for each in asked]
        random.shuffle(mixed)
        one, other = graded(asked, answers), graded(mixed, answers)
        assert (one.points, one.max_points, one.passed) == (
            other.points,
            other.max_points,
            other.passed,
        )
        assert set(one.questions) == set(other.questions)

    @given(sittings(), st.data())
    def test_a_right_answer_never_lowers_the_score(
        self, sitting: Sitting, data: st.DataObject
    ) -> None:
        asked, answers = sitting
        put_right = data.draw(st.sampled_from(asked))
        better = answers | {put_right.id: right_answer(put_right)}
        assert graded(asked, better).points >= graded(asked, answers).points

    @given(sittings())
    def test_the_score_is_between_0_and_100(self, sitting: Sitting) -> None:
        result = graded(*sitting)
        assert 0 <= result.points <= result.max_points
        assert 0 <= result.score_percent <= 100
        assert result.max_points == sum(Fraction(each.points) for each in sitting[0])

    @given(sittings())
    def test_the_key_and_only_the_key_has_full_marks(self, sitting: Sitting) -> None:
        asked, answers = sitting
        key = {each.id: right_answer(each) for each in asked}
        assert graded(asked, key).points == graded(asked, key).max_points
        for each, result in zip(asked, graded(asked, answers).questions, strict=True):
            assert result.correct is is_key(each, answers[each.id])

    @given(sittings())
    def test_is_deterministic(self, sitting: Sitting) -> None:
        assert graded(*sitting) == graded(*sitting)

    @given(sittings())
    def test_an_empty_submission_scores_0(self, sitting: Sitting) -> None:
        asked, _ = sitting
        blanks: dict[UUID, Answer] = dict.fromkeys((each.id for each in asked), None)
        for answers in ({}, blanks):
            result = graded(asked, answers)
            assert result.points == 0
            assert not result.passed
            assert not any(each.answered or each.correct for each in result.questions)

    @given(sittings())
    def test_answers_to_questions_that_were_not_shown_count_nothing(self, sitting: Sitting) -> None:
        asked, answers = sitting
        key = QuizKey(questions=asked)
        assert grade([asked[0].id], key, answers).max_points == Fraction(asked[0].points)

    @given(sittings(), st.data())
    def test_credit_and_accept_never_lower_the_score(
        self, sitting: Sitting, data: st.DataObject
    ) -> None:
        asked, answers = sitting
        one = data.draw(st.sampled_from(asked))
        raw = answer_json(right_answer(one))
        for correction in (
            Correction(question_id=one.id, kind=CorrectionKind.CREDIT),
            Correction(question_id=one.id, kind=CorrectionKind.ACCEPT, answer=raw),
        ):
            corrected = graded(asked, answers, [correction])
            assert corrected.points >= graded(asked, answers).points
            assert corrected.max_points == graded(asked, answers).max_points


def is_key(asked: Question, answer: Answer) -> bool:
    if is_blank(answer):
        return False
    key = right_answer(asked)
    if isinstance(asked, MultipleChoiceQuestion):
        assert isinstance(answer, tuple)
        return set(answer) == set(asked.metadata.correct)
    if isinstance(asked, ShortAnswerQuestion):
        return asked.metadata.accepts(str(answer))
    if isinstance(asked, SingleChoiceQuestion):
        return answer in asked.metadata.correct
    if isinstance(asked, NumericQuestion):
        assert isinstance(answer, Decimal)
        return any(abs(answer - right.number) <= right.tolerance for right in asked.metadata.right)
    return bool(answer == key)


class TestPartialCredit:
    CHOICE = question(
        "multiple_choice", {"options": items(*"abcde"), "correct": ["a", "b", "c"]}, points=3
    )

    @pytest.mark.parametrize(
        ("chosen", "points"),
        [
            ("a", 1),
            ("ab", 2),
            ("abc", 3),
            ("abd", 1),
            ("abcd", 2),
            ("abcde", 1),
            ("ade", 0),
            ("d", 0),
            ("de", 0),
        ],
    )
    def test_multiple_choice_is_right_minus_wrong(self, chosen: str, points: int) -> None:
        assert graded([self.CHOICE], {self.CHOICE.id: tuple(chosen)}).points == points

    @pytest.mark.parametrize(
        ("order", "share_in_place"),
        [("cab", 1), ("cba", Fraction(1, 3)), ("abc", 0), ("bac", Fraction(1, 3))],
    )
    def test_ordering_is_the_share_in_place(self, order: str, share_in_place: Fraction) -> None:
        asked = question("ordering", {"items": items(*"abc"), "correct": ["c", "a", "b"]})
        assert share_right(asked, tuple(order)) == share_in_place

    @pytest.mark.parametrize(
        ("answer", "share_in_place"),
        [
            ({"l1": "a", "l2": "b", "l3": "b"}, 1),
            ({"l1": "a", "l2": "b"}, Fraction(2, 3)),
            ({"l1": "b", "l2": "a", "l3": "b"}, Fraction(1, 3)),
            ({"l1": "b"}, 0),
        ],
    )
    def test_matching_is_the_share_in_place(
        self, answer: dict[str, str], share_in_place: Fraction
    ) -> None:
        pairs = {"l1": "a", "l2": "b", "l3": "b"}
        asked = question(
            "matching", {"left": items(*pairs), "right": items("a", "b"), "pairs": pairs}
        )
        assert share_right(asked, answer) == share_in_place


class TestNumeric:
    ASKED = question("numeric", {"correct": 0.3, "tolerance": 0.1})

    @pytest.mark.parametrize(
        ("number", "right"),
        [("0.2", True), ("0.4", True), ("0.3", True), ("0.19999", False), ("0.40001", False)],
    )
    def test_both_ends_of_the_tolerance_are_right(self, number: str, *, right: bool) -> None:
        assert share_right(self.ASKED, Decimal(number)) == int(right)

    def test_without_tolerance_only_the_number_itself(self) -> None:
        asked = question("numeric", {"correct": 0.3})
        assert share_right(asked, Decimal("0.30")) == 1
        assert share_right(asked, parse_answer(asked, 0.1 + 0.2)) == 0


class TestShortAnswer:
    @pytest.mark.parametrize(
        "typed",
        ["Patient's  chart", " patient\u2019s chart\n", "PATIENT'S CHART", "\uff50atient's chart"],
    )
    def test_is_compared_as_people_mean_it(self, typed: str) -> None:
        asked = question("short_answer", {"accepted": ["x", "patient's chart"]})
        assert share_right(asked, typed) == 1

    def test_minds_the_case_where_it_matters(self) -> None:
        asked = question("short_answer", {"accepted": ["pH"], "case_sensitive": True})
        assert share_right(asked, " pH ") == 1
        assert share_right(asked, "PH") == 0

    def test_near_misses_are_wrong(self) -> None:
        asked = question("short_answer", {"accepted": ["sharps container"]})
        assert share_right(asked, "sharps containers") == 0


class TestPassing:
    THIRDS = tuple(question("true_false", {"correct": True}, id=UUID(int=n)) for n in range(3))

    @pytest.mark.parametrize(
        ("pass_mark", "passed"), [(66.66, True), (66.67, False), (67, False), (0, True)]
    )
    def test_is_decided_on_the_exact_share(self, pass_mark: float, *, passed: bool) -> None:
        answers: dict[UUID, Answer] = {UUID(int=0): True, UUID(int=1): True, UUID(int=2): False}
        result = graded(self.THIRDS, answers, pass_mark=pass_mark)
        assert result.score_percent == Decimal("66.67")
        assert result.passed is passed

    def test_reaching_the_mark_exactly_passes(self) -> None:
        asked = [question("true_false", {"correct": True}, id=UUID(int=n)) for n in range(5)]
        answers: dict[UUID, Answer] = {UUID(int=n): n > 0 for n in range(5)}
        assert graded(asked, answers).passed

    def test_points_do_not_drift(self) -> None:
        asked = [
            question("true_false", {"correct": True}, id=UUID(int=n), points=0.1) for n in range(10)
        ]
        answers: dict[UUID, Answer] = dict.fromkeys((each.id for each in asked), True)
        assert graded(asked, answers).points == 1


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (Fraction(2, 3), 2, "0.67"),
        (Fraction(1, 8), 2, "0.13"),
        (Fraction(1, 200), 2, "0.01"),
        (Fraction(999, 100_000), 2, "0.01"),
        (Fraction(100), 2, "100.00"),
        (Fraction(5, 2), 0, "3"),
        (Fraction(0), 2, "0.00"),
    ],
)
def test_rounds_half_up(number: Fraction, places: int, text: str) -> None:
    assert str(rounded(number, places)) == text


def test_where_nothing_was_to_be_had_nothing_was_reached() -> None:
    assert share(Fraction(0), Fraction(0)) == 0


class TestCorrections:
    RIGHT, WRONG = (
        question("true_false", {"correct": True}, id=UUID(int=n), points=n) for n in (1, 2)
    )
    ANSWERS: ClassVar[dict[UUID, Answer]] = {UUID(int=1): True, UUID(int=2): False}

    def corrected(self, kind: str, answer: object = None) -> Grade:
        correction = Correction(question_id=self.WRONG.id, kind=CorrectionKind(kind), answer=answer)
        return graded([self.RIGHT, self.WRONG], self.ANSWERS, [correction])

    def test_a_voided_question_counts_for_nobody(self) -> None:
        result = self.corrected("void")
        assert result.points == result.max_points == 1
        assert result.passed
        assert result.questions[1].voided
        assert not result.questions[1].correct

    def test_credit_gives_full_points(self) -> None:
        result = self.corrected("credit")
        assert result.points == result.max_points == 3
        assert result.passed
        nothing = graded(
            [self.WRONG],
            {},
            [Correction(question_id=self.WRONG.id, kind=CorrectionKind.CREDIT)],
        )
        full = QuestionGrade(self.WRONG.id, Fraction(2), Fraction(2), answered=False)
        assert nothing.questions == (full,)

    def test_credit_says_whether_there_was_an_answer(self) -> None:
        assert [each.answered for each in self.corrected("credit").questions] == [True, True]

    def test_accept_makes_another_answer_right(self) -> None:
        assert self.corrected("accept", answer=False).points == 3

    def test_void_wins_over_credit(self) -> None:
        both = [
            Correction(question_id=self.WRONG.id, kind=kind)
            for kind in (CorrectionKind.CREDIT, CorrectionKind.VOID)
        ]
        assert graded([self.RIGHT, self.WRONG], self.ANSWERS, both).max_points == 1

    def test_with_everything_voided_nobody_passes(self) -> None:
        void = Correction(question_id=self.RIGHT.id, kind=CorrectionKind.VOID)
        result = graded([self.RIGHT], self.ANSWERS, [void])
        assert result.score_percent == 0
        assert not result.passed

    def test_points_stay_fractions_where_nothing_was_shown(self) -> None:
        nothing = graded([], {})
        assert isinstance(nothing.points, Fraction)
        assert isinstance(nothing.max_points, Fraction)
        assert nothing.score_percent == 0
        assert not nothing.passed

    def test_touches_only_its_own_question(self) -> None:
        other = Correction(question_id=UUID(int=9), kind=CorrectionKind.CREDIT)
        assert graded([self.WRONG], self.ANSWERS, [other]) == graded([self.WRONG], self.ANSWERS)

    @pytest.mark.parametrize(
        ("kind", "metadata", "raw"),
        [
            ("single_choice", {"options": items("a", "b"), "correct": ["a"]}, "b"),
            ("multiple_choice", {"options": items("a", "b"), "correct": ["a"]}, ["a", "b"]),
            ("true_false", {"correct": True}, False),
            ("short_answer", {"accepted": ["sharps"]}, "Needles"),
            ("numeric", {"correct": 1, "tolerance": 0.5}, "12,5"),
            (
                "matching",
                {"left": items("l", "m"), "right": items("a", "b"), "pairs": {"l": "a", "m": "b"}},
                {"l": "b", "m": "a"},
            ),
            ("ordering", {"items": items("a", "b"), "correct": ["a", "b"]}, ["b", "a"]),
        ],
    )
    def test_accepts_for_every_kind(self, kind: str, metadata: dict[str, Any], raw: object) -> None:
        asked = question(kind, metadata)
        answer = parse_answer(asked, raw)
        correction = Correction(question_id=asked.id, kind=CorrectionKind.ACCEPT, answer=raw)
        assert share_right(asked, answer) < 1
        assert graded([asked], {asked.id: answer}, [correction]).points == 1
        assert graded([asked], {asked.id: right_answer(asked)}, [correction]).points == 1

    def test_an_accepted_number_keeps_the_tolerance(self) -> None:
        asked = question("numeric", {"correct": 1, "tolerance": 0.5})
        assert share_right(accepting(asked, 10), Decimal("10.5")) == 1
        assert share_right(accepting(asked, 10), Decimal("10.6")) == 0

    def test_refuses_what_cannot_be_a_key(self) -> None:
        asked = question("multiple_choice", {"options": items("a", "b"), "correct": ["a"]})
        with pytest.raises(AnswerError):
            accepting(asked, ["z"])
        with pytest.raises(ValidationError):
            accepting(asked, [])

    @pytest.mark.parametrize("raw", [{"kind": "accept"}, {"kind": "void", "answer": "a"}])
    def test_an_answer_goes_with_accept_alone(self, raw: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            Correction.model_validate({"question_id": UUID(int=1), **raw})
