import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.credential_kind import KINDS, credential_code, credential_kind
from app.domain.word import comparable


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("BLS", "bls"),
        ("bls", "bls"),
        ("  Basic  Life Support ", "bls"),
        ("cpr/aed", "bls"),
        ("DMD", "dds"),
        ("X-Ray", "radiography"),
        ("Infection Control NY", "infection_control_ny"),
    ],
)
def test_one_kind_has_many_names(written: str, code: str) -> None:
    kind = credential_kind(written)
    assert kind is not None
    assert kind.code == credential_code(written) == code


def test_a_kind_of_before_the_list_is_one_in_any_case() -> None:
    assert credential_kind("Forklift permit") is None
    assert credential_code("Forklift  Permit") == credential_code("forklift permit")


def test_no_name_means_two_kinds() -> None:
    spellings = [
        comparable(word)
        for kind in KINDS
        for word in {comparable(each) for each in (kind.code, kind.name, *kind.aliases)}
    ]
    assert len(spellings) == len(set(spellings))


@given(st.text(max_size=30))
def test_a_code_is_its_own_code(written: str) -> None:
    assert credential_code(credential_code(written)) == credential_code(written)
