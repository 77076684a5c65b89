import uuid

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.models import Location, LocationManager, User
from app.repositories.base import Orders, Repository, caseless
from app.repositories.people.visibility import offices_of

LOCATION_ORDERS = Orders("name", Location.id, name=caseless(Location.name))


class LocationRepository(Repository[Location]):
    model = Location

    async def not_deleted(self, location_id: uuid.UUID, *, lock: bool = False) -> Location | None:
        statement = select(Location).where(
            Location.id == location_id, Location.deleted_at.is_(None)
        )
        if lock:
            statement = statement.with_for_update()
        return (await self.session.scalars(statement)).one_or_none()

    async def holds(self, location_id: uuid.UUID) -> bool:
        """Tell whether the location exists; it cannot be deleted until the transaction ends."""
        statement = select(Location.id).where(
            Location.id == location_id, Location.deleted_at.is_(None)
        )
        statement = statement.with_for_update(read=True, key_share=True)
        return await self.session.scalar(statement) is not None

    async def named(self, name: str) -> Location | None:
        statement = select(Location).where(
            func.lower(Location.name) == name.lower(), Location.deleted_at.is_(None)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def by_id(self, location_id: uuid.UUID, *, lock: bool = False) -> Location | None:
        """Return the location even when it is deleted, for restoring it."""
        return await self.session.get(Location, location_id, with_for_update=lock or None)

    async def list_not_deleted(self, request: PageRequest) -> Page[Location]:
        statement = select(Location).where(Location.deleted_at.is_(None))
        return await self.page(statement, request, LOCATION_ORDERS)

    async def people_count(self, location_id: uuid.UUID) -> int:
        statement = select(func.count()).where(User.location_id == location_id, User.is_active)
        return await self.session.scalar(statement) or 0

    async def manager_ids(self, location_id: uuid.UUID) -> list[uuid.UUID]:
        statement = (
            select(LocationManager.user_id)
            .where(LocationManager.location_id == location_id)
            .order_by(LocationManager.user_id)
        )
        return list(await self.session.scalars(statement))

    async def offices_of(self, actor: Actor) -> set[uuid.UUID]:
        """Return the locations whose people a manager sees."""
        own = {actor.location_id} if actor.location_id else set()
        return own | set(await self.session.scalars(offices_of(actor)))

    async def replace_managers(self, location_id: uuid.UUID, user_ids: list[uuid.UUID]) -> None:
        await self.session.execute(
            delete(LocationManager).where(
                LocationManager.location_id == location_id,
                LocationManager.user_id.not_in(user_ids),
            )
        )
        if user_ids:
            rows = [{"location_id": location_id, "user_id": user_id} for user_id in user_ids]
            await self.session.execute(
                insert(LocationManager).values(rows).on_conflict_do_nothing()
            )
