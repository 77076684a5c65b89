import time
import uuid
from datetime import timedelta
from http import HTTPStatus

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.integrations.auth_admin import AddressRefusedError, AuthUser
from app.models import AuditEvent, InvitationClaim, Location, User
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, etag

FIELDS = {
    "etag",
    "id",
    "merged_into_id",
    "supabase_id",
    "email",
    "full_name",
    "display_name",
    "name_confirmed",
    "directory_name",
    "name_aliases",
    "employee_number",
    "worker_kind",
    "department",
    "location",
    "job_title",
    "hired_on",
    "role",
    "is_active",
    "email_confirmed",
    "last_sign_in",
    "profile_metadata",
    "created_at",
    "updated_at",
}


@pytest.fixture
async def office(session: AsyncSession) -> Location:
    return await make_location(session)


@pytest.fixture
async def boss(session: AsyncSession, office: Location) -> User:
    return await make_user(session, role=Role.MANAGER, location_id=office.id)


@pytest.fixture
async def colleague(session: AsyncSession, office: Location) -> User:
    return await make_user(session, location_id=office.id, full_name="Ada Floss")


def account(auth: InMemoryAuthAdmin, email: str = "new@unified.example") -> uuid.UUID:
    user = AuthUser(uuid.uuid4(), email, email_confirmed=True)
    auth.put(user)
    return user.id


async def half_a_minute(session: AsyncSession) -> None:
    """Let the claim on an invitation's address expire."""
    past = func.clock_timestamp() - timedelta(seconds=1)
    await session.execute(update(InvitationClaim).values(claimed_until=past))


