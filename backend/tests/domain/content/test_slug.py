import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.slug import MAX_LENGTH, slugify, unused_slug

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Bloodborne Pathogens", "bloodborne-pathogens"),
        ("  HIPAA: Privacy & Security! ", "hipaa-privacy-security"),
        ("Prévention des infections", "prevention-des-infections"),
        ("Ⅳ sedation", "iv-sedation"),
        ("感染管理", "module"),
        ("", "module"),
        ("---", "module"),
        ("a" * 79 + " b", "a" * 79),
        ("a" * 300, "a" * 80),
    ],
)
def test_examples(title: str, slug: str) -> None:
    assert slugify(title) == slug


@given(st.text())
def test_fits_an_address(title: str) -> None:
    slug = slugify(title)
    assert SLUG.fullmatch(slug)
    assert len(slug) <= MAX_LENGTH


@given(st.text())
def test_a_slug_is_its_own_slug(title: str) -> None:
    assert slugify(slugify(title)) == slugify(title)


@given(taken=st.sets(st.integers(1, 30)))
def test_takes_the_first_that_is_free(taken: set[int]) -> None:
    names = {"stem" if number == 1 else f"stem-{number}" for number in taken}
    free = next(number for number in range(1, 32) if number not in taken)
    assert unused_slug("stem", names) == ("stem" if free == 1 else f"stem-{free}")
