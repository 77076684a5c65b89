"""Whose rows an actor of each role may read: rows of people, and rows that people own."""

import uuid

import pytest
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Actor, Role
from app.models import LocationManager, User
from app.repositories.people.visibility import (
    managed_by,
    owner_visible_to,
    visible_to,
    visible_to_any,
)
from tests.factories.user import make_location, make_user

STAFF = {"colleague", "southerner", "report", "stranger", "homeless"}
EVERYBODY = STAFF | {"reader", "another"}


async def make_staff(store: AsyncSession, role: Role, *, at_work: bool = True) -> dict[str, User]:
    """A reader of the north who is assigned to the south and leads somebody abroad."""
    north, south, abroad = [await make_location(store) for _ in range(3)]
    reader = await make_user(store, role=role, location_id=north.id if at_work else None)
    another = await make_user(store, role=Role.MANAGER, location_id=abroad.id)
    store.add(LocationManager(location_id=south.id, user_id=reader.id))
    store.add(LocationManager(location_id=abroad.id, user_id=another.id))
    await store.commit()
    return {
        "reader": reader,
        "another": another,
        "colleague": await make_user(store, location_id=north.id),
        "southerner": await make_user(store, location_id=south.id),
        "report": await make_user(store, location_id=abroad.id, manager_id=reader.id),
        "stranger": await make_user(store, location_id=abroad.id, manager_id=another.id),
        "homeless": await make_user(store),
    }


async def names(
    store: AsyncSession, staff: dict[str, User], criterion: ColumnElement[bool]
) -> set[str]:
    called = {user.id: name for name, user in staff.items()}
    return {called[each] for each in await store.scalars(select(User.id).where(criterion))}


def actor_of(user: User) -> Actor:
    return Actor(user.id, user.role, user.location_id)


MANAGED = {"colleague", "southerner", "report"}
SEEN = {
    Role.LEARNER: {"reader"},
    Role.AUTHOR: {"reader"},
    Role.MANAGER: {"reader", *MANAGED},
    Role.COMPLIANCE_OFFICER: EVERYBODY,
    Role.ADMIN: EVERYBODY,
}


@pytest.mark.parametrize("role", Role)
async def test_every_role(store: AsyncSession, role: Role) -> None:
    staff = await make_staff(store, role)
    reader = actor_of(staff["reader"])
    assert await names(store, staff, visible_to(reader)) == SEEN[role]
    assert await names(store, staff, owner_visible_to(reader, User.id)) == SEEN[role]


async def test_a_manager_without_an_office(store: AsyncSession) -> None:
    staff = await make_staff(store, Role.MANAGER, at_work=False)
    reader = actor_of(staff["reader"])
    managed = {"southerner", "report"}
    assert await names(store, staff, managed_by(reader)) == managed
    assert await names(store, staff, visible_to(reader)) == managed | {"reader"}
    assert await names(store, staff, owner_visible_to(reader, User.id)) == managed | {"reader"}


async def test_what_one_of_several_may_see(store: AsyncSession) -> None:
    staff = await make_staff(store, Role.MANAGER)
    learner, another = actor_of(staff["colleague"]), actor_of(staff["another"])
    found = await names(store, staff, visible_to_any([learner, another]))
    assert found == {"colleague", "another", "report", "stranger"}


@pytest.mark.parametrize(
    ("role", "owners"),
    [
        (Role.LEARNER, {"reader"}),
        (Role.MANAGER, {"reader"}),
        (Role.ADMIN, {"reader", "another"}),
    ],
)
async def test_rows_of_an_owner(store: AsyncSession, role: Role, owners: set[str]) -> None:
    staff = await make_staff(store, role)
    reader, column = actor_of(staff["reader"]), LocationManager.user_id
    called = {user.id: name for name, user in staff.items()}
    rows = await store.scalars(select(column).where(owner_visible_to(reader, column)))
    assert {called[each] for each in rows} == owners


async def test_a_stranger_owns_nothing(store: AsyncSession) -> None:
    staff = await make_staff(store, Role.MANAGER)
    nobody = Actor(uuid.uuid4(), Role.LEARNER)
    assert await names(store, staff, owner_visible_to(nobody, User.id)) == set()
