"""What is done with an entry after it was merged, and by whom."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest

from app.domain.actor import Role
from app.models import TrainingModule, User
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from tests.factories.attempt import make_quiz
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish
from tests.factories.user import make_location, make_user
from tests.routers.people.directory import HIRED, REASON, Directory
from tests.routers.problems import assert_problem
from tests.support import RollbackDatabase

ANY = {"If-Match": "*"}
TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
SAID = {"reason": REASON}


def training(user: User, module: TrainingModule) -> dict[str, Any]:
    return {
        "user_id": str(user.id),
        "provider": "Dental society",
        "title": "Bloodborne pathogens",
        "completed_on": YESTERDAY.isoformat(),
        "hours": 2,
        "module_id": str(module.id),
    }


@pytest.fixture
async def two(directory: Directory) -> tuple[User, User]:
    """The entry that goes on, with an account in use, and the one that ends."""
    return await directory.signed_in(), await directory.person()


@pytest.fixture
async def both_signed_in(directory: Directory) -> tuple[User, User]:
    """The entry that goes on, and the one that ends, with an account each."""
    return await directory.signed_in(), await directory.signed_in("ada@home.example")


class TestWhatIsRecordedLater:
    """Of the entry that ended: it is the person's, from the moment on."""

    async def test_evidence_verified_after_the_merge_counts(
        self, directory: Directory, module: TrainingModule, two: tuple[User, User]
    ) -> None:
        api, (person, ended) = directory.api, two
        await directory.requires(module)
        entered = await api.post(
            "/external-trainings", directory.admin, json=training(ended, module)
        )
        await directory.merge(person, ended)
        path = f"/external-trainings/{entered.json()['id']}"
        assert (await api.post(f"{path}/verify", directory.second, json=SAID)).is_success
        assert (await directory.lines(person))[0]["met_by"]["id"] == entered.json()["id"]
        assert await directory.met(person) == entered.json()["id"]
        assert (await api.post(f"{path}/withdraw", directory.second, json=SAID)).is_success
        assert await directory.met(person) is None

    async def test_a_waiver_ends(
        self, directory: Directory, module: TrainingModule, two: tuple[User, User]
    ) -> None:
        api, (person, ended) = directory.api, two
        rule = await directory.requires(module)
        waiver = {
            "kind": "waiver",
            "user_id": str(ended.id),
            "requirement_id": rule,
            "starts_on": YESTERDAY.isoformat(),
            "ends_on": None,
            **SAID,
        }
        granted = await api.post("/exemptions", directory.admin, json=waiver)
        assert granted.status_code == HTTPStatus.CREATED, granted.text
        await directory.merge(person, ended)
        assert await directory.reported(person) == "exempt"
        path = f"/exemptions/{granted.json()['id']}/revoke"
        assert (await api.post(path, directory.second, json=SAID)).is_success
        assert await directory.reported(person) != "exempt"
        listed = await api.get("/exemptions", directory.admin, params={"user_id": str(person.id)})
        assert [item["id"] for item in listed.json()["items"]] == [granted.json()["id"]]

    async def test_an_incident_is_the_persons(
        self, directory: Directory, module: TrainingModule, two: tuple[User, User]
    ) -> None:
        api, (person, ended) = directory.api, two
        person.role = ended.role = Role.MANAGER
        await directory.session.commit()
        rule = await directory.requires(module)
        step = {"step": "New boxes.", "owner_id": str(ended.id), "due_on": TOMORROW.isoformat()}
        told = {
            "kind": "exposure",
            "day": YESTERDAY.isoformat(),
            "requirement_id": rule,
            "user_ids": [str(ended.id)],
            "retrain_by": TOMORROW.isoformat(),
            "description": "A needlestick.",
            "steps": [step],
        }
        made = await api.post("/incidents", directory.admin, json=told)
        assert made.status_code == HTTPStatus.CREATED, made.json()["errors"]
        await directory.merge(person, ended)
        query = {"user_id": str(person.id)}
        listed = await api.get("/incidents", directory.admin, params=query)
        assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]
        own = await api.get("/incidents", person)
        assert [item["id"] for item in own.json()["items"]] == [made.json()["id"]]
        path = f"/incidents/{made.json()['id']}/steps/{made.json()['steps'][0]['id']}/complete"
        done = {"done_on": YESTERDAY.isoformat(), "note": "Hung."}
        assert (await api.post(path, person, json=done)).is_success

    async def test_what_was_announced_of_it_never_comes(
        self, directory: Directory, database: RollbackDatabase, two: tuple[User, User]
    ) -> None:
        person, ended = two
        await directory.merge(person, ended)
        for step, body in (
            ("rehire", {"hired_on": TOMORROW.isoformat()}),
            ("transfer", {"effective_on": TOMORROW.isoformat(), "job_title": "Hygienist"}),
            ("leave", {"starts_on": TOMORROW.isoformat()}),
            ("terminate", {"effective_on": TOMORROW.isoformat()}),
        ):
            response = await directory.api.post(
                f"/users/{ended.id}/{step}", directory.admin, json=body
            )
            assert_problem(response, 409, "entry_merged")
        office = await make_location(directory.session)
        posted = {"location_id": str(office.id), "starts_on": TODAY.isoformat()}
        response = await directory.api.post(
            f"/users/{ended.id}/positions", directory.admin, json=posted
        )
        assert_problem(response, 409, "entry_merged")
        done = await ReconciliationService(database, SYSTEM).run()
        assert done.failed == 0


