import uuid
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select

from app.domain import compliance as facts
from app.models import Exemption, ExemptionRevocation
from app.repositories.base import Repository

PersonAndRequirement = tuple[uuid.UUID, uuid.UUID]


class ExemptionRepository(Repository[Exemption]):
    model = Exemption

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
