import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import Question
from app.domain.content.section_settings import QuizSettings
from app.domain.study.quiz.attempts import (
    ClosedAttempt,
    NextAttempt,
    Refusal,
    Snapshot,
    attempts_left,
    deadline,
    draw_snapshot,
    feedback,
    grade_attempt,
    is_over,
    learner_questions,
    left_of,
    next_attempt,
    right_answer,
)
from app.domain.study.quiz.grading import Correction, CorrectionKind
from tests.domain.content.quiz.strategies import EXPLANATION_CANARY, items, question, questions

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
seeds = st.text("0123456789abcdef", min_size=1, max_size=32)


@st.composite
def keys(draw: st.DrawFn) -> QuizKey:
    pool = draw(st.lists(questions(), min_size=1, max_size=6, unique_by=lambda each: each.id))
    return QuizKey(
        questions=tuple(pool),
        shuffle=draw(st.booleans()),
        draw=draw(st.none() | st.integers(1, len(pool))),
    )


def pool_of(size: int) -> tuple[Question, ...]:
    metadata = {"options": items("a", "b", "c"), "correct": ["a"]}
    return tuple(question("single_choice", metadata, id=UUID(int=n)) for n in range(size))


class TestDrawSnapshot:
    @given(keys(), seeds)
    def test_draws_each_question_at_most_once_and_as_many_as_asked(
        self, key: QuizKey, seed: str
    ) -> None:
        shown = [each.id for each in draw_snapshot(key, seed).questions]
        assert len(shown) == len(set(shown)) == (key.draw or len(key.questions))
        assert set(shown) <= {each.id for each in key.questions}

    @given(keys(), seeds)
    def test_the_seed_alone_decides(self, key: QuizKey, seed: str) -> None:
        snapshot = draw_snapshot(key, seed)
        assert draw_snapshot(key, seed) == snapshot
        authored_backwards = key.model_copy(update={"questions": key.questions[::-1]})
        again = draw_snapshot(authored_backwards, seed)
        assert set(again.by_id()) == set(snapshot.by_id())
        assert again == snapshot or not key.shuffle

    @given(keys(), seeds)
    def test_survives_json_and_shows_nothing_of_the_key(self, key: QuizKey, seed: str) -> None:
        snapshot = draw_snapshot(key, seed)
        stored = json.dumps(snapshot.as_json())
        assert Snapshot.model_validate(json.loads(stored)) == snapshot
        assert EXPLANATION_CANARY not in stored
        for word in ("metadata", "correct", "accepted", "tolerance", "pairs", "explanation"):
            assert f'"{word}":' not in stored
        assert learner_questions(snapshot) == snapshot.as_json()["questions"]

    @given(keys(), seeds, st.data())
    def test_shuffles_never_change_a_grade(
        self, key: QuizKey, seed: str, data: st.DataObject
    ) -> None:
        shuffled = key.model_copy(update={"draw": None, "shuffle": True})
        plain = key.model_copy(update={"draw": None, "shuffle": False})
        answers = {
            str(each.id): right_answer(each)
            for each in key.questions
            if data.draw(st.booleans(), label="answered")
        }
        one = grade_attempt(draw_snapshot(shuffled, seed), shuffled, answers)
        other = grade_attempt(draw_snapshot(plain, seed), plain, answers)
        assert set(one.questions) == set(other.questions)
        assert (one.points, one.passed) == (other.points, other.passed)

    def test_without_shuffle_everything_stays_as_authored(self) -> None:
        key = QuizKey(questions=pool_of(8), shuffle=False, draw=5)
        shown = learner_questions(draw_snapshot(key, "seed"))
        assert [each["id"] for each in shown] == sorted(each["id"] for each in shown)
        assert all([option["id"] for option in each["options"]] == list("abc") for each in shown)

    def test_shuffles_the_options_too(self) -> None:
        def orders(*, shuffle: bool) -> set[str]:
            key = QuizKey(questions=pool_of(1), shuffle=shuffle)
            shown = (learner_questions(draw_snapshot(key, str(seed))) for seed in range(50))
            return {"".join(option["id"] for option in each[0]["options"]) for each in shown}

        assert orders(shuffle=True) == {"abc", "acb", "bac", "bca", "cab", "cba"}
        assert orders(shuffle=False) == {"abc"}

    def test_draws_fairly(self) -> None:
        key = QuizKey(questions=pool_of(5), draw=2)
        drawn = Counter(
            each.id for seed in range(1000) for each in draw_snapshot(key, str(seed)).questions
        )
        assert all(330 < count < 470 for count in drawn.values())
        assert len(drawn) == 5

    def test_the_order_of_a_stored_seed_never_changes(self) -> None:
        shown = draw_snapshot(QuizKey(questions=pool_of(6), draw=4), "2027").questions
        assert [each.id.int for each in shown] == [1, 2, 0, 5]
        few = draw_snapshot(QuizKey(questions=pool_of(40), draw=3), "2027").questions
        assert [each.id.int for each in few] == [39, 5, 26]


