"""Nobody frees themselves of training, whatever they change. Somebody else can."""

import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, Requirement, RequirementVersion, TrainingModule, User
from app.services.compliance import reconciliation
from app.services.compliance.reconciliation import reconcile_all
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish, text_section
from tests.factories.requirement import make_requirement, rule_json
from tests.factories.user import make_location, make_user
from tests.routers.evidence.test_training_record import complete
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase

ANY = {"If-Match": "*"}
TODAY = datetime.now(UTC).date()
LONG_AGO = date(2020, 1, 1)
LATER = (TODAY - timedelta(days=1)).isoformat()


@pytest.fixture(params=[Role.ADMIN, Role.COMPLIANCE_OFFICER])
async def keeper(request: pytest.FixtureRequest, session: AsyncSession) -> User:
    """Whoever keeps the rules."""
    return await make_user(session, role=request.param)


@pytest.fixture
async def subject(session: AsyncSession, database: RollbackDatabase) -> dict[str, Any]:
    module = await make_module(session)
    await publish(database, module)
    return rule_json(module.id)


async def rule(database: RollbackDatabase, subject: dict[str, Any], **fields: Any) -> Requirement:
    return await make_requirement(database, **{**_plain(subject), **fields})


async def make_since_long_ago(
    session: AsyncSession, database: RollbackDatabase, subject: dict[str, Any]
) -> Requirement:
    requirement = Requirement(title="Of long standing")
    session.add(requirement)
    await session.flush()
    version = RequirementVersion(
        requirement_id=requirement.id,
        number=1,
        effective_from=LONG_AGO,
        recorded_on=LONG_AGO,
        rule=subject,
    )
    session.add(version)
    await session.commit()
    async with UnitOfWork(database, SYSTEM) as uow:
        await reconcile_all(uow, [requirement.id])
    return requirement


def _plain(subject: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in subject.items() if name != "citation"}


async def session_module(database: RollbackDatabase, subject: dict[str, Any]) -> TrainingModule:
    """Return the module that the rule asks for."""
    async with UnitOfWork(database, SYSTEM) as uow:
        module = await uow.modules.not_deleted(uuid.UUID(subject["subject"]["any_of"][0]))
    assert module is not None
    return module


async def edit(api: Api, actor: User, requirement: Requirement, body: dict[str, Any]) -> Response:
    return await api.patch(f"/requirements/{requirement.id}", actor, json=body, headers=ANY)


