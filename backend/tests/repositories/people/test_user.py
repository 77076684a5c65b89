import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.models import Department, JobTitle, Location, LocationManager, User
from app.repositories.people.user import Identity, UserFilter, UserRepository, find_identity
from tests.factories.user import make_location, make_user
from tests.repositories.conftest import actor_of, impatient
from tests.support import RollbackDatabase

EVERYBODY = PageRequest(limit=100)


async def found(store: AsyncSession, by: User, **filters: object) -> set[str]:
    page = await UserRepository(store).list_visible(
        actor_of(by),
        UserFilter(**filters),  # type: ignore[arg-type]  # the cases name the fields
        EVERYBODY,
    )
    return {str(user.email) for user in page.items}


class TestLookUp:
    async def test_identity_is_what_a_request_needs(
        self, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        user = await make_user(session, role=Role.AUTHOR)
        assert user.supabase_id is not None
        identity = await find_identity(database.fetch, user.supabase_id)
        assert identity is not None
        assert (identity.id, identity.email, identity.role, identity.is_active) == (
            user.id,
            user.email,
            Role.AUTHOR,
            True,
        )
        assert isinstance(identity, Identity)

    async def test_a_stranger_has_no_identity(self, database: RollbackDatabase) -> None:
        assert await find_identity(database.fetch, uuid.uuid4()) is None

    async def test_a_leaver_keeps_theirs(
        self, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        user = await make_user(session, is_active=False)
        assert user.supabase_id is not None
        identity = await find_identity(database.fetch, user.supabase_id)
        assert identity is not None
        assert not identity.is_active

    async def test_by_email_whatever_its_case(self, store: AsyncSession) -> None:
        user = await make_user(store, email="ada@unified.example")
        users = UserRepository(store)
        assert await users.active_by_email("Ada@Unified.EXAMPLE") is user
        assert await users.active_by_email("ad_@unified.example") is None

    async def test_a_leavers_email_is_free(self, store: AsyncSession) -> None:
        await make_user(store, email="ada@unified.example", is_active=False)
        assert await UserRepository(store).active_by_email("ada@unified.example") is None

    async def test_by_sign_in_account(self, store: AsyncSession) -> None:
        user = await make_user(store)
        assert user.supabase_id is not None
        users = UserRepository(store)
        assert await users.by_supabase_id(user.supabase_id, lock=True) is user
        assert await users.existing_ids([user.id, uuid.uuid4()]) == {user.id}
        assert await users.existing_ids([]) == set()


class TestUniqueness:
    async def test_an_active_email_is_taken_in_any_case(self, store: AsyncSession) -> None:
        await make_user(store, email="ada@unified.example")
        with pytest.raises(IntegrityError):
            await make_user(store, email="ADA@unified.example")

    async def test_leavers_do_not_hold_an_address(self, store: AsyncSession) -> None:
        for _ in range(2):
            await make_user(store, email="ada@unified.example", is_active=False)
        await make_user(store, email="ada@unified.example")

    async def test_one_row_for_one_account(self, store: AsyncSession) -> None:
        user = await make_user(store)
        with pytest.raises(IntegrityError):
            await make_user(store, supabase_id=user.supabase_id, is_active=False)


@dataclass
class Group:
    """The manager works in the north, is assigned to the south, and leads one person elsewhere."""

    manager: User
    colleague: User
    southerner: User
    report: User
    stranger: User
    leaver: User

    def named(self, emails: set[str]) -> set[str]:
        return {name for name, user in vars(self).items() if user.email in emails}


@pytest.fixture
async def group(store: AsyncSession) -> Group:
    north, south, abroad = [await make_location(store) for _ in range(3)]
    manager = await make_user(store, role=Role.MANAGER, location_id=north.id)
    store.add(LocationManager(location_id=south.id, user_id=manager.id))
    return Group(
        manager=manager,
        colleague=await make_user(store, location_id=north.id),
        southerner=await make_user(store, location_id=south.id),
        report=await make_user(store, location_id=abroad.id, manager_id=manager.id),
        stranger=await make_user(store, location_id=abroad.id),
        leaver=await make_user(store, location_id=north.id, is_active=False),
    )


class TestVisibility:
    @pytest.mark.parametrize(
        ("who", "sees"),
        [
            ("manager", {"manager", "colleague", "southerner", "report", "leaver"}),
            ("colleague", {"colleague"}),
            ("stranger", {"stranger"}),
        ],
    )
    async def test_lists_and_direct_reads_agree(
        self, store: AsyncSession, group: Group, who: str, sees: set[str]
    ) -> None:
        reader: User = getattr(group, who)
        assert group.named(await found(store, reader)) == sees
        users = UserRepository(store)
        read = {
            name
            for name, user in vars(group).items()
            if await users.get_visible(user.id, actor_of(reader)) is not None
        }
        assert read == sees

    @pytest.mark.parametrize("role", [Role.LEARNER, Role.AUTHOR])
    async def test_others_see_themselves_alone(
        self, store: AsyncSession, group: Group, role: Role
    ) -> None:
        """That is so although their location has people and somebody names them as manager."""
        reader = await make_user(store, role=role, location_id=group.colleague.location_id)
        await make_user(store, manager_id=reader.id)
        assert await found(store, reader) == {reader.email}

    async def test_an_admin_sees_everybody(self, store: AsyncSession, group: Group) -> None:
        admin = await make_user(store, role=Role.ADMIN)
        emails = await found(store, admin)
        assert group.named(emails) == set(vars(group))

    async def test_no_location_is_no_common_location(self, store: AsyncSession) -> None:
        manager = await make_user(store, role=Role.MANAGER)
        await make_user(store)
        assert await found(store, manager) == {manager.email}


class TestFilters:
    @pytest.fixture
    async def admin(self, store: AsyncSession) -> User:
        return await make_user(store, email="root@unified.example", role=Role.ADMIN)

    @pytest.mark.parametrize(
        ("q", "expected"),
        [
            ("ADA", {"ada_b@unified.example"}),
            ("byron", {"ada_b@unified.example"}),
            ("a_b", {"ada_b@unified.example"}),
            ("100%", {"bob@unified.example"}),
            ("%", {"bob@unified.example"}),
            ("_", {"ada_b@unified.example"}),
            ("\\", set()),
            ("nobody", set()),
        ],
    )
    async def test_search_takes_every_character_as_it_is(
        self, store: AsyncSession, admin: User, q: str, expected: set[str]
    ) -> None:
        await make_user(store, email="ada_b@unified.example", full_name="Ada Byron")
        await make_user(store, email="bob@unified.example", full_name="Bob 100%")
        assert await found(store, admin, q=q) == expected

    async def test_by_place_and_department(self, store: AsyncSession, admin: User) -> None:
        office = await make_location(store, name="North Office")
        department = Department(name="Hygiene")
        store.add(department)
        await store.flush()
        user = await make_user(store, location_id=office.id, department_id=department.id)
        for filters in (
            {"locations": ("north office",)},
            {"locations": (str(office.id),)},
            {"locations": ("south", "north office")},
            {"departments": ("HYGIENE",)},
            {"departments": ("hygiene", "front desk"), "locations": ("North Office",)},
        ):
            assert await found(store, admin, **filters) == {user.email}
        for filters in ({"locations": ("south",)}, {"departments": ("Hygien",)}):
            assert await found(store, admin, **filters) == set()

    async def test_a_closed_location_is_found_by_id_alone(
        self, store: AsyncSession, admin: User
    ) -> None:
        office: Location = await make_location(store, name="North", deleted_at=admin.created_at)
        user = await make_user(store, location_id=office.id)
        assert await found(store, admin, locations=("North",)) == set()
        assert await found(store, admin, locations=(str(office.id),)) == {user.email}

    async def test_by_role_and_state(self, store: AsyncSession, admin: User) -> None:
        leaver = await make_user(store, role=Role.AUTHOR, is_active=False)
        assert await found(store, admin, roles=(Role.AUTHOR,)) == {leaver.email}
        assert await found(store, admin, is_active=(False,)) == {leaver.email}
        assert await found(store, admin, is_active=(True,)) == {admin.email}
        assert await found(store, admin, is_active=(True, False)) == {leaver.email, admin.email}

    async def test_by_id_manager_and_job_title(self, store: AsyncSession, admin: User) -> None:
        title = JobTitle(name="Hygienist")
        store.add(title)
        await store.flush()
        ada = await make_user(store, manager_id=admin.id, job_title_id=title.id)
        bob = await make_user(store, manager_id=ada.id)
        await make_user(store, manager_id=bob.id)
        both = {ada.email, bob.email}
        assert await found(store, admin, ids=(ada.id, bob.id, uuid.uuid4())) == both
        assert await found(store, admin, manager_ids=(admin.id, ada.id)) == both
        assert await found(store, admin, job_titles=("HYGIENIST", "Dentist")) == {ada.email}
        assert await found(store, admin, manager_ids=(ada.id,), job_titles=("hygienist",)) == set()


async def test_an_address_is_decided_by_one_at_a_time(committed_database: Database) -> None:
    """The lock covers an address in every case and ends with its transaction."""
    async with committed_database.writing() as first, committed_database.writing() as second:
        await UserRepository(first).lock_email("ada@unified.example")
        await impatient(second)
        await UserRepository(second).lock_email("bob@unified.example")
        with pytest.raises(DBAPIError, match="lock timeout"):
            await UserRepository(second).lock_email("ADA@unified.example")
        await second.rollback()
        await first.rollback()
        await impatient(second)
        await UserRepository(second).lock_email("ADA@unified.example")
