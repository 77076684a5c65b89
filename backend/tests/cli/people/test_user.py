import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, User
from tests.cli.conftest import Invoke
from tests.factories.user import make_user


async def role_of(session: AsyncSession, user: User) -> Role | None:
    return await session.scalar(select(User.role).where(User.id == user.id))


async def actions(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(AuditEvent.action)))


@pytest.mark.parametrize("role", list(Role))
async def test_promote(invoke: Invoke, session: AsyncSession, learner: User, role: Role) -> None:
    result = await invoke("users", "promote", str(learner.email).upper(), "--role", role)
    assert (result.exit_code, result.stdout) == (0, f"{learner.email} is now {role}.\n")
    assert await role_of(session, learner) is role
    assert await actions(session) == ["user:promoted"]


async def test_promote_makes_an_admin(invoke: Invoke, session: AsyncSession, learner: User) -> None:
    assert (await invoke("users", "promote", learner.email)).exit_code == 0
    assert await role_of(session, learner) is Role.ADMIN


async def test_nobody_of_this_address(invoke: Invoke, session: AsyncSession) -> None:
    result = await invoke("users", "promote", "nobody@unified.example")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "There is no such user\n"


async def test_leavers_are_not_promoted(invoke: Invoke, session: AsyncSession) -> None:
    leaver = await make_user(session, is_active=False)
    assert (await invoke("users", "promote", leaver.email)).exit_code == 1
    assert await role_of(session, leaver) is Role.LEARNER
    assert await actions(session) == []


async def test_an_unknown_role_is_refused(invoke: Invoke, learner: User) -> None:
    result = await invoke("users", "promote", learner.email, "--role", "owner")
    assert result.exit_code == 2
    assert "'owner' is not one of" in result.stderr
