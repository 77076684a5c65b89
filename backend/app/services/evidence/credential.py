"""Cards and licences, as they follow from the external evidence that was entered."""

import uuid
from collections.abc import Iterable
from datetime import date

from app.core.pagination import PageRequest
from app.domain.evidence.credential import Card, CredentialStatus, Held, held
from app.domain.evidence.credential_kind import KINDS, credential_code, credential_kind
from app.domain.recurrence import add_days
from app.models import ExternalEvidence, SourceCheck
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.repositories.evidence.external_evidence import ExternalEvidenceRow
from app.schemas.base import ListOf
from app.schemas.evidence.credential import CredentialKindRead, CredentialRead, Credentials
from app.schemas.evidence.source_check import SourceCheckRead
from app.services.base import Service, listed

EXPIRING_DAYS = 90
_SETTLED = {
    ExternalEvidenceStatus.PENDING: CredentialStatus.PENDING,
    ExternalEvidenceStatus.REJECTED: CredentialStatus.REJECTED,
}


class CredentialService(Service):
    def kinds(self) -> ListOf[CredentialKindRead]:
        items = [CredentialKindRead.model_validate(kind) for kind in KINDS]
        return ListOf(items=items, next_cursor=None, total=len(items))

    async def of_user(self, user_id: uuid.UUID) -> Credentials:
        async with self.reading() as uow:
            await self.visible_user(uow, user_id)
            today = await uow.employment.today_of(user_id)
            rows = await uow.external_evidence.credentials_of([user_id])
            checks = await uow.source_checks.of_cards(row.evidence.id for row in rows)
        standing = _standing(rows, today)
        items = [
            _read(row.evidence, standing[row.evidence.id], checks.get(row.evidence.id, ()))
            for row in rows
        ]
        return Credentials(items=items)

    async def expiring(
        self, expires_by: date | None, request: PageRequest
    ) -> ListOf[CredentialRead]:
        """List the cards that expire by a day and are not renewed by a later card of their kind.

        The default is `EXPIRING_DAYS` from today. Cards that have expired already are included.
        """
        async with self.reading() as uow:
            today = await uow.employment.office_day_of(self.actor.id)
            last = expires_by or add_days(today, EXPIRING_DAYS)
            page = await uow.external_evidence.expiring(self.actor, last, request)
            people = await uow.users.people_of({evidence.user_id for evidence in page.items})
            rows = await uow.external_evidence.credentials_of(people)
            checks = await uow.source_checks.of_cards(evidence.id for evidence in page.items)
        standing = _standing(rows, today)
        return listed(
            page,
            lambda card: _read(card, standing[card.id], checks.get(card.id, ())),
        )


def _standing(rows: Iterable[ExternalEvidenceRow], today: date) -> dict[uuid.UUID, Held]:
    """Return where each card stands among those of its person."""
    cards: dict[uuid.UUID, list[Card]] = {}
    for row in rows:
        cards.setdefault(row.person_id, []).append(card_of(row))
    return {key: found for each in cards.values() for key, found in held(each, today).items()}


def card_of(row: ExternalEvidenceRow) -> Card:
    settled = _SETTLED.get(row.evidence.status)
    if row.withdrawn_on is not None:
        settled = CredentialStatus.WITHDRAWN
    evidence = row.evidence
    return Card(
        id=evidence.id,
        kind=credential_code(evidence.credential_kind or ""),
        issued_on=evidence.completed_on,
        printed_expiry=evidence.printed_expiry,
        issuing_state=evidence.issuing_state,
        settled=settled,
    )


def _read(
    evidence: ExternalEvidence, standing: Held, checks: Iterable[SourceCheck]
) -> CredentialRead:
    written = evidence.credential_kind or ""
    kind = credential_kind(written)
    return CredentialRead(
        id=evidence.id,
        user_id=evidence.user_id,
        kind=credential_code(written),
        kind_name=kind.name if kind else written,
        title=evidence.title,
        number=evidence.credential_number,
        issuer=evidence.provider,
        issuing_state=evidence.issuing_state,
        issued_on=evidence.completed_on,
        printed_expiry=evidence.printed_expiry,
        status=standing.status,
        renews_id=standing.renews,
        cycle_starts_on=standing.cycle_starts_on,
        evidence_reference=evidence.evidence_reference,
        entered_by_id=evidence.entered_by_id,
        verified_by_id=evidence.reviewed_by_id,
        verified_at=evidence.reviewed_at,
        source_checks=[SourceCheckRead.model_validate(check) for check in checks],
    )
