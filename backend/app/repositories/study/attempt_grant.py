import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select, true

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.models import AnswerKey, AttemptGrant, Enrollment, ModuleVersion, User, VersionSection
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.base import Orders, Repository, any_of
from app.repositories.people.visibility import owner_visible_to
from app.repositories.study.counted_attempts import key_of_section, tally


@dataclass(frozen=True, slots=True)
class UsedUpFilter:
    user_ids: tuple[uuid.UUID, ...] = ()
    module_ids: tuple[uuid.UUID, ...] = ()


USED_UP_ORDERS = Orders(
    "enrollment_id",
    VersionSection.section_id,
    enrollment_id=Enrollment.id,
)
"""In the order in which people were enrolled: ids are."""


@dataclass(frozen=True, slots=True)
class UsedUp:
    enrollment_id: uuid.UUID
    user_id: uuid.UUID
    full_name: str | None
    email: str | None
    module_id: uuid.UUID
    module_title: str
    category: str | None
    version: int
    section_id: uuid.UUID
    section_title: str
    attempts: int
    granted: int
    due_on: date | None


class AttemptGrantRepository(Repository[AttemptGrant]):
    model = AttemptGrant

    async def get_visible(self, grant_id: uuid.UUID, actor: Actor) -> AttemptGrant | None:
        statement = select(AttemptGrant).where(
            AttemptGrant.id == grant_id, owner_visible_to(actor, AttemptGrant.user_id)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def used_up(
        self, actor: Actor, filters: UsedUpFilter, request: PageRequest
    ) -> Page[UsedUp]:
        """List the quizzes of open enrollments that are not passed and cannot be tried again."""
        counted = tally(Enrollment, VersionSection.section_id)
        most = AnswerKey.key["max_attempts"].as_integer()
        statement = (
            select(
                Enrollment.id,
                User.id,
                User.full_name,
                User.email,
                Enrollment.module_id,
                ModuleVersion.title,
                ModuleVersion.category,
                ModuleVersion.number,
                VersionSection.section_id,
                VersionSection.title,
                counted.c.total,
                counted.c.granted,
                Enrollment.due_on,
            )
            .join(User, User.id == Enrollment.user_id)
            .join(ModuleVersion, ModuleVersion.id == Enrollment.version_id)
            .join(VersionSection, VersionSection.version_id == Enrollment.version_id)
            .join(AnswerKey, key_of_section())
            .join(counted, true())
            .where(
                owner_visible_to(actor, Enrollment.user_id),
                User.is_active,
                Enrollment.status == EnrollmentStatus.ACTIVE,
                func.concerns(VersionSection.states, Enrollment.states),
                counted.c.total >= most + counted.c.granted,
                ~counted.c.passed,
                ~counted.c.live,
                *any_of(Enrollment.user_id, filters.user_ids),
                *any_of(Enrollment.module_id, filters.module_ids),
            )
        )
        return await self.page_of(UsedUp, statement, request, USED_UP_ORDERS)
