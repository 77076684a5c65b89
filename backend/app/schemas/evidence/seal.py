import uuid
from datetime import datetime

from app.schemas.base import Resource


class SealRead(Resource):
    """A batch of records under one Merkle root. Keep `hash` where it cannot be altered."""

    id: uuid.UUID
    created_at: datetime
    number: int
    covers: str | None
    """The kind of evidence, or `audit_trail`; null in seals made before each kind had its own."""

    record_count: int
    merkle_root: str
    previous_hash: str
    hash: str