class TestRules:
    @pytest.mark.parametrize("day", [None, "2099-01-01"])
    async def test_exclude_nobody_who_edits_them(
        self,
        api: Api,
        keeper: User,
        database: RollbackDatabase,
        subject: dict[str, Any],
        day: str | None,
    ) -> None:
        """Nor from a day on that is far ahead."""
        requirement = await rule(database, subject)
        audience = {"everyone": True, "exclude": [str(keeper.id)]}
        body = {"rule": {**subject, "audience": audience}, "effective_from": day}
        refused = await edit(api, keeper, requirement, body)
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")

    @pytest.mark.parametrize("day", [None, "2099-01-01"])
    async def test_exclude_nobody_who_creates_them(
        self, api: Api, keeper: User, learner: User, subject: dict[str, Any], day: str | None
    ) -> None:
        body = {"title": "New", "effective_from": day, "confirm": True}
        for excluded, answer in ((keeper, HTTPStatus.FORBIDDEN), (learner, HTTPStatus.CREATED)):
            audience = {"everyone": True, "exclude": [str(excluded.id)]}
            sent = body | {"rule": {**subject, "audience": audience}}
            created = await api.post("/requirements", keeper, json=sent)
            assert created.status_code == answer, created.text
        excluding = {**subject, "audience": {"everyone": True, "exclude": [str(keeper.id)]}}
        refused = await api.post("/requirements", keeper, json=body | {"rule": excluding})
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")

    async def test_are_not_narrowed_around_them(
        self, api: Api, keeper: User, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        requirement = await rule(database, subject)
        narrowed = {**subject, "audience": {"roles": ["learner"]}}
        refused = await edit(api, keeper, requirement, {"rule": narrowed, "confirm": True})
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")
        named = {**subject, "audience": {"roles": ["learner"], "include": [str(keeper.id)]}}
        assert (await edit(api, keeper, requirement, {"rule": named, "confirm": True})).is_success

    async def test_somebody_else_may(
        self, api: Api, keeper: User, admin: User, database: RollbackDatabase, subject: Any
    ) -> None:
        requirement = await rule(database, subject)
        audience = {"everyone": True, "exclude": [str(keeper.id)]}
        body = {"rule": {**subject, "audience": audience}}
        assert (await edit(api, admin, requirement, body)).is_success

    async def test_whoever_is_late_gives_nobody_more_time_nor_ends_them(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        late = await make_user(session, role=Role.ADMIN, hired_on=LONG_AGO)
        requirement = await make_since_long_ago(session, database, subject)
        [line] = (await api.get(f"/users/{late.id}/compliance", late)).json()["items"]
        assert line["status"] == "overdue"
        later = {**subject, "first_due": {"kind": "on_date", "date": "2099-01-01"}}
        refused = await edit(api, late, requirement, {"rule": later})
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")
        archived = await api.delete(f"/requirements/{requirement.id}", late, headers=ANY)
        assert_problem(archived, HTTPStatus.FORBIDDEN, "own_duty")

    async def test_whoever_is_late_is_not_covered_by_what_suddenly_counts(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        """They had studied another module, which they now let count."""
        late = await make_user(session, role=Role.ADMIN, hired_on=LONG_AGO)
        requirement = await make_since_long_ago(session, database, subject)
        other = await make_module(session, text_section())
        await publish(database, other)
        await complete(api, late, other)
        asked = subject["subject"]
        wider = {**asked, "any_of": [*asked["any_of"], str(other.id)]}
        refused = await edit(api, late, requirement, {"rule": {**subject, "subject": wider}})
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")

    async def test_are_neither_ended_nor_moved_by_one_alone_who_has_to_train(
        self, api: Api, keeper: User, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        requirement = await rule(database, subject)
        later = {**subject, "first_due": {"kind": "on_date", "date": "2099-01-01"}}
        refused = await edit(api, keeper, requirement, {"rule": later})
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")
        archived = await api.delete(f"/requirements/{requirement.id}", keeper, headers=ANY)
        assert_problem(archived, HTTPStatus.FORBIDDEN, "own_duty")
        await complete(api, keeper, await session_module(database, subject))
        assert (await edit(api, keeper, requirement, {"rule": later})).is_success

    async def test_are_by_two_who_ask_for_the_same(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        keeper: User,
        admin: User,
        database: RollbackDatabase,
        subject: dict[str, Any],
    ) -> None:
        requirement = await rule(database, subject)
        path = f"/requirements/{requirement.id}"
        later = {**subject, "first_due": {"kind": "on_date", "date": "2099-01-01"}}
        still_later = {**subject, "first_due": {"kind": "on_date", "date": "2099-01-02"}}
        asked = [(keeper, later), (keeper, later), (admin, still_later)]
        for actor, changed in asked:
            refused = await edit(api, actor, requirement, {"rule": changed})
            assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")
        assert_problem(await api.delete(path, keeper, headers=ANY), 403, "own_duty")
        assert (await edit(api, admin, requirement, {"rule": later})).is_success
        # What was asked of the version before is asked no longer.
        assert_problem(await api.delete(path, admin, headers=ANY), 403, "own_duty")
        assert (await api.delete(path, keeper, headers=ANY)).is_success
        actions = select(AuditEvent.action).where(AuditEvent.target_id == requirement.id)
        assert Counter(await session.scalars(actions)) == {
            "requirement:created": 1,
            "requirement:change_asked": 4,
            "requirement:updated": 1,
            "requirement:archived": 1,
        }

    @pytest.mark.parametrize("now", [{"is_active": False}, {"role": Role.MANAGER}])
    async def test_are_not_by_one_who_keeps_none_any_longer(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        admin: User,
        database: RollbackDatabase,
        subject: dict[str, Any],
        now: dict[str, Any],
    ) -> None:
        first = await make_user(session, role=Role.ADMIN)
        requirement = await rule(database, subject)
        path = f"/requirements/{requirement.id}"
        assert_problem(await api.delete(path, first, headers=ANY), 403, "own_duty")
        await session.execute(update(User).where(User.id == first.id).values(**now))
        await session.commit()
        assert_problem(await api.delete(path, admin, headers=ANY), 403, "own_duty")

    async def test_what_others_change_is_not_taken_for_theirs(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        admin: User,
        database: RollbackDatabase,
        subject: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where people are many and what was changed waits for most of them."""
        requirement = await rule(database, subject)
        monkeypatch.setattr(reconciliation, "INLINE_PEOPLE", 0)
        boss = await make_user(session, role=Role.ADMIN)
        audience = {"everyone": True, "exclude": [str(admin.id)]}
        freed = await edit(api, boss, requirement, {"rule": {**subject, "audience": audience}})
        assert freed.is_success, freed.text
        body = {"worker_kind": "contractor"}
        assert (await api.patch(f"/users/{admin.id}", admin, json=body, headers=ANY)).is_success

    async def test_where_people_are_many_too(
        self,
        api: Api,
        keeper: User,
        database: RollbackDatabase,
        subject: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Others are worked out in the background; whoever makes the change is at once."""
        requirement = await rule(database, subject)
        monkeypatch.setattr(reconciliation, "INLINE_PEOPLE", 0)
        body = {"rule": {**subject, "audience": {"roles": ["learner"]}}, "confirm": True}
        refused = await edit(api, keeper, requirement, body)
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")


class TestOneself:
    """What an admin changes of their own row, at once or from a day on."""

    @pytest.fixture
    async def admin(self, api: Api, session: AsyncSession) -> User:
        office = await make_location(session, country="US", state="US-CA")
        admin = await make_user(
            session,
            role=Role.ADMIN,
            location_id=office.id,
            job_title="Hygienist",
            hired_on=TODAY - timedelta(days=10),
        )
        assert (await api.post("/job-titles", admin, json={"name": "Boss"})).is_success
        return admin

    @pytest.fixture(params=["job_titles", "worker_kinds", "location_ids", "states"])
    async def requirement(
        self,
        request: pytest.FixtureRequest,
        database: RollbackDatabase,
        admin: User,
        subject: dict[str, Any],
    ) -> Requirement:
        audience = {
            "job_titles": ["Hygienist"],
            "worker_kinds": ["employee"],
            "location_ids": [str(admin.location_id)],
            "states": ["US-CA"],
        }
        named = {request.param: audience[request.param]}
        return await rule(database, subject, audience=named)

    @pytest.fixture
    async def elsewhere(self, session: AsyncSession) -> dict[str, Any]:
        other = await make_location(session, country="US", state="US-NY")
        return {"job_title": "Boss", "worker_kind": "contractor", "location_id": str(other.id)}

    @pytest.mark.usefixtures("requirement")
    async def test_is_not_moved_away(
        self, api: Api, admin: User, session: AsyncSession, elsewhere: dict[str, Any]
    ) -> None:
        path = f"/users/{admin.id}"
        edited = await api.patch(path, admin, json=elsewhere, headers=ANY)
        assert_problem(edited, HTTPStatus.FORBIDDEN, "own_duty")
        for day in (TODAY, TODAY + timedelta(days=40)):
            move = {**elsewhere, "effective_on": day.isoformat()}
            moved = await api.post(f"{path}/transfer", admin, json=move)
            assert_problem(moved, HTTPStatus.FORBIDDEN, "own_duty")
        boss = await make_user(session, role=Role.ADMIN)
        assert (await api.patch(path, boss, json=elsewhere, headers=ANY)).is_success

    async def test_nor_while_the_rule_waits_to_be_worked_out(
        self, api: Api, admin: User, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        requirement = await rule(database, subject, audience={"job_titles": ["Hygienist"]})
        queued = await api.post(f"/requirements/{requirement.id}/reconcile", admin)
        assert queued.status_code == HTTPStatus.ACCEPTED
        body = {"job_title": "Boss"}
        refused = await api.patch(f"/users/{admin.id}", admin, json=body, headers=ANY)
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")

    async def test_is_not_hired_later(
        self, api: Api, admin: User, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        await rule(database, subject)
        path = f"/users/{admin.id}"
        refused = await api.patch(path, admin, json={"hired_on": LATER}, headers=ANY)
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")

    async def test_the_own_office_is_not_put_elsewhere(
        self, api: Api, admin: User, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        await rule(database, subject, audience={"states": ["US-CA"]})
        path, body = f"/locations/{admin.location_id}", {"state": "US-NY"}
        refused = await api.patch(path, admin, json=body, headers=ANY)
        assert_problem(refused, HTTPStatus.FORBIDDEN, "own_duty")

    async def test_what_frees_nobody_is_done(
        self, api: Api, admin: User, database: RollbackDatabase, subject: dict[str, Any]
    ) -> None:
        await rule(database, subject)
        path = f"/users/{admin.id}"
        for body in ({"worker_kind": "contractor"}, {"hired_on": "2020-01-01"}):
            assert (await api.patch(path, admin, json=body, headers=ANY)).is_success
