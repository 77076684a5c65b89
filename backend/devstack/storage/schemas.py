"""Bodies of requests and the objects of the answers."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from devstack.storage.errors import Failure, StorageError

# The characters that Supabase takes from S3: no letters beyond ASCII, no percent or number sign.
_KEY: Final = re.compile(r"[A-Za-z0-9_/!.*'() &$=@;:+,?-]{1,1024}")
_BUCKET: Final = re.compile(r"[A-Za-z0-9_!.*'() &$=@;:+,?-]{1,100}")
_SIZE: Final = re.compile(r"(\d{1,12})\s*(B|KB|MB|GB)", re.IGNORECASE)
_UNITS: Final = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}
_TEN_YEARS: Final = 10 * 366 * 24 * 3600


def checked_key(key: str) -> str:
    """Refuse what Supabase refuses, and segments that mean something in a file system."""
    if not _KEY.fullmatch(key) or {"", ".", ".."} & set(key.split("/")):
        raise StorageError(Failure.INVALID_KEY, f"Invalid key: {key!a:.200}")
    return key


def checked_bucket_name(name: str) -> str:
    if not _BUCKET.fullmatch(name) or name in {".", ".."}:
        raise StorageError(Failure.INVALID_BUCKET_NAME)
    return name


def _parse_size(value: object) -> object:
    """Read a number of bytes or a text such as `20MB`."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _UNITS[match[2].upper()] if match else value


def _private(value: bool) -> bool:  # noqa: FBT001 - the validator's only argument
    if value:
        message = "the stand-in has private buckets only"
        raise ValueError(message)
    return value


FileSize = Annotated[int, BeforeValidator(_parse_size), Field(ge=1, lt=2**63)]


class BucketOptions(BaseModel):
    public: Annotated[bool, AfterValidator(_private)] = False
    file_size_limit: FileSize | None = None
    allowed_mime_types: list[str] | None = None


class NewBucket(BucketOptions):
    id: str | None = None
    name: str


class SignDownload(BaseModel):
    """supabase-py sends the number as text."""

    expires_in: Annotated[int, Field(alias="expiresIn", ge=1, le=_TEN_YEARS)]


class SignDownloads(SignDownload):
    paths: Annotated[list[str], Field(max_length=1000)]


class SortBy(BaseModel):
    column: Literal["name", "updated_at", "created_at"] = "name"
    order: Literal["asc", "desc"] = "asc"


class ListObjects(BaseModel):
    prefix: str = ""
    search: str = ""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100
    offset: Annotated[int, Field(ge=0)] = 0
    sort_by: Annotated[SortBy, Field(alias="sortBy")] = SortBy()


class RemoveObjects(BaseModel):
    prefixes: Annotated[list[str], Field(min_length=1, max_length=1000)]


class MoveObject(BaseModel):
    bucket_id: Annotated[str, Field(alias="bucketId")]
    source_key: Annotated[str, Field(alias="sourceKey")]
    destination_key: Annotated[str, Field(alias="destinationKey")]


class Bucket(BaseModel):
    """A row of `storage.buckets`."""

    id: str
    name: str
    owner: str = ""
    public: bool = False
    file_size_limit: int | None
    allowed_mime_types: list[str] | None
    created_at: datetime
    updated_at: datetime

    def takes(self, mimetype: str) -> bool:
        if self.allowed_mime_types is None:
            return True
        kind, _, _ = mimetype.partition("/")
        return bool({mimetype, f"{kind}/*", "*/*"} & set(self.allowed_mime_types))


class StoredObject(BaseModel):
    """A row of `storage.objects`; `size` in bytes, `etag` quoted as in the header."""

    id: UUID
    bucket_id: str
    name: str
    version: UUID
    size: int
    mimetype: str
    etag: str
    cache_control: str
    user_metadata: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime

    def info(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "name": self.name,
            "version": str(self.version),
            "bucket_id": self.bucket_id,
            "size": self.size,
            "content_type": self.mimetype,
            "cache_control": self.cache_control,
            "etag": self.etag,
            "metadata": self.user_metadata,
            "last_modified": self.updated_at.isoformat(),
            "created_at": self.created_at.isoformat(),
        }

    def entry(self, name: str) -> dict[str, Any]:
        """Describe the object in a listing, under the name that it has there."""
        return {
            "name": name,
            "id": str(self.id),
            "bucket_id": self.bucket_id,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
            "last_accessed_at": self.updated_at.isoformat(),
            "metadata": {
                "eTag": self.etag,
                "size": self.size,
                "mimetype": self.mimetype,
                "cacheControl": self.cache_control,
                "contentLength": self.size,
                "lastModified": self.updated_at.isoformat(),
                "httpStatusCode": 200,
            },
        }


def folder_entry(name: str) -> dict[str, Any]:
    absent = ("id", "created_at", "updated_at", "last_accessed_at", "metadata")
    return {"name": name, **dict.fromkeys(absent)}
