"""How long a deleted part of a draft may be restored."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func

from app.core.database import SoftDeletable

KEPT: Final = timedelta(days=30)


def restorable(part: type[SoftDeletable]) -> ColumnElement[bool]:
    """Match the deleted parts that may still be restored, and whose files are kept for that."""
    return and_(part.deleted_at.is_not(None), part.deleted_at > func.now() - KEPT)
