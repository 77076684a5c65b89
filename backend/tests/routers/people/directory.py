"""A directory in which two entries may be one person."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from httpx import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.integrations.auth_admin import AuthUser
from app.models import TrainingModule, TrainingRecord, User
from tests.factories.requirement import rule_json
from tests.factories.retention import make_record
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.planting import as_owner, unguarded
from tests.support import Api, etag

ADDRESS = "ada@unified.example"
REASON = "Imported and signed in by herself."
HIRED = date(2026, 1, 5)


@dataclass(frozen=True)
class Directory:
    """The directory, with two admins who look after it."""

    api: Api
    session: AsyncSession
    admin: User
    second: User
    auth: InMemoryAuthAdmin

    async def person(self, **fields: Any) -> User:
        """Ada as payroll knows her: without an account."""
        known = {"full_name": "Ada Floss", "employee_number": "0042", "hired_on": HIRED}
        unknown = {"supabase_id": None, "email": None}
        return await make_user(self.session, **{**known, **unknown, **fields})

    async def signed_in(
        self, email: str = ADDRESS, *, confirmed: bool = True, **fields: Any
    ) -> User:
        """Somebody who has an account, and has signed in with it unless it is not confirmed."""
        account = AuthUser(uuid.uuid4(), email, email_confirmed=confirmed)
        self.auth.put(account)
        return await make_user(
            self.session,
            supabase_id=account.id,
            email=email,
            email_confirmed=confirmed,
            **fields,
        )

    async def propose(self, user: User, merged: User) -> Response:
        body = {"user_id": str(user.id), "merged_id": str(merged.id), "reason": REASON}
        return await self.api.post("/merges", self.admin, json=body)

    async def proposed(self, user: User, merged: User) -> Response:
        response = await self.propose(user, merged)
        assert response.status_code == HTTPStatus.CREATED, response.text
        return response

    async def confirm(self, proposed: Response, actor: User | None = None) -> Response:
        path = f"/merges/{proposed.json()['id']}/confirm"
        return await self.api.post(path, actor or self.second, headers=etag(proposed))

    async def merge(self, user: User, merged: User) -> dict[str, Any]:
        response = await self.confirm(await self.proposed(user, merged))
        assert response.status_code == HTTPStatus.OK, response.text
        return dict(response.json())

    async def read(self, user: User) -> dict[str, Any]:
        return dict((await self.api.get(f"/users/{user.id}", self.admin)).json())

    async def lines(self, user: User, **query: str) -> list[dict[str, Any]]:
        path = f"/users/{user.id}/compliance"
        return list((await self.api.get(path, self.admin, params=query)).json()["items"])

    async def met(self, user: User) -> str | None:
        """Return what the report says that the person's one requirement is met by."""
        met_by: str | None = (await self._reported(user))["met_by"]
        return met_by

    async def reported(self, user: User) -> str:
        return str((await self._reported(user))["status"])

    async def _reported(self, user: User) -> dict[str, Any]:
        """Return the line that is kept of the person."""
        query = {"user_id": str(user.id)}
        read = await self.api.get("/reports/compliance/people", self.admin, params=query)
        (line,) = read.json()["items"]
        return dict(line)

    async def requires(self, module: TrainingModule, **audience: Any) -> str:
        body = {
            "title": f"Rule {uuid.uuid4()}",
            "rule": rule_json(module.id, audience=audience or {"everyone": True}),
            "effective_from": "2026-01-01",
        }
        response = await self.api.post("/requirements", self.admin, json=body)
        assert response.status_code == HTTPStatus.CREATED, response.text
        return str(response.json()["id"])

    async def record(self, user: User, module: TrainingModule, days_ago: int = 0) -> TrainingRecord:
        completed_at = datetime.now(UTC) - timedelta(days=days_ago)
        await make_record(self.session, user, module, completed_at)
        found = select(TrainingRecord).where(TrainingRecord.user_id == user.id)
        return (await self.session.scalars(found)).one()

    async def finish(self, user: User) -> None:
        """Let whatever somebody was assigned be done."""
        async with unguarded(self.session):
            await as_owner(
                self.session,
                "UPDATE enrollments SET status = 'completed', completed_at = now(),"  # noqa: S608  # an id
                f" progress_percent = 100 WHERE user_id = '{user.id}'",
            )
        await self.session.commit()

    async def long_known(self) -> None:
        """Let where people work, and the rules, have been recorded when they took effect."""
        async with unguarded(self.session):
            for statement in (
                "UPDATE employment_changes SET recorded_on = effective_on",
                "UPDATE requirement_versions SET recorded_on = effective_from",
            ):
                await as_owner(self.session, statement)
        await self.session.commit()

    async def decided(self, merged: User, days_ago: int) -> None:
        """Let the merge of an entry have been decided earlier."""
        async with unguarded(self.session):
            await as_owner(
                self.session,
                f"UPDATE merges SET decided_on = decided_on - {days_ago}"  # noqa: S608  # an id
                f" WHERE merged_id = '{merged.id}'",
            )
        await self.session.commit()

    async def card(self, user: User, given: date, expiry: date) -> str:
        body = {
            "user_id": str(user.id),
            "provider": "American Heart Association",
            "title": "BLS provider",
            "completed_on": given.isoformat(),
            "hours": 4,
            "credential_kind": "bls",
            "printed_expiry": expiry.isoformat(),
        }
        entered = await self.api.post("/external-trainings", self.admin, json=body)
        assert entered.status_code == HTTPStatus.CREATED, entered.text
        path = f"/external-trainings/{entered.json()['id']}/verify"
        verified = await self.api.post(path, self.second, json={"reason": "I saw it."})
        assert verified.is_success, verified.text
        return str(entered.json()["id"])