class TestNobodyVouchesForOneself:
    """Under whichever entry: the one that ended is oneself."""

    @pytest.fixture
    async def myself(self, directory: Directory) -> User:
        """An admin into whose entry another of theirs was merged."""
        return await make_user(directory.session, role=Role.ADMIN, hired_on=HIRED)

    @pytest.fixture
    async def before(self, directory: Directory) -> User:
        return await make_user(directory.session, role=Role.ADMIN, hired_on=HIRED)

    async def test_by_a_review(
        self, directory: Directory, module: TrainingModule, myself: User, before: User
    ) -> None:
        api = directory.api
        path = "/external-trainings"
        of = await api.post(path, directory.admin, json=training(before, module))
        by = await api.post(path, before, json=training(directory.second, module))
        card = await directory.card(before, TODAY - timedelta(days=700), TOMORROW)
        await directory.merge(myself, before)
        for each in (of, by):
            own = f"{path}/{each.json()['id']}"
            response = await api.post(f"{own}/verify", myself, json=SAID)
            assert_problem(response, 403, "second_person_required")
        response = await api.post(f"{path}/{card}/withdraw", myself, json=SAID)
        assert_problem(response, 403, "second_person_required")
        checked = {
            "checked_on": TODAY.isoformat(),
            "source": "Board",
            "result": "confirmed",
            "reference": "1",
            "next_check_on": TOMORROW.isoformat(),
        }
        response = await api.post(f"/credentials/{card}/source-checks", myself, json=checked)
        assert_problem(response, 403, "own_credential")

    async def test_by_a_waiver(
        self, directory: Directory, module: TrainingModule, myself: User, before: User
    ) -> None:
        rule = await directory.requires(module)
        await directory.merge(myself, before)
        waiver = {
            "kind": "waiver",
            "user_id": str(before.id),
            "requirement_id": rule,
            "starts_on": TODAY.isoformat(),
            "ends_on": None,
            **SAID,
        }
        response = await directory.api.post("/exemptions", myself, json=waiver)
        assert_problem(response, 403, "own_exemption")

    async def test_by_a_roster(
        self, directory: Directory, database: RollbackDatabase, myself: User, before: User
    ) -> None:
        module = await make_module(directory.session, live_section())
        await publish(database, module)
        live = await make_live_session(directory.session, module, directory.admin, before)
        await directory.merge(myself, before)
        body = {"attended": [str(before.id)]}
        response = await directory.api.put(
            f"/live-sessions/{live.id}/attendance", myself, json=body
        )
        assert_problem(response, 403, "own_attendance")

    async def test_by_withdrawing_an_incident(
        self, directory: Directory, module: TrainingModule, myself: User, before: User
    ) -> None:
        rule = await directory.requires(module)
        told = {
            "kind": "exposure",
            "day": YESTERDAY.isoformat(),
            "requirement_id": rule,
            "user_ids": [str(before.id)],
            "retrain_by": TOMORROW.isoformat(),
            "description": "A needlestick.",
        }
        made = await directory.api.post("/incidents", directory.admin, json=told)
        await directory.merge(myself, before)
        path = f"/incidents/{made.json()['id']}/withdraw"
        response = await directory.api.post(path, myself, json=SAID)
        assert_problem(response, 403, "own_incident")

    async def test_by_a_merge_that_one_proposed(
        self, directory: Directory, myself: User, before: User
    ) -> None:
        one, other = [await make_user(directory.session) for _ in range(2)]
        body = {"user_id": str(one.id), "merged_id": str(other.id), **SAID}
        made = await directory.api.post("/merges", before, json=body)
        await directory.merge(myself, before)
        assert_problem(await directory.confirm(made, myself), 403, "own_merge")

    @pytest.mark.parametrize("goes_on", [True, False])
    async def test_by_a_merge_of_oneself_that_one_proposed_before(
        self, directory: Directory, before: User, *, goes_on: bool
    ) -> None:
        mine, other = [await make_user(directory.session) for _ in range(2)]
        user, merged = (mine, other) if goes_on else (other, mine)
        body = {"user_id": str(user.id), "merged_id": str(merged.id), **SAID}
        made = await directory.api.post("/merges", before, json=body)
        await directory.merge(mine, before)
        assert_problem(await directory.confirm(made), 403, "own_merge")


