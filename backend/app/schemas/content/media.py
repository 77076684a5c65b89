import re
import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from app.domain.content.media.file import MediaPurpose, MediaState, MediaType, Rejection
from app.domain.fields import StorableText, Whole, is_name, refuse
from app.schemas.base import Payload, Resource, Versioned

_NOT_IN_NAMES = re.compile(r"[/\\]")


def _plain(name: str) -> str:
    if _NOT_IN_NAMES.search(name) or not is_name(name):
        refuse("unsafe_name", "A file name has neither slashes nor control characters.")
    return name


FileName = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_plain),
]
SizeBytes = Annotated[int, Field(ge=1, le=2**53, strict=True), Whole]


class MediaCreate(Payload):
    """`size_bytes` is the exact size. `user_id` is left out for one's own evidence."""

    purpose: MediaPurpose
    content_type: MediaType
    size_bytes: SizeBytes
    file_name: FileName | None = None
    user_id: uuid.UUID | None = None


class MediaRead(Versioned):
    """`found_type` and `found_bytes` describe the uploaded file once it was checked."""

    model_config = ConfigDict(validate_by_name=True)

    id: uuid.UUID
    purpose: MediaPurpose
    owner_id: uuid.UUID
    uploaded_by_id: uuid.UUID
    file_name: str | None
    content_type: MediaType = Field(validation_alias="declared_type")
    size_bytes: int = Field(validation_alias="declared_bytes")
    found_type: str | None
    found_bytes: int | None
    sha256: str | None
    state: MediaState
    rejection: Rejection | None
    completed_at: datetime | None
    created_at: datetime


class Upload(Resource):
    """The arguments for supabase-js' `uploadToSignedUrl`, and a URL for a PUT without it."""

    bucket: str
    path: str
    token: str
    url: str
    expires_at: datetime
    server_time: datetime
    """Now, by the clock of `expires_at`.

    In an answer with `Idempotency-Replayed` it is the clock of the first time: subtract from the
    `Date` of the answer instead.
    """


class MediaDeclared(MediaRead):
    upload: Upload


class SignedMedia(Resource):
    media_id: uuid.UUID
    """The file that was asked for."""

    url: str | None
    """Good until `expires_at`; null for what is not there for the caller, or not ready."""


class MediaDownloads(Resource):
    """Anybody who holds one of the URLs may read the file, until they expire."""

    items: list[SignedMedia]
    """In the order asked for, each file once."""

    expires_at: datetime
    server_time: datetime


class MediaDownload(Resource):
    """Anybody who holds the URL may read the file, until it expires."""

    url: str
    expires_at: datetime
    server_time: datetime
