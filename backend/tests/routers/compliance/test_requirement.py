import uuid
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import RequirementVersion, TrainingModule, User
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement, rule_json
from tests.factories.user import make_location, make_user
from tests.routers.problems import pointers
from tests.support import Api, RollbackDatabase, etag


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


LEARNERS = {"roles": ["learner"]}
"""The admin who keeps the rule is not among them: nobody ends their own alone."""


async def create(api: Api, admin: User, module: TrainingModule, **fields: Any) -> dict[str, Any]:
    payload = {"title": "Bloodborne pathogens", "rule": rule_json(module.id), **fields}
    response = await api.post("/requirements", admin, json=payload)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return dict(response.json())


class TestCreate:
    async def test_anonymous(self, api: Api) -> None:
        response = await api.post("/requirements", json={})
        assert response.status_code == HTTPStatus.UNAUTHORIZED

    async def test_admins_only(self, api: Api, manager: User, module: TrainingModule) -> None:
        payload = {"title": "Mine", "rule": rule_json(module.id)}
        response = await api.post("/requirements", manager, json=payload)
        assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_created(self, api: Api, admin: User, module: TrainingModule) -> None:
        body = await create(api, admin, module)
        assert body["citation"] == "29 CFR 1910.1030(g)(2)"
        assert (body["version"], body["reconciled"], body["archived"]) == (1, True, False)
        read = await api.get(f"/requirements/{body['id']}", admin)
        assert read.json() == body
        listed = await api.get("/requirements", admin)
        assert [each["id"] for each in listed.json()["items"]] == [body["id"]]

    async def test_what_the_law_cited_asks_for_follows(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        cited = {"citation": "29 CFR 1910.1030(g)(2)(vii)(N)"}
        payload = {"title": "Questions", "rule": rule_json(module.id, **cited)}
        made = await api.post("/requirements", admin, json=payload)
        assert made.json()["rule"]["trainer_required"] is True
        payload["rule"] = rule_json(module.id, **cited, trainer_required=False)
        preview = await api.post(
            f"/requirements/{made.json()['id']}/preview", admin, json={"rule": payload["rule"]}
        )
        refused = await api.post("/requirements", admin, json={**payload, "title": "Again"})
        fault = ("/rule/trainer_required", "trainer_required_by_citation")
        assert pointers(refused) == pointers(preview) == [fault]

    async def test_enrolls_whom_it_means(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        await create(api, admin, module)
        [enrollment] = (await api.get("/enrollments", learner)).json()["items"]
        assert (enrollment["source"], enrollment["module"]["id"]) == ("rule", str(module.id))
        assert enrollment["due_on"] is not None

    async def test_unknown_module(self, api: Api, admin: User) -> None:
        payload = {"title": "Nothing", "rule": rule_json(uuid.uuid4())}
        response = await api.post("/requirements", admin, json=payload)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert response.json()["errors"][0]["code"] == "unknown_module"

    async def test_department_is_spelled_as_it_is(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        await api.post("/departments", admin, json={"name": "Front Desk"})
        audience = {"departments": ["front desk"]}
        body = await create(api, admin, module, rule=rule_json(module.id, audience=audience))
        assert body["rule"]["audience"]["departments"] == ["Front Desk"]

    async def test_unknown_department(self, api: Api, admin: User, module: TrainingModule) -> None:
        rule = rule_json(module.id, audience={"departments": ["Atlantis"]})
        response = await api.post("/requirements", admin, json={"title": "X", "rule": rule})
        assert response.json()["errors"][0]["code"] == "unknown_department"

    async def test_of_a_state_means_the_people_of_its_offices(
        self, api: Api, admin: User, session: AsyncSession, module: TrainingModule
    ) -> None:
        """Of a new office too, without an edit of the rule, and as the office is corrected."""
        office = await make_location(session, country="US", state="US-TX")
        person = await make_user(session, location_id=office.id, hired_on=date(2020, 1, 6))
        audience = {"states": ["us-ca"]}
        body = await create(api, admin, module, rule=rule_json(module.id, audience=audience))
        assert body["rule"]["audience"]["states"] == ["US-CA"]
        mine, everything = f"/users/{person.id}/compliance", {"If-Match": "*"}
        for state, status, said in (
            ("US-CA", "due", "Applies because the location is in US-CA."),
            ("US-TX", "not_required", "The rule is not meant for this person."),
            (None, "not_required", "The rule is not meant for this person."),
            ("US-CA", "due", "Applies because the location is in US-CA."),
        ):
            path = f"/locations/{office.id}"
            done = await api.patch(path, admin, json={"state": state}, headers=everything)
            assert done.is_success
            (line,) = (await api.get(mine, person)).json()["items"]
            assert line["status"] == status
            assert line["why"]["summary"].startswith(said)
            query = {"user_id": str(person.id)}
            listed = await api.get("/reports/compliance/people", admin, params=query)
            assert [item["status"] for item in listed.json()["items"]] == [status]
        new = await make_location(session, country="US", state="US-CA")
        newcomer = {"email": "new@unified.example", "location_id": str(new.id)}
        invited = (await api.post("/users/invite", admin, json=newcomer)).json()
        (line,) = (await api.get(f"/users/{invited['id']}/compliance", admin)).json()["items"]
        assert line["why"]["matched"] == [{"criterion": "state", "value": "US-CA"}]

    async def test_of_a_place_that_is_none(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        audience = {"states": ["US-CA", "US-XX"], "countries": ["ZZ"]}
        rule = rule_json(module.id, audience=audience)
        response = await api.post("/requirements", admin, json={"title": "X", "rule": rule})
        assert pointers(response) == [
            ("/rule/audience/countries", "unknown_country"),
            ("/rule/audience/states", "unknown_state"),
        ]

    async def test_former_releases_can_read_a_rule_without_states(
        self, api: Api, admin: User, session: AsyncSession, module: TrainingModule
    ) -> None:
        await create(api, admin, module)
        (version,) = await session.scalars(select(RequirementVersion))
        assert version.rule is not None
        assert not version.rule["audience"].keys() & {"states", "countries"}

    async def test_unknown_kinds_of_credential(self, api: Api, admin: User) -> None:
        rule = rule_json(
            subject={"kind": "credential", "credential_kind": "Hygene licence"},
            renewal={"anchor": "licence_cycle", "months": 24, "licence_kind": "Hygene licence"},
        )
        response = await api.post("/requirements", admin, json={"title": "X", "rule": rule})
        assert pointers(response) == [
            ("/rule/renewal/licence_kind", "unknown_credential_kind"),
            ("/rule/subject/credential_kind", "unknown_credential_kind"),
        ]

    async def test_kinds_of_credential_by_any_name(self, api: Api, admin: User) -> None:
        rule = rule_json(
            subject={"kind": "credential", "credential_kind": "CPR/AED"},
            renewal={"anchor": "printed_expiry"},
        )
        response = await api.post("/requirements", admin, json={"title": "X", "rule": rule})
        assert response.json()["rule"]["subject"]["credential_kind"] == "bls"

    async def test_title_is_taken(self, api: Api, admin: User, module: TrainingModule) -> None:
        await create(api, admin, module)
        payload = {"title": "bloodborne PATHOGENS", "rule": rule_json(module.id)}
        response = await api.post("/requirements", admin, json=payload)
        assert response.status_code == HTTPStatus.CONFLICT
        assert response.json()["code"] == "requirement_title_taken"

    async def test_replayed(self, api: Api, admin: User, module: TrainingModule) -> None:
        payload = {"title": "Once", "rule": rule_json(module.id)}
        headers = {"Idempotency-Key": "once"}
        first = await api.post("/requirements", admin, json=payload, headers=headers)
        again = await api.post("/requirements", admin, json=payload, headers=headers)
        assert again.json() == first.json()
        assert again.headers["Idempotency-Replayed"] == "true"


class TestUpdate:
    async def test_needs_the_etag(self, api: Api, admin: User, module: TrainingModule) -> None:
        body = await create(api, admin, module)
        path = f"/requirements/{body['id']}"
        missing = await api.patch(path, admin, json={"title": "Other"})
        assert missing.status_code == HTTPStatus.PRECONDITION_REQUIRED
        stale = await api.patch(path, admin, json={"title": "O"}, headers={"If-Match": '"no"'})
        assert stale.status_code == HTTPStatus.PRECONDITION_FAILED

    async def test_a_title_is_no_new_rule(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module)
        path = f"/requirements/{body['id']}"
        read = await api.get(path, admin)
        changed = await api.patch(path, admin, json={"title": "Other"}, headers=etag(read))
        assert changed.status_code == HTTPStatus.OK
        assert (changed.json()["title"], changed.json()["version"]) == ("Other", 1)

    async def test_a_rule_is_a_version(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module, rule=rule_json(module.id, audience=LEARNERS))
        path = f"/requirements/{body['id']}"
        due = {"kind": "on_date", "date": "2031-05-01"}
        rule = rule_json(module.id, audience=LEARNERS, first_due=due)
        headers = etag(await api.get(path, admin))
        changed = await api.patch(path, admin, json={"rule": rule}, headers=headers)
        assert [each["number"] for each in changed.json()["versions"]] == [1, 2]
        assert changed.json()["versions"][0]["rule"] == body["rule"]
        [enrollment] = (await api.get("/enrollments", learner)).json()["items"]
        assert enrollment["due_on"] == "2031-05-01"

    @pytest.mark.parametrize("effective_from", ["2020-01-01", None])
    async def test_the_last_edit_holds(
        self,
        api: Api,
        admin: User,
        learner: User,
        module: TrainingModule,
        effective_from: str | None,
    ) -> None:
        """The last edit counts even if it takes effect in the past or another edit was planned."""
        body = await create(api, admin, module)
        path, anybody = f"/requirements/{body['id']}", {"If-Match": "*"}
        planned = {"rule": rule_json(module.id, grace_days=3), "effective_from": "2099-01-01"}
        await api.patch(path, admin, json=planned, headers=anybody)
        rule = rule_json(module.id, audience={"roles": ["admin"]})
        edit = {"rule": rule, "effective_from": effective_from}
        edited = await api.patch(path, admin, json=edit, headers=anybody)
        assert edited.json()["rule"]["audience"]["roles"] == ["admin"]
        for query in ("", "?as_of=2099-01-02"):
            [line] = (await api.get(f"/users/{learner.id}/compliance{query}", admin)).json()[
                "items"
            ]
            assert line["status"] == "not_required"


class TestGuard:
    @pytest.fixture
    async def crowd(self, session: AsyncSession) -> list[User]:
        return [await make_user(session) for _ in range(30)]

    async def test_creation_needs_confirmation(
        self, api: Api, admin: User, crowd: list[User], module: TrainingModule
    ) -> None:
        body = {"title": "For everybody", "rule": rule_json(module.id)}
        refused = await api.post("/requirements", admin, json=body)
        assert refused.json()["code"] == "needs_confirmation"
        assert refused.json()["would_add"] == len(crowd) + 1
        assert (await api.get("/requirements", admin)).json()["items"] == []
        sure = await api.post("/requirements", admin, json={**body, "confirm": True})
        assert sure.status_code == HTTPStatus.CREATED

    async def test_a_rule_that_reaches_back_is_no_way_around(
        self, api: Api, admin: User, crowd: list[User], module: TrainingModule
    ) -> None:
        past = {"effective_from": "2020-01-01"}
        body = {"title": "Always", "rule": rule_json(module.id), **past}
        refused = await api.post("/requirements", admin, json=body)
        assert refused.json()["would_add"] == len(crowd) + 1
        made = await create(api, admin, module, confirm=True)
        path = f"/requirements/{made['id']}"
        rule = rule_json(module.id, audience={"roles": ["author"]})
        headers = etag(await api.get(path, admin))
        refused = await api.patch(path, admin, json={"rule": rule, **past}, headers=headers)
        assert refused.json()["would_release"] == len(crowd) + 1

    async def test_creation_for_few_does_not(
        self, api: Api, admin: User, crowd: list[User], module: TrainingModule
    ) -> None:
        audience = {"include": [str(user.id) for user in crowd[:20]], "roles": ["author"]}
        await create(api, admin, module, rule=rule_json(module.id, audience=audience))

    async def test_many_people_need_confirmation(
        self, api: Api, admin: User, crowd: list[User], module: TrainingModule
    ) -> None:
        body = await create(api, admin, module, confirm=True)
        path = f"/requirements/{body['id']}"
        rule = rule_json(module.id, audience={"include": [str(crowd[0].id)], "roles": ["admin"]})
        headers = etag(await api.get(path, admin))
        refused = await api.patch(path, admin, json={"rule": rule}, headers=headers)
        assert refused.status_code == HTTPStatus.CONFLICT
        problem = refused.json()
        assert problem["code"] == "needs_confirmation"
        assert (problem["would_add"], problem["unchanged"]) == (0, 2)
        assert problem["would_release"] == len(crowd) - 1  # all others
        assert (await api.get(path, admin)).json() == body
        sure = {"rule": rule, "confirm": True}
        assert (await api.patch(path, admin, json=sure, headers=headers)).is_success

    async def test_archive_needs_confirmation(
        self, api: Api, admin: User, crowd: list[User], module: TrainingModule
    ) -> None:
        rule = rule_json(module.id, audience=LEARNERS)
        body = await create(api, admin, module, rule=rule, confirm=True)
        path = f"/requirements/{body['id']}"
        headers = etag(await api.get(path, admin))
        refused = await api.delete(path, admin, headers=headers)
        assert refused.json()["would_release"] == len(crowd)
        done = await api.delete(f"{path}?confirm=true", admin, headers=headers)
        assert done.status_code == HTTPStatus.NO_CONTENT

    async def test_few_do_not(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module)
        path = f"/requirements/{body['id']}"
        rule = rule_json(module.id, audience={"roles": ["admin"]})
        headers = etag(await api.get(path, admin))
        assert (await api.patch(path, admin, json={"rule": rule}, headers=headers)).is_success


class TestPreview:
    async def test_says_whom(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module)
        rule = rule_json(module.id, audience={"roles": ["learner"]})
        path = f"/requirements/{body['id']}/preview"
        preview = (await api.post(path, admin, json={"rule": rule})).json()
        assert (preview["would_add"], preview["would_release"], preview["unchanged"]) == (0, 1, 1)
        assert [each["id"] for each in preview["released"]] == [str(admin.id)]
        again = (await api.get(f"/requirements/{body['id']}", admin)).json()
        assert again == body

    async def test_without_a_rule_nothing_would_change(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module)
        preview = (await api.post(f"/requirements/{body['id']}/preview", admin, json={})).json()
        assert (preview["would_add"], preview["would_release"], preview["unchanged"]) == (0, 0, 1)
        without_body = await api.post(f"/requirements/{body['id']}/preview", admin)
        assert without_body.json() == preview


class TestArchive:
    async def test_and_restore(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module, rule=rule_json(module.id, audience=LEARNERS))
        path = f"/requirements/{body['id']}"
        headers = etag(await api.get(path, admin))
        assert (await api.delete(path, admin, headers=headers)).is_success
        assert (await api.get("/requirements", admin)).json()["items"] == []
        [archived] = (await api.get("/requirements?archived=true", admin)).json()["items"]
        assert (archived["id"], archived["archived"]) == (body["id"], True)
        assert (await api.get(f"/users/{learner.id}/compliance", admin)).json()["items"] == []
        [enrollment] = (await api.get("/enrollments", learner)).json()["items"]
        assert enrollment["status"] == "withdrawn"
        restored = await api.post(f"{path}/restore", admin)
        assert (restored.json()["archived"], restored.json()["version"]) == (False, 3)
        [line] = (await api.get(f"/users/{learner.id}/compliance", admin)).json()["items"]
        assert line["requirement"]["id"] == body["id"]

    async def test_calls_off_what_was_planned(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        body = await create(api, admin, module, rule=rule_json(module.id, audience=LEARNERS))
        path, anybody = f"/requirements/{body['id']}", {"If-Match": "*"}
        rule = rule_json(module.id, audience=LEARNERS, grace_days=3)
        planned = {"rule": rule, "effective_from": "2099-01-01"}
        await api.patch(path, admin, json=planned, headers=anybody)
        await api.delete(path, admin, headers=anybody)
        later = await api.get(f"/users/{learner.id}/compliance?as_of=2099-01-02", admin)
        assert later.json()["items"] == []


class TestCompliance:
    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, manager: User
    ) -> None:
        path = f"/users/{learner.id}/compliance"
        for stranger in (other_learner, manager):
            assert (await api.get(path, stranger)).status_code == HTTPStatus.NOT_FOUND
        assert (await api.get(path, learner)).status_code == HTTPStatus.OK

    async def test_explains(
        self, api: Api, learner: User, module: TrainingModule, database: RollbackDatabase
    ) -> None:
        requirement = await make_requirement(database, module.id, audience={"roles": ["learner"]})
        body = (await api.get(f"/users/{learner.id}/compliance", learner)).json()
        [line] = body["items"]
        assert line["requirement"] == {
            "id": str(requirement.id),
            "title": requirement.title,
            "citation": "29 CFR 1910.1030(g)(2)",
        }
        due_on = date.fromisoformat(body["as_of"]) + timedelta(days=30)
        assert (line["status"], line["next_due_on"]) == ("due", due_on.isoformat())
        assert line["why"]["matched"] == [{"criterion": "role", "value": "learner"}]
        assert line["why"]["summary"].startswith("Applies because the role is learner.")
        assert [each["id"] for each in line["missing"]["modules"]] == [str(module.id)]
        assert line["met_by"] is None

    async def test_completion_meets_it(
        self, api: Api, learner: User, module: TrainingModule, database: RollbackDatabase
    ) -> None:
        await make_requirement(database, module.id)
        [enrollment] = (await api.get("/enrollments", learner)).json()["items"]
        section = module.sections[0].id
        done = await api.put(
            f"/enrollments/{enrollment['id']}/sections/{section}/progress",
            learner,
            json={"seconds_spent": 0, "position": 0, "completed": True},
        )
        assert done.json()["enrollment"]["status"] == "completed"
        body = (await api.get(f"/users/{learner.id}/compliance", learner)).json()
        [line] = body["items"]
        [record] = (await api.get("/training-records", learner)).json()["items"]
        assert (line["status"], line["met_by"]["id"]) == ("compliant", record["id"])
        assert record["valid_through"] == line["valid_through"]
        matrix = (await api.get(f"/users/{learner.id}/compliance", learner)).json()
        assert matrix == body


class TestReconcile:
    async def test_anonymous(self, api: Api) -> None:
        response = await api.post(f"/requirements/{uuid.uuid4()}/reconcile")
        assert response.status_code == HTTPStatus.UNAUTHORIZED

    async def test_admins_only(self, api: Api, manager: User) -> None:
        response = await api.post(f"/requirements/{uuid.uuid4()}/reconcile", manager)
        assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_unknown(self, api: Api, admin: User) -> None:
        response = await api.post(f"/requirements/{uuid.uuid4()}/reconcile", admin)
        assert response.status_code == HTTPStatus.NOT_FOUND

    async def test_accepted(self, api: Api, admin: User, module: TrainingModule) -> None:
        made = await create(api, admin, module)
        path = f"/requirements/{made['id']}"
        response = await api.post(f"{path}/reconcile", admin)
        assert response.status_code == HTTPStatus.ACCEPTED
        assert response.headers["Location"] == f"/api/v1{path}"
        assert (response.json()["reconciled"], response.json()["reconciling"]) == (False, 0)
        query = f"?action=requirement:reconciliation_started&target_id={made['id']}"
        events = (await api.get(f"/audit-events{query}", admin)).json()["items"]
        assert [event["target_id"] for event in events] == [made["id"]]

    async def test_a_retry_queues_nobody_twice(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        made = await create(api, admin, module)
        path, key = f"/requirements/{made['id']}/reconcile", {"Idempotency-Key": "once"}
        answers = [await api.post(path, admin, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [HTTPStatus.ACCEPTED] * 2
        assert answers[0].json() == answers[1].json()
        query = f"?action=requirement:reconciliation_started&target_id={made['id']}"
        assert len((await api.get(f"/audit-events{query}", admin)).json()["items"]) == 1