class TestSync:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/users/sync"))

    async def test_makes_a_learner_once(
        self, api: Api, session: AsyncSession, auth_admin: InMemoryAuthAdmin
    ) -> None:
        token = api.keys.token(account(auth_admin), "new@unified.example")
        headers = {"Authorization": f"Bearer {token}"}
        first = await api.post("/users/sync", headers=headers)
        again = await api.post("/users/sync", headers=headers)
        assert (first.status_code, again.status_code) == (HTTPStatus.OK, HTTPStatus.OK)
        assert first.json()["id"] == again.json()["id"]
        assert (first.json()["role"], first.json()["email"]) == ("learner", "new@unified.example")
        statement = select(func.count()).where(User.email == "new@unified.example")
        assert await session.scalar(statement) == 1

    async def test_any_other_first_call_does_the_same(
        self, api: Api, auth_admin: InMemoryAuthAdmin
    ) -> None:
        token = api.keys.token(account(auth_admin), "new@unified.example")
        response = await api.get("/modules", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == HTTPStatus.OK

    async def test_the_trail_knows_the_request(
        self, api: Api, session: AsyncSession, auth_admin: InMemoryAuthAdmin
    ) -> None:
        subject, now = account(auth_admin), int(time.time())
        for number, email in enumerate(("new@unified.example", "newer@unified.example")):
            token = api.keys.token(subject, email, iat=now - 9 + number)
            headers = {"Authorization": f"Bearer {token}", "X-Request-Id": f"request-{number}"}
            await api.get("/modules", headers=headers)
        events = await session.execute(
            select(AuditEvent.action, AuditEvent.request_id).order_by(AuditEvent.id)
        )
        assert [tuple(event) for event in events] == [
            ("user:created", "request-0"),
            ("user:email_changed", "request-1"),
        ]

    async def test_exact_fields(self, api: Api, learner: User) -> None:
        response = await api.post("/users/sync", learner)
        extra = {"location_id", "manager_id"}
        assert response.json().keys() == FIELDS | extra
        assert response.json()["supabase_id"] == str(learner.supabase_id)
        for name in ("created_at", "updated_at"):
            assert response.json()[name].endswith("Z")

    async def test_what_i_may_ask_for(self, api: Api, learner: User, manager: User) -> None:
        permissions = {}
        for user in (learner, manager):
            me = await api.get("/users/me", user)
            assert me.json().keys() == FIELDS | {"location_id", "manager_id", "permissions"}
            permissions[user.role] = me.json()["permissions"]
            changed = await api.patch(
                "/users/me", user, json={"profile_metadata": {}}, headers=etag(me)
            )
            assert changed.json()["permissions"] == permissions[user.role]
        assert "enrollments:assign" in permissions[Role.MANAGER]
        assert "enrollments:assign" not in permissions[Role.LEARNER]


class TestReadMe:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/users/me"))

    async def test_is_me_with_an_etag(self, api: Api, learner: User) -> None:
        response = await api.get("/users/me", learner)
        assert response.json()["id"] == str(learner.id)
        assert response.headers["ETag"].startswith('"')

    async def test_leavers_are_refused_on_the_next_request(
        self, api: Api, learner: User, session: AsyncSession
    ) -> None:
        headers = api.bearer(learner)
        assert (await api.get("/users/me", headers=headers)).status_code == HTTPStatus.OK
        learner.is_active = False
        session.add(learner)
        await session.commit()
        assert_problem(await api.get("/users/me", headers=headers), 403, "user_inactive")


class TestUpdateMe:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.patch("/users/me", json={"full_name": "Me"}))

    async def test_needs_the_current_version(self, api: Api, learner: User) -> None:
        body = {"full_name": "Grace Molar"}
        assert_problem(
            await api.patch("/users/me", learner, json=body), 428, "precondition_required"
        )
        stale = {"If-Match": '"stale"'}
        response = await api.patch("/users/me", learner, json=body, headers=stale)
        assert_problem(response, 412, "precondition_failed")

    async def test_changes_what_is_mine(self, api: Api, learner: User) -> None:
        before = await api.get("/users/me", learner)
        body = {"full_name": " Grace Molar ", "profile_metadata": {"phone": "555-0100"}}
        after = await api.patch("/users/me", learner, json=body, headers=etag(before))
        assert after.status_code == HTTPStatus.OK
        assert after.json()["full_name"] == after.json()["display_name"] == "Grace Molar"
        assert after.json()["profile_metadata"] == {"phone": "555-0100"}
        assert after.headers["ETag"] != before.headers["ETag"]
        assert (await api.get("/users/me", learner)).headers["ETag"] == after.headers["ETag"]

    async def test_nothing_else(self, api: Api, learner: User) -> None:
        body = {"role": "admin", "email": "x@unified.example"}
        response = await api.patch("/users/me", learner, json=body, headers={"If-Match": "*"})
        assert set(pointers(response)) == {
            ("/role", "extra_forbidden"),
            ("/email", "extra_forbidden"),
        }

    async def test_metadata_is_bounded(self, api: Api, learner: User) -> None:
        body = {"profile_metadata": {"note": "x" * 20_000}}
        response = await api.patch("/users/me", learner, json=body, headers={"If-Match": "*"})
        assert pointers(response) == [("/profile_metadata", "too_large")]


