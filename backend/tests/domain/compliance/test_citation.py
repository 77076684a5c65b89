import uuid

import pytest

from app.domain.compliance.requirement import Rule, as_cited, asks_for_trainer, contradicts
from tests.factories.requirement import rule_json

WHOLE = "29 CFR 1910.1030(g)(2)(vii)(N)"


def rule(**fields: object) -> Rule:
    return Rule.model_validate(rule_json(uuid.uuid4(), **fields))


@pytest.mark.parametrize(
    ("citation", "asks"),
    [
        ("29 CFR 1910.1030(g)(2)(vii)(N)", True),
        ("29 CFR 1910.1030 (g)(2)(vii) (N): questions", True),
        ("29 CFR 1910.1030(g)(2)(vii)", True),
        ("29 CFR 1910.1030(g)(2)(vii)(A)-(N)", True),
        ("29 CFR 1910.1030(g)(2)(ii), (iv) and (vii)(N)", True),
        ("29 CFR 1910.1030(g)(2)(ii)(A) and (vii)", True),
        ("29 CFR 1910.1030(g)(2)(vii)(A)", False),
        ("29 CFR 1910.1030(g)(2)(iv)", False),
        ("29 CFR 1910.1030(g)(2)", False),
        ("29 CFR 1910.1030(f)(3)", False),
        ("29 CFR 1910.1200(h)(1)", False),
        ("45 CFR 164.530(b)", False),
        ("", False),
    ],
)
def test_asks_for_trainer(citation: str, asks: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert asks_for_trainer(citation) is asks
    assert as_cited(rule(citation=citation)).trainer_required is asks


def test_a_rule_may_ask_for_one_by_itself() -> None:
    assert as_cited(rule(trainer_required=True)).trainer_required


def test_a_card_has_no_trainer() -> None:
    subject = {"kind": "credential", "credential_kind": "bls"}
    asked = rule(subject=subject, citation=WHOLE)
    assert as_cited(asked) == asked
    assert not contradicts(asked)


def test_saying_otherwise_contradicts() -> None:
    assert contradicts(rule(citation=WHOLE, trainer_required=False))
    assert not contradicts(rule(citation=WHOLE))
    assert not contradicts(rule(citation=WHOLE, trainer_required=True))
    assert not contradicts(rule(trainer_required=False))
