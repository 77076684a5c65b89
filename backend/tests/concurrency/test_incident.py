"""A withdrawal against the completion of a step: one after the other, whichever comes first."""

from datetime import UTC, date, datetime
from http import HTTPStatus

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import CorrectiveStepCompletion, IncidentWithdrawal, User
from tests.concurrency.race import ROUNDS, count, race, statuses
from tests.concurrency.test_reconcile_races import begin
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

CALLS = 3


async def test_no_step_of_a_withdrawn_incident_is_done(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    person = await make_user(session, hired_on=date(2026, 1, 5))
    turn = await begin(committed_api, committed_database)
    today = datetime.now(UTC).date().isoformat()
    steps = [{"step": "New sharps boxes.", "owner_id": str(admin.id), "due_on": "2100-01-01"}]
    for _ in range(ROUNDS):
        made = (await turn.records(admin, [person], steps=steps)).json()
        path = f"/incidents/{made['id']}"
        completing = f"{path}/steps/{made['steps'][0]['id']}/complete"
        done = {"done_on": today, "note": "Hung up."}
        calls = [
            call
            for _ in range(CALLS)
            for call in (
                committed_api.post(completing, admin, json=done),
                committed_api.post(f"{path}/withdraw", admin, json={"reason": "Another glove."}),
            )
        ]
        answers = await race(calls)
        completed, withdrawn = statuses(answers[::2]), statuses(answers[1::2])
        assert withdrawn == {HTTPStatus.OK: 1, HTTPStatus.CONFLICT: CALLS - 1}
        assert completed[HTTPStatus.OK] + completed[HTTPStatus.CONFLICT] == CALLS
        codes = [each.json().get("code") for each in answers[::2]]
        last = [each.json() for each in answers if each.is_success]
        # Whatever was done before the withdrawal, the withdrawal's own answer shows.
        [of_withdrawal] = [each for each in last if each["withdrawn_on"]]
        was_done = HTTPStatus.OK in completed
        assert (of_withdrawal["steps"][0]["done_on"] is not None) is was_done, codes
    assert await count(session, IncidentWithdrawal) == ROUNDS
    assert await count(session, CorrectiveStepCompletion) <= ROUNDS
