"""People without an e-mail address, and addresses that an admin gives or corrects."""

import csv
import io
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError
from app.domain.actor import Role
from app.integrations.auth_admin import (
    AddressTakenError,
    AuthRefusedError,
    AuthUnavailableError,
    AuthUser,
)
from app.models import AuditEvent, InvitationClaim, User
from app.services.context import SYSTEM
from app.services.people.account_sync import AccountSyncService
from app.services.unit_of_work import UnitOfWork
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

NAME = "Maria Lopez"
NEW = "maria@unified.example"


async def enter(api: Api, admin: User, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/users", admin, json={"full_name": NAME, **fields})
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return dict(answer.json())


async def correct(api: Api, admin: User, user_id: object, email: str = NEW) -> Response:
    headers = {"If-Match": "*"}
    return await api.put(f"/users/{user_id}/email", admin, json={"email": email}, headers=headers)


async def events(session: AsyncSession, user_id: object) -> list[str]:
    statement = select(AuditEvent.action).where(AuditEvent.target_id == uuid.UUID(str(user_id)))
    return list(await session.scalars(statement.order_by(AuditEvent.id)))


@pytest.fixture
def auth(auth_admin: InMemoryAuthAdmin) -> InMemoryAuthAdmin:
    return auth_admin


@pytest.fixture
def accepted(learner: User, auth_admin: InMemoryAuthAdmin) -> AuthUser:
    assert learner.supabase_id is not None
    account = AuthUser(learner.supabase_id, learner.email, email_confirmed=True)
    auth_admin.put(account)
    return account


def put_account(auth: InMemoryAuthAdmin, user: User) -> None:
    assert user.supabase_id is not None
    auth.put(AuthUser(user.supabase_id, user.email, email_confirmed=True))


@pytest.fixture
async def invited(api: Api, admin: User) -> dict[str, Any]:
    body = {"email": "marai@unified.example", "full_name": NAME}
    return dict((await api.post("/users/invite", admin, json=body)).json())


class TestEntering:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/users", json={"full_name": NAME}))

    async def test_admins_alone(self, api: Api, manager: User) -> None:
        answer = await api.post("/users", manager, json={"full_name": NAME})
        assert_problem(answer, HTTPStatus.FORBIDDEN, "forbidden")

    async def test_needs_no_address(
        self, api: Api, admin: User, session: AsyncSession, auth_admin: InMemoryAuthAdmin
    ) -> None:
        answer = await api.post("/users", admin, json={"full_name": NAME, "worker_kind": "temp"})
        person = answer.json()
        assert answer.headers["Location"] == f"/api/v1/users/{person['id']}"
        assert (person["email"], person["supabase_id"]) == (None, None)
        assert (person["display_name"], person["worker_kind"]) == (NAME, "temp")
        assert auth_admin.invited == []
        assert await events(session, person["id"]) == ["user:created"]

    async def test_with_one_they_are_claimed_by_it(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        person = await enter(api, admin, email="Maria@Unified.example")
        account = AuthUser(uuid.uuid4(), NEW, email_confirmed=True)
        auth_admin.put(account)
        headers = {"Authorization": f"Bearer {api.keys.token(account.id, NEW)}"}
        assert (await api.get("/users/me", headers=headers)).json()["id"] == person["id"]

    async def test_taken_address(self, api: Api, admin: User, learner: User) -> None:
        answer = await api.post("/users", admin, json={"full_name": NAME, "email": learner.email})
        assert_problem(answer, HTTPStatus.CONFLICT, "email_in_use")

    async def test_whoever_has_none_has_a_name(self, api: Api, admin: User) -> None:
        refused = await api.post("/users", admin, json={"worker_kind": "temp"})
        assert pointers(refused) == [("/full_name", "missing")]
        person = await enter(api, admin)
        path, body = f"/users/{person['id']}", {"full_name": None}
        refused = await api.patch(path, admin, json=body, headers={"If-Match": "*"})
        assert pointers(refused) == [("/full_name", "name_required")]

    async def test_once_with_one_key(self, api: Api, admin: User) -> None:
        key = {"Idempotency-Key": "enter-1"}
        body = {"full_name": NAME}
        first, again = [await api.post("/users", admin, json=body, headers=key) for _ in range(2)]
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"

    async def test_are_listed_by_name_among_the_addresses(self, api: Api, admin: User) -> None:
        made = {(await enter(api, admin, full_name=f"{each} Q"))["id"] for each in "AMZ"}
        listed, cursor = list[str](), "?limit=1"
        while cursor:
            page = (await api.get(f"/users{cursor}", admin)).json()
            listed += [item["email"] or item["full_name"].lower() for item in page["items"]]
            made -= {item["id"] for item in page["items"]}
            cursor = page["next_cursor"] and f"?limit=1&cursor={page['next_cursor']}"
        assert made == set()
        assert listed == sorted(listed)


class TestWithoutAddress:
    """Whoever has none is trained, recorded and reported like everybody else."""

    async def test_training_elsewhere_counts(
        self, api: Api, admin: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await make_module(session)
        await publish(database, module)
        await make_requirement(database, module.id)
        person = await enter(api, admin, employee_number="E-5")
        path = f"/users/{person['id']}/compliance"
        assert (await api.get(path, admin)).json()["items"][0]["status"] == "due"
        training = {
            "user_id": person["id"],
            "module_id": str(module.id),
            "title": "Bloodborne",
            "provider": "Cal/OSHA",
            "completed_on": (datetime.now(UTC) - timedelta(days=2)).date().isoformat(),
            "hours": 1,
            "instructor_name": "Ivy Instructor",
            "instructor_qualification": "RN",
        }
        boss = await make_user(session, role=Role.ADMIN)
        made = (await api.post("/external-trainings", admin, json=training)).json()
        verify = f"/external-trainings/{made['id']}/verify"
        answer = await api.post(verify, boss, json={"reason": "Saw it"}, headers={"If-Match": "*"})
        assert answer.is_success, answer.text
        assert (await api.get(path, admin)).json()["items"][0]["status"] == "compliant"
        text = (await api.get("/reports/compliance.csv", admin)).content.decode("utf-8-sig")
        [line] = [row for row in csv.DictReader(io.StringIO(text)) if row["name"] == NAME]
        assert (line["email"], line["employee_number"], line["status"]) == ("", "E-5", "compliant")
        drill = (await api.get("/reports/compliance/people?limit=100", admin)).json()["items"]
        [user] = [each["user"] for each in drill if each["user"]["id"] == person["id"]]
        assert (user["email"], user["employee_number"]) == (None, "E-5")

    async def test_a_class_is_attended(
        self, api: Api, admin: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await make_module(session, live_section())
        await publish(database, module)
        person = await enter(api, admin)
        user = await session.get_one(User, uuid.UUID(person["id"]))
        body = {"module_id": str(module.id), "user_ids": [person["id"]]}
        assert (await api.post("/enrollments/bulk", admin, json=body)).is_success
        teacher = await make_user(session, role=Role.ADMIN)
        live = await make_live_session(session, module, teacher, user)
        path, attended = f"/live-sessions/{live.id}", {"attended": [person["id"]]}
        assert (await api.put(f"{path}/attendance", admin, json=attended)).is_success
        closed = await api.post(f"{path}/close", admin)
        assert closed.is_success, closed.text
        [record] = (await api.get(f"/training-records?user_id={person['id']}", admin)).json()[
            "items"
        ]
        assert record["user_snapshot"]["email"] is None
        assert record["user_snapshot"]["full_name"] == NAME

    async def test_they_are_not_invited(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        person = await enter(api, admin)
        refused = await api.post(f"/users/{person['id']}/invite", admin)
        assert_problem(refused, HTTPStatus.CONFLICT, "no_address")
        assert auth_admin.invited == []

    async def test_given_one_they_are(
        self, api: Api, admin: User, session: AsyncSession, auth_admin: InMemoryAuthAdmin
    ) -> None:
        person = await enter(api, admin)
        given = (await correct(api, admin, person["id"], "Maria@Unified.example")).json()
        assert (given["email"], given["email_confirmed"]) == (NEW, False)
        again = await api.post(f"/users/{person['id']}/invite", admin)
        assert (again.status_code, auth_admin.invited) == (HTTPStatus.OK, [NEW])
        assert await events(session, person["id"]) == [
            "user:created",
            "user:email_corrected",
            "user:reinvited",
        ]


class TestCorrecting:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        assert_anonymous(await api.put(f"/users/{learner.id}/email", json={"email": NEW}))

    async def test_needs_the_current_version(self, api: Api, admin: User, learner: User) -> None:
        path, body = f"/users/{learner.id}/email", {"email": NEW}
        assert (await api.put(path, admin, json=body)).status_code == 428
        stale = {"If-Match": f'"{learner.id}.99"'}
        assert (await api.put(path, admin, json=body, headers=stale)).status_code == 412

    async def test_who_had_not_accepted_is_invited_anew(
        self, api: Api, admin: User, invited: dict[str, Any], auth_admin: InMemoryAuthAdmin
    ) -> None:
        """The mail with the link may be in a stranger's mailbox: its account is gone."""
        mistyped = uuid.UUID(invited["supabase_id"])
        answer = await correct(api, admin, invited["id"])
        assert answer.json() | {"email": NEW, "supabase_id": None} == answer.json()
        assert await auth_admin.get_user(mistyped) is None
        again = (await api.post(f"/users/{invited['id']}/invite", admin)).json()
        assert again["supabase_id"] not in {None, str(mistyped)}
        assert auth_admin.invited == ["marai@unified.example", NEW]

    async def test_the_account_in_use_follows(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        answer = (await correct(api, admin, learner.id)).json()
        assert (answer["email"], answer["supabase_id"]) == (NEW, str(accepted.id))
        account = await auth_admin.get_user(accepted.id)
        assert account == AuthUser(accepted.id, NEW, email_confirmed=True)
        assert auth_admin.signed_out == [accepted.id]

    async def test_older_tokens_do_not_take_it_back(
        self, api: Api, admin: User, learner: User, accepted: AuthUser
    ) -> None:
        token = api.keys.token(accepted.id, learner.email, iat=int(time.time()) - 60)
        old = {"Authorization": f"Bearer {token}"}
        await correct(api, admin, learner.id)
        assert (await api.get("/users/me", headers=old)).json()["email"] == NEW
        assert (await api.get(f"/users/{learner.id}", admin)).json()["email"] == NEW

    async def test_an_address_that_somebody_has(
        self, api: Api, admin: User, learner: User, other_learner: User, accepted: AuthUser
    ) -> None:
        refused = await correct(api, admin, learner.id, str(other_learner.email).upper())
        assert_problem(refused, HTTPStatus.CONFLICT, "email_in_use")

    async def test_an_address_that_another_account_has(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        auth_admin.put(AuthUser(uuid.uuid4(), NEW, email_confirmed=True))
        refused = await correct(api, admin, learner.id)
        assert_problem(refused, HTTPStatus.CONFLICT, "email_in_use")
        assert (await api.get(f"/users/{learner.id}", admin)).json()["email"] == learner.email

    async def test_without_the_auth_service_nothing_changes(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        auth_admin.available = False
        refused = await correct(api, admin, learner.id)
        assert_problem(refused, HTTPStatus.SERVICE_UNAVAILABLE, "auth_unavailable")
        assert (await api.get(f"/users/{learner.id}", admin)).json()["email"] == learner.email
        auth_admin.available = True
        assert (await correct(api, admin, learner.id)).is_success

    async def test_nobody_corrects_their_own(self, api: Api, admin: User) -> None:
        assert_problem(await correct(api, admin, admin.id), HTTPStatus.FORBIDDEN, "own_email")

    async def test_closed_people_are_opened_first(
        self, api: Api, admin: User, session: AsyncSession
    ) -> None:
        leaver = await make_user(session, is_active=False)
        refused = await correct(api, admin, leaver.id)
        assert_problem(refused, HTTPStatus.CONFLICT, "user_closed")

    async def test_the_same_one_changes_nothing(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        before = await api.get(f"/users/{learner.id}", admin)
        answer = await correct(api, admin, learner.id, str(learner.email).title())
        assert answer.json() == before.json()
        assert auth_admin.signed_out == []

    async def test_a_lost_answer_about_the_removal_closes_nobody(
        self,
        api: Api,
        admin: User,
        invited: dict[str, Any],
        auth_admin: InMemoryAuthAdmin,
        database: RollbackDatabase,
    ) -> None:
        """Auth removed the account, and nobody here was told."""
        put_account(auth_admin, admin)
        auth_admin.loses_answers = True
        answer = await correct(api, admin, invited["id"])
        assert (answer.status_code, answer.json()["supabase_id"]) == (HTTPStatus.OK, None)
        auth_admin.loses_answers = False
        assert (await AccountSyncService(database, auth_admin, 0.5, ()).run()).deactivated == 0
        person = (await api.get(f"/users/{invited['id']}", admin)).json()
        assert (person["is_active"], person["email"]) == (True, NEW)

    async def test_whoever_has_the_mail_does_not_get_in_meanwhile(
        self,
        api: Api,
        admin: User,
        invited: dict[str, Any],
        auth_admin: InMemoryAuthAdmin,
        database: RollbackDatabase,
    ) -> None:
        """Auth cannot be reached for the removal, and the stranger accepts the invitation."""
        mistyped = uuid.UUID(invited["supabase_id"])
        auth_admin.keeps[mistyped] = AuthUnavailableError()
        assert (await correct(api, admin, invited["id"])).is_success
        auth_admin.keeps.clear()
        auth_admin.confirm(mistyped)
        token = api.keys.token(mistyped, "marai@unified.example")
        refused = await api.get("/users/me", headers={"Authorization": f"Bearer {token}"})
        assert_problem(refused, HTTPStatus.FORBIDDEN, "user_inactive")
        put_account(auth_admin, admin)
        await AccountSyncService(database, auth_admin, 0.5, ()).run()
        assert await auth_admin.get_user(mistyped) is None
        async with UnitOfWork(database, SYSTEM) as uow:
            assert await uow.account_removals.noted() == []

    async def test_who_is_invited_by_that_address_gets_another_account(
        self,
        api: Api,
        admin: User,
        invited: dict[str, Any],
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
    ) -> None:
        mistyped = invited["supabase_id"]
        auth_admin.keeps[uuid.UUID(mistyped)] = AuthUnavailableError()
        assert (await correct(api, admin, invited["id"])).is_success
        auth_admin.keeps.clear()
        await session.execute(delete(InvitationClaim))
        body = {"email": "marai@unified.example"}
        other = (await api.post("/users/invite", admin, json=body)).json()
        assert other["supabase_id"] not in {None, mistyped}
        assert await auth_admin.get_user(uuid.UUID(other["supabase_id"])) is not None

    async def test_what_the_account_did_not_follow_it_follows_when_asked_again(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        auth_admin.put(replace(accepted, email="elsewhere@unified.example"))
        answer = await correct(api, admin, learner.id, str(learner.email))
        assert answer.json()["email"] == learner.email
        assert await auth_admin.get_user(accepted.id) == accepted

    async def test_asked_again_after_a_lost_answer(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        auth_admin.loses_answers = True
        refused = await correct(api, admin, learner.id)
        assert_problem(refused, HTTPStatus.SERVICE_UNAVAILABLE, "auth_unavailable")
        auth_admin.loses_answers = False
        assert (await correct(api, admin, learner.id)).json()["email"] == NEW
        assert await auth_admin.get_user(accepted.id) == replace(accepted, email=NEW)

    async def test_a_lost_answer_about_the_move_leaves_one_address(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        """Apart, an invitation by the address of the account made a second person."""
        auth_admin.loses_answers = True
        refused = await correct(api, admin, learner.id)
        assert_problem(refused, HTTPStatus.SERVICE_UNAVAILABLE, "auth_unavailable")
        auth_admin.loses_answers = False
        assert await auth_admin.get_user(accepted.id) == accepted
        other = (await api.post("/users/invite", admin, json={"email": NEW})).json()
        assert other["supabase_id"] not in {None, str(accepted.id)}

    async def test_a_refused_move_ends_no_session(
        self,
        api: Api,
        admin: User,
        learner: User,
        accepted: AuthUser,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        auth_admin.put(AuthUser(uuid.uuid4(), NEW, email_confirmed=True))
        assert (await correct(api, admin, learner.id)).status_code == HTTPStatus.CONFLICT
        assert auth_admin.signed_out == []


class TestAnAccountThatAuthKeeps:
    """It was given up, and Auth will not delete it."""

    @pytest.fixture(params=[AuthUnavailableError, AuthRefusedError, AddressTakenError])
    async def kept(
        self,
        request: pytest.FixtureRequest,
        api: Api,
        admin: User,
        invited: dict[str, Any],
        auth_admin: InMemoryAuthAdmin,
    ) -> uuid.UUID:
        account_id = uuid.UUID(invited["supabase_id"])
        refusal: AppError = request.param()
        auth_admin.keeps[account_id] = refusal
        assert (await correct(api, admin, invited["id"])).is_success
        return account_id

    async def test_stops_no_other_invitation(
        self, api: Api, admin: User, kept: uuid.UUID, auth_admin: InMemoryAuthAdmin
    ) -> None:
        answer = await api.post("/users/invite", admin, json={"email": "ada@unified.example"})
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        assert await auth_admin.get_user(kept) is not None

    async def test_is_nobodys_by_its_own_address(
        self,
        api: Api,
        admin: User,
        kept: uuid.UUID,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
    ) -> None:
        await session.execute(delete(InvitationClaim))
        body = {"email": "marai@unified.example"}
        answer = await api.post("/users/invite", admin, json=body)
        assert_problem(answer, HTTPStatus.SERVICE_UNAVAILABLE, "auth_unavailable")
        auth_admin.keeps.clear()
        other = (await api.post("/users/invite", admin, json=body)).json()
        assert other["supabase_id"] not in {None, str(kept)}

    async def test_stops_no_other_removal(
        self,
        api: Api,
        admin: User,
        kept: uuid.UUID,
        auth_admin: InMemoryAuthAdmin,
        database: RollbackDatabase,
    ) -> None:
        put_account(auth_admin, admin)
        other = uuid.uuid4()
        auth_admin.put(AuthUser(other, "other@unified.example", email_confirmed=False))
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.account_removals.note(other)
        sync = AccountSyncService(database, auth_admin, 0.5, ())
        assert (await sync.run(dry_run=True)).given_up == 2
        assert (await sync.run()).given_up == 1
        assert await auth_admin.get_user(other) is None
        auth_admin.keeps.clear()
        assert (await sync.run()).given_up == 0
        assert await auth_admin.get_user(kept) is None

    async def test_is_not_asked_about_when_somebody_else_is_corrected(
        self,
        api: Api,
        admin: User,
        learner: User,
        kept: uuid.UUID,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        auth_admin.keeps.clear()
        assert (await correct(api, admin, learner.id, "lee@unified.example")).is_success
        assert await auth_admin.get_user(kept) is not None
