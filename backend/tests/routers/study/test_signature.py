"""Who signs, under which name, and who may read it."""

import uuid
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.integrations.auth_admin import AuthUser
from app.models import AuditEvent, TrainingModule, User
from tests.factories.module import acknowledgement_section, make_module, publish, text_section
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase, etag

BODY = {"printed_name": "Grace Molar", "meaning": "I have read it."}
SIGNATURE = {
    "id",
    "section_id",
    "user_id",
    "printed_name",
    "directory_name",
    "email",
    "meaning",
    "document_sha256",
    "signed_at",
}


def as_printed(user: User) -> dict[str, str]:
    return BODY | {"printed_name": user.display_name}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, text_section(), acknowledgement_section())
    await publish(database, module)
    return module


@pytest.fixture
async def colleague(session: AsyncSession, manager: User) -> User:
    return await make_user(session, manager_id=manager.id, full_name="Grace Molar")


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    response = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    return str(response.json()["id"])


async def sign(api: Api, user: User, module: TrainingModule, name: str) -> Any:
    enrollment_id = await enroll(api, user, module)
    path = f"/enrollments/{enrollment_id}/sections/{module.sections[1].id}/acknowledge"
    return await api.post(path, user, json=BODY | {"printed_name": name})


async def rename(api: Api, user: User, name: str | None) -> None:
    mine = await api.get("/users/me", user)
    changed = await api.patch("/users/me", user, json={"full_name": name}, headers=etag(mine))
    assert changed.status_code == HTTPStatus.OK


