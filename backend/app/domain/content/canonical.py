"""One spelling of JSON, so that equal values have equal bytes and equal hashes."""

import hashlib

import orjson


def canonical_json(value: object) -> bytes:
    """Sorted keys, UTF-8, no insignificant space: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
