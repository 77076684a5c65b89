import uuid
from datetime import date

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from app.domain.people.display_name import display_name
from app.domain.people.manager_change import Oversight
from app.models import ManagerChange, User
from app.repositories.base import Repository
from app.repositories.people.visibility import managing

# Locks the people first, as everybody does who changes them. Whom somebody else has locked waits
# for the next run.
_TAKE_EFFECT = text(
    """
    WITH due AS (
        SELECT m.user_id, m.effective_on
          FROM manager_changes m JOIN users u ON u.id = m.user_id
         WHERE m.effective_on <= person_day(u.id)
           FOR NO KEY UPDATE OF u SKIP LOCKED
    ), done AS (
        DELETE FROM manager_changes m USING due
         WHERE m.user_id = due.user_id AND m.effective_on = due.effective_on
        RETURNING m.*
    )
    UPDATE users u
       SET manager_id = last.manager_id, revision = revision + 1, updated_at = now()
      FROM (SELECT DISTINCT ON (user_id) user_id, manager_id
              FROM done ORDER BY user_id, effective_on DESC) last
     WHERE u.id = last.user_id
    """
)


class ManagerChangeRepository(Repository[ManagerChange]):
    model = ManagerChange

    async def manager_on(self, user: User, day: date) -> uuid.UUID | None:
        """Return whom a person has as manager on a day that is not over, as far as announced."""
        statement = (
            select(ManagerChange.manager_id)
            .where(ManagerChange.user_id == user.id, ManagerChange.effective_on <= day)
            .order_by(ManagerChange.effective_on.desc())
            .limit(1)
        )
        announced = (await self.session.execute(statement)).one_or_none()
        return user.manager_id if announced is None else announced[0]

    async def announce(self, user_id: uuid.UUID, day: date, manager_id: uuid.UUID | None) -> None:
        """Note the manager from a day on, in place of what was announced for that day."""
        statement = insert(ManagerChange).values(
            user_id=user_id, effective_on=day, manager_id=manager_id
        )
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", "effective_on"], set_={"manager_id": manager_id}
            )
        )

    async def overtake(self, user_id: uuid.UUID, day: date) -> None:
        """Forget what was announced up to a day, because the person's row says it by now."""
        statement = delete(ManagerChange).where(
            ManagerChange.user_id == user_id, ManagerChange.effective_on <= day
        )
        await self.session.execute(statement)

    async def take_effect(self) -> None:
        """Apply all announced changes whose day has come."""
        await self.session.execute(_TAKE_EFFECT)

    async def seen_by(self, oversight: Oversight) -> dict[uuid.UUID, str]:
        """Return the managers who see a person by this, with their names."""
        statement = select(User.id, User.full_name, User.email).where(managing(oversight))
        rows = await self.session.execute(statement)
        return {row[0]: display_name(row[1], row[2]) for row in rows}
