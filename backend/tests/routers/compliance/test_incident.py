import uuid
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, TrainingModule, User
from tests.factories.module import acknowledgement_section, make_module, publish
from tests.factories.requirement import rule_json
from tests.factories.user import make_user
from tests.planting import as_owner
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

BASE = "/incidents"


def day_in(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


NEXT_WEEK = day_in(7)
REASON = {"reason": "It was another glove."}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def stuck(session: AsyncSession, manager: User) -> User:
    """The person whom the incidents name; the manager answers for them."""
    return await make_user(session, manager_id=manager.id, hired_on=date(2026, 1, 5))


@pytest.fixture
async def requirement(api: Api, module: TrainingModule, admin: User, stuck: User) -> str:
    return await long_standing(api, admin, module)


async def long_standing(api: Api, admin: User, module: TrainingModule, **rule: Any) -> str:
    body = {"title": "Exposure", "rule": rule_json(module.id, **rule)}
    response = await api.post("/requirements", admin, json={**body, "effective_from": "2026-01-01"})
    return str(response.json()["id"])


def incident(requirement: str, *people: User, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "exposure",
        "day": "2026-11-20",
        "requirement_id": requirement,
        "user_ids": [str(user.id) for user in people],
        "retrain_by": "2099-11-30",
        "description": "A needlestick in room 2.",
        **fields,
    }


def step(owner_id: uuid.UUID, due_on: str = "2026-12-01") -> dict[str, str]:
    return {"step": "New sharps boxes.", "owner_id": str(owner_id), "due_on": due_on}


async def record(api: Api, actor: User, body: dict[str, Any]) -> dict[str, Any]:
    response = await api.post(BASE, actor, json=body)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return dict(response.json())


async def credit(
    api: Api, user: User, admin: User, module: TrainingModule, day: str = "2026-11-20"
) -> None:
    training = {
        "provider": "Safety Institute",
        "title": "Bloodborne pathogens",
        "completed_on": day,
        "hours": 1,
        "module_id": str(module.id),
        "user_id": str(user.id),
    }
    entered = await api.post("/external-trainings", user, json=training)
    verify = f"/external-trainings/{entered.json()['id']}/verify"
    await api.post(verify, admin, json={"reason": "Certificate seen"})


async def lines(api: Api, user: User, **query: str) -> list[dict[str, Any]]:
    return list((await api.get(f"/users/{user.id}/compliance", user, params=query)).json()["items"])


class TestRecord:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post(BASE, json={}))

    async def test_not_by_learners(self, api: Api, requirement: str, stuck: User) -> None:
        response = await api.post(BASE, stuck, json=incident(requirement, stuck))
        assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_not_of_people_of_others(
        self, api: Api, requirement: str, manager: User, other_learner: User, stuck: User
    ) -> None:
        response = await api.post(BASE, manager, json=incident(requirement, stuck, other_learner))
        assert [pointer for pointer, _ in pointers(response)] == ["/user_ids"]
        body = await record(api, manager, incident(requirement, stuck))
        assert body["user_ids"] == [str(stuck.id)]

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"requirement_id": str(uuid.uuid4())}, "/requirement_id"),
            ({"location_id": str(uuid.uuid4())}, "/location_id"),
            ({"day": "2099-01-01"}, "/day"),
            ({"day": "1026-01-01"}, "/day"),
            ({"retrain_by": "2026-11-19"}, "/retrain_by"),
            ({"retrain_by": "2026-11-20"}, "/retrain_by"),
            ({"retrain_by": "2026-11-21"}, "/retrain_by"),
            ({"user_ids": []}, "/user_ids"),
            ({"description": " "}, "/description"),
            ({"steps": [step(uuid.uuid4())]}, "/steps"),
        ],
    )
    async def test_what_does_not_exist_or_fit(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        requirement: str,
        admin: User,
        stuck: User,
        fields: dict[str, Any],
        pointer: str,
    ) -> None:
        response = await api.post(BASE, admin, json=incident(requirement, stuck, **fields))
        assert [where for where, _ in pointers(response)] == [pointer]

    @pytest.mark.parametrize("hired_on", [None, date(2026, 11, 21)])
    async def test_not_of_people_who_did_not_work_here_then(
        self,
        api: Api,
        session: AsyncSession,
        requirement: str,
        admin: User,
        hired_on: date | None,
    ) -> None:
        later = await make_user(session, hired_on=hired_on)
        response = await api.post(BASE, admin, json=incident(requirement, later))
        assert pointers(response) == [("/user_ids", "not_employed")]

    async def test_not_of_people_who_had_left(
        self, api: Api, requirement: str, admin: User, stuck: User
    ) -> None:
        ended = await api.post(
            f"/users/{stuck.id}/terminate", admin, json={"effective_on": "2026-11-20"}
        )
        assert ended.status_code == HTTPStatus.CREATED, ended.text
        response = await api.post(BASE, admin, json=incident(requirement, stuck))
        assert pointers(response) == [("/user_ids", "not_employed")]
        await record(api, admin, incident(requirement, stuck, day="2026-11-19"))

    async def test_steps_come_after_it_and_are_for_people_whom_one_sees(
        self,
        api: Api,
        requirement: str,
        manager: User,
        stuck: User,
        other_learner: User,
    ) -> None:
        for steps, found in (
            ([step(other_learner.id)], ("/steps", "unknown_user")),
            (
                [step(manager.id), step(manager.id, "2026-11-19")],
                ("/steps/1/due_on", "before_incident"),
            ),
        ):
            body = incident(requirement, stuck, steps=steps)
            assert pointers(await api.post(BASE, manager, json=body)) == [found]

    async def test_steps_are_not_for_people_who_left(
        self, api: Api, session: AsyncSession, requirement: str, admin: User, stuck: User
    ) -> None:
        gone = await make_user(session, is_active=False)
        body = incident(requirement, stuck, steps=[step(gone.id)])
        assert pointers(await api.post(BASE, admin, json=body)) == [("/steps", "person_left")]

    @pytest.mark.parametrize("role", ["learner", "author"])
    async def test_steps_are_not_for_people_who_could_not_see_them(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        requirement: str,
        admin: User,
        stuck: User,
        role: str,
    ) -> None:
        owner = await make_user(session, role=role)
        body = incident(requirement, stuck, steps=[step(admin.id), step(owner.id)])
        refused = await api.post(BASE, admin, json=body)
        assert pointers(refused) == [("/steps", "owner_without_access")]

    async def test_is_audited_without_what_it_tells(
        self, api: Api, session: AsyncSession, requirement: str, admin: User, stuck: User
    ) -> None:
        body = await record(api, admin, incident(requirement, stuck))
        event = (
            await session.scalars(
                select(AuditEvent).where(AuditEvent.target_id == uuid.UUID(body["id"]))
            )
        ).one()
        assert event.action == "incident:recorded"
        assert "description" not in (event.after or {})


