import uuid
from itertools import product

import pytest

from app.domain.actor import Role
from app.domain.people.access import takes_own_access

ME, SOMEBODY = uuid.UUID(int=1), uuid.UUID(int=2)


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
