import uuid
from datetime import datetime

from app.schemas.base import Resource


class SealRead(Resource):
    """A batch of records under one Merkle root. Keep `hash` where nobody alters it."""

    id: uuid.UUID
    created_at: datetime
    number: int
    record_count: int
    merkle_root: str
    previous_hash: str
    hash: str
