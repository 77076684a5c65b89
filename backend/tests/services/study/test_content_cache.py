import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.study import (
    content_cache,
)
from app.services.study.content_cache import ContentCache


def test_answers_by_enrollment() -> None:
    cache, version, first, second = ContentCache(100), *(uuid.uuid4() for _ in range(3))
    assert cache.get(first) is None
    cache.put(first, version, b"body")
    assert cache.get(first) == (version, b"body")
    assert cache.get(second) is None
    cache.put(second, version, b"body")
    assert cache.get(second) == (version, b"body")


def test_the_least_recently_read_leaves_first() -> None:
    cache = ContentCache(30)
    ids = [uuid.uuid4() for _ in range(4)]
    for each in ids[:3]:
        cache.put(each, each, bytes(10))
    cache.get(ids[0])
    cache.put(ids[3], ids[3], bytes(10))
    assert [cache.get(each) is not None for each in ids] == [True, False, True, True]


def test_what_is_larger_than_all_is_not_kept() -> None:
    cache, one = ContentCache(10), uuid.uuid4()
    cache.put(one, one, bytes(11))
    assert cache.get(one) is None
    empty = ContentCache(0)
    empty.put(one, one, b"x")
    assert empty.get(one) is None


@given(sizes=st.lists(st.integers(1, 60), max_size=40))
def test_stays_within_its_bytes(sizes: list[int]) -> None:
    cache, ids = ContentCache(100), [uuid.uuid4() for _ in sizes]
    for each, size in zip(ids, sizes, strict=True):
        cache.put(each, each, bytes(size))
    held = [entry[1] for each in ids if (entry := cache.get(each))]
    assert sum(map(len, held)) <= 100
    if sizes:
        assert cache.get(ids[-1]) is not None


def test_pins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_cache, "MAX_PINS", 3)
    cache, version, ids = ContentCache(100), uuid.uuid4(), [uuid.uuid4() for _ in range(4)]
    for each in ids:
        cache.put(each, version, b"body")
    assert [cache.get(each) is not None for each in ids] == [False, True, True, True]
