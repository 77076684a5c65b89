import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, EvidenceWithdrawal, ExternalEvidence, User, VerifiedEvidence
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase, etag

BASE = "/external-trainings"
BLS = {
    "provider": "American Heart Association",
    "title": "BLS provider",
    "completed_on": "2026-03-01",
    "hours": 4.5,
    "credential_kind": "bls",
    "printed_expiry": "2028-03-31",
    "instructor_name": "Ivy Instructor",
    "instructor_qualification": "BLS instructor",
    "evidence_reference": "evidence/bls.pdf",
    "notes": "Card checked",
}
REASON = {"reason": "Saw the card"}


@pytest.fixture
async def own_manager(session: AsyncSession, learner: User) -> User:
    manager = await make_user(session, role=Role.MANAGER)
    learner.manager_id = manager.id
    session.add(learner)
    await session.commit()
    return manager


async def enter(api: Api, user: User, **changes: Any) -> dict[str, Any]:
    response = await api.post(BASE, user, json={**BLS, **changes})
    assert response.status_code == HTTPStatus.CREATED, response.text
    return dict(response.json())


async def actions(session: AsyncSession, evidence_id: str) -> list[str]:
    events = await session.scalars(
        select(AuditEvent.action)
        .where(AuditEvent.target_id == uuid.UUID(evidence_id))
        .order_by(AuditEvent.created_at)
    )
    return list(events)


class TestEnter:
    async def test_anonymous(self, api: Api) -> None:
        response = await api.post(BASE, json=BLS)
        assert response.status_code == HTTPStatus.UNAUTHORIZED

    async def test_for_others_is_refused(
        self, api: Api, learner: User, other_learner: User, manager: User
    ) -> None:
        for user in (learner, manager):
            response = await api.post(BASE, user, json={**BLS, "user_id": str(other_learner.id)})
            assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert response.json()["errors"][0]["code"] == "unknown_user"

    async def test_own(self, api: Api, learner: User, session: AsyncSession) -> None:
        created = await enter(api, learner)
        assert created["status"] == "pending"
        assert created["printed_expiry"] == "2028-03-31"
        assert created["user_id"] == created["entered_by_id"] == str(learner.id)
        assert await actions(session, created["id"]) == ["external_training:entered"]

    async def test_by_the_manager(self, api: Api, learner: User, own_manager: User) -> None:
        created = await enter(api, own_manager, user_id=str(learner.id))
        assert created["entered_by_id"] == str(own_manager.id)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"credential_kind": None, "printed_expiry": None}, "one_of"),
            ({"module_id": str(uuid.uuid4()), "credential_kind": "bls"}, "one_of"),
            ({"module_id": str(uuid.uuid4()), "credential_kind": None}, "not_a_credential"),
            ({"completed_on": "2999-01-01", "printed_expiry": None}, "in_the_future"),
            ({"printed_expiry": "2026-02-28"}, "before_completion"),
            ({"printed_expiry": None}, "missing"),
            ({"credential_kind": "Hygene licence"}, "unknown_credential_kind"),
            ({"completed_on": "1026-03-01"}, "too_early"),
            ({"provider_number": "RP-1"}, "ce_incomplete"),
            (
                {"module_id": str(uuid.uuid4()), "credential_kind": None, "printed_expiry": None},
                "unknown_module",
            ),
        ],
    )
    async def test_contradictions(
        self, api: Api, learner: User, changes: dict[str, Any], code: str
    ) -> None:
        response = await api.post(BASE, learner, json={**BLS, **changes})
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert code in {fault["code"] for fault in response.json()["errors"]}

    async def test_notes_stay_out_of_the_audit_trail(
        self, api: Api, learner: User, session: AsyncSession
    ) -> None:
        created = await enter(api, learner)
        event = (
            await session.scalars(
                select(AuditEvent).where(AuditEvent.target_id == uuid.UUID(created["id"]))
            )
        ).one()
        assert event.after is not None
        assert not {"notes", "evidence_reference"} & event.after.keys()


class TestRead:
    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, manager: User
    ) -> None:
        created = await enter(api, learner)
        for user in (other_learner, manager):
            response = await api.get(f"{BASE}/{created['id']}", user)
            assert response.status_code == HTTPStatus.NOT_FOUND
            assert (await api.get(BASE, user)).json()["items"] == []

    async def test_manager_has_a_queue(self, api: Api, learner: User, own_manager: User) -> None:
        created = await enter(api, learner)
        listed = await api.get(BASE, own_manager, params={"status": "pending", "scope": "team"})
        assert [item["id"] for item in listed.json()["items"]] == [created["id"]]


class TestUpdate:
    async def test_needs_the_current_etag(self, api: Api, learner: User) -> None:
        created = await enter(api, learner)
        path = f"{BASE}/{created['id']}"
        missing = await api.patch(path, learner, json={"hours": 5})
        stale = await api.patch(path, learner, json={"hours": 5}, headers={"If-Match": '"old"'})
        assert missing.status_code == HTTPStatus.PRECONDITION_REQUIRED
        assert stale.status_code == HTTPStatus.PRECONDITION_FAILED

    async def test_edits_what_is_pending(self, api: Api, learner: User) -> None:
        created = await enter(api, learner)
        path = f"{BASE}/{created['id']}"
        read = await api.get(path, learner)
        changed = await api.patch(path, learner, json={"hours": 5}, headers=etag(read))
        assert changed.status_code == HTTPStatus.OK
        assert changed.json()["hours"] == 5
        assert changed.json()["provider"] == BLS["provider"]

    async def test_not_by_the_reviewer(self, api: Api, learner: User, own_manager: User) -> None:
        created = await enter(api, learner)
        path = f"{BASE}/{created['id']}"
        read = await api.get(path, own_manager)
        changed = await api.patch(path, own_manager, json={"hours": 50}, headers=etag(read))
        assert changed.status_code == HTTPStatus.FORBIDDEN

    async def test_not_once_reviewed(self, api: Api, learner: User, admin: User) -> None:
        created = await enter(api, learner)
        path = f"{BASE}/{created['id']}"
        verified = await api.post(f"{path}/verify", admin, json=REASON)
        changed = await api.patch(path, learner, json={"hours": 5}, headers=etag(verified))
        assert changed.status_code == HTTPStatus.CONFLICT
        assert changed.json()["code"] == "already_reviewed"


