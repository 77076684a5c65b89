import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, Tuple, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.models import EvidenceWithdrawal, ExternalEvidence, User
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.repositories.base import Orders, Repository, any_of
from app.repositories.people.visibility import (
    ONES_OWN,
    Whose,
    owned_by,
    owned_by_people,
    owned_by_person,
    owner_visible_to,
    person_of,
)


@dataclass(frozen=True, slots=True)
class ExternalEvidenceFilter:
    whose: Whose = ONES_OWN
    module_ids: tuple[uuid.UUID, ...] = ()
    statuses: tuple[ExternalEvidenceStatus, ...] = ()


EVIDENCE_ORDERS = Orders(
    "-completed_on", ExternalEvidence.id, completed_on=ExternalEvidence.completed_on
)
CARD_ORDERS = Orders(
    "printed_expiry",
    ExternalEvidence.id,
    printed_expiry=ExternalEvidence.printed_expiry,
)


@dataclass(frozen=True, slots=True)
class ExternalEvidenceRow:
    """External evidence and, where it was withdrawn, the day and the reason."""

    evidence: ExternalEvidence
    withdrawn_on: date | None
    withdrawal_reason: str | None
    person_id: uuid.UUID
    """The entry under which the person goes on: most often the one that it names."""


class ExternalEvidenceRepository(Repository[ExternalEvidence]):
    model = ExternalEvidence

    async def get_visible(self, evidence_id: uuid.UUID, actor: Actor) -> ExternalEvidenceRow | None:
        statement = _rows().where(
            ExternalEvidence.id == evidence_id, owner_visible_to(actor, ExternalEvidence.user_id)
        )
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else ExternalEvidenceRow(*row)

    async def lock_visible(self, evidence_id: uuid.UUID, actor: Actor) -> ExternalEvidence | None:
        statement = (
            select(ExternalEvidence)
            .where(
                ExternalEvidence.id == evidence_id,
                owner_visible_to(actor, ExternalEvidence.user_id),
            )
            .with_for_update()
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def list_visible(
        self, actor: Actor, filters: ExternalEvidenceFilter, request: PageRequest
    ) -> Page[ExternalEvidenceRow]:
        """List external evidence, the latest first."""
        statement = _rows().where(
            *owned_by(filters.whose, actor, ExternalEvidence.user_id),
            *any_of(ExternalEvidence.module_id, filters.module_ids),
            *any_of(ExternalEvidence.status, filters.statuses),
        )
        return await self.page_of(ExternalEvidenceRow, statement, request, EVIDENCE_ORDERS)

    async def standing(self, user_id: uuid.UUID) -> list[ExternalEvidence]:
        """Return a person's verified external evidence that was not withdrawn."""
        statement = (
            select(ExternalEvidence)
            .outerjoin(EvidenceWithdrawal, EvidenceWithdrawal.evidence_id == ExternalEvidence.id)
            .where(
                owned_by_person(ExternalEvidence.user_id, user_id),
                ExternalEvidence.status == ExternalEvidenceStatus.VERIFIED,
                EvidenceWithdrawal.id.is_(None),
            )
            .order_by(ExternalEvidence.completed_on, ExternalEvidence.id)
        )
        return list(await self.session.scalars(statement))

    async def credentials_of(self, user_ids: Collection[uuid.UUID]) -> list[ExternalEvidenceRow]:
        """Return the cards and licences of people, including rejected and withdrawn ones."""
        statement = (
            _rows()
            .where(
                owned_by_people(ExternalEvidence.user_id, user_ids),
                ExternalEvidence.credential_kind.is_not(None),
            )
            .order_by(
                ExternalEvidence.printed_expiry.desc().nulls_last(),
                ExternalEvidence.completed_on.desc(),
                ExternalEvidence.id,
            )
        )
        return [ExternalEvidenceRow(*row) for row in await self.session.execute(statement)]

    async def expiring(
        self, actor: Actor, last: date, request: PageRequest
    ) -> Page[ExternalEvidence]:
        """List the cards of whom the actor may see that run out by a day and are not renewed."""
        later = aliased(ExternalEvidence)
        renewed = exists().where(
            person_of(later.user_id) == User.id,
            func.lower(later.credential_kind) == func.lower(ExternalEvidence.credential_kind),
            or_(
                later.issuing_state.is_(None),
                ExternalEvidence.issuing_state.is_(None),
                later.issuing_state == ExternalEvidence.issuing_state,
            ),
            _place(later) > _place(ExternalEvidence),
            *_stands(later),
        )
        statement = (
            select(ExternalEvidence)
            .join(User, User.id == person_of(ExternalEvidence.user_id))
            .where(
                owner_visible_to(actor, ExternalEvidence.user_id),
                User.is_active,
                ExternalEvidence.credential_kind.is_not(None),
                ExternalEvidence.printed_expiry <= last,
                *_stands(ExternalEvidence),
                ~renewed,
            )
        )
        return await self.page(statement, request, CARD_ORDERS)


def _place(evidence: type[ExternalEvidence]) -> Tuple:
    """Return where a card stands among those of its kind, as the domain orders them."""
    expiry = func.coalesce(evidence.printed_expiry, literal(date.max))
    return tuple_(expiry, evidence.completed_on, evidence.id)


def _stands(evidence: type[ExternalEvidence]) -> tuple[ColumnElement[bool], ...]:
    withdrawn = exists().where(EvidenceWithdrawal.evidence_id == evidence.id)
    return (evidence.status == ExternalEvidenceStatus.VERIFIED, ~withdrawn)


def _rows() -> Select[ExternalEvidence, date | None, str | None, uuid.UUID]:
    return select(
        ExternalEvidence,
        EvidenceWithdrawal.recorded_on,
        EvidenceWithdrawal.reason,
        person_of(ExternalEvidence.user_id).label("person_id"),
    ).outerjoin(EvidenceWithdrawal, EvidenceWithdrawal.evidence_id == ExternalEvidence.id)
