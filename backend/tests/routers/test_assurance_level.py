"""Admins' writes with a second factor, where ADMIN_WRITES_REQUIRE_AAL2 asks for it."""

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import User
from tests.factories.user import make_user
from tests.routers.problems import assert_problem
from tests.support import Api

OFFICE = {"name": "New office", "time_zone": "America/Denver"}


@pytest.fixture
def strict(api: Api, application: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Api:
    container = application.state.container
    settings = container.settings.model_copy(update={"admin_writes_require_aal2": True})
    monkeypatch.setattr(container, "settings", settings)
    return api


def token(api: Api, user: User, level: str) -> dict[str, str]:
    assert user.supabase_id is not None
    return {"Authorization": f"Bearer {api.keys.token(user.supabase_id, user.email, aal=level)}"}


async def test_a_write_needs_a_second_factor(strict: Api, admin: User) -> None:
    refused = await strict.post("/locations", json=OFFICE, headers=token(strict, admin, "aal1"))
    assert_problem(refused, 403, "mfa_required")
    done = await strict.post("/locations", json=OFFICE, headers=token(strict, admin, "aal2"))
    assert done.status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/users/{user}"),
        ("POST", "/users/invite"),
        ("DELETE", "/locations/{user}"),
        ("POST", "/requirements"),
        ("POST", "/modules"),
        ("POST", "/enrollments/bulk"),
        ("POST", "/users/{user}/leave"),
        ("POST", "/users/{user}/return"),
        ("POST", "/users/{user}/confirm-name"),
        ("POST", "/external-trainings/{user}/verify"),
        ("POST", "/live-sessions"),
        ("POST", "/live-sessions/{user}/close"),
    ],
)
async def test_every_kind_of_write(
    strict: Api, admin: User, learner: User, method: str, path: str
) -> None:
    """It is refused before anything else is checked: neither body nor id is valid here."""
    path = path.replace("{user}", str(learner.id))
    refused = await strict.request(method, path, headers=token(strict, admin, "aal1"))
    assert_problem(refused, 403, "mfa_required")
    let_in = await strict.request(method, path, headers=token(strict, admin, "aal2"))
    assert let_in.status_code in {404, 422, 428}


@pytest.mark.parametrize("path", ["/users", "/audit-events", "/locations", "/requirements"])
async def test_reads_pass(strict: Api, admin: User, path: str) -> None:
    response = await strict.get(path, headers=token(strict, admin, "aal1"))
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.MANAGER, "/users/{user}/leave"),
        (Role.MANAGER, "/enrollments/bulk"),
        (Role.AUTHOR, "/modules"),
    ],
)
async def test_the_same_write_of_others_passes(
    strict: Api, session: AsyncSession, learner: User, role: Role, path: str
) -> None:
    other = await make_user(session, role=role)
    response = await strict.post(
        path.replace("{user}", str(learner.id)), headers=token(strict, other, "aal1")
    )
    assert response.status_code == 422


async def test_what_admins_do_for_themselves_passes(strict: Api, admin: User) -> None:
    headers = token(strict, admin, "aal1")
    for path in ("/enrollments", "/external-trainings"):
        assert (await strict.post(path, headers=headers)).status_code == 422


async def test_who_may_not_learns_nothing_of_it(strict: Api, learner: User) -> None:
    headers = token(strict, learner, "aal1")
    assert_problem(await strict.post("/locations", json=OFFICE, headers=headers), 403, "forbidden")


@pytest.mark.parametrize("level", ["", "aal3", "AAL2", "none"])
async def test_other_levels_are_not_enough(strict: Api, admin: User, level: str) -> None:
    headers = token(strict, admin, level)
    response = await strict.post("/locations", json=OFFICE, headers=headers)
    assert_problem(response, 403, "mfa_required")


async def test_off_by_default(api: Api, admin: User) -> None:
    response = await api.post("/locations", json=OFFICE, headers=token(api, admin, "aal1"))
    assert response.status_code == 201
