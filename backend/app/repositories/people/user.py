import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true

from app.core.database import Fetch
from app.core.email_domain import comparable_email
from app.core.pagination import Page, PageRequest
from app.domain.actor import PERMISSIONS, Actor, Permission, Role
from app.domain.people.display_name import display_name
from app.domain.people.employee_number import without_spaces
from app.domain.people.worker_kind import WorkerKind
from app.models import Location, User
from app.repositories.base import Orders, Repository, any_of, caseless, contains, filled
from app.repositories.people.position import Place, works_where
from app.repositories.people.visibility import managed_by, visible_to, visible_to_any


@dataclass(frozen=True, slots=True)
class UserFilter:
    q: str | None = None
    ids: tuple[uuid.UUID, ...] = ()
    departments: tuple[str, ...] = ()
    """By their listed names."""

    job_titles: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    """By name or id."""

    manager_ids: tuple[uuid.UUID, ...] = ()
    roles: tuple[Role, ...] = ()
    worker_kinds: tuple[WorkerKind, ...] = ()
    employee_numbers: tuple[str, ...] = ()
    is_active: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """The columns of the caller that every request needs."""

    id: uuid.UUID
    role: Role
    merged_ids: frozenset[uuid.UUID]
    """The entries that were merged into the caller's."""

    email: str
    is_active: bool
    location_id: uuid.UUID | None
    last_sign_in: datetime | None
    email_confirmed: bool
    email_as_of: datetime | None


DIRECTORY_NAME = case((User.name_confirmed, User.full_name), else_=User.previous_name)
"""What `User.directory_name` says, for statements that write evidence."""


# Without a session, because it runs in every request and a session would cost more than it.
_IDENTITY = """
    SELECT u.id, u.role, ARRAY(SELECT m.id FROM users m WHERE m.merged_into_id = u.id),
           u.email, u.is_active, u.location_id, u.last_sign_in, u.email_confirmed, u.email_as_of
      FROM users u WHERE u.supabase_id = $1
"""


async def find_identity(fetch: Fetch, supabase_id: uuid.UUID) -> Identity | None:
    for row in await fetch(_IDENTITY, supabase_id):
        return Identity(row[0], Role(row[1]), frozenset(row[2]), *row[3:])
    return None


USER_ORDERS = Orders(
    "email",
    User.id,
    # Whoever has no address is listed by name, and whoever has no name by address.
    email=func.coalesce(User.email, func.lower(User.full_name)),
    name=caseless(func.coalesce(User.full_name, User.email)),
    last_sign_in=filled(User.last_sign_in, "-infinity"),
    hired_on=filled(User.hired_on, "infinity"),
)