class TestGradeAttempt:
    KEY = QuizKey(questions=pool_of(2), shuffle=False)

    def test_grades_saved_answers_with_corrections(self) -> None:
        snapshot = draw_snapshot(self.KEY, "seed")
        saved = {str(UUID(int=0)): "a", str(UUID(int=1)): "b"}
        assert grade_attempt(snapshot, self.KEY, saved).score_percent == 50
        void = Correction(question_id=UUID(int=1), kind=CorrectionKind.VOID)
        assert grade_attempt(snapshot, self.KEY, saved, [void]).score_percent == 100

    def test_refuses_answers_that_were_never_validated(self) -> None:
        snapshot = draw_snapshot(self.KEY, "seed")
        with pytest.raises(
            ValueError, match=r"^a saved answer does not fit the question that was shown$"
        ):
            grade_attempt(snapshot, self.KEY, {str(UUID(int=0)): "z"})


def closed(number: int, *, passed: bool = False, at: datetime = NOON) -> ClosedAttempt:
    return ClosedAttempt(number=number, closed_at=at, passed=passed)


class TestNextAttempt:
    RULES = QuizSettings(max_attempts=2, cooldown_minutes=30)

    def test_the_first_one_may_start(self) -> None:
        following = next_attempt(self.RULES, [], NOON)
        assert (following.number, following.attempts_left, following.refusal) == (1, 2, None)

    def test_waits_until_cooled_down(self) -> None:
        end = NOON + timedelta(minutes=30)
        early = next_attempt(self.RULES, [closed(1)], end - timedelta(microseconds=1))
        assert early == NextAttempt(2, 1, Refusal.COOLING_DOWN, end)
        on_time = next_attempt(self.RULES, [closed(1)], end)
        assert (on_time.number, on_time.attempts_left, on_time.refusal) == (2, 1, None)

    def test_cools_down_from_the_last_one(self) -> None:
        rules = QuizSettings(max_attempts=None, cooldown_minutes=30)
        later = closed(2, at=NOON + timedelta(minutes=20))
        following = next_attempt(rules, [later, closed(1)], NOON + timedelta(minutes=40))
        assert following.available_at == NOON + timedelta(minutes=50)
        assert following.number == 3

    def test_attempts_run_out(self) -> None:
        following = next_attempt(self.RULES, [closed(1), closed(2)], NOON + timedelta(days=1))
        assert following == NextAttempt(3, 0, Refusal.NO_ATTEMPTS_LEFT)

    def test_a_granted_one_may_start(self) -> None:
        used = [closed(1), closed(2)]
        following = next_attempt(self.RULES, used, NOON + timedelta(days=1), granted=1)
        assert following == NextAttempt(3, 1)
        following = next_attempt(
            self.RULES, [*used, closed(3)], NOON + timedelta(days=1), granted=1
        )
        assert following == NextAttempt(4, 0, Refusal.NO_ATTEMPTS_LEFT)

    def test_granted_ones_are_left_too(self) -> None:
        assert attempts_left(self.RULES, 2, 1) == 1
        assert attempts_left(self.RULES, 1, 3) == 4
        assert attempts_left(QuizSettings(max_attempts=None), 9, 1) is None

    def test_nothing_is_granted_unasked(self) -> None:
        assert attempts_left(self.RULES, 1) == left_of(2, 1) == 1

    def test_more_than_allowed_is_not_less_than_none(self) -> None:
        assert attempts_left(self.RULES, 5) == 0

    def test_without_limit_they_never_do(self) -> None:
        rules = QuizSettings(max_attempts=None)
        following = next_attempt(rules, [closed(number) for number in range(1, 100)], NOON)
        assert (following.number, following.attempts_left, following.refusal) == (100, None, None)

    def test_a_pass_closes_the_section_first_of_all(self) -> None:
        following = next_attempt(self.RULES, [closed(1, passed=True)], NOON)
        assert following == NextAttempt(2, 1, Refusal.ALREADY_PASSED)
        both = next_attempt(self.RULES, [closed(1, passed=True), closed(2)], NOON)
        assert both.refusal is Refusal.ALREADY_PASSED

    def test_numbers_are_not_given_twice(self) -> None:
        assert next_attempt(QuizSettings(), [closed(2)], NOON).number == 3


