import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import or_, select, text

from app.core.pagination import Page, PageRequest
from app.models import Enrollment, Merge, Position, User
from app.models.people.merge import MergeStatus
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.base import Orders, Repository, any_of
from app.repositories.people.position import HOLDS
from app.repositories.people.visibility import person_of

_POINT_TO = [
    text(statement)
    for statement in (
        "UPDATE users SET merged_into_id = :user_id WHERE merged_into_id = :merged_id",
        """
        UPDATE users SET manager_id = nullif(CAST(:user_id AS uuid), id), revision = revision + 1
         WHERE manager_id = :merged_id
        """,
        """
        UPDATE manager_changes SET manager_id = nullif(CAST(:user_id AS uuid), user_id)
         WHERE manager_id = :merged_id
        """,
        "DELETE FROM manager_changes WHERE user_id = :merged_id",
        """
        INSERT INTO location_managers (location_id, user_id)
        SELECT location_id, :user_id FROM location_managers WHERE user_id = :merged_id
            ON CONFLICT DO NOTHING
        """,
        "DELETE FROM location_managers WHERE user_id = :merged_id",
    )
]


@dataclass(frozen=True, slots=True)
class MergeFilter:
    statuses: tuple[MergeStatus, ...] = ()
    user_ids: tuple[uuid.UUID, ...] = ()
    """Either entry."""


MERGE_ORDERS = Orders("-created_at", Merge.id, created_at=Merge.created_at)


class MergeRepository(Repository[Merge]):
    model = Merge

    async def get(self, merge_id: uuid.UUID, *, lock: bool = False) -> Merge | None:
        return await self.session.get(Merge, merge_id, with_for_update=lock or None)

    async def list_all(self, filters: MergeFilter, request: PageRequest) -> Page[Merge]:
        """List merges, the latest first; of a person those that name either entry."""
        statement = select(Merge).where(*any_of(Merge.status, filters.statuses))
        if filters.user_ids:
            named = (Merge.user_id.in_(filters.user_ids), Merge.merged_id.in_(filters.user_ids))
            statement = statement.where(or_(*named))
        return await self.page(statement, request, MERGE_ORDERS)

    async def lock_entries(self, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, User]:
        """Lock entries against change in one order, so that two merges follow each other."""
        statement = select(User).where(User.id.in_(user_ids)).order_by(User.id)
        statement = statement.with_for_update(of=User, key_share=True)
        statement = statement.execution_options(populate_existing=True)
        return {user.id: user for user in await self.session.scalars(statement)}

    async def proposer(self, merge: Merge) -> uuid.UUID | None:
        """Return the entry under which whoever proposed it goes on."""
        statement = select(person_of(Merge.proposed_by_id)).where(Merge.id == merge.id)
        return await self.session.scalar(statement)

    async def close_to_references(self, user_id: uuid.UUID) -> None:
        """Wait for whoever is writing rows that name an entry; who comes later sees the merge.

        The entries and the people have to be locked by now: others lock in that order.
        """
        await self.session.execute(select(User.id).where(User.id == user_id).with_for_update())

    async def lock_open_enrollments(self, user_id: uuid.UUID) -> set[uuid.UUID]:
        """Lock those that nobody is writing to, and return them.

        Waiting for the others would be a deadlock: who has locked one may wait for the person.
        """
        statement = (
            select(Enrollment.id)
            .where(Enrollment.user_id == user_id, Enrollment.status == EnrollmentStatus.ACTIVE)
            .with_for_update(key_share=True, skip_locked=True)
        )
        return set(await self.session.scalars(statement))

    async def point_to(self, user: User, merged: User) -> None:
        """Let everything that is not evidence name the entry that continues."""
        for statement in _POINT_TO:
            await self.session.execute(statement, {"user_id": user.id, "merged_id": merged.id})

    async def managed_positions(self, user_id: uuid.UUID) -> list[Position]:
        """Return the positions in which an entry is somebody's manager."""
        statement = select(Position).where(HOLDS, Position.manager_id == user_id)
        return list(await self.session.scalars(statement.order_by(Position.id)))