class TestReview:
    async def test_learners_may_not(self, api: Api, learner: User, other_learner: User) -> None:
        created = await enter(api, learner)
        for user in (learner, other_learner):
            response = await api.post(f"{BASE}/{created['id']}/verify", user, json=REASON)
            assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_not_by_the_subject(self, api: Api, admin: User) -> None:
        created = await enter(api, admin)
        response = await api.post(f"{BASE}/{created['id']}/verify", admin, json=REASON)
        assert response.status_code == HTTPStatus.FORBIDDEN
        assert response.json()["code"] == "second_person_required"

    async def test_not_by_who_entered_it(self, api: Api, learner: User, own_manager: User) -> None:
        created = await enter(api, own_manager, user_id=str(learner.id))
        for verb in ("verify", "reject"):
            response = await api.post(f"{BASE}/{created['id']}/{verb}", own_manager, json=REASON)
            assert response.json()["code"] == "second_person_required"

    async def test_not_by_a_stranger(self, api: Api, learner: User, manager: User) -> None:
        created = await enter(api, learner)
        response = await api.post(f"{BASE}/{created['id']}/verify", manager, json=REASON)
        assert response.status_code == HTTPStatus.NOT_FOUND

    async def test_verified_counts_as_evidence(
        self, api: Api, learner: User, own_manager: User, session: AsyncSession
    ) -> None:
        created = await enter(api, learner)
        verified = await api.post(f"{BASE}/{created['id']}/verify", own_manager, json=REASON)
        assert verified.json()["status"] == "verified"
        evidence = await session.get_one(VerifiedEvidence, uuid.UUID(created["id"]))
        assert evidence.user_id == learner.id
        assert evidence.credential_kind == "bls"
        assert str(evidence.printed_expiry) == "2028-03-31"
        # The limit is the day at the person's office, which is at most a day from ours.
        assert abs(evidence.recorded_on - datetime.now(UTC).date()) <= timedelta(days=1)
        training = await session.get_one(ExternalEvidence, uuid.UUID(created["id"]))
        assert training.user_snapshot is not None
        assert training.user_snapshot["full_name"] == learner.full_name
        assert await actions(session, created["id"]) == [
            "external_training:entered",
            "external_training:verified",
        ]

    async def test_module_equivalent(
        self,
        api: Api,
        learner: User,
        admin: User,
        session: AsyncSession,
        database: RollbackDatabase,
    ) -> None:
        module = await make_module(session)
        await publish(database, module)
        created = await enter(
            api, learner, module_id=str(module.id), credential_kind=None, printed_expiry=None
        )
        await api.post(f"{BASE}/{created['id']}/verify", admin, json=REASON)
        evidence = await session.get_one(VerifiedEvidence, uuid.UUID(created["id"]))
        assert (evidence.module_id, evidence.version) == (module.id, None)

    async def test_rejected_does_not_count(
        self, api: Api, learner: User, admin: User, session: AsyncSession
    ) -> None:
        created = await enter(api, learner)
        rejected = await api.post(f"{BASE}/{created['id']}/reject", admin, json=REASON)
        assert rejected.json()["status"] == "rejected"
        assert (await session.scalars(select(VerifiedEvidence))).all() == []
        again = await api.post(f"{BASE}/{created['id']}/verify", admin, json=REASON)
        assert again.json()["code"] == "already_reviewed"

    async def test_only_what_was_read(self, api: Api, learner: User, admin: User) -> None:
        created = await enter(api, learner)
        path = f"{BASE}/{created['id']}"
        read = await api.get(path, admin)
        await api.patch(path, learner, json={"hours": 99}, headers=etag(read))
        verified = await api.post(f"{path}/verify", admin, json=REASON, headers=etag(read))
        assert verified.status_code == HTTPStatus.PRECONDITION_FAILED
        empty = await api.post(f"{path}/verify", admin, json=REASON, headers={"If-Match": " "})
        assert empty.status_code == HTTPStatus.PRECONDITION_FAILED


class TestWithdraw:
    async def test_is_a_new_fact(
        self, api: Api, learner: User, admin: User, session: AsyncSession
    ) -> None:
        created = await enter(api, learner)
        path = f"{BASE}/{created['id']}"
        early = await api.post(f"{path}/withdraw", admin, json={"reason": "Forged"})
        assert early.json()["code"] == "not_verified"
        await api.post(f"{path}/verify", admin, json=REASON)
        withdrawn = await api.post(f"{path}/withdraw", admin, json={"reason": "Forged"})
        assert withdrawn.json()["status"] == "verified"
        assert withdrawn.json()["withdrawal_reason"] == "Forged"
        assert len((await session.scalars(select(EvidenceWithdrawal))).all()) == 1
        again = await api.post(f"{path}/withdraw", admin, json={"reason": "Forged"})
        assert again.json()["code"] == "already_withdrawn"