class TestListUsers:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/users"))

    async def test_managers_see_their_office_alone(
        self, api: Api, boss: User, colleague: User, learner: User
    ) -> None:
        response = await api.get("/users", boss)
        assert {item["id"] for item in response.json()["items"]} == {
            str(boss.id),
            str(colleague.id),
        }
        assert str(learner.id) not in response.text

    async def test_learners_and_authors_may_not(
        self, api: Api, learner: User, author: User
    ) -> None:
        for user in (learner, author):
            assert_problem(await api.get("/users", user), 403, "forbidden")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=floss", True),
            ("q=ADA", True),
            ("q=%25", False),
            ("role=learner", True),
            ("role=author", False),
            ("is_active=true", True),
            ("is_active=false", False),
            ("department=clinical", False),
            ("role=author&role=learner", True),
            ("role=author&role=manager", False),
            ("is_active=true&is_active=false", True),
            (f"id={uuid.UUID(int=1)}", False),
            (f"manager_id={uuid.UUID(int=1)}", False),
            ("job_title=hygienist", False),
            ("worker_kind=temp&worker_kind=employee", True),
        ],
    )
    async def test_filters(
        self, api: Api, admin: User, colleague: User, query: str, *, found: bool
    ) -> None:
        items = (await api.get(f"/users?{query}", admin)).json()["items"]
        assert (str(colleague.id) in {item["id"] for item in items}) is found

    async def test_by_location_name_or_id(
        self, api: Api, admin: User, colleague: User, office: Location
    ) -> None:
        for location in (office.name, office.name.upper(), str(office.id)):
            response = await api.get("/users", admin, params={"location": location})
            assert [item["id"] for item in response.json()["items"]] == [str(colleague.id)]

    async def test_by_id_and_manager(
        self, api: Api, session: AsyncSession, admin: User, colleague: User, learner: User
    ) -> None:
        guided = await make_user(session, manager_id=colleague.id)
        ids = {"id": [str(colleague.id), str(learner.id)]}
        response = await api.get("/users", admin, params=ids)
        assert {item["id"] for item in response.json()["items"]} == set(ids["id"])
        managed = await api.get("/users", admin, params={"manager_id": str(colleague.id)})
        assert [item["id"] for item in managed.json()["items"]] == [str(guided.id)]

    async def test_words_in_no_list_are_all_named(self, api: Api, admin: User) -> None:
        query = "department=nowhere&job_title=nobody&job_title=hygienist"
        assert pointers(await api.get(f"/users?{query}", admin)) == [
            ("query:department", "unknown_department"),
            ("query:job_title", "unknown_job_title"),
        ]

    async def test_is_sorted_as_asked(self, api: Api, session: AsyncSession, admin: User) -> None:
        for name in ("bert", "Carla", "Ann"):
            await make_user(session, full_name=name, role=Role.AUTHOR)
        query: dict[str, str] = {"sort": "-name", "limit": "2", "role": "author"}
        first = (await api.get("/users", admin, params=query)).json()
        cursor = {"cursor": first["next_cursor"]}
        rest = (await api.get("/users", admin, params=query | cursor)).json()
        names = [item["full_name"] for page in (first, rest) for item in page["items"]]
        assert names == ["Carla", "bert", "Ann"]
        other = await api.get("/users", admin, params=query | cursor | {"sort": "name"})
        assert pointers(other) == [("query:cursor", "invalid_cursor")]
        strange = await api.get("/users?sort=profile_metadata", admin)
        assert pointers(strange) == [("query:sort", "literal_error")]


class TestReadUser:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        assert_anonymous(await api.get(f"/users/{learner.id}"))

    async def test_others_do_not_exist(
        self, api: Api, learner: User, other_learner: User, boss: User
    ) -> None:
        for user in (other_learner, boss):
            assert_problem(await api.get(f"/users/{learner.id}", user), 404, "user_not_found")

    async def test_self_manager_admin(
        self, api: Api, colleague: User, boss: User, admin: User
    ) -> None:
        for user in (colleague, boss, admin):
            response = await api.get(f"/users/{colleague.id}", user)
            assert response.json()["id"] == str(colleague.id)

    async def test_not_an_id(self, api: Api, admin: User) -> None:
        assert_problem(await api.get("/users/nobody", admin), 404, "not_found")


@pytest.fixture(autouse=True)
async def _words(session: AsyncSession) -> None:
    await list_words(session, departments=["Clinical"], job_titles=["Hygienist"])


