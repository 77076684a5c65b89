import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase

FIELDS = {
    "id",
    "created_at",
    "number",
    "covers",
    "record_count",
    "merkle_root",
    "previous_hash",
    "hash",
}


@pytest.fixture
async def hashes(api: Api, session: AsyncSession, database: RollbackDatabase) -> list[str]:
    """Three seals of one record each, from the first on."""
    module = await make_module(session)
    await publish(database, module)
    service = TrainingRecordService(database, SYSTEM)
    found = []
    for _ in range(3):
        person = await make_user(session)
        enrolled = await api.post("/enrollments", person, json={"module_id": str(module.id)})
        section = f"/enrollments/{enrolled.json()['id']}/sections/{module.sections[0].id}"
        await api.put(f"{section}/progress", person, json={"completed": True})
        seal = await service.seal()
        assert seal is not None
        found.append(seal.hash)
    return found


class TestListSeals:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/seals"))

    async def test_only_admins(self, api: Api, learner: User, manager: User, author: User) -> None:
        for user in (learner, manager, author):
            assert_problem(await api.get("/seals", user), 403, "forbidden")

    async def test_the_newest_first(self, api: Api, admin: User, hashes: list[str]) -> None:
        items = (await api.get("/seals", admin)).json()["items"]
        assert items[0].keys() == FIELDS
        assert [item["hash"] for item in items] == hashes[::-1]
        assert [item["number"] for item in items] == [3, 2, 1]

    async def test_page_by_page(self, api: Api, admin: User, hashes: list[str]) -> None:
        seen, cursor = [], ""
        while cursor is not None:
            query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            page = (await api.get("/seals", admin, params=query)).json()
            seen += [item["hash"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert seen == hashes[::-1]
