"""Training in person: what is taught in classes alone, and the classes at each office."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.domain.compliance.requirement import Rule
from app.domain.content.section_settings import SectionKind
from app.schemas.compliance.requirement import RequirementCreate, RequirementUpdate
from app.schemas.content.module import ModuleCreate, Publish
from app.schemas.content.section import SectionCreate
from app.schemas.evidence.live_session import (
    AttendanceMarks,
    LiveSessionCreate,
    Registration,
    SessionQuestionCreate,
)
from app.schemas.study.assignment import BulkEnroll
from app.services.context import SYSTEM
from devstack.town.authoring import publish
from devstack.town.people import OFFICES
from devstack.town.town import CLINICAL, UNCHANGED, Event, Town

_MINUTES: Final = 180


@dataclass(frozen=True, slots=True)
class Course:
    """A day in class that is as good as studying these modules."""

    slug: str
    title: str
    summary: str
    equals: tuple[str, ...]
    clinical: bool = False
    days: tuple[float, ...] = ()
    """When each office holds it."""


SAFETY_DAY: Final = Course(
    "annual-safety-day",
    "Annual Safety Day",
    "A day in class at each office: bloodborne pathogens, infection control, chemicals, privacy.",
    ("bloodborne-pathogens", "infection-control", "hazard-communication", "hipaa-privacy"),
    days=(4, 5, 6, 7, 8, 41, 52, 63),
)
IMAGING: Final = Course(
    "imaging-workshop",
    "Imaging Workshop",
    "Exposure settings, positioning and protection, at the chair.",
    ("radiation-safety",),
    clinical=True,
    days=(9, 9, 10, 10, 10, 9, 10, 9),
)
COURSES: Final = (SAFETY_DAY, IMAGING)
RULES_BEGIN: Final = 12
"""The day from which training is required. Offices that were quick had trained by then."""

_SECOND_ROUND: Final = (336, 339, 342, 346)
"""When the first offices held their next safety day. The others have theirs before them."""

_ABSENT: Final = frozenset({4, 13})
"""Who is absent from each class, by their place on the roster."""


def classes(town: Town) -> Iterator[Event]:
    yield Event(1, partial(_prepare, town))
    yield Event(RULES_BEGIN, partial(_require, town))
    for course in COURSES:
        for day in sorted(set(course.days)):
            offices = [office for office, on in zip(OFFICES, course.days, strict=True) if on == day]
            yield Event(day, partial(_hold, town, course, offices))
    for office, day in zip(OFFICES, _SECOND_ROUND, strict=False):
        yield Event(day, partial(_hold, town, SAFETY_DAY, [office]))
    yield Event(310, partial(_require_onboarding, town))
    yield Event(320, partial(_cancel, town))
    yield Event(350, partial(_announce, town))
    yield Event(361.2, partial(_leave_open, town))


async def _prepare(town: Town) -> None:
    modules = town.services.modules(town.as_admin)
    sections = town.services.sections(town.as_admin)
    for course in COURSES:
        wanted = ModuleCreate(
            title=course.title,
            summary=course.summary,
            category="Classes",
            tags=["in person"],
            estimated_minutes=_MINUTES,
        )
        made = (await modules.create(wanted)).value
        section = SectionCreate(
            kind=SectionKind.LIVE_SESSION,
            title="The class",
            settings={"duration_minutes": _MINUTES},
        )
        await sections.create(made.id, section)
        await publish(town, course.slug, made.id, Publish())


async def _require(town: Town) -> None:
    await town.services.seeds(SYSTEM).requirements()
    for course in COURSES:
        await _let_count(town, course)


async def _require_onboarding(town: Town) -> None:
    """Ask the front offices for one more module, with half a year's time."""
    rule = Rule.model_validate(
        {
            "subject": {
                "kind": "modules",
                "any_of": [town.lessons["front-desk-onboarding"].module_id],
            },
            "audience": {"departments": ["Front Office"]},
            "citation": "Our own policy on reception",
            "first_due": {"kind": "days_after", "event": "assignment", "days": 180},
        }
    )
    asked = RequirementCreate(title="Front desk standards", rule=rule, confirm=True)
    await town.services.requirements(town.as_admin).create(asked)


