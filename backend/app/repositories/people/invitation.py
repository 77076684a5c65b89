from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from app.models import InvitationClaim
from app.repositories.base import Repository


class InvitationRepository(Repository[InvitationClaim]):
    model = InvitationClaim

    async def claim(self, email: str, lasting: timedelta) -> bool:
        """Claim an address for some seconds; return False while somebody else has claimed it."""
        now = func.clock_timestamp()
        statement = insert(InvitationClaim).values(email=email, claimed_until=now + lasting)
        statement = statement.on_conflict_do_update(
            index_elements=["email"],
            set_={"claimed_until": statement.excluded.claimed_until},
            where=InvitationClaim.claimed_until < now,
        )
        taken = statement.returning(InvitationClaim.email)
        return await self.session.scalar(taken) is not None

    async def give_back(self, email: str) -> None:
        await self.session.execute(delete(InvitationClaim).where(InvitationClaim.email == email))
