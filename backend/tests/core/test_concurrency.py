import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.concurrency import Precondition
from app.core.errors import PreconditionFailedError, PreconditionRequiredError

ETAGS = st.uuids().map(lambda value: f'"{value}.1"')


@given(current=ETAGS)
def test_the_etag_that_was_read_passes(current: str) -> None:
    Precondition.parse(current).require(current)
    Precondition.parse(f"  {current} ").require(current)


@given(sent=st.lists(ETAGS, min_size=1, max_size=4), current=ETAGS)
def test_one_of_several_is_enough(sent: list[str], current: str) -> None:
    Precondition.parse(", ".join([*sent, current])).require(current)
    if current not in sent:
        with pytest.raises(PreconditionFailedError):
            Precondition.parse(", ".join(sent)).require(current)


def test_anything_that_exists() -> None:
    Precondition.parse("*").require('"a.1"')


def test_the_owners_etag_covers_its_parts() -> None:
    Precondition.parse('"module.3"').require('"section.1"', '"module.3"')


@pytest.mark.parametrize("header", ['"a.1"', "a.2", 'W/"a.2"', '"A.2"', "'a.2'", '""'])
def test_everything_else_was_changed_meanwhile(header: str) -> None:
    """Weak tags never match: If-Match compares strongly (RFC 9110, 13.1.1)."""
    with pytest.raises(PreconditionFailedError) as caught:
        Precondition.parse(header).require('"a.2"')
    assert caught.value.status == 412


@pytest.mark.parametrize("header", [None, "", " ", ",", " , ,"])
def test_a_blind_write_is_refused(header: str | None) -> None:
    with pytest.raises(PreconditionRequiredError) as caught:
        Precondition.parse(header).require('"a.2"')
    assert caught.value.status == 428


def test_where_none_is_needed_none_may_be_sent() -> None:
    Precondition.parse(None).check('"a.2"')
    Precondition.parse('"a.2"').check('"a.2"')


@pytest.mark.parametrize("header", ['"a.1"', "", " ", ","])
def test_where_none_is_needed_one_that_is_sent_has_to_hold(header: str) -> None:
    with pytest.raises(PreconditionFailedError):
        Precondition.parse(header).check('"a.2"')
