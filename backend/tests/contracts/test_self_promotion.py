"""Nobody can promote themselves: no body and no token sets a column that it must not."""

import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.integrations.auth_admin import AuthUser
from app.models import User
from tests.contracts.matrix import LEARNER, core_rows, path_ids
from tests.contracts.world import World
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, RollbackDatabase

BODIES = {"post", "put", "patch"}
# The columns that people may set themselves, each with the operation for it.
OWN = {"full_name", "name_confirmed", "previous_name", "profile_metadata"}


def stolen(world: World) -> dict[str, Any]:
    """Return a value worth stealing for every column of users, and for names similar to one."""
    values: dict[str, Any] = {column.name: str(uuid.uuid4()) for column in User.__table__.columns}
    return values | {
        "role": "admin",
        "is_active": True,
        "email_confirmed": True,
        "email": world.people.admin.email,
        "supabase_id": str(world.people.admin.supabase_id),
        "manager_id": str(world.people.manager.id),
        "location_id": str(world.far_office.id),
        "department": "Executives",
        "revision": 99,
        "hired_on": "1999-01-01",
        "user_id": str(world.people.admin.id),
        "permissions": ["users:write"],
        "is_admin": True,
        "user_metadata": {"role": "admin"},
        "app_metadata": {"role": "admin"},
    }


class _Ids(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return uuid.uuid4()


async def snapshot(session: AsyncSession) -> dict[uuid.UUID, tuple[Any, ...]]:
    columns = [column for column in User.__table__.columns if column.name not in OWN]
    people = await session.execute(select(*columns).order_by(User.id))
    return {row[0]: tuple(row) for row in people}


@pytest.mark.full
class TestBodies:
    @pytest.mark.parametrize(
        "below", ["/api/v1/users", pytest.param("/api/v1", marks=pytest.mark.full)]
    )
    async def test_no_body_sets_a_column(  # noqa: PLR0913  # one fixture for each part
        self,
        api: Api,
        app: FastAPI,
        world: World,
        database: RollbackDatabase,
        session: AsyncSession,
        *,
        below: str,
    ) -> None:
        """Every column, alone and beside a valid body, through every operation with a body."""
        before, sent = await snapshot(session), 0
        known = {row.operation: row.json for row in core_rows(world) if isinstance(row.json, dict)}
        for path, item in app.openapi()["paths"].items():
            for method, operation in item.items():
                if method not in BODIES or not path.startswith(below):
                    continue
                address = path.format_map(_Ids(path_ids(world)))
                async with database.undone():
                    for name, value in stolen(world).items():
                        body = known.get(operation["operationId"], {}) | {name: value}
                        headers = api.bearer(world.people.learner) | {"If-Match": "*"}
                        await api.client.request(method, address, json=body, headers=headers)
                        sent += 1
                    session.expire_all()
                    changed = _without_touch(await snapshot(session), before)
                assert not changed, operation["operationId"]
        assert sent > len(User.__table__.columns) * len(BODIES)

    @pytest.mark.parametrize("name", ["role", "is_active", "email", "id", "location_id", "x"])
    async def test_my_profile_refuses_it(self, api: Api, learner: User, name: str) -> None:
        response = await api.patch(
            "/users/me", learner, json={name: "admin"}, headers={"If-Match": "*"}
        )
        (error,) = response.json()["errors"]
        assert (error["pointer"], error["code"]) == (f"/{name}", "extra_forbidden")


def _without_touch(
    now: dict[uuid.UUID, tuple[Any, ...]], before: dict[uuid.UUID, tuple[Any, ...]]
) -> set[uuid.UUID]:
    """Return who changed in more than the revision, which any edit of one's profile counts."""
    names = [column.name for column in User.__table__.columns if column.name not in OWN]
    counted = {names.index("revision"), names.index("updated_at")}
    return {
        person
        for person, values in now.items()
        if person not in before
        or any(
            value != old
            for place, (value, old) in enumerate(zip(values, before[person], strict=True))
            if place not in counted
        )
    }


class TestTokens:
    @pytest.mark.parametrize(
        "claims",
        [
            {"user_metadata": {"role": "admin", "is_active": True, "is_admin": True}},
            {"app_metadata": {"role": "admin", "roles": ["admin"], "permissions": ["users:write"]}},
            {"user_metadata": {"app_metadata": {"role": "admin"}}},
            {"user_role": "admin", "staff_role": "admin", "is_admin": True},
            {"permissions": ["audit:read", "users:write"], "scope": "admin"},
        ],
    )
    async def test_claims_give_nothing(
        self, api: Api, learner: User, claims: dict[str, Any]
    ) -> None:
        assert learner.supabase_id is not None
        token = api.keys.token(learner.supabase_id, learner.email, **claims)
        headers = {"Authorization": f"Bearer {token}"}
        assert (await api.get("/users/me", headers=headers)).json()["role"] == LEARNER
        assert (await api.get("/audit-events", headers=headers)).json()["code"] == "forbidden"

    async def test_newcomers_are_learners(self, api: Api, auth_admin: InMemoryAuthAdmin) -> None:
        account = AuthUser(id=uuid.uuid4(), email="new@unified.example", email_confirmed=True)
        auth_admin.put(account)
        metadata = {"role": "admin", "full_name": "New Person", "location_id": str(uuid.uuid4())}
        token = api.keys.token(
            account.id,
            account.email,
            user_metadata=metadata,
            app_metadata=metadata,
        )
        response = await api.post("/users/sync", headers={"Authorization": f"Bearer {token}"})
        person = response.json()
        assert (person["role"], person["location_id"]) == (LEARNER, None)
        assert person["full_name"] == "New Person"
