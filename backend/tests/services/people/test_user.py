import uuid
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.errors import (
    AppError,
    InvalidPayloadError,
    NotFoundError,
    PreconditionFailedError,
)
from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.models import User
from app.repositories.people.user import UserFilter
from app.schemas.people.user import ProfileUpdate, UserUpdate
from app.schemas.people.word import WordUpdate
from app.services.context import SYSTEM
from app.services.people.department import DepartmentService
from app.services.people.job_title import JobTitleService
from app.services.people.user import UserService
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.conftest import acting
from tests.support import RollbackDatabase

ANY = Precondition(frozenset({"*"}))


@pytest.fixture
def users(database: RollbackDatabase, admin: User, auth_admin: InMemoryAuthAdmin) -> UserService:
    return UserService(database, acting(admin), auth_admin, adds_words=False)


class TestProfile:
    async def test_ones_own_name_and_preferences(
        self, database: RollbackDatabase, learner: User
    ) -> None:
        service = UserService(database, acting(learner), InMemoryAuthAdmin(), adds_words=False)
        payload = ProfileUpdate(full_name="Ada Byron", profile_metadata={"theme": "dark"})
        answer = await service.update_me(payload, Precondition.parse(learner.etag))
        me = answer.value.model_dump(mode="json")
        assert (me["full_name"], me["profile_metadata"]) == ("Ada Byron", {"theme": "dark"})
        assert (await service.me()).value.model_dump(mode="json") == me
        with pytest.raises(PreconditionFailedError):
            await service.update_me(payload, Precondition.parse(learner.etag))

    async def test_a_name_may_be_taken_back(
        self, database: RollbackDatabase, learner: User
    ) -> None:
        service = UserService(database, acting(learner), InMemoryAuthAdmin(), adds_words=False)
        answer = await service.update_me(ProfileUpdate(full_name=None), ANY)
        me = answer.value.model_dump(mode="json")
        assert me["full_name"] is None
        assert me["display_name"] == str(learner.email).partition("@")[0]


class TestDirectory:
    async def test_is_edited_field_by_field(
        self, users: UserService, session: AsyncSession, learner: User, manager: User
    ) -> None:
        office = await make_location(session, name="North")
        await list_words(session, departments=["Hygiene"], job_titles=["Hygienist"])
        payload = UserUpdate(
            department="Hygiene",
            location_id=office.id,
            manager_id=manager.id,
            role=Role.AUTHOR,
            job_title="Hygienist",
        )
        answer = await users.update(learner.id, payload, ANY)
        after = answer.value.model_dump(mode="json")
        assert (after["department"], after["location"]) == ("Hygiene", "North")
        assert (after["role"], after["full_name"]) == ("author", learner.full_name)
        cleared = UserUpdate(department=None, location_id=None)
        after = (await users.update(learner.id, cleared, ANY)).value.model_dump(mode="json")
        assert (after["department"], after["location"]) == (None, None)
        assert after["job_title"] == "Hygienist"

    async def test_unknown_words_are_added_where_the_setting_says_so(
        self, database: RollbackDatabase, learner: User, admin: User
    ) -> None:
        users = UserService(database, acting(admin), InMemoryAuthAdmin(), adds_words=True)
        words = UserUpdate(department="Hygene", job_title="Hygenist")
        await users.update(learner.id, words, ANY)
        for lists in (DepartmentService, JobTitleService):
            service = lists(database, acting(admin))
            (added,) = (await service.list(PageRequest(), confirmed=(False,))).items
            assert added.name in {words.department, words.job_title}
            await service.update(added.id, WordUpdate(confirmed=True), ANY)
            assert (await service.list(PageRequest(), confirmed=(False,))).items == []

    async def test_refers_to_what_is_there(self, users: UserService, learner: User) -> None:
        cases: list[dict[str, Any]] = [
            {"location_id": uuid.uuid4()},
            {"manager_id": uuid.uuid4()},
            {"manager_id": learner.id},
        ]
        for fields in cases:
            with pytest.raises(InvalidPayloadError):
                await users.update(learner.id, UserUpdate(**fields), ANY)

    @pytest.mark.parametrize("payload", [{"role": "learner"}, {"is_active": False}])
    async def test_admins_do_not_lock_themselves_out(
        self, users: UserService, admin: User, payload: dict[str, Any]
    ) -> None:
        with pytest.raises(AppError) as caught:
            await users.update(admin.id, UserUpdate(**payload), ANY)
        assert caught.value.code == "own_access"
        await users.update(admin.id, UserUpdate(role=Role.ADMIN, is_active=True), ANY)

    async def test_managers_read_their_people_alone(
        self, database: RollbackDatabase, session: AsyncSession, learner: User
    ) -> None:
        boss = await make_user(session, role=Role.MANAGER)
        report = await make_user(session, manager_id=boss.id)
        service = UserService(database, acting(boss), InMemoryAuthAdmin(), adds_words=False)
        listed = await service.list(UserFilter(), PageRequest(include_total=True))
        assert {item.id for item in listed.items} == {boss.id, report.id}
        assert listed.total == 2
        with pytest.raises(NotFoundError):
            await service.get(learner.id)

    async def test_a_role_may_be_set_from_the_command_line(
        self, database: RollbackDatabase, learner: User
    ) -> None:
        operator = UserService(database, SYSTEM, InMemoryAuthAdmin(), adds_words=False)
        assert (await operator.promote(str(learner.email).upper(), Role.ADMIN)).role is Role.ADMIN
        with pytest.raises(NotFoundError):
            await operator.promote("nobody@unified.example", Role.ADMIN)
