import uuid

import pytest

from app.domain.actor import PERMISSIONS, Actor, Permission, Role

LEARNERS = {
    Permission.PROFILE,
    Permission.CATALOGUE_READ,
    Permission.LEARN,
    Permission.ENROLLMENTS_READ,
    Permission.RECORDS_READ,
    Permission.ORGANISATION_READ,
}


def actor(role: Role) -> Actor:
    return Actor(uuid.uuid4(), role)


def test_every_role_has_its_permissions() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", Role)
def test_everybody_may_learn(role: Role) -> None:
    assert PERMISSIONS[role] >= LEARNERS


def test_only_an_admin_may_everything() -> None:
    for role in Role:
        assert (PERMISSIONS[role] == set(Permission)) == (role is Role.ADMIN)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (Permission.USERS_READ, {Role.MANAGER, Role.ADMIN}),
        (Permission.ENROLLMENTS_ASSIGN, {Role.MANAGER, Role.ADMIN}),
        (Permission.MODULES_WRITE, {Role.AUTHOR, Role.ADMIN}),
        (Permission.USERS_WRITE, {Role.ADMIN}),
        (Permission.ORGANISATION_WRITE, {Role.ADMIN}),
        (Permission.AUDIT_READ, {Role.ADMIN}),
    ],
)
def test_who_may_what(permission: Permission, roles: set[Role]) -> None:
    assert {role for role in Role if actor(role).may(permission)} == roles


@pytest.mark.parametrize("role", Role)
def test_what_a_role_is_called(role: Role) -> None:
    somebody = actor(role)
    assert somebody.is_admin == (role is Role.ADMIN)
    assert somebody.is_manager == (role is Role.MANAGER)
    assert somebody.writes_modules == (role in {Role.AUTHOR, Role.ADMIN})
