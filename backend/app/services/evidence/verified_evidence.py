"""Steps that services of external evidence share. They take the unit of work they are in."""

from datetime import date

from app.models import EvidenceWithdrawal, ExternalEvidence, User, VerifiedEvidence
from app.services.compliance.reconciliation import reconcile
from app.services.unit_of_work import UnitOfWork


async def local_day(uow: UnitOfWork, user: User) -> date:
    """Return the calendar day it is now where the person works."""
    return await uow.employment.today_of(user.id)


def snapshot(user: User) -> dict[str, str | None]:
    """Return who the person is now, as training records keep it."""
    return {
        "full_name": user.directory_name,
        "email": user.email,
        "job_title": user.job_title.name if user.job_title else None,
        "department": user.department.name if user.department else None,
        "location": user.location.name if user.location else None,
    }


async def count_evidence(uow: UnitOfWork, evidence: VerifiedEvidence) -> None:
    """Let verified evidence count from now on, in the person's compliance too."""
    await uow.verified_evidence.add(evidence)
    await reconcile(uow, [evidence.user_id])


async def withdraw_evidence(
    uow: UnitOfWork, evidence: ExternalEvidence, reason: str, day: date
) -> None:
    await uow.verified_evidence.withdraw(
        EvidenceWithdrawal(
            evidence_id=evidence.id,
            recorded_on=day,
            reason=reason,
            withdrawn_by_id=uow.actor_id,
        )
    )
    await reconcile(uow, [evidence.user_id])
