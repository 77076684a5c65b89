"""The queue of people to whom a changed rule has not been applied yet. Processes share it."""

import uuid
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import (
    CTE,
    Float,
    Uuid,
    bindparam,
    cast,
    delete,
    distinct,
    exists,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.models import ComplianceOutdated, Requirement, User
from app.repositories.base import Repository

_QUEUE = text(
    """
    INSERT INTO compliance_outdated (user_id, requirement_id)
    SELECT u.id, requirement_id FROM users u CROSS JOIN unnest(:requirement_ids) AS requirement_id
     ORDER BY u.id
    """
).bindparams(bindparam("requirement_ids", type_=ARRAY(Uuid())))

# The lock is the one that every reconciliation of a person takes. Whoever is being reconciled by
# somebody else is passed over, so that processes share the queue without waiting for each other.
_LOCK_NEXT = text(
    """
    WITH next AS MATERIALIZED (
        SELECT DISTINCT user_id FROM compliance_outdated WHERE user_id <> ALL (:passed_over)
         ORDER BY user_id LIMIT :looked_at)
    SELECT user_id FROM next
     WHERE pg_try_advisory_xact_lock(hashtextextended('compliance ' || user_id, 0))
     LIMIT :people
    """
).bindparams(bindparam("passed_over", type_=ARRAY(Uuid())))
LOOKED_AT = 20
"""How many times as many people are looked at as are wanted, since others hold some of them."""


def reconciling() -> CTE:
    """Return the requirements that are not applied to everybody yet, with the share done."""
    left = func.count(distinct(ComplianceOutdated.user_id))
    people = select(func.count()).select_from(User).scalar_subquery()
    share = func.floor(100 * (1 - cast(left, Float) / people)) / 100
    return (
        select(ComplianceOutdated.requirement_id, Requirement.title, share.label("share"))
        .join(Requirement, Requirement.id == ComplianceOutdated.requirement_id)
        .group_by(ComplianceOutdated.requirement_id, Requirement.title)
        .cte("reconciling")
    )


class OutdatedRepository(Repository[ComplianceOutdated]):
    model = ComplianceOutdated

    async def queue(self, requirement_ids: Iterable[uuid.UUID]) -> None:
        """Queue everybody for these requirements, so that any process can take them."""
        await self.session.execute(_QUEUE, {"requirement_ids": list(requirement_ids)})

    async def is_empty(self) -> bool:
        return not await self.session.scalar(select(exists(select(ComplianceOutdated.id))))

    async def lock_next(self, people: int, passed_over: Collection[uuid.UUID]) -> list[uuid.UUID]:
        """Lock some of the people who are queued and whom nobody else has locked."""
        limits = {"people": people, "looked_at": people * LOOKED_AT}
        parameters = {**limits, "passed_over": list(passed_over)}
        return list(await self.session.scalars(_LOCK_NEXT, parameters))

    async def take(self, user_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Take these people, who are locked, from the queue; return what they were queued for."""
        statement = (
            delete(ComplianceOutdated)
            .where(ComplianceOutdated.user_id.in_(user_ids))
            .returning(ComplianceOutdated.requirement_id)
            .execution_options(synchronize_session=False)
        )
        return set(await self.session.scalars(statement))

    async def reconciling(
        self, requirement_ids: Collection[uuid.UUID] | None = None
    ) -> dict[uuid.UUID, float]:
        """Return the share done of those of the requirements that are being reconciled."""
        rows = reconciling()
        statement = select(rows.c.requirement_id, rows.c.share)
        if requirement_ids is not None:
            statement = statement.where(rows.c.requirement_id.in_(requirement_ids))
        return {row[0]: row[1] for row in await self.session.execute(statement)}
