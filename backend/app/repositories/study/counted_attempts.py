"""Which attempts at a quiz count together, whatever enrollments they were made in.

Nobody gets more attempts by leaving a training and enrolling again, in a newer version or under
another of their entries either. So
the attempts of withdrawn enrollments count as well, unless the module has changed materially
between the two versions, back to the last time that the person completed it. Passed attempts do not
count, because the pass was lost with the enrollment.
"""

import uuid

from sqlalchemy import (
    ColumnElement,
    DateTime,
    ScalarSelect,
    Select,
    and_,
    any_,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.orm.util import AliasedClass
from sqlalchemy.sql.selectable import LateralFromClause

from app.domain.study.quiz.attempts import NETWORK_GRACE
from app.models import (
    AnswerKey,
    AttemptGrant,
    Enrollment,
    ModuleVersion,
    QuizAttempt,
    User,
    VersionSection,
)
from app.models.study.attempt import AttemptState
from app.models.study.enrollment import EnrollmentStatus

NOW = func.clock_timestamp(type_=DateTime(timezone=True))

_NEVER = literal_column("'infinity'::timestamptz", DateTime(timezone=True))

# SQLAlchemy describes each column of an alias anew, so they are made once.
_completed, _granted_in, _other = (aliased(Enrollment) for _ in range(3))
_first, _second, _changed = (aliased(ModuleVersion) for _ in range(3))
_tried = aliased(QuizAttempt)
_merged = aliased(User)

Enrollments = type[Enrollment] | AliasedClass[Enrollment]
Ids = ColumnElement[uuid.UUID] | InstrumentedAttribute[uuid.UUID]


def counts_with(other: Enrollments, own: Enrollments) -> ColumnElement[bool]:
    """Match the enrollments whose attempts count in `own`, itself included."""
    ended = func.coalesce(own.completed_at, own.withdrawn_at, _NEVER)
    completed_between = (
        select(_completed.id)
        .where(
            _is_persons(_completed, own),
            _completed.module_id == own.module_id,
            _completed.completed_at > other.withdrawn_at,
            _completed.completed_at < ended,
        )
        .correlate_except(_completed)
    )
    before = and_(
        _is_persons(other, own),
        other.module_id == own.module_id,
        or_(other.version_id == own.version_id, ~_changed_materially(other, own).exists()),
        other.status == EnrollmentStatus.WITHDRAWN,
        other.withdrawn_at < ended,
        ~completed_between.exists(),
    )
    return or_(other.id == own.id, before)


def _is_persons(other: Enrollments, own: Enrollments) -> ColumnElement[bool]:
    """Match the enrollments of the person, under whichever of their entries."""
    merged = select(_merged.id).where(_merged.merged_into_id == own.user_id)
    ids = func.array(merged.correlate_except(_merged).scalar_subquery())
    # An array, so that PostgreSQL looks in the index instead of reading everybody's enrollments.
    return other.user_id == any_(func.array_append(ids, own.user_id))


def _changed_materially(one: Enrollments, other: Enrollments) -> Select[uuid.UUID]:
    """Select the material changes of the module between the versions of two enrollments."""
    return (
        select(_changed.id)
        .join(_first, _first.module_id == _changed.module_id)
        .join(_second, _second.module_id == _changed.module_id)
        .where(
            _first.id == one.version_id,
            _second.id == other.version_id,
            _changed.material_change,
            _changed.number > func.least(_first.number, _second.number),
            _changed.number <= func.greatest(_first.number, _second.number),
        )
        .correlate_except(_first, _second, _changed)
    )


def granted_in(own: Enrollments, section_id: Ids) -> ScalarSelect[int]:
    """Count the attempts that were granted on top of what the quiz allows."""
    statement = (
        select(func.count())
        .select_from(AttemptGrant)
        .join(_granted_in, _granted_in.id == AttemptGrant.enrollment_id)
        .where(counts_with(_granted_in, own), AttemptGrant.section_id == section_id)
    )
    return statement.correlate_except(AttemptGrant, _granted_in).scalar_subquery()


def tally(own: Enrollments, section_id: Ids) -> LateralFromClause:
    """Count the attempts at a quiz in an enrollment, for each row of a statement.

    `total` is all that count, `closed` those without an open one of the enrollment's own, `live`
    says whether that can be continued, `passed` and `open` are about the enrollment's own.
    `last_closed_at` is when the last one ended that cannot be continued.
    """
    is_own = _tried.enrollment_id == own.id
    is_open = and_(is_own, _tried.state == AttemptState.OPEN)
    in_time = or_(_tried.expires_at.is_(None), _tried.expires_at + NETWORK_GRACE >= NOW)
    given_up_at = func.least(_other.withdrawn_at, _tried.expires_at)
    closed_at = func.coalesce(_tried.submitted_at, given_up_at, _tried.started_at)
    counted = (
        select(
            func.count(_tried.id).label("total"),
            func.count(_tried.id).filter(~is_open).label("closed"),
            func.coalesce(func.bool_or(_tried.passed), False).label("passed"),
            func.coalesce(func.bool_or(is_open), False).label("open"),
            func.coalesce(func.bool_or(and_(is_open, in_time)), False).label("live"),
            func.max(closed_at)
            .filter(~func.coalesce(and_(is_open, in_time), False))
            .label("last_closed_at"),
            granted_in(own, section_id).label("granted"),
        )
        .select_from(_tried)
        .join(_other, _other.id == _tried.enrollment_id)
        .where(
            counts_with(_other, own),
            _tried.section_id == section_id,
            or_(is_own, _tried.passed.is_not(True)),
        )
    )
    return counted.correlate_except(_tried, _other).lateral("tally")


def key_of_section() -> ColumnElement[bool]:
    """Match the answer key of a version's section."""
    return and_(
        AnswerKey.version_id == VersionSection.version_id,
        AnswerKey.section_id == VersionSection.section_id,
    )
