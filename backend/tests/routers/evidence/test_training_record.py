import hashlib
import uuid
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import TrainingModule, User
from tests.factories.module import make_module, publish
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase

FIELDS = {
    "id",
    "user_snapshot",
    "module_title",
    "version",
    "content_sha256",
    "completed_at",
    "local_date",
    "time_zone",
    "score_percent",
    "minutes",
    "valid_through",
    "hash",
    "previous_hash",
}
EXTRA = {"user", "user_id", "module_id", "sequence", "corrects_id"}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def trained(session: AsyncSession) -> User:
    office = await make_location(session, time_zone="America/Los_Angeles")
    return await make_user(session, location_id=office.id, job_title="Hygienist")


async def complete(api: Api, user: User, module: TrainingModule) -> dict[str, Any]:
    """Complete the module and return the newest record."""
    enrolled = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    path = f"/enrollments/{enrolled.json()['id']}/sections/{module.sections[0].id}/progress"
    await api.put(path, user, json={"completed": True})
    newest: dict[str, Any] = (await api.get("/training-records", user)).json()["items"][0]
    return newest


class TestLeavers:
    async def test_read_their_own_records_and_nothing_else(  # fixtures are asked for by parameter
        self,
        api: Api,
        trained: User,
        other_learner: User,
        module: TrainingModule,
        session: AsyncSession,
    ) -> None:
        mine, theirs = [await complete(api, user, module) for user in (trained, other_learner)]
        trained.is_active, trained.role = False, Role.ADMIN
        session.add(trained)
        await session.commit()
        listed = (await api.get("/training-records", trained)).json()["items"]
        assert [each["id"] for each in listed] == [mine["id"]]
        detail = (await api.get(f"/training-records/{mine['id']}", trained)).json()
        digest = hashlib.sha256((detail["previous_hash"] + detail["payload"]).encode())
        assert digest.hexdigest() == detail["hash"]
        path = f"/training-records/{theirs['id']}"
        assert_problem(await api.get(path, trained), 404, "training_record_not_found")
        query = {"user_id": str(other_learner.id)}
        response = await api.get("/training-records", trained, params=query)
        assert_problem(response, 404, "user_not_found")
        for path in ("/users/me", "/enrollments", "/modules", f"/users/{trained.id}/compliance"):
            assert_problem(await api.get(path, trained), 403, "user_inactive")


class TestListTrainingRecords:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/training-records"))

    async def test_others_are_hidden(
        self, api: Api, trained: User, other_learner: User, manager: User, module: TrainingModule
    ) -> None:
        await complete(api, trained, module)
        assert (await api.get("/training-records", other_learner)).json()["items"] == []
        for user in (other_learner, manager):
            response = await api.get(f"/training-records?user_id={trained.id}", user)
            assert_problem(response, 404, "user_not_found")

    async def test_exact_fields(self, api: Api, trained: User, module: TrainingModule) -> None:
        record = await complete(api, trained, module)
        assert record.keys() == FIELDS | EXTRA
        assert record["user"] == {"id": str(trained.id), "display_name": trained.full_name}
        assert record["user_snapshot"]["email"] == trained.email
        assert record["user_snapshot"]["job_title"] == "Hygienist"
        assert (record["module_title"], record["version"]) == (module.title, 1)
        assert record["time_zone"] == "America/Los_Angeles"
        assert record["completed_at"].endswith("Z")

    async def test_admins_see_anybody(
        self, api: Api, admin: User, trained: User, module: TrainingModule
    ) -> None:
        record = await complete(api, trained, module)
        response = await api.get(f"/training-records?user_id={trained.id}", admin)
        assert [item["id"] for item in response.json()["items"]] == [record["id"]]

    async def test_each_links_to_the_one_before(
        self, api: Api, trained: User, module: TrainingModule
    ) -> None:
        first = await complete(api, trained, module)
        second = await complete(api, trained, module)
        assert second["previous_hash"] == first["hash"]
        assert (first["sequence"], second["sequence"]) == (1, 2)

    async def test_by_module(self, api: Api, trained: User, module: TrainingModule) -> None:
        await complete(api, trained, module)
        for module_id, count in ((module.id, 1), (uuid.uuid4(), 0)):
            response = await api.get(f"/training-records?module_id={module_id}", trained)
            assert len(response.json()["items"]) == count


class TestReadTrainingRecord:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get(f"/training-records/{uuid.uuid4()}"))

    async def test_others_do_not_see_it(
        self, api: Api, trained: User, other_learner: User, module: TrainingModule
    ) -> None:
        record = await complete(api, trained, module)
        response = await api.get(f"/training-records/{record['id']}", other_learner)
        assert_problem(response, 404, "training_record_not_found")

    async def test_the_hash_can_be_checked_by_anybody(
        self, api: Api, trained: User, module: TrainingModule
    ) -> None:
        record = await complete(api, trained, module)
        detail = (await api.get(f"/training-records/{record['id']}", trained)).json()
        covered = detail["previous_hash"] + detail["payload"]
        assert hashlib.sha256(covered.encode()).hexdigest() == detail["hash"]

    async def test_nobody_writes_it(
        self, api: Api, admin: User, trained: User, module: TrainingModule
    ) -> None:
        record = await complete(api, trained, module)
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            response = await api.request(
                method, f"/training-records/{record['id']}", admin, json={}
            )
            assert_problem(response, 405, "method_not_allowed")
