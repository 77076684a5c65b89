import uuid

import pytest

from app.domain.actor import PERMISSIONS, Actor, Permission, Role

L, M, W, C, A = Role.LEARNER, Role.MANAGER, Role.AUTHOR, Role.COMPLIANCE_OFFICER, Role.ADMIN
WHO_MAY = {
    Permission.PROFILE: {L, M, W, C, A},
    Permission.CATALOGUE_READ: {L, M, W, C, A},
    Permission.LEARN: {L, M, W, C, A},
    Permission.ENROLLMENTS_READ: {L, M, W, C, A},
    Permission.RECORDS_READ: {L, M, W, C, A},
    Permission.ORGANISATION_READ: {L, M, W, C, A},
    Permission.EVIDENCE_SUBMIT: {L, M, W, C, A},
    Permission.MEDIA_READ: {L, M, W, C, A},
    Permission.MEDIA_UPLOAD: {L, M, W, C, A},
    Permission.SESSIONS_TEACH: {L, M, W, C, A},
    Permission.USERS_READ: {M, C, A},
    Permission.USERS_INVITE: {M, A},
    Permission.EMPLOYMENT_READ: {M, C, A},
    Permission.NAMES_CONFIRM: {M, A},
    Permission.LEAVE_RECORD: {M, A},
    Permission.ENROLLMENTS_ASSIGN: {M, C, A},
    Permission.REPORTS_READ: {M, C, A},
    Permission.EVIDENCE_VERIFY: {M, C, A},
    Permission.SESSIONS_WRITE: {M, A},
    Permission.MODULES_WRITE: {W, A},
    Permission.USERS_WRITE: {A},
    Permission.ORGANISATION_WRITE: {A},
    Permission.SITE_FACTS_WRITE: {M, C, A},
    Permission.SITE_FACTS_MISSING: {M, W, C, A},
    Permission.AUDIT_READ: {C, A},
    Permission.REQUIREMENTS_WRITE: {C, A},
    Permission.EXEMPTIONS_WRITE: {C, A},
    Permission.INCIDENTS_WRITE: {M, C, A},
    Permission.STEPS_DO: {L, M, W, C, A},
    Permission.RETENTION_WRITE: {A},
    Permission.OPERATIONS: {A},
}
"""The roles that have each permission. A new permission has to be entered here too."""


def actor(role: Role) -> Actor:
    return Actor(uuid.uuid4(), role)


def test_every_role_has_its_permissions() -> None:
    assert set(PERMISSIONS) == set(Role)


def test_only_an_admin_may_everything() -> None:
    for role in Role:
        assert (PERMISSIONS[role] == set(Permission)) == (role is Role.ADMIN)


@pytest.mark.parametrize("permission", Permission)
def test_who_may_what(permission: Permission) -> None:
    assert {role for role in Role if actor(role).may(permission)} == WHO_MAY[permission]


@pytest.mark.parametrize("permission", Permission)
def test_only_admins_administer(permission: Permission) -> None:
    """Whoever else may do the same; and admins study as everybody does."""
    everybody = WHO_MAY[permission] == {L, M, W, C, A}
    of_others = {Permission.SESSIONS_TEACH, Permission.STEPS_DO}
    for_oneself = everybody and permission not in of_others
    assert actor(A).administers_by(permission) is not for_oneself
    assert not any(actor(role).administers_by(permission) for role in (L, M, W))


@pytest.mark.parametrize("role", Role)
def test_what_a_role_is_called(role: Role) -> None:
    somebody = actor(role)
    assert somebody.is_admin == (role is Role.ADMIN)
    assert somebody.is_manager == (role is Role.MANAGER)
    assert somebody.writes_modules == (role in {Role.AUTHOR, Role.ADMIN})