class TestDeadline:
    def test_is_the_limit_after_the_start(self) -> None:
        assert deadline(QuizSettings(time_limit_seconds=90), NOON) == NOON + timedelta(seconds=90)
        assert deadline(QuizSettings(), NOON) is None

    def test_the_last_instant_of_the_grace_still_counts(self) -> None:
        last = NOON + timedelta(seconds=5)
        assert not is_over(NOON, last)
        assert is_over(NOON, last + timedelta(microseconds=1))
        assert not is_over(None, NOON)


class TestFeedback:
    QUESTION = question(
        "multiple_choice",
        {"options": items("a", "b", "c"), "correct": ["a", "b", "c"]},
        explanation=EXPLANATION_CANARY,
    )

    def told(
        self, policy: str, *, passed: bool, left: int | None, voided: bool = False
    ) -> dict[str, object] | None:
        key = QuizKey.model_validate({"questions": [self.QUESTION], "feedback": policy})
        corrections = [Correction(question_id=self.QUESTION.id, kind=CorrectionKind.VOID)]
        result = grade_attempt(
            draw_snapshot(key, "seed"),
            key,
            {str(self.QUESTION.id): ["a", "b"]},
            corrections if voided else [],
        )
        answers = {str(self.QUESTION.id): ["a", "b"]}
        told = feedback(result, key, answers, passed=passed, attempts_left=left)
        return None if told is None else told.as_json()["questions"][0]

    @pytest.mark.parametrize(
        ("policy", "passed", "left"),
        [
            ("never", True, 0),
            ("never", False, 0),
            ("after_pass", False, 0),
            ("after_pass", False, 1),
            ("after_pass", False, None),
        ],
    )
    def test_says_nothing_before_the_policy_allows(
        self, policy: str, *, passed: bool, left: int | None
    ) -> None:
        assert self.told(policy, passed=passed, left=left) is None

    @pytest.mark.parametrize(
        ("policy", "passed", "left"),
        [("after_pass", True, 2), ("after_attempt", True, 2), ("after_attempt", False, 0)],
    )
    def test_says_all_once_no_attempt_could_use_it(
        self, policy: str, *, passed: bool, left: int
    ) -> None:
        assert self.told(policy, passed=passed, left=left) == {
            "question_id": str(self.QUESTION.id),
            "answered": True,
            "correct": False,
            "points": 0.67,
            "max_points": 1,
            "explanation": EXPLANATION_CANARY,
            "result_feedback": None,
            "answer_feedback": [],
            "correct_answer": ["a", "b", "c"],
        }

    @pytest.mark.parametrize("left", [1, None])
    def test_keeps_the_right_answers_while_attempts_are_left(self, left: int | None) -> None:
        told = self.told("after_attempt", passed=False, left=left)
        assert told is not None
        assert told["correct"] is False
        assert told["explanation"] == EXPLANATION_CANARY
        assert told["correct_answer"] is None

    def test_a_voided_question_is_neither_right_nor_wrong(self) -> None:
        told = self.told("after_attempt", passed=True, left=0, voided=True)
        assert told is not None
        assert told["correct"] is None
        assert told["max_points"] == 0

    @given(questions())
    def test_the_right_answer_is_right(self, asked: Question) -> None:
        key = QuizKey(questions=(asked,))
        result = grade_attempt(
            draw_snapshot(key, "seed"), key, {str(asked.id): right_answer(asked)}
        )
        assert result.points == Fraction(asked.points)
        assert result.score_percent == Decimal(100)


def test_tells_what_the_author_wrote_to_the_answer_that_was_saved() -> None:
    written = {"correct": "yes", "incorrect": "no", "partly_correct": "nearly"}
    asked = question(
        "matching",
        {
            "left": items("l1", "l2"),
            "right": items("r1", "r2"),
            "pairs": {"l1": "r1", "l2": "r2"},
            "feedback": {**written, "pairs": {"l1": "they belong together"}},
        },
    )
    key = QuizKey.model_validate({"questions": [asked], "feedback": "after_attempt"})
    answers = {str(asked.id): {"l1": "r1"}}
    result = grade_attempt(draw_snapshot(key, "seed"), key, answers)
    told = feedback(result, key, answers, passed=False, attempts_left=0)
    assert told is not None
    [of_question] = told.questions
    assert of_question.result_feedback == "nearly"
    assert [each.text for each in of_question.answer_feedback] == ["they belong together"]


def test_the_right_text_may_be_the_only_one() -> None:
    assert right_answer(question("short_answer", {"accepted": ["x"]})) == "x"
    assert right_answer(question("short_answer", {"accepted": ["x", "y"]})) == "x"