async def _let_count(town: Town, course: Course) -> None:
    """Let the class meet what asks for the modules that it is as good as."""
    service = town.services.requirements(town.as_admin)
    equal = {town.lessons[slug].module_id for slug in course.equals}
    for requirement in (await service.list(PageRequest(100), archived=())).items:
        rule = requirement.rule.model_dump(mode="json")
        if str(rule["subject"].get("any_of", [""])[0]) in {str(each) for each in equal}:
            rule["subject"]["any_of"].append(str(town.lessons[course.slug].module_id))
            change = RequirementUpdate(rule=Rule.model_validate(rule), confirm=True)
            await service.update(requirement.id, change, UNCHANGED)


async def _hold(town: Town, course: Course, offices: Sequence[str]) -> None:
    """Assign it to the offices, teach it, and close it once it is over."""
    people = _asked(town, course, *offices)
    module_id = town.lessons[course.slug].module_id
    due = BulkEnroll(module_id=module_id, user_ids=town.ids(people), due_on=town.clock.now.date())
    await town.services.assignments(town.as_admin).assign(due)
    session_id = await _plan(town, course, offices[0], people, 0)
    service = town.services.live_sessions(town.as_admin)
    await town.clock.wait(timedelta(minutes=_MINUTES + 5))
    absent = [email for place, email in enumerate(people) if place in _ABSENT]
    present = [email for email in people if email not in absent]
    marks = AttendanceMarks(attended=town.ids(present), absent=town.ids(absent))
    await service.mark(session_id, marks)
    question = SessionQuestionCreate(
        user_id=town.people[present[0]].id,
        question="Whom do I call in the evening, when nobody is at the office?",
        answer="The number on the badge. It is answered at any time.",
    )
    await service.record_question(session_id, question)
    await service.close(session_id)


async def _plan(town: Town, course: Course, place: str, people: list[str], in_days: int) -> UUID:
    service = town.services.live_sessions(town.as_admin)
    planned = LiveSessionCreate(
        module_id=town.lessons[course.slug].module_id,
        starts_at=town.clock.now + timedelta(days=in_days),
        duration_minutes=_MINUTES,
        place=place,
        instructor_name="Ivy Northcote",
        instructor_qualification="RN, infection preventionist",
    )
    made = await service.create(planned)
    await service.register(made.value.id, Registration(user_ids=town.ids(people)))
    return made.value.id


def _asked(town: Town, course: Course, *offices: str) -> list[str]:
    """Return who is to come. The admin keeps the roster, and cannot be on it."""
    return sorted(
        email
        for email, person in town.people.items()
        if person.location in offices and person.role is not Role.ADMIN
        if not course.clinical or person.job_title in CLINICAL
    )


async def _cancel(town: Town) -> None:
    people = _asked(town, IMAGING, OFFICES[5])[:4]
    session_id = await _plan(town, IMAGING, OFFICES[5], people, 12)
    await town.services.live_sessions(town.as_admin).cancel(session_id)


async def _announce(town: Town) -> None:
    """Plan the classes that are still to come."""
    for course, office, in_days in (
        (SAFETY_DAY, OFFICES[4], 22),
        (SAFETY_DAY, OFFICES[7], 29),
        (IMAGING, OFFICES[6], 43),
    ):
        await _plan(town, course, office, _asked(town, course, office), in_days)


async def _leave_open(town: Town) -> None:
    """Hold a class that nobody has marked and closed yet."""
    office = OFFICES[6]
    await _plan(town, IMAGING, office, _asked(town, IMAGING, office)[:5], 0)