class TestRetraining:
    async def test_whatever_was_trained_before(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        requirement: str,
        module: TrainingModule,
        admin: User,
        manager: User,
        stuck: User,
    ) -> None:
        await credit(api, stuck, admin, module)
        [before] = await lines(api, stuck)
        assert before["status"] == "compliant"
        await record(api, manager, incident(requirement, stuck))
        [asked] = await lines(api, stuck)
        # What stands ends before the day that the incident gives.
        assert (asked["status"], asked["next_due_on"]) == ("due_soon", "2027-11-20")
        assert asked["why"]["opened_by"] == "incident"
        assert asked["periods"][-1]["window_start"] == "2026-11-21"
        query = {"status": "active"}
        [enrollment] = (await api.get("/enrollments", stuck, params=query)).json()["items"]
        assert enrollment["source"] == "rule"
        await credit(api, stuck, admin, module, "2026-11-21")
        [after] = await lines(api, stuck)
        assert (after["status"], after["why"]["opened_by"]) == ("compliant", None)
        assert after["met_by"]["day"] == "2026-11-21"

    async def test_late_is_overdue_in_the_report(
        self,
        api: Api,
        requirement: str,
        module: TrainingModule,
        admin: User,
        stuck: User,
    ) -> None:
        await credit(api, stuck, admin, module)
        await record(api, admin, incident(requirement, stuck, retrain_by=NEXT_WEEK))
        late = {"as_of": day_in(8)}
        [asked] = await lines(api, stuck, **late)
        assert (asked["status"], asked["due_on"]) == ("overdue", NEXT_WEEK)
        report = await api.get(
            "/reports/compliance/people", admin, params={"requirement": requirement, **late}
        )
        of_person = [each for each in report.json()["items"] if str(stuck.id) in str(each)]
        assert [each["status"] for each in of_person] == ["overdue"]

    async def test_is_answered_by_people_whom_the_rule_does_not_mean(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, admin: User, stuck: User
    ) -> None:
        """That they are asked for nothing any more is no way in which they freed themselves."""
        module = await make_module(session, acknowledgement_section())
        await publish(database, module)
        requirement = await long_standing(api, admin, module, audience={"include": [str(admin.id)]})
        await record(api, admin, incident(requirement, stuck))
        enrolled = await api.post("/enrollments", stuck, json={"module_id": str(module.id)})
        [section] = module.sections
        path = f"/enrollments/{enrolled.json()['id']}/sections/{section.id}/acknowledge"
        body = {"printed_name": stuck.full_name, "meaning": "read_and_understood"}
        signed = await api.post(path, stuck, json=body)
        assert signed.is_success, signed.text
        [line] = await lines(api, stuck)
        assert (line["status"], line["periods"][-1]["outcome"]) == ("not_required", "met")

    async def test_of_people_whom_the_rule_does_not_mean(
        self, api: Api, module: TrainingModule, admin: User, stuck: User
    ) -> None:
        audience = {"include": [str(admin.id)]}
        requirement = await long_standing(api, admin, module, audience=audience)
        assert [each["status"] for each in await lines(api, stuck)] == ["not_required"]
        body = await record(api, admin, incident(requirement, stuck, retrain_by=NEXT_WEEK))
        [asked] = await lines(api, stuck)
        assert (asked["status"], asked["due_on"]) == ("due", NEXT_WEEK)
        assert asked["why"]["matched"] == [{"criterion": "incident", "value": body["id"]}]
        assert "an incident names this person" in asked["why"]["summary"]
        [then] = await lines(api, stuck, as_of="2026-11-19")
        assert then["status"] == "not_required"
        await credit(api, stuck, admin, module, "2026-11-21")
        [after] = await lines(api, stuck)
        assert (after["status"], after["periods"][-1]["outcome"]) == ("not_required", "met")
        enrollments = (await api.get("/enrollments", stuck)).json()["items"]
        assert [each["status"] for each in enrollments] == ["withdrawn"]


