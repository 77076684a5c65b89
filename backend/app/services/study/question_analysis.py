"""What authors learn from the attempts at a version of their quiz."""

import uuid

from app.core.errors import NotFoundError
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import (
    MultipleChoiceQuestion,
    Question,
    SingleChoiceQuestion,
    TrueFalseQuestion,
)
from app.repositories.study.question_analysis import QuestionFigures, QuizFigures
from app.schemas.study.question_analysis import (
    ChoiceCount,
    QuestionAnalysis,
    QuizAnalysis,
    ScoreBand,
)
from app.services.answer import Answer
from app.services.base import Service, found

BANDS = 10
WITH_OPTIONS = (SingleChoiceQuestion, MultipleChoiceQuestion, TrueFalseQuestion)


class QuestionAnalysisService(Service):
    async def get(
        self, module_id: uuid.UUID, number: int, section_id: uuid.UUID
    ) -> Answer[QuizAnalysis]:
        async with self.reading() as uow:
            version = found(await uow.versions.numbered(module_id, number), "version")
            stored = await uow.versions.answer_key(version.id, section_id)
            if stored is None:
                raise NotFoundError("section")
            key = QuizKey.model_validate(stored.key)
            choice_ids = [str(each.id) for each in key.questions if isinstance(each, WITH_OPTIONS)]
            quiz = await uow.question_analysis.quiz(version.id, section_id)
            figures = await uow.question_analysis.questions(version.id, section_id, choice_ids)
            return Answer(_analysis(section_id, number, key, quiz, figures))


def _analysis(
    section_id: uuid.UUID,
    number: int,
    key: QuizKey,
    quiz: QuizFigures,
    figures: dict[str, QuestionFigures],
) -> QuizAnalysis:
    return QuizAnalysis(
        section_id=section_id,
        version=number,
        attempts=quiz.graded,
        open=quiz.open,
        timed_out=quiz.timed_out,
        people=quiz.people,
        passed=quiz.passed,
        pass_rate=quiz.passed / quiz.graded if quiz.graded else None,
        mean_score=quiz.mean_score,
        score_deviation=quiz.score_deviation,
        median_score=quiz.median_score,
        median_seconds=quiz.median_seconds,
        distribution=_distribution(quiz.bands or {}),
        questions=[_question(each, figures.get(str(each.id))) for each in key.questions],
    )


def _distribution(bands: dict[str, int]) -> list[ScoreBand]:
    width = 100 // BANDS
    return [
        ScoreBand(
            from_percent=band * width,
            to_percent=(band + 1) * width,
            attempts=bands.get(str(band), 0),
        )
        for band in range(BANDS)
    ]


def _question(question: Question, figures: QuestionFigures | None) -> QuestionAnalysis:
    return QuestionAnalysis(
        id=question.id,
        kind=question.kind,
        prompt=question.prompt,
        shown=figures.shown if figures else 0,
        answered=figures.answered if figures else 0,
        share_right=figures.share_right if figures else None,
        discrimination=figures.discrimination if figures else None,
        median_seconds=figures.median_seconds if figures else None,
        choices=_choices(question, (figures and figures.choices) or {}),
    )


def _choices(question: Question, counts: dict[str, int]) -> list[ChoiceCount]:
    """Return every option in its authored order, those that nobody chose included."""
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            options = [(option.id, option.text) for option in question.metadata.options]
            right = set(question.metadata.correct)
        case TrueFalseQuestion():
            options = [("true", "true"), ("false", "false")]
            right = {str(question.metadata.correct).lower()}
        case _:
            return []
    return [
        ChoiceCount(choice=choice, text=text, correct=choice in right, count=counts.get(choice, 0))
        for choice, text in options
    ]
