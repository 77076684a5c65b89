from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from app.models import InvitationClaim
from app.repositories.base import Repository


class InvitationRepository(Repository[InvitationClaim]):
    model = InvitationClaim

    async def claim(self, email: str, lasting: timedelta) -> datetime | None:
        """Claim an address; return until when, or None while somebody else has claimed it."""
        now = func.clock_timestamp()
        statement = insert(InvitationClaim).values(email=email, claimed_until=now + lasting)
        statement = statement.on_conflict_do_update(
            index_elements=["email"],
            set_={"claimed_until": statement.excluded.claimed_until},
            where=InvitationClaim.claimed_until < now,
        )
        taken = statement.returning(InvitationClaim.claimed_until)
        return await self.session.scalar(taken)

    async def give_back(self, email: str, claimed_until: datetime) -> None:
        """End a claim, unless it had expired and is somebody else's by now."""
        own = (InvitationClaim.email == email, InvitationClaim.claimed_until == claimed_until)
        await self.session.execute(delete(InvitationClaim).where(*own))