class TestUpdateUser:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        assert_anonymous(await api.patch(f"/users/{learner.id}", json={}))

    async def test_managers_may_not(self, api: Api, boss: User, colleague: User) -> None:
        response = await api.patch(
            f"/users/{colleague.id}", boss, json={"role": "admin"}, headers={"If-Match": "*"}
        )
        assert_problem(response, 403, "forbidden")

    async def test_needs_the_current_version(self, api: Api, admin: User, learner: User) -> None:
        path, body = f"/users/{learner.id}", {"job_title": "Hygienist"}
        assert (await api.patch(path, admin, json=body)).status_code == 428
        stale = {"If-Match": f'"{learner.id}.99"'}
        assert (await api.patch(path, admin, json=body, headers=stale)).status_code == 412

    async def test_changes_every_field_and_is_audited(
        self, api: Api, admin: User, learner: User, office: Location, session: AsyncSession
    ) -> None:
        path = f"/users/{learner.id}"
        body = {
            "full_name": "Grace Molar",
            "department": "Clinical",
            "location_id": str(office.id),
            "job_title": "Hygienist",
            "hired_on": "2026-02-28",
            "manager_id": str(admin.id),
            "role": "author",
        }
        response = await api.patch(path, admin, json=body, headers=etag(await api.get(path, admin)))
        assert response.json() | body == response.json()
        assert response.json()["location"] == office.name
        statement = select(AuditEvent).where(AuditEvent.target_id == learner.id)
        (event,) = await session.scalars(statement)
        assert (event.action, event.actor_id) == ("user:updated", admin.id)
        assert event.after is not None
        assert event.after["role"] == "author"

    async def test_unknown_references(self, api: Api, admin: User, learner: User) -> None:
        body = {"location_id": str(uuid.uuid4()), "manager_id": str(learner.id)}
        response = await api.patch(
            f"/users/{learner.id}", admin, json=body, headers={"If-Match": "*"}
        )
        assert pointers(response) == [
            ("/location_id", "unknown_location"),
            ("/manager_id", "unknown_manager"),
        ]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("hired_on", 0),
            ("hired_on", "2026-02-30"),
            ("hired_on", "1026-02-28"),
            ("hired_on", "2126-02-28"),
            ("hired_on", "2026-02-28T00:00:00"),
            ("is_active", "yes"),
            ("is_active", None),
            ("role", "owner"),
            ("role", None),
            ("location_id", "not-an-id"),
            ("full_name", "  "),
            ("job_title", "\u0000"),
            ("department", "x" * 201),
        ],
    )
    async def test_nonsense(
        self, api: Api, admin: User, learner: User, field: str, value: object
    ) -> None:
        response = await api.patch(
            f"/users/{learner.id}", admin, json={field: value}, headers={"If-Match": "*"}
        )
        assert [pointer for pointer, _ in pointers(response)] == [f"/{field}"]

    async def test_admins_do_not_lock_themselves_out(self, api: Api, admin: User) -> None:
        for body in ({"role": "learner"}, {"is_active": False}):
            response = await api.patch(
                f"/users/{admin.id}", admin, json=body, headers={"If-Match": "*"}
            )
            assert_problem(response, 403, "own_access")


