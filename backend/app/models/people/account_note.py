"""What is still to be done with sign-in accounts in Supabase Auth.

A row is deleted once Auth has said that it is done, so that neither a lost answer nor a crash
leaves an account behind.
"""

import uuid
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base


class AccountNote(Base):
    __abstract__ = True

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AccountRemoval(AccountNote):
    """An account that was given up and is to be deleted. From now on nobody gets in with it."""

    __tablename__ = "account_removals"


class AccountMove(AccountNote):
    """An account that was given another address, whose row may not have followed.

    It is to be given the address that the row has then.
    """

    __tablename__ = "account_moves"