class TestAcknowledge:
    async def test_anonymous(self, api: Api) -> None:
        path = f"/enrollments/{uuid.uuid4()}/sections/{uuid.uuid4()}/acknowledge"
        assert_anonymous(await api.post(path, json=BODY))

    async def test_nobody_signs_for_others(
        self, api: Api, colleague: User, manager: User, admin: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, colleague, module)
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[1].id}/acknowledge"
        for user in (manager, admin):
            response = await api.post(path, user, json=BODY)
            assert_problem(response, 404, "enrollment_not_found")

    async def test_signs_the_documents_hash_once(
        self, api: Api, learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        content = (await api.get(f"/enrollments/{enrollment_id}/content", learner)).json()
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[1].id}/acknowledge"
        first = (await api.post(path, learner, json=as_printed(learner))).json()
        document = content["sections"][1]["document_sha256"]
        assert first["signature"]["document_sha256"] == document
        assert first["section"]["state"] == "completed"
        assert first["enrollment"]["progress_percent"] == 50
        other = BODY | {"printed_name": "Somebody Else"}
        again = (await api.post(path, learner, json=other)).json()
        assert again["signature"] == first["signature"]

    async def test_only_what_is_to_be_signed(
        self, api: Api, learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/acknowledge"
        response = await api.post(path, learner, json=BODY)
        assert_problem(response, 409, "not_an_acknowledgement")
        progress = f"/enrollments/{enrollment_id}/sections/{module.sections[1].id}/progress"
        response = await api.put(progress, learner, json={"completed": True})
        assert_problem(response, 409, "signature_required")

    async def test_nonsense(self, api: Api, learner: User, module: TrainingModule) -> None:
        path = f"/enrollments/{uuid.uuid4()}/sections/{uuid.uuid4()}/acknowledge"
        response = await api.post(path, learner, json={"printed_name": " ", "meaning": ""})
        assert {found for found, _ in pointers(response)} == {"/printed_name", "/meaning"}

    async def test_another_name_is_refused(
        self, api: Api, colleague: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        refused = await sign(api, colleague, module, "Ada Byron")
        problem = assert_problem(refused, 422, "not_your_name")
        assert [error["pointer"] for error in problem["errors"]] == ["/printed_name"]
        assert "Byron" not in refused.text
        actions = await session.scalars(select(AuditEvent.action))
        assert "section:acknowledged" not in set(actions)

    @pytest.mark.parametrize("printed", ["GRACE MOLAR", " grace  molar", "Gr\u00e2ce-Molar."])
    async def test_spelling_does_not_matter(
        self, api: Api, colleague: User, module: TrainingModule, printed: str
    ) -> None:
        signed = await sign(api, colleague, module, printed)
        assert signed.status_code == HTTPStatus.OK
        assert signed.json()["signature"]["directory_name"] == "Grace Molar"


class TestNames:
    async def test_renaming_oneself_to_a_colleague_is_no_way_to_sign_for_them(
        self, api: Api, learner: User, colleague: User, module: TrainingModule
    ) -> None:
        await rename(api, learner, colleague.full_name)
        refused = await sign(api, learner, module, "Grace Molar")
        assert_problem(refused, 422, "not_your_name")
        await rename(api, learner, None)
        await rename(api, learner, colleague.full_name)
        assert_problem(await sign(api, learner, module, "Grace Molar"), 422, "not_your_name")
        signed = await sign(api, learner, module, learner.display_name)
        assert signed.json()["signature"]["directory_name"] == learner.full_name

    async def test_nor_for_an_admin_through_the_directory(
        self, api: Api, admin: User, colleague: User, module: TrainingModule
    ) -> None:
        me = await api.get(f"/users/{admin.id}", admin)
        body = {"full_name": colleague.full_name}
        changed = await api.patch(f"/users/{admin.id}", admin, json=body, headers=etag(me))
        assert changed.json()["name_confirmed"] is False
        assert_problem(await sign(api, admin, module, "Grace Molar"), 422, "not_your_name")
        alias = {"name_aliases": ["Grace Molar"]}
        refused = await api.patch(f"/users/{admin.id}", admin, json=alias, headers=etag(changed))
        assert_problem(refused, 403, "own_name")

    async def test_nor_for_somebody_who_had_no_name(
        self, api: Api, session: AsyncSession, colleague: User, module: TrainingModule
    ) -> None:
        nameless = await make_user(session, full_name=None)
        await rename(api, nameless, colleague.full_name)
        assert_problem(await sign(api, nameless, module, "Grace Molar"), 422, "not_your_name")

    async def test_the_name_given_first_counts(
        self, api: Api, session: AsyncSession, module: TrainingModule
    ) -> None:
        nameless = await make_user(session, full_name=None)
        assert_problem(await sign(api, nameless, module, "person"), 422, "not_your_name")
        await rename(api, nameless, "Ivy Incisor")
        assert (await sign(api, nameless, module, "Ivy Incisor")).status_code == HTTPStatus.OK

    async def test_the_name_of_the_sign_up_counts_unless_a_colleague_has_it(
        self, api: Api, auth_admin: InMemoryAuthAdmin, colleague: User, module: TrainingModule
    ) -> None:
        statuses = []
        for name in ("Ivy Incisor", colleague.display_name):
            account = AuthUser(
                uuid.uuid4(), f"{uuid.uuid4()}@unified.example", email_confirmed=True
            )
            auth_admin.put(account)
            newcomer = User(supabase_id=account.id, email=account.email or "")
            token = api.keys.token(account.id, account.email, user_metadata={"full_name": name})
            synced = await api.post("/users/sync", headers={"Authorization": f"Bearer {token}"})
            assert synced.json()["full_name"] == name
            statuses.append((await sign(api, newcomer, module, name)).status_code)
        assert statuses == [HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY]

    async def test_an_alias_of_a_colleague_waits(
        self, api: Api, session: AsyncSession, admin: User, colleague: User, module: TrainingModule
    ) -> None:
        """A colleague signs with this alias, so it is treated like the colleague's name."""
        them = await api.get(f"/users/{colleague.id}", admin)
        body = {"name_aliases": ["Grace Bicuspid"]}
        await api.patch(f"/users/{colleague.id}", admin, json=body, headers=etag(them))
        nameless = await make_user(session, full_name=None)
        await rename(api, nameless, "Grace Bicuspid")
        assert_problem(await sign(api, nameless, module, "Grace Bicuspid"), 422, "not_your_name")

    async def test_what_others_enter_counts_at_once(
        self, api: Api, admin: User, colleague: User, module: TrainingModule
    ) -> None:
        them = await api.get(f"/users/{colleague.id}", admin)
        body = {"full_name": "Grace Bicuspid", "name_aliases": ["Grace Molar", "Gigi"]}
        changed = await api.patch(f"/users/{colleague.id}", admin, json=body, headers=etag(them))
        assert changed.json()["directory_name"] == "Grace Bicuspid"
        signed = await sign(api, colleague, module, "Gigi")
        assert signed.json()["signature"]["printed_name"] == "Gigi"
        assert signed.json()["signature"]["directory_name"] == "Grace Bicuspid"

    async def test_evidence_has_the_name_that_counts(
        self, api: Api, colleague: User, module: TrainingModule
    ) -> None:
        await rename(api, colleague, "Ada Byron")
        assert (await sign(api, colleague, module, "Grace Molar")).is_success
        enrollment_id = await enroll(api, colleague, module)
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        await api.put(path, colleague, json={"completed": True})
        (record,) = (await api.get("/training-records", colleague)).json()["items"]
        assert record["user_snapshot"]["full_name"] == "Grace Molar"


class TestListSignatures:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get(f"/enrollments/{uuid.uuid4()}/signatures"))

    async def test_others_do_not_see_them(
        self, api: Api, colleague: User, other_learner: User, author: User, module: TrainingModule
    ) -> None:
        path = f"/enrollments/{await enroll(api, colleague, module)}/signatures"
        for user in (other_learner, author):
            assert_problem(await api.get(path, user), 404, "enrollment_not_found")

    async def test_the_signer_and_their_manager_read_them(
        self, api: Api, colleague: User, manager: User, module: TrainingModule
    ) -> None:
        path = f"/enrollments/{await enroll(api, colleague, module)}/signatures"
        assert (await api.get(path, colleague)).json()["items"] == []
        signed = (await sign(api, colleague, module, "Grace Molar")).json()["signature"]
        for user in (colleague, manager):
            assert (await api.get(path, user)).json()["items"] == [signed]
        assert signed.keys() == SIGNATURE
        assert (signed["user_id"], signed["email"]) == (str(colleague.id), colleague.email)