class UserRepository(Repository[User]):
    model = User

    async def save(self, row: User) -> User:
        """Write the row's changes, and read it again for the name of its new department."""
        return await self.reread(await super().save(row))

    async def by_id(self, user_id: uuid.UUID) -> User | None:
        return await self.session.get(User, user_id)

    async def by_supabase_id(self, supabase_id: uuid.UUID, *, lock: bool = False) -> User | None:
        statement = select(User).where(User.supabase_id == supabase_id)
        return await self._one(statement, lock=lock)

    async def active_by_email(self, email: str, *, lock: bool = False) -> User | None:
        statement = select(User).where(func.lower(User.email) == email.lower(), User.is_active)
        return await self._one(statement, lock=lock)

    async def active_by_number(self, number: str) -> User | None:
        statement = select(User).where(_numbered(number), User.is_active)
        return await self._one(statement, lock=False)

    async def get_visible(
        self, user_id: uuid.UUID, actor: Actor, *, lock: bool = False
    ) -> User | None:
        return await self._one(select(User).where(User.id == user_id, visible_to(actor)), lock=lock)

    async def visible_ids(self, user_ids: list[uuid.UUID], *actors: Actor) -> set[uuid.UUID]:
        """Return those whom one of the actors may see."""
        statement = select(User.id).where(User.id.in_(user_ids), visible_to_any(actors))
        return set(await self.session.scalars(statement))

    async def closed_ids(self, user_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
        statement = select(User.id).where(User.id.in_(user_ids), ~User.is_active)
        return set(await self.session.scalars(statement))

    async def without(
        self, permission: Permission, user_ids: Collection[uuid.UUID]
    ) -> set[uuid.UUID]:
        """Return those whose role does not have a permission."""
        roles = [role for role, granted in PERMISSIONS.items() if permission not in granted]
        statement = select(User.id).where(User.id.in_(user_ids), User.role.in_(roles))
        return set(await self.session.scalars(statement))

    async def people_of(self, entry_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Return the entries under which these people go on."""
        person = func.coalesce(User.merged_into_id, User.id)
        return set(await self.session.scalars(select(person).where(User.id.in_(entry_ids))))

    async def existing_ids(self, user_ids: list[uuid.UUID]) -> set[uuid.UUID]:
        return set(await self.session.scalars(select(User.id).where(User.id.in_(user_ids))))

    async def assignability(
        self, user_ids: Collection[uuid.UUID], actor: Actor
    ) -> dict[uuid.UUID, tuple[bool, bool]]:
        """Tell of those whom the actor sees whether they are active, and are theirs to assign."""
        managed = true() if actor.sees_everybody else managed_by(actor)
        statement = select(User.id, User.is_active, func.coalesce(managed, False)).where(
            User.id.in_(user_ids), visible_to(actor)
        )
        rows = await self.session.execute(statement)
        return {user_id: (is_active, is_managed) for user_id, is_active, is_managed in rows}

    async def display_names(self, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        statement = select(User.id, User.full_name, User.email).where(User.id.in_(user_ids))
        return {row[0]: display_name(*row[1:]) for row in await self.session.execute(statement)}

    async def _one(self, statement: Select[User], *, lock: bool) -> User | None:
        if lock:
            statement = statement.with_for_update(of=User, key_share=True)
            statement = statement.execution_options(populate_existing=True)
        return (await self.session.scalars(statement)).one_or_none()

    async def list_visible(
        self, actor: Actor, filters: UserFilter, request: PageRequest
    ) -> Page[User]:
        statement = select(User).where(visible_to(actor), *_criteria(filters))
        return await self.page(statement, request, USER_ORDERS)

    async def names_of_others(self, user_id: uuid.UUID | None) -> list[str]:
        """Return the names that other active people have or had before, and their aliases."""
        statement = select(User.full_name, User.previous_name, User.name_aliases).where(
            User.is_active
        )
        if user_id is not None:
            statement = statement.where(User.id != user_id)
        rows = await self.session.execute(statement)
        return [
            name for row in rows for name in (row[0], row[1], *row.name_aliases) if name is not None
        ]

    async def claim_name(self, name: str) -> bool:
        """Let nobody else take a name in this transaction; False where somebody is taking it."""
        key = func.hashtextextended(f"users.full_name:{name}", 0)
        return bool(await self.session.scalar(select(func.pg_try_advisory_xact_lock(key))))

    async def has_admin(self) -> bool:
        statement = select(User.id).where(User.role == Role.ADMIN, User.is_active).limit(1)
        return await self.session.scalar(statement) is not None

    async def lock_email(self, email: str) -> None:
        """Let one transaction at a time decide who has an address."""
        key = func.hashtextextended(f"users.email:{email.lower()}", 0)
        await self.session.execute(select(func.pg_advisory_xact_lock(key)))


def _criteria(filters: UserFilter) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if filters.q:
        found = (
            contains(User.email, comparable_email(filters.q)),
            contains(User.full_name, filters.q),
            contains(User.employee_number, without_spaces(filters.q)),
        )
        criteria.append(or_(*found))
    named = [_location(each) for each in filters.locations]
    place = Place(
        or_(*named) if named else None,
        filters.departments,
        filters.job_titles,
        filters.manager_ids,
    )
    numbers = [without_spaces(each).lower() for each in filters.employee_numbers]
    return [
        *criteria,
        *works_where(place),
        *any_of(User.id, filters.ids),
        *any_of(User.role, filters.roles),
        *any_of(User.worker_kind, filters.worker_kinds),
        *any_of(func.lower(User.employee_number), numbers),
        *any_of(User.is_active, filters.is_active),
    ]


def _numbered(number: str) -> ColumnElement[bool]:
    return func.lower(User.employee_number) == without_spaces(number).lower()


def _location(name_or_id: str) -> ColumnElement[bool]:
    try:
        return Location.id == uuid.UUID(name_or_id)
    except ValueError:
        named = func.lower(Location.name) == name_or_id.lower()
        return and_(named, Location.deleted_at.is_(None))
