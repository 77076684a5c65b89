import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, select

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.models import EvidenceWithdrawal, ExternalTraining
from app.models.evidence.external_evidence import ExternalTrainingStatus
from app.repositories.base import Keyset, Repository
from app.repositories.people.user import owner_visible_to


@dataclass(frozen=True, slots=True)
class ExternalTrainingFilter:
    user_id: uuid.UUID | None = None
    module_id: uuid.UUID | None = None
    status: ExternalTrainingStatus | None = None


@dataclass(frozen=True, slots=True)
class ExternalTrainingRow:
    """A training and, where it was withdrawn, the day and the reason."""

    training: ExternalTraining
    withdrawn_on: date | None
    withdrawal_reason: str | None


class ExternalTrainingRepository(Repository[ExternalTraining]):
    model = ExternalTraining

    async def get_visible(self, training_id: uuid.UUID, actor: Actor) -> ExternalTrainingRow | None:
        statement = _rows().where(
            ExternalTraining.id == training_id, owner_visible_to(actor, ExternalTraining.user_id)
        )
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else ExternalTrainingRow(*row)

    async def lock_visible(self, training_id: uuid.UUID, actor: Actor) -> ExternalTraining | None:
        statement = (
            select(ExternalTraining)
            .where(
                ExternalTraining.id == training_id,
                owner_visible_to(actor, ExternalTraining.user_id),
            )
            .with_for_update()
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def list_visible(
        self, actor: Actor, filters: ExternalTrainingFilter, request: PageRequest
    ) -> Page[ExternalTrainingRow]:
        """List what the actor may see of everybody, the latest training first."""
        statement = _rows().where(
            owner_visible_to(actor, ExternalTraining.user_id), *_criteria(filters)
        )
        keyset = Keyset(ExternalTraining.completed_on, ExternalTraining.id, date, descending=True)
        return await self.page_of(ExternalTrainingRow, statement, request, keyset)

    async def standing(self, user_id: uuid.UUID) -> list[ExternalTraining]:
        """Return a person's verified trainings that were not withdrawn."""
        statement = (
            select(ExternalTraining)
            .outerjoin(EvidenceWithdrawal, EvidenceWithdrawal.evidence_id == ExternalTraining.id)
            .where(
                ExternalTraining.user_id == user_id,
                ExternalTraining.status == ExternalTrainingStatus.VERIFIED,
                EvidenceWithdrawal.id.is_(None),
            )
            .order_by(ExternalTraining.completed_on, ExternalTraining.id)
        )
        return list(await self.session.scalars(statement))


def _rows() -> Select[ExternalTraining, date | None, str | None]:
    return select(
        ExternalTraining, EvidenceWithdrawal.recorded_on, EvidenceWithdrawal.reason
    ).outerjoin(EvidenceWithdrawal, EvidenceWithdrawal.evidence_id == ExternalTraining.id)


def _criteria(filters: ExternalTrainingFilter) -> list[ColumnElement[bool]]:
    pairs = (
        (ExternalTraining.user_id, filters.user_id),
        (ExternalTraining.module_id, filters.module_id),
        (ExternalTraining.status, filters.status),
    )
    return [column == value for column, value in pairs if value is not None]
