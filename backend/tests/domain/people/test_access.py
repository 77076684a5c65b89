import uuid
from itertools import product

import pytest

from app.domain.actor import Actor, Role
from app.domain.people.access import may_invite, takes_own_access
from app.domain.people.manager_change import Oversight

ME, SOMEBODY = uuid.UUID(int=1), uuid.UUID(int=2)
MINE, ELSEWHERE = uuid.UUID(int=3), uuid.UUID(int=4)


@pytest.mark.parametrize(("before", "after"), [*product(Role, Role)])
def test_nobody_changes_their_own_role_or_closes_their_own_account(
    before: Role, after: Role
) -> None:
    closed = takes_own_access(ME, ME, is_active=False, before=before, after=after)
    changed = takes_own_access(ME, ME, is_active=True, before=before, after=after)
    assert closed
    assert changed is (before is not after)


@pytest.mark.parametrize("actor", [SOMEBODY, None])
@pytest.mark.parametrize("is_active", [True, False])
def test_others_may_and_so_may_the_command_line(
    actor: uuid.UUID | None, *, is_active: bool
) -> None:
    for before, after in product(Role, Role):
        assert not takes_own_access(actor, ME, is_active=is_active, before=before, after=after)


def test_managers_invite_learners_to_their_offices() -> None:
    """In their own name or nobody's; admins invite anybody, and nobody else does."""
    manager, admin = Actor(ME, Role.MANAGER), Actor(ME, Role.ADMIN)
    for role, office, boss in product(Role, (MINE, ELSEWHERE, None), (ME, SOMEBODY, None)):
        oversight = Oversight(office, boss)
        within = role is Role.LEARNER and office == MINE and boss != SOMEBODY
        assert may_invite(manager, role, oversight, {MINE}) is within
        assert may_invite(admin, role, oversight, set())