class TestWithdraw:
    async def test_gives_back_what_was(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        requirement: str,
        module: TrainingModule,
        admin: User,
        manager: User,
        stuck: User,
    ) -> None:
        await credit(api, stuck, admin, module)
        body = await record(api, manager, incident(requirement, stuck))
        path = f"{BASE}/{body['id']}/withdraw"
        withdrawn = await api.post(path, manager, json=REASON)
        assert withdrawn.json()["withdrawal_reason"] == REASON["reason"]
        [line] = await lines(api, stuck)
        assert (line["status"], line["why"]["opened_by"]) == ("compliant", None)
        assert_problem(await api.post(path, manager, json=REASON), 409, "incident_withdrawn")

    async def test_not_by_managers_of_others(
        self, api: Api, session: AsyncSession, requirement: str, admin: User, stuck: User
    ) -> None:
        body = await record(api, admin, incident(requirement, stuck))
        far = await make_user(session, role="manager")
        for path in ("", "/withdraw"):
            call = api.post if path else api.get
            kwargs = {"json": REASON} if path else {}
            response = await call(f"{BASE}/{body['id']}{path}", far, **kwargs)
            assert_problem(response, 404, "incident_not_found")

    async def test_not_by_whom_it_names(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        requirement: str,
        admin: User,
        manager: User,
        stuck: User,
    ) -> None:
        manager.hired_on = date(2026, 1, 5)
        await session.commit()
        path = f"{BASE}/{(await record(api, admin, incident(requirement, manager, stuck)))['id']}"
        refused = await api.post(f"{path}/withdraw", manager, json=REASON)
        assert_problem(refused, 403, "own_incident")

    async def test_not_for_people_whom_one_does_not_manage(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        requirement: str,
        admin: User,
        manager: User,
        stuck: User,
        session: AsyncSession,
    ) -> None:
        elsewhere = await make_user(session, hired_on=date(2026, 1, 5))
        path = f"{BASE}/{(await record(api, admin, incident(requirement, elsewhere, stuck)))['id']}"
        refused = await api.post(f"{path}/withdraw", manager, json=REASON)
        assert_problem(refused, 403, "incident_of_others")
        assert (await api.get(path, manager)).json()["withdrawn_on"] is None


