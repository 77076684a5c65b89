"""Changes that the database itself refuses, by whatever code."""

from datetime import date

import pytest
from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ExternalEvidence, LiveSession, User
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module
from tests.factories.user import make_user

TABLES = (
    "erased_records",
    "erasures",
    "external_trainings",
    "legal_holds",
    "live_session_questions",
    "live_sessions",
    "retention_periods",
)
ADD_EVERYBODY = """
INSERT INTO live_session_attendances (session_id, user_id)
SELECT s.id, u.id FROM live_sessions s, users u
"""


async def refused(session: AsyncSession, statement: str) -> str:
    with pytest.raises(DBAPIError) as error:
        async with session.begin_nested():
            await session.execute(text(statement))
    return str(error.value.orig)


@pytest.fixture
async def training(session: AsyncSession, learner: User) -> ExternalEvidence:
    reviewer = await make_user(session)
    training = ExternalEvidence(
        user_id=learner.id,
        entered_by_id=learner.id,
        provider="American Heart Association",
        title="BLS provider",
        completed_on=date(2026, 3, 1),
        hours=4,
        credential_kind="bls",
        status="verified",
        reviewed_by_id=reviewer.id,
        reviewed_at=func.clock_timestamp(),
        review_reason="Card seen",
    )
    session.add(training)
    await session.commit()
    return training


@pytest.fixture
async def closed(session: AsyncSession, admin: User, learner: User) -> LiveSession:
    module = await make_module(session, live_section())
    live = await make_live_session(session, module, admin, learner)
    live.status = "closed"  # type: ignore[assignment]  # the column's text
    live.closed_at = func.clock_timestamp()
    await session.commit()
    return live


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
async def test_the_api_deletes_nothing(session: AsyncSession, table: str, verb: str) -> None:
    assert "permission denied" in await refused(session, f"{verb} {table}")


@pytest.mark.parametrize(
    "change",
    ["hours = 40", "printed_expiry = '2099-01-01'", "status = 'pending'", "notes = 'x'"],
)
async def test_verified_training_is_immutable(
    session: AsyncSession, training: ExternalEvidence, change: str
) -> None:
    message = await refused(session, f"UPDATE external_trainings SET {change}")  # noqa: S608
    assert "is settled" in message


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("reviewed_by_id = user_id", "second_person"),
        ("entered_by_id = reviewed_by_id", "second_person"),
        ("reviewed_at = NULL", "reviewed"),
        ("credential_kind = NULL", "kind"),
        ("provider_number = 'RP-1'", "ck_external_trainings_ce"),
    ],
)
async def test_contradictions_are_not_kept(
    session: AsyncSession, training: ExternalEvidence, change: str, constraint: str
) -> None:
    columns = [
        *("user_id", "entered_by_id", "provider", "title", "completed_on", "hours"),
        *("credential_kind", "status", "reviewed_by_id", "reviewed_at", "provider_number"),
    ]
    name, _, value = change.partition(" = ")
    values = [value if column == name else column for column in columns]
    message = await refused(
        session,
        f"INSERT INTO external_trainings ({', '.join(columns)}) "  # noqa: S608  # constants
        f"SELECT {', '.join(values)} FROM external_trainings",
    )
    assert constraint in message


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE live_sessions SET instructor_name = 'Somebody Else'",
        "UPDATE live_sessions SET status = 'scheduled', closed_at = NULL",
        "UPDATE live_session_attendances SET status = 'attended'",
        "DELETE FROM live_session_attendances",
        ADD_EVERYBODY,
    ],
)
async def test_closed_session_is_immutable(
    session: AsyncSession, closed: LiveSession, statement: str
) -> None:
    message = await refused(session, statement)
    assert "is settled" in message or "is closed" in message
