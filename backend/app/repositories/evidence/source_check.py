import uuid
from collections.abc import Iterable
from datetime import date

from sqlalchemy import exists, or_, select, tuple_
from sqlalchemy.orm import aliased

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.models import EvidenceWithdrawal, ExternalEvidence, SourceCheck, User
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.repositories.base import Orders, Repository
from app.repositories.people.visibility import owner_visible_to

CHECK_ORDERS = Orders(
    "next_check_on",
    SourceCheck.id,
    next_check_on=SourceCheck.next_check_on,
)


class SourceCheckRepository(Repository[SourceCheck]):
    model = SourceCheck

    async def of_cards(
        self, evidence_ids: Iterable[uuid.UUID]
    ) -> dict[uuid.UUID, list[SourceCheck]]:
        """Return the checks of cards by card, the latest first."""
        statement = (
            select(SourceCheck)
            .where(SourceCheck.evidence_id.in_(list(evidence_ids)))
            .order_by(SourceCheck.checked_on.desc(), SourceCheck.id.desc())
        )
        found: dict[uuid.UUID, list[SourceCheck]] = {}
        for check in await self.session.scalars(statement):
            found.setdefault(check.evidence_id, []).append(check)
        return found

    async def due(self, actor: Actor, last: date, request: PageRequest) -> Page[SourceCheck]:
        """List the last check of each card that has to be checked again by a day.

        It lists cards of whom the actor may see which were neither rejected nor withdrawn.
        """
        later = aliased(SourceCheck)
        followed = exists().where(
            later.evidence_id == SourceCheck.evidence_id,
            tuple_(later.checked_on, later.id) > tuple_(SourceCheck.checked_on, SourceCheck.id),
        )
        withdrawn = exists().where(EvidenceWithdrawal.evidence_id == SourceCheck.evidence_id)
        statement = (
            select(SourceCheck)
            .join(ExternalEvidence, ExternalEvidence.id == SourceCheck.evidence_id)
            .join(User, User.id == SourceCheck.user_id)
            .where(
                owner_visible_to(actor, SourceCheck.user_id),
                User.is_active,
                ExternalEvidence.status != ExternalEvidenceStatus.REJECTED,
                SourceCheck.next_check_on <= last,
                ~or_(followed, withdrawn),
            )
        )
        return await self.page(statement, request, CHECK_ORDERS)
