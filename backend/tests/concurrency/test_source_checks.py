"""A card that is withdrawn is not checked afterwards, however close both are."""

from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import EvidenceWithdrawal, SourceCheck
from tests.concurrency.race import race
from tests.factories.user import make_user
from tests.routers.evidence.test_credential import REASON, card
from tests.routers.evidence.test_source_check import check
from tests.support import Api

pytestmark = pytest.mark.full

ROUNDS = 20


async def test_checks_and_a_withdrawal(committed_api: Api, session: AsyncSession) -> None:
    admins = [await make_user(session, role=Role.ADMIN) for _ in range(9)]
    api, learner = committed_api, await make_user(session)
    told: Counter[int] = Counter()
    for _ in range(ROUNDS):
        evidence_id = await card(api, learner, admins[0], 40)
        path = f"/credentials/{evidence_id}/source-checks"
        withdraw = api.post(f"/external-trainings/{evidence_id}/withdraw", admins[0], json=REASON)
        checks = [api.post(path, admin, json=check()) for admin in admins]
        answers = await race([*checks[:4], withdraw, *checks[4:]])
        told.update(answer.status_code for answer in answers)
        withdrawn = await session.scalar(
            select(EvidenceWithdrawal.created_at).where(
                EvidenceWithdrawal.evidence_id == evidence_id
            )
        )
        made = await session.scalars(
            select(SourceCheck.created_at).where(SourceCheck.evidence_id == evidence_id)
        )
        assert withdrawn is not None
        assert all(at < withdrawn for at in made)
    print(dict(told))  # noqa: T201  # figures to look at with `pytest -rP`
    assert set(told) <= {200, 201, 409}
    assert told[200] == ROUNDS
