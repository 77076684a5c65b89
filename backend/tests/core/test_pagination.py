import base64
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.errors import InvalidPayloadError
from app.core.pagination import MAX_INTEGER, Key, decode_cursor, encode_cursor

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
INSTANTS = st.datetimes(
    min_value=datetime(1000, 1, 1),  # noqa: DTZ001  # hypothesis wants its bounds naive
    timezones=st.just(UTC),
)
KEYS: dict[type, st.SearchStrategy[Any]] = {
    str: STORABLE,
    int: st.integers(-MAX_INTEGER, MAX_INTEGER),
    datetime: INSTANTS,
    date: st.dates(),
    uuid.UUID: st.uuids(),
}
KINDS = st.sampled_from(sorted(KEYS, key=str))


def cursor_of(value: object) -> str:
    """A cursor of a list in its usual order; `value` is the key, if it is one."""
    written = ["", *value] if isinstance(value, list) else value
    return base64.urlsafe_b64encode(orjson.dumps(written)).decode().rstrip("=")


@given(data=st.data(), kind=KINDS, row_id=st.uuids())
def test_comes_back_as_it_went(data: st.DataObject, kind: type, row_id: uuid.UUID) -> None:
    key: tuple[Key, ...] = (data.draw(KEYS[kind]), row_id)
    cursor = encode_cursor(key)
    assert decode_cursor(cursor, (kind, uuid.UUID)) == key
    assert cursor.isascii()
    assert not set(cursor) & set("=+/ &?")


@given(cursor=st.text(), kind=KINDS)
@example("", str)
@example("bnVsbA", str)
@example("\ud800", str)
@example("ключ", int)
@example("A" * 100_000, int)
@example(cursor_of(["a"] * 3), str)
def test_garbage_is_the_callers_mistake(cursor: str, kind: type) -> None:
    with pytest.raises(InvalidPayloadError) as caught:
        decode_cursor(cursor, (kind, uuid.UUID))
    assert caught.value.extra["errors"] == [
        {
            "pointer": "query:cursor",
            "code": "invalid_cursor",
            "detail": "This list did not make it, in this order",
        }
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | STORABLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STORABLE, inner, max_size=3),
    max_leaves=5,
)


@given(value=JSON, kind=KINDS)
def test_other_json_is_no_cursor(value: object, kind: type) -> None:
    with pytest.raises(InvalidPayloadError):
        decode_cursor(cursor_of([value, {"not": "an id"}]), (kind, uuid.UUID))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, str),
        (None, datetime),
        (True, int),
        (2**31, int),
        (-(2**31), int),
        (2**63, int),
        ("a\x00b", str),
        (1, str),
        ("1", int),
        ("2026-01-01T00:00:00", datetime),
        ("0001-01-01T00:00:00+14:00", datetime),
        ("9999-12-31T23:59:59-14:00", datetime),
        ("2026-01-01T00:00:00+00:00", date),
        ("2026-02-30", date),
        (1_767_225_600, datetime),
    ],
)
def test_values_the_database_would_refuse(value: object, kind: type) -> None:
    with pytest.raises(InvalidPayloadError):
        decode_cursor(cursor_of([value, str(uuid.uuid4())]), (kind, uuid.UUID))


def test_the_id_is_never_null() -> None:
    with pytest.raises(InvalidPayloadError):
        decode_cursor(cursor_of(["a", None]), (str, uuid.UUID))


@pytest.mark.parametrize("length", [0, 1, 3])
def test_another_lists_cursor_is_refused(length: int) -> None:
    with pytest.raises(InvalidPayloadError):
        decode_cursor(cursor_of(["a"] * length), (str, uuid.UUID))


def test_instants_keep_their_moment() -> None:
    local = datetime(2026, 3, 8, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-8)))
    (revived, _) = decode_cursor(encode_cursor((local, uuid.uuid4())), (datetime, uuid.UUID))
    assert revived == local