class TestInvite:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/users/invite", json={}))

    async def test_learners_may_not(self, api: Api, learner: User) -> None:
        body = {"email": "new@unified.example"}
        assert_problem(await api.post("/users/invite", learner, json=body), 403, "forbidden")

    async def test_makes_the_account_and_the_row(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, office: Location
    ) -> None:
        body = {
            "email": "New@Unified.example",
            "full_name": "New Person",
            "role": "manager",
            "location_id": str(office.id),
        }
        response = await api.post("/users/invite", admin, json=body)
        assert response.status_code == HTTPStatus.CREATED
        person = response.json()
        assert response.headers["Location"] == f"/api/v1/users/{person['id']}"
        assert (person["email"], person["role"]) == ("new@unified.example", "manager")
        account = await auth_admin.get_user(uuid.UUID(person["supabase_id"]))
        assert account is not None
        assert account.email == "new@unified.example"

    async def test_taken_address(self, api: Api, admin: User, learner: User) -> None:
        response = await api.post("/users/invite", admin, json={"email": learner.email})
        assert_problem(response, 409, "email_in_use")

    async def test_the_same_key_invites_once(self, api: Api, admin: User) -> None:
        body, key = {"email": "new@unified.example"}, {"Idempotency-Key": "invite-1"}
        first = await api.post("/users/invite", admin, json=body, headers=key)
        again = await api.post("/users/invite", admin, json=body, headers=key)
        assert again.status_code == first.status_code == HTTPStatus.CREATED
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]

    async def test_not_an_address(self, api: Api, admin: User) -> None:
        response = await api.post("/users/invite", admin, json={"email": "canary"})
        assert pointers(response) == [("/email", "value_error")]
        assert "canary" not in response.text

    async def test_the_account_of_a_closed_person(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        body = {"email": "back@unified.example"}
        await api.post("/users/invite", admin, json=body)
        await session.execute(
            update(User).where(User.email == body["email"]).values(is_active=False)
        )
        await half_a_minute(session)
        response = await api.post("/users/invite", admin, json=body)
        assert_problem(response, HTTPStatus.CONFLICT, "account_in_use")

    async def test_an_international_address(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        """Supabase stores domains in ASCII; people see the original form."""
        body = {"email": "Ada@Zähne.example"}
        response = await api.post("/users/invite", admin, json=body)
        assert (response.status_code, response.json()["email"]) == (201, "ada@zähne.example")
        assert auth_admin.invited == ["ada@xn--zhne-loa.example"]
        assert await session.get(User, uuid.UUID(response.json()["id"])) is not None
        again = await api.post("/users/invite", admin, json={"email": "ada@xn--zhne-loa.example"})
        assert_problem(again, HTTPStatus.CONFLICT, "email_in_use")
        found = await api.get("/users?q=ada@zähne.example", admin)
        assert [person["email"] for person in found.json()["items"]] == ["ada@zähne.example"]

    async def test_an_address_that_supabase_refuses(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refuse(*_: object) -> None:
            raise AddressRefusedError

        monkeypatch.setattr(auth_admin, "invite", refuse)
        response = await api.post("/users/invite", admin, json={"email": "a@elsewhere.example"})
        assert_problem(response, HTTPStatus.UNPROCESSABLE_ENTITY, "email_refused")


class TestInviteAgain:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        assert_anonymous(await api.post(f"/users/{learner.id}/invite"))

    async def test_learners_may_not(self, api: Api, learner: User) -> None:
        response = await api.post(f"/users/{learner.id}/invite", learner)
        assert_problem(response, HTTPStatus.FORBIDDEN, "forbidden")

    async def test_sends_it_once_more(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        invited = await api.post("/users/invite", admin, json={"email": "new@unified.example"})
        path = f"/users/{invited.json()['id']}/invite"
        at_once = await api.post(path, admin)
        assert_problem(at_once, HTTPStatus.CONFLICT, "invitation_under_way")
        await half_a_minute(session)
        again = await api.post(path, admin)
        assert again.status_code == HTTPStatus.OK
        assert again.json()["supabase_id"] == invited.json()["supabase_id"]
        assert again.headers["ETag"]
        assert auth_admin.invited == ["new@unified.example"] * 2
        assert await actions_on(session, invited.json()["id"]) == [
            "user:invited",
            "user:reinvited",
        ]

    async def test_an_imported_person_gets_an_account(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        imported = await make_user(session, supabase_id=None, last_sign_in=None)
        response = await api.post(f"/users/{imported.id}/invite", admin)
        assert response.status_code == HTTPStatus.OK
        assert uuid.UUID(response.json()["supabase_id"]) in auth_admin.users

    async def test_the_same_key_sends_once(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        imported = await make_user(session, supabase_id=None, last_sign_in=None)
        key = {"Idempotency-Key": "again-1"}
        first = await api.post(f"/users/{imported.id}/invite", admin, headers=key)
        again = await api.post(f"/users/{imported.id}/invite", admin, headers=key)
        assert (first.content, again.headers["Idempotency-Replayed"]) == (again.content, "true")
        assert len(auth_admin.invited) == 1

    async def test_who_has_signed_in_is_not_invited(
        self, api: Api, admin: User, learner: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        assert learner.supabase_id is not None
        auth_admin.put(AuthUser(learner.supabase_id, learner.email, email_confirmed=True))
        response = await api.post(f"/users/{learner.id}/invite", admin)
        assert_problem(response, HTTPStatus.CONFLICT, "invitation_accepted")
        assert auth_admin.invited == []

    async def test_who_has_accepted_is_not_invited(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        invited = await api.post("/users/invite", admin, json={"email": "new@unified.example"})
        auth_admin.confirm(uuid.UUID(invited.json()["supabase_id"]))
        response = await api.post(f"/users/{invited.json()['id']}/invite", admin)
        assert_problem(response, HTTPStatus.CONFLICT, "invitation_accepted")

    async def test_who_comes_back_gets_a_new_account(
        self,
        api: Api,
        admin: User,
        learner: User,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
    ) -> None:
        """Off-boarded as documented: deactivated here, deleted there. The row stays the same."""
        lost = learner.supabase_id
        opened = await api.get(f"/users/{learner.id}", admin)
        for active in (False, True):
            body = {"is_active": active}
            opened = await api.patch(f"/users/{learner.id}", admin, json=body, headers=etag(opened))
        assert opened.json()["supabase_id"] is None
        invited = await api.post(f"/users/{learner.id}/invite", admin)
        assert invited.status_code == HTTPStatus.OK
        new = uuid.UUID(invited.json()["supabase_id"])
        assert new != lost
        auth_admin.confirm(new)
        token = api.keys.token(new, learner.email)
        me = await api.get("/users/me", headers={"Authorization": f"Bearer {token}"})
        assert me.json()["id"] == str(learner.id)

    async def test_closed_people_are_opened_first(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        leaver = await make_user(session, is_active=False, last_sign_in=None)
        response = await api.post(f"/users/{leaver.id}/invite", admin)
        assert_problem(response, HTTPStatus.CONFLICT, "user_closed")
        assert auth_admin.invited == []

    async def test_without_the_auth_service(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        imported = await make_user(session, supabase_id=None, last_sign_in=None)
        auth_admin.available = False
        response = await api.post(f"/users/{imported.id}/invite", admin)
        assert_problem(response, HTTPStatus.SERVICE_UNAVAILABLE, "auth_unavailable")
        assert response.headers["Retry-After"] == "1"
        assert await actions_on(session, imported.id) == []


class TestSignOut:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        assert_anonymous(await api.post(f"/users/{learner.id}/sign-out"))

    async def test_managers_may_not(self, api: Api, boss: User, colleague: User) -> None:
        response = await api.post(f"/users/{colleague.id}/sign-out", boss)
        assert_problem(response, HTTPStatus.FORBIDDEN, "forbidden")

    async def test_ends_the_sessions_and_is_audited(
        self,
        api: Api,
        admin: User,
        learner: User,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
    ) -> None:
        account = account_of(auth_admin, learner)
        key = {"Idempotency-Key": "out-1"}
        for _ in range(2):
            response = await api.post(f"/users/{learner.id}/sign-out", admin, headers=key)
            assert (response.status_code, response.json()["id"]) == (200, str(learner.id))
        assert auth_admin.signed_out == [account]
        assert await actions_on(session, learner.id) == ["user:signed_out"]

    async def test_leaves_the_token_that_is_out(
        self, api: Api, admin: User, learner: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        account_of(auth_admin, learner)
        await api.post(f"/users/{learner.id}/sign-out", admin)
        assert (await api.get("/users/me", learner)).status_code == HTTPStatus.OK

    async def test_closed_people_too(
        self, api: Api, admin: User, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        leaver = await make_user(session, is_active=False)
        account_of(auth_admin, leaver)
        assert (await api.post(f"/users/{leaver.id}/sign-out", admin)).status_code == 200

    async def test_without_an_account(
        self, api: Api, admin: User, learner: User, session: AsyncSession
    ) -> None:
        imported = await make_user(session, supabase_id=None)
        for user in (imported, learner):
            response = await api.post(f"/users/{user.id}/sign-out", admin)
            assert_problem(response, HTTPStatus.CONFLICT, "no_account")
            assert await actions_on(session, user.id) == []

    async def test_banned_accounts(
        self, api: Api, admin: User, learner: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        auth_admin.banned.add(account_of(auth_admin, learner))
        response = await api.post(f"/users/{learner.id}/sign-out", admin)
        assert_problem(response, HTTPStatus.CONFLICT, "account_banned")

    async def test_nobody(self, api: Api, admin: User) -> None:
        response = await api.post(f"/users/{uuid.uuid4()}/sign-out", admin)
        assert_problem(response, HTTPStatus.NOT_FOUND, "user_not_found")


def account_of(auth: InMemoryAuthAdmin, user: User) -> uuid.UUID:
    assert user.supabase_id is not None
    auth.put(AuthUser(user.supabase_id, user.email, email_confirmed=True))
    return user.supabase_id


async def actions_on(session: AsyncSession, user_id: uuid.UUID | str) -> list[str]:
    events = select(AuditEvent.action).where(AuditEvent.target_id == uuid.UUID(str(user_id)))
    return list(await session.scalars(events.order_by(AuditEvent.created_at)))
