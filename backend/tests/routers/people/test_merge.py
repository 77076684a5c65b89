from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus

from sqlalchemy import select

from app.domain.actor import Role
from app.models import (
    AuditEvent,
    LocationManager,
    ModulePrerequisite,
    TrainingModule,
)
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.module import make_module, publish
from tests.factories.user import make_location, make_user
from tests.routers.people.directory import ADDRESS, HIRED, Directory
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase, etag

ANY = {"If-Match": "*"}


class TestPropose:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/merges", json={}))

    async def test_changes_nothing_yet(self, directory: Directory) -> None:
        twin = await directory.signed_in()
        response = await directory.proposed(await directory.person(), twin)
        assert response.headers["Location"].endswith(f"/merges/{response.json()['id']}")
        assert response.json()["status"] == "pending"
        read = await directory.read(twin)
        assert (read["is_active"], read["merged_into_id"]) == (True, None)

    async def test_needs_two_entries(self, directory: Directory) -> None:
        person = await directory.person()
        response = await directory.propose(person, person)
        assert pointers(response) == [("/merged_id", "same_entry")]

    async def test_not_of_oneself(self, directory: Directory) -> None:
        person = await directory.person()
        assert_problem(await directory.propose(person, directory.admin), 403, "own_merge")
        assert_problem(await directory.propose(directory.admin, person), 403, "own_merge")

    async def test_an_entry_is_merged_once(self, directory: Directory) -> None:
        twin = await directory.signed_in()
        await directory.proposed(await directory.person(), twin)
        another = await make_user(directory.session)
        assert_problem(await directory.propose(another, twin), 409, "already_merged")


class TestRefuse:
    async def test_lets_it_be_proposed_again(self, directory: Directory) -> None:
        api, admin = directory.api, directory.admin
        person, twin = await directory.person(), await directory.signed_in()
        first = await directory.proposed(person, twin)
        path = f"/merges/{first.json()['id']}"
        refused = await api.post(f"{path}/refuse", admin, headers=etag(first))
        assert refused.json()["status"] == "refused"
        again = await api.post(f"{path}/refuse", admin, headers=etag(refused))
        assert_problem(again, 409, "merge_decided")
        await directory.proposed(person, twin)
        listed = await api.get("/merges", admin, params={"status": "pending"})
        assert len(listed.json()["items"]) == 1
        listed = await api.get("/merges", admin, params={"user_id": str(twin.id)})
        assert [item["status"] for item in listed.json()["items"]] == ["pending", "refused"]


