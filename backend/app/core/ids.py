"""Identifiers that the application makes, ordered by time so that new rows share index pages."""

import uuid

import uuid_utils
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562)."""
    return uuid7()


def new_request_id() -> str:
    """Return a UUIDv7 as text, so that request ids sort by time."""
    return str(uuid_utils.uuid7())