class TestSteps:
    async def test_are_done_once_by_a_day(
        self, api: Api, requirement: str, manager: User, stuck: User
    ) -> None:
        steps = [step(manager.id)]
        body = await record(api, manager, incident(requirement, stuck, steps=steps))
        [made] = body["steps"]
        assert (made["owner_id"], made["due_on"], made["done_on"]) == (
            str(manager.id),
            "2026-12-01",
            None,
        )
        path = f"{BASE}/{body['id']}/steps/{made['id']}/complete"
        for day, code in ((day_in(2), "in_the_future"), ("2026-11-19", "before_incident")):
            refused = await api.post(path, manager, json={"done_on": day, "note": "Hung up."})
            assert pointers(refused) == [("/done_on", code)]
        done = {"done_on": "2026-11-24", "note": "Hung in each room."}
        [shown] = (await api.post(path, manager, json=done)).json()["steps"]
        assert (shown["done_on"], shown["note"]) == (done["done_on"], done["note"])
        assert_problem(await api.post(path, manager, json=done), 409, "step_done")
        other = f"{BASE}/{body['id']}/steps/{uuid.uuid4()}/complete"
        assert_problem(await api.post(other, manager, json=done), 404, "corrective_step_not_found")

    async def test_are_done_by_their_owner_or_who_sees_all_people(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        requirement: str,
        admin: User,
        manager: User,
        stuck: User,
    ) -> None:
        owner = await make_user(session, role="manager")
        elsewhere = await make_user(session, hired_on=date(2026, 1, 5))
        steps = [step(owner.id)]
        body = await record(api, admin, incident(requirement, stuck, elsewhere, steps=steps))
        path = f"{BASE}/{body['id']}"
        done = {"done_on": "2026-11-24", "note": "Hung in each room."}
        completing = f"{path}/steps/{body['steps'][0]['id']}/complete"
        refused = await api.post(completing, manager, json=done)
        assert_problem(refused, 403, "incident_of_others")
        assert (await api.get(path, owner)).json()["user_ids"] == []
        assert (await api.post(completing, owner, json=done)).status_code == HTTPStatus.OK

    @pytest.mark.parametrize("role", ["learner", "author"])
    async def test_are_done_by_whoever_got_them_whatever_their_role_is_now(
        self, api: Api, session: AsyncSession, requirement: str, admin: User, role: str
    ) -> None:
        """They read what they have to do, and no other incident, not even one that names them."""
        owner = await make_user(session, role="manager", hired_on=date(2026, 1, 5))
        steps = [step(owner.id), step(admin.id)]
        body = await record(api, admin, incident(requirement, owner, steps=steps))
        naming = await record(api, admin, incident(requirement, owner))
        demoted = await api.patch(
            f"/users/{owner.id}", admin, json={"role": role}, headers={"If-Match": "*"}
        )
        assert demoted.status_code == HTTPStatus.OK, demoted.text
        listed = (await api.get(BASE, owner)).json()["items"]
        assert [each["id"] for each in listed] == [body["id"]]
        assert (await api.get(f"{BASE}/{naming['id']}", owner)).status_code == HTTPStatus.NOT_FOUND
        own, other = sorted(body["steps"], key=lambda each: each["owner_id"] != str(owner.id))
        done = {"done_on": "2026-11-24", "note": "Hung in each room."}
        path = f"{BASE}/{body['id']}/steps"
        refused = await api.post(f"{path}/{other['id']}/complete", owner, json=done)
        assert_problem(refused, 403, "incident_of_others")
        completed = await api.post(f"{path}/{own['id']}/complete", owner, json=done)
        assert completed.status_code == HTTPStatus.OK, completed.text
        withdrawn = await api.post(f"{BASE}/{body['id']}/withdraw", owner, json=REASON)
        assert_problem(withdrawn, 403, "forbidden")


class TestRead:
    async def test_names_only_people_whom_one_sees(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        requirement: str,
        admin: User,
        manager: User,
        stuck: User,
        session: AsyncSession,
    ) -> None:
        other_learner = await make_user(session, hired_on=date(2026, 1, 5))
        body = await record(api, admin, incident(requirement, stuck, other_learner))
        assert sorted(body["user_ids"]) == sorted([str(stuck.id), str(other_learner.id)])
        read = await api.get(f"{BASE}/{body['id']}", manager)
        assert read.json()["user_ids"] == [str(stuck.id)]
        listed = await api.get(BASE, manager, params={"user_id": str(stuck.id)})
        assert [each["id"] for each in listed.json()["items"]] == [body["id"]]
        hidden = await api.get(BASE, manager, params={"user_id": str(other_learner.id)})
        assert hidden.status_code == HTTPStatus.NOT_FOUND

    async def test_is_kept(
        self, api: Api, session: AsyncSession, requirement: str, admin: User, stuck: User
    ) -> None:
        await record(api, admin, incident(requirement, stuck))
        with pytest.raises(Exception, match="append-only"):
            await as_owner(session, "UPDATE incidents SET description = 'Nothing happened.'")
