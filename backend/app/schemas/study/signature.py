import uuid
from datetime import datetime

from app.schemas.base import Resource


class SignatureRead(Resource):
    id: uuid.UUID
    section_id: uuid.UUID
    user_id: uuid.UUID
    printed_name: str
    directory_name: str | None
    """The signer's name in the directory at that time; null if it was not yet kept then."""

    email: str | None
    """The signer's address at that time; null if it was not yet kept then."""

    meaning: str
    document_sha256: str
    signed_at: datetime
