"""Identifiers made by the client: time-ordered, so that index pages stay warm."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562)."""
    return uuid7()