class TestConfirm:
    async def test_takes_a_second_person(self, directory: Directory) -> None:
        made = await directory.proposed(await directory.person(), await directory.signed_in())
        assert_problem(await directory.confirm(made, directory.admin), 403, "own_merge")

    async def test_needs_what_was_read(self, directory: Directory) -> None:
        made = await directory.proposed(await directory.person(), await directory.signed_in())
        path = f"/merges/{made.json()['id']}/confirm"
        response = await directory.api.post(path, directory.second)
        assert response.status_code == HTTPStatus.PRECONDITION_REQUIRED

    async def test_one_entry_goes_on_with_the_account(self, directory: Directory) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        done = await directory.merge(person, twin)
        assert (done["status"], done["decided_by_id"]) == ("confirmed", str(directory.second.id))
        ended, goes_on = await directory.read(twin), await directory.read(person)
        assert (ended["is_active"], ended["merged_into_id"]) == (False, str(person.id))
        assert (goes_on["email"], goes_on["employee_number"]) == (ADDRESS, "0042")
        # With the token that she has had all along.
        me = (await directory.api.get("/users/me", twin)).json()
        assert me["id"] == str(person.id)

    async def test_the_event_names_both(self, directory: Directory) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        await directory.merge(person, twin)
        told = select(AuditEvent).where(AuditEvent.action == "merge:confirmed")
        event = (await directory.session.scalars(told)).one()
        assert event.after is not None
        assert event.after["user_id"] == str(person.id)
        assert event.after["merged_id"] == str(twin.id)

    async def test_of_two_accounts_one_is_deleted(self, directory: Directory) -> None:
        first = await directory.signed_in("first@unified.example")
        twin = await directory.signed_in()
        kept, given_up = first.supabase_id, twin.supabase_id
        headers = directory.api.bearer(twin)
        await directory.merge(first, twin)
        assert kept in directory.auth.users
        assert given_up not in directory.auth.users
        response = await directory.api.get("/users/me", headers=headers)
        assert_problem(response, 403, "user_inactive")

    async def test_an_invitation_nobody_took_gives_way(self, directory: Directory) -> None:
        invited = await directory.signed_in("invited@unified.example", confirmed=False)
        twin = await directory.signed_in()
        unused, headers = invited.supabase_id, directory.api.bearer(twin)
        await directory.merge(invited, twin)
        assert unused not in directory.auth.users
        me = (await directory.api.get("/users/me", headers=headers)).json()
        assert (me["id"], me["email"]) == (str(invited.id), ADDRESS)

    async def test_evidence_of_both_counts(
        self, directory: Directory, database: RollbackDatabase, module: TrainingModule
    ) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        headers = directory.api.bearer(twin)
        await directory.requires(module)
        record = await directory.record(twin, module)
        (line,) = await directory.lines(person)
        assert line["met_by"] is None
        await directory.merge(person, twin)
        (line,) = await directory.lines(person)
        assert line["met_by"]["id"] == str(record.id)
        assert await directory.lines(twin) == []
        listed = await directory.api.get("/training-records", headers=headers)
        assert [item["id"] for item in listed.json()["items"]] == [str(record.id)]
        assert record.user_id == twin.id
        assert (await TrainingRecordService(database, SYSTEM).verify()).broken is None

    async def test_cards_of_both_are_the_persons(self, directory: Directory) -> None:
        """They run out and renew each other, whichever entry they were recorded under."""
        person, twin = await directory.person(), await directory.signed_in()
        today = datetime.now(UTC).date()
        first = await directory.card(twin, today - timedelta(days=700), today)
        await directory.merge(person, twin)
        path = f"/users/{person.id}/credentials"
        [card] = (await directory.api.get(path, directory.admin)).json()["items"]
        assert card["id"] == first
        expiring = await directory.api.get("/credentials", directory.admin)
        assert [item["id"] for item in expiring.json()["items"]] == [first]
        second = await directory.card(person, today, today + timedelta(days=700))
        cards = (await directory.api.get(path, directory.admin)).json()["items"]
        assert [(item["id"], item["renews_id"]) for item in cards] == [
            (second, first),
            (first, None),
        ]
        expiring = await directory.api.get("/credentials", directory.admin)
        assert expiring.json()["items"] == []

    async def test_what_was_completed_under_either_opens_what_needs_it(
        self, directory: Directory, database: RollbackDatabase, module: TrainingModule
    ) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        headers = directory.api.bearer(twin)
        await directory.record(twin, module)
        advanced = await make_module(directory.session)
        directory.session.add(ModulePrerequisite(module_id=advanced.id, requires_id=module.id))
        await directory.session.commit()
        await publish(database, advanced)
        await directory.merge(person, twin)
        wanted = {"module_id": str(advanced.id)}
        response = await directory.api.post("/enrollments", headers=headers, json=wanted)
        assert response.status_code == HTTPStatus.CREATED, response.text

    async def test_counts_the_person_once(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        await directory.requires(module)
        await directory.merge(person, twin)
        report = await directory.api.get("/reports/compliance", directory.admin)
        (group,) = report.json()["groups"]
        assert group["people"] == len({directory.admin, directory.second, person})

    async def test_where_the_other_worked_goes_on(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        here, there = [await make_location(directory.session) for _ in range(2)]
        person = await directory.person(location_id=here.id)
        earlier = {"location_id": there.id, "hired_on": date(2025, 3, 3)}
        twin = await make_user(directory.session, **earlier)
        await directory.requires(module, location_ids=[str(there.id)])
        await directory.merge(person, twin)
        path = f"/users/{person.id}/positions"
        positions = (await directory.api.get(path, directory.admin)).json()["items"]
        known = [(item["location_id"], item["starts_on"], item["ends_on"]) for item in positions]
        assert known[1:] == [(str(there.id), HIRED.isoformat(), None)]
        assert (await directory.read(person))["hired_on"] == "2025-03-03"
        (line,) = await directory.lines(person)
        assert line["status"] != "not_required"

    async def test_people_keep_their_manager(self, directory: Directory) -> None:
        session = directory.session
        office = await make_location(session)
        manager, twin = [await make_user(session, role=Role.MANAGER) for _ in range(2)]
        report = await make_user(session, manager_id=twin.id)
        session.add(LocationManager(location_id=office.id, user_id=twin.id))
        await session.commit()
        await directory.merge(manager, twin)
        assert (await directory.api.get(f"/users/{report.id}", manager)).is_success
        read = (await directory.api.get(f"/locations/{office.id}", directory.admin)).json()
        assert read["manager_ids"] == [str(manager.id)]

    async def test_waits_for_what_was_begun(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        wanted = {"module_id": str(module.id)}
        enrolled = (await directory.api.post("/enrollments", twin, json=wanted)).json()
        section = f"/enrollments/{enrolled['id']}/sections/{module.sections[0].id}"
        step = {"seconds_spent": 1, "position": 0, "completed": False}
        begun = await directory.api.put(f"{section}/progress", twin, json=step)
        assert begun.is_success, begun.text
        made = await directory.proposed(person, twin)
        assert_problem(await directory.confirm(made), 409, "under_way")
        await directory.api.post(f"/enrollments/{enrolled['id']}/withdraw", twin)
        assert (await directory.confirm(made)).is_success

    async def test_withdraws_what_was_not_begun(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        wanted = {"module_id": str(module.id)}
        await directory.api.post("/enrollments", twin, json=wanted)
        await directory.merge(person, twin)
        query = {"user_id": str(twin.id)}
        listed = await directory.api.get("/enrollments", directory.admin, params=query)
        assert [item["status"] for item in listed.json()["items"]] == ["withdrawn"]

    async def test_a_closed_entry_does_not_go_on(self, directory: Directory) -> None:
        closed = await make_user(directory.session, is_active=False)
        made = await directory.proposed(closed, await directory.signed_in())
        assert_problem(await directory.confirm(made), 409, "continues_closed")

    async def test_the_entry_that_ended_stays_closed(self, directory: Directory) -> None:
        api, admin = directory.api, directory.admin
        person, twin = await directory.person(), await directory.signed_in()
        await directory.merge(person, twin)
        path = f"/users/{twin.id}"
        opened = await api.patch(path, admin, json={"is_active": True}, headers=ANY)
        assert_problem(opened, 409, "entry_merged")
        today = datetime.now(UTC).date().isoformat()
        hired = await api.post(f"{path}/rehire", admin, json={"hired_on": today})
        assert_problem(hired, 409, "entry_merged")

    async def test_a_third_entry_follows(
        self, directory: Directory, module: TrainingModule
    ) -> None:
        person, twin = await directory.person(), await directory.signed_in()
        third = await make_user(directory.session)
        record = await directory.record(third, module)
        await directory.merge(twin, third)
        await directory.merge(person, twin)
        assert (await directory.read(third))["merged_into_id"] == str(person.id)
        query = {"user_id": str(person.id)}
        found = await directory.api.get("/training-records", directory.admin, params=query)
        assert [item["id"] for item in found.json()["items"]] == [str(record.id)]
        again = await directory.propose(third, await make_user(directory.session))
        assert_problem(again, 409, "already_merged")
