import uuid
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base


class AccountRemoval(Base):
    """A sign-in account that was given up and is still to be deleted in Supabase Auth.

    Nobody gets in with it from the moment that this row is there. The row is deleted once Auth has
    said that the account is gone, so that neither a lost answer nor a crash leaves one behind.
    """

    __tablename__ = "account_removals"

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
