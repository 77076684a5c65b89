from app.domain.people.display_name import display_name


def test_the_name() -> None:
    assert display_name("Grace Molar", "grace@unified.example") == "Grace Molar"


def test_else_what_the_address_begins_with() -> None:
    assert display_name(None, "grace@unified.example") == "grace"
    assert display_name("", "grace@unified.example") == "grace"


def test_nobody_is_called_nothing() -> None:
    assert display_name(None, "front desk") == "front desk"
