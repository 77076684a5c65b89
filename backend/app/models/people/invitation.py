from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base


class InvitationClaim(Base):
    """Claims an address while it is invited, since a second mail would void the first link.

    Who corrects the address of a person claims `user:` and the id: the account can follow one only.
    """

    __tablename__ = "invitation_claims"

    email: Mapped[str] = mapped_column(String(320), primary_key=True)
    claimed_until: Mapped[datetime]
    """A claim expires by itself, because the process that made it may have crashed."""