class TestWhatOneIsShown:
    async def test_what_was_studied_under_either(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        """Whichever way the list is asked for."""
        person, ended = await directory.person(), await directory.signed_in()
        headers = directory.api.bearer(ended)
        record = await directory.record(ended, module)
        await directory.merge(person, ended)
        for query in ({}, {"limit": "20"}, {"sort": "due_on"}):
            listed = await directory.api.get("/enrollments", headers=headers, params=query)
            shown = [item["id"] for item in listed.json()["items"]]
            assert shown == [str(record.enrollment_id)], query

    async def test_a_manager_sees_what_was_recorded_before(
        self, directory: Directory, module: TrainingModule, two: tuple[User, User]
    ) -> None:
        person, ended = two
        manager = await make_user(directory.session, role=Role.MANAGER)
        record = await directory.record(ended, module)
        await directory.merge(person, ended)
        path = f"/training-records/{record.id}"
        assert (await directory.api.get(path, manager)).status_code == HTTPStatus.NOT_FOUND
        change = {"manager_id": str(manager.id)}
        done = await directory.api.patch(
            f"/users/{person.id}", directory.admin, json=change, headers=ANY
        )
        assert done.is_success
        assert (await directory.api.get(path, manager)).is_success

    async def test_what_was_ones_own_is_not_ones_teams(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        """Although the entry that ended worked at the manager's office."""
        office = await make_location(directory.session)
        manager = await directory.signed_in(role=Role.MANAGER, location_id=office.id)
        ended = await directory.person(location_id=office.id)
        record = await directory.record(ended, module)
        await directory.merge(manager, ended)
        for scope, shown in (("team", []), ("mine", [str(record.id)])):
            query = {"scope": scope}
            listed = await directory.api.get("/training-records", manager, params=query)
            assert [item["id"] for item in listed.json()["items"]] == shown, scope

    async def test_what_was_assigned_to_either(
        self, directory: Directory, module: TrainingModule, two: tuple[User, User]
    ) -> None:
        person, ended = two
        office = await make_location(directory.session)
        ids = {"module_id": str(module.id), "user_ids": [str(ended.id)]}
        assert (await directory.api.post("/enrollments/bulk", directory.admin, json=ids)).is_success
        await directory.finish(ended)
        await directory.merge(person, ended)
        moved = {"effective_on": YESTERDAY.isoformat(), "location_id": str(office.id)}
        path = f"/users/{person.id}/transfer"
        assert (await directory.api.post(path, directory.admin, json=moved)).is_success
        query = {"location_id": str(office.id), "status": "done"}
        listed = await directory.api.get(
            "/reports/assignments/people", directory.admin, params=query
        )
        assert [item["user"]["id"] for item in listed.json()["items"]] == [str(person.id)]


class TestAttempts:
    async def test_those_at_a_quiz_under_either_count(
        self, directory: Directory, database: RollbackDatabase, both_signed_in: tuple[User, User]
    ) -> None:
        api, (person, ended) = directory.api, both_signed_in
        quiz = await make_quiz(directory.session, database, max_attempts=2, cooldown_minutes=0)
        mine, theirs = await quiz.enroll(api, person), await quiz.enroll(api, ended)
        await quiz.take(api, person, mine, quiz.wrong())
        await quiz.take(api, ended, theirs, quiz.wrong())
        assert (await api.post(f"/enrollments/{theirs}/withdraw", ended)).is_success
        await directory.merge(person, ended)
        (section,) = (await api.get(f"/enrollments/{mine}", person)).json()["sections"]
        assert section["attempts_left"] == 0
        assert_problem(await api.post(quiz.attempts(mine), person), 409, "no_attempts_left")


class TestSeveralMerges:
    async def test_what_the_first_had_is_known_by_the_last_from_the_second_on(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        """And by the one between from the first on, as long as it went on itself."""
        first = await directory.person()
        between = await directory.signed_in("b@unified.example", hired_on=HIRED)
        last = await directory.signed_in(hired_on=HIRED)
        await directory.requires(module)
        await directory.record(first, module, days_ago=20)
        await directory.merge(between, first)
        await directory.merge(last, between)
        await directory.decided(first, days_ago=10)
        await directory.long_known()
        known = {"known_on": (TODAY - timedelta(days=5)).isoformat()}
        (line,) = await directory.lines(between, **known)
        assert line["met_by"] is not None
        (line,) = await directory.lines(last, **known)
        assert line["met_by"] is None
        (line,) = await directory.lines(last)
        assert line["met_by"] is not None
