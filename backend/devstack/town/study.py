"""People study: all of a module, a part of it, or its quiz without success."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Final
from uuid import UUID

from app.domain.content.section_settings import SectionKind
from app.schemas.answers import AnswersPayload
from app.schemas.study.attempt import AttemptOpen
from app.schemas.study.enrollment import Acknowledge, EnrollmentCreate, ProgressReport
from app.services.context import RequestContext
from app.services.study.enrollment import EnrollmentService
from devstack.town.lessons import Lesson, Step
from devstack.town.town import Event, Town

_READS: Final = frozenset({SectionKind.TEXT, SectionKind.DOCUMENT, SectionKind.VIDEO})
_PAUSE: Final = timedelta(seconds=20)
_QUIZ: Final = timedelta(minutes=6)
_SLOWER_THAN_ASKED: Final = 1.3


@dataclass(frozen=True, slots=True)
class Studying:
    """How somebody goes through a module.

    `wrong` answers in each attempt that fails, then one that passes, unless `gives_up`. `sections`
    is after how many they stop; all of them if it is None.
    """

    email: str
    slug: str
    failures: int = 0
    gives_up: bool = False
    sections: int | None = None
    open_attempt: bool = False

    def on(self, day: float, town: Town) -> Event:
        return Event(day, partial(study, town, self))


@dataclass(frozen=True, slots=True)
class _Learner:
    town: Town
    context: RequestContext
    name: str
    enrollment_id: UUID

    async def take(self, step: Step, how: Studying) -> None:
        if step.kind is SectionKind.QUIZ:
            await self._take_quiz(step, how)
        elif step.kind is SectionKind.ACKNOWLEDGEMENT:
            await self._sign(step)
        elif step.kind in _READS:
            await self._read(step)

    async def _read(self, step: Step) -> None:
        seconds = max(int(step.seconds * _SLOWER_THAN_ASKED), 45)
        spent = 0
        while spent < seconds:
            spent = min(spent + 600, seconds)
            await self.town.clock.wait(timedelta(seconds=min(600, spent) + 1))
            report = ProgressReport(
                seconds_spent=spent, position=float(spent), completed=spent == seconds
            )
            await self._enrollments.report_progress(self.enrollment_id, step.section_id, report)

    async def _sign(self, step: Step) -> None:
        await self.town.clock.wait(_PAUSE)
        signature = Acknowledge(printed_name=self.name, meaning="I have read it and will follow it")
        await self._enrollments.acknowledge(self.enrollment_id, step.section_id, signature)

    async def _take_quiz(self, step: Step, how: Studying) -> None:
        for _ in range(how.failures):
            await self._attempt(step, wrong=len(step.answers))
        if how.open_attempt:
            attempts = self.town.services.attempts(self.context)
            begun = await attempts.start(self.enrollment_id, step.section_id)
            await attempts.save(begun.value.id, _answers(step, begun.value, wrong=0, limit=3))
        elif not how.gives_up:
            await self._attempt(step, wrong=1)

    async def _attempt(self, step: Step, *, wrong: int) -> None:
        attempts = self.town.services.attempts(self.context)
        begun = await attempts.start(self.enrollment_id, step.section_id)
        await self.town.clock.wait(_QUIZ)
        await attempts.submit(begun.value.id, _answers(step, begun.value, wrong=wrong))
        await self.town.clock.wait(_PAUSE)

    @property
    def _enrollments(self) -> EnrollmentService:
        return self.town.services.enrollments(self.context)


async def study(town: Town, how: Studying) -> None:
    lesson: Lesson = town.lessons[how.slug]
    context = await town.sign_in(how.email)
    enrollments = town.services.enrollments(context)
    enrolled = await enrollments.enroll(EnrollmentCreate(module_id=lesson.module_id))
    shown = (await enrollments.get(enrolled.value.id)).value.sections
    person = town.people[how.email]
    learner = _Learner(town, context, person.full_name or "", enrolled.value.id)
    theirs = {section.section_id for section in shown if section.required}
    asked = [step for step in lesson.steps if step.section_id in theirs]
    for step in islice(asked, how.sections):
        await learner.take(step, how)


def _answers(
    step: Step, begun: AttemptOpen, *, wrong: int, limit: int | None = None
) -> AnswersPayload:
    asked = sorted(str(question["id"]) for question in begun.questions)
    chosen = {
        question: step.answers[question][number < wrong]
        for number, question in enumerate(asked[:limit])
    }
    return AnswersPayload(answers=chosen)
