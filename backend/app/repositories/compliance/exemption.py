import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, select

from app.core.pagination import Page, PageRequest
from app.domain import compliance as facts
from app.domain.actor import Actor
from app.models import Exemption, ExemptionRevocation, Requirement
from app.repositories.base import Orders, Repository, any_of
from app.repositories.people.visibility import any_persons, owner_visible_to

PersonAndRequirement = tuple[uuid.UUID, uuid.UUID]


@dataclass(frozen=True, slots=True)
class ExemptionFilter:
    user_ids: tuple[uuid.UUID, ...] = ()
    requirement_ids: tuple[uuid.UUID, ...] = ()


EXEMPTION_ORDERS = Orders("-created_at", Exemption.id, created_at=Exemption.created_at)


@dataclass(frozen=True, slots=True)
class ExemptionRow:
    """An exemption and, where it was revoked, the day and the reason."""

    exemption: Exemption
    revoked_on: date | None
    revocation_reason: str | None


class ExemptionRepository(Repository[Exemption]):
    model = Exemption

    async def get_visible(self, exemption_id: uuid.UUID, actor: Actor) -> ExemptionRow | None:
        statement = _rows().where(
            Exemption.id == exemption_id, owner_visible_to(actor, Exemption.user_id)
        )
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else ExemptionRow(*row)

    async def list_visible(
        self, actor: Actor, filters: ExemptionFilter, request: PageRequest
    ) -> Page[ExemptionRow]:
        """List what the actor may see of everybody, the latest grant first."""
        statement = _rows().where(
            owner_visible_to(actor, Exemption.user_id),
            *any_persons(Exemption.user_id, filters.user_ids),
            *any_of(Exemption.requirement_id, filters.requirement_ids),
        )
        return await self.page_of(ExemptionRow, statement, request, EXEMPTION_ORDERS)

    async def requirement_exists(self, requirement_id: uuid.UUID) -> bool:
        statement = select(Requirement.id).where(
            Requirement.id == requirement_id, Requirement.deleted_at.is_(None)
        )
        return await self.session.scalar(statement) is not None

    async def revoke(self, revocation: ExemptionRevocation) -> ExemptionRevocation:
        self.session.add(revocation)
        await self.session.flush()
        return revocation

    async def of_people(
        self, user_ids: Sequence[uuid.UUID]
    ) -> dict[PersonAndRequirement, list[facts.Exemption]]:
        """Return the exemptions ever granted to these people, by person and requirement."""
        statement = (
            select(
                Exemption.user_id,
                Exemption.requirement_id,
                Exemption.id,
                Exemption.kind,
                Exemption.starts_on,
                Exemption.recorded_on,
                Exemption.ends_on,
                ExemptionRevocation.recorded_on,
            )
            .outerjoin(ExemptionRevocation, ExemptionRevocation.exemption_id == Exemption.id)
            .where(Exemption.user_id.in_(user_ids))
            .order_by(Exemption.created_at, Exemption.id)
        )
        found: dict[PersonAndRequirement, list[facts.Exemption]] = defaultdict(list)
        for row in await self.session.execute(statement):
            found[row[0], row[1]].append(facts.Exemption(*row[2:]))
        return found


def _rows() -> Select[Exemption, date | None, str | None]:
    return select(Exemption, ExemptionRevocation.recorded_on, ExemptionRevocation.reason).outerjoin(
        ExemptionRevocation, ExemptionRevocation.exemption_id == Exemption.id
    )
