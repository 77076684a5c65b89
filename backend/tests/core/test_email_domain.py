import pytest

from app.core.email_domain import comparable_domain, domain_of


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("ada@unified.example", "unified.example"),
        ("Ada.Byron+work@UNIFIED.Example", "unified.example"),
        ("ada@bücher.example", "xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("ada@unified\N{IDEOGRAPHIC FULL STOP}example", "unified.example"),
    ],
)
def test_one_form_of_each_domain(email: str, domain: str) -> None:
    assert domain_of(email) == domain
    assert comparable_domain(email.partition("@")[2]) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unified.example",
        "ada@",
        "ada@unified",
        "ada@unified.example.",
        "ada@@unified.example",
        "a@b@unified.example",
        "ada@[192.0.2.1]",
        "ada@unified.example\x00",
        "ada@unified.example\nunified.example",
        "ada@unified.example\N{ZERO WIDTH SPACE}",
        "Ada <ada@unified.example>",
        "ada@" + "a" * 64 + ".example",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        domain_of(text)
