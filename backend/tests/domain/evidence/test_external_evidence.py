"""What external evidence may claim."""

import uuid
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.ce_credit import Delivery
from app.domain.evidence.external_evidence import ExternalClaim, faults
from tests.domain.wording import is_sentence

TODAY = date(2027, 6, 1)
MODULE = ExternalClaim(
    completed_on=TODAY,
    module_id=uuid.UUID(int=1),
    credential_kind=None,
    printed_expiry=None,
    credential_number=None,
    issuing_state=None,
    provider_number=None,
    ce_category=None,
    ce_delivery=None,
)
LICENSE = replace(MODULE, module_id=None, credential_kind="bls", printed_expiry=date(2029, 6, 1))
CE = replace(MODULE, provider_number="123", ce_category="core", ce_delivery=Delivery.LIVE)

days = st.dates(date(2027, 5, 30), date(2027, 6, 3))
claims = st.builds(
    ExternalClaim,
    completed_on=days,
    module_id=st.none() | st.uuids(),
    credential_kind=st.none() | st.just("bls"),
    printed_expiry=st.none() | days,
    provider_number=st.none() | st.just("123"),
    ce_category=st.none() | st.just("core"),
    ce_delivery=st.none() | st.sampled_from(Delivery),
)


@pytest.mark.parametrize("claim", [MODULE, LICENSE, CE, replace(LICENSE, printed_expiry=TODAY)])
def test_takes_what_agrees_with_itself(claim: ExternalClaim) -> None:
    assert list(faults(claim, TODAY)) == []


@pytest.mark.full
@given(claims)
def test_what_is_taken_holds_together(claim: ExternalClaim) -> None:
    if list(faults(claim, TODAY)):
        return
    assert (claim.module_id is None) != (claim.credential_kind is None)
    assert claim.completed_on <= TODAY
    if claim.printed_expiry is not None:
        assert claim.credential_kind is not None
        assert claim.printed_expiry >= claim.completed_on
    ce = {claim.provider_number is None, claim.ce_category is None, claim.ce_delivery is None}
    assert len(ce) == 1


@pytest.mark.parametrize(
    ("claim", "pointer", "code"),
    [
        (replace(MODULE, credential_kind="npi"), "/module_id", "one_of"),
        (replace(MODULE, module_id=None), "/module_id", "one_of"),
        (replace(MODULE, completed_on=date(2027, 6, 2)), "/completed_on", "in_the_future"),
        (replace(MODULE, printed_expiry=TODAY), "/printed_expiry", "not_a_credential"),
        (replace(LICENSE, printed_expiry=None), "/printed_expiry", "missing"),
        (replace(LICENSE, credential_kind="?"), "/credential_kind", "unknown_credential_kind"),
        (replace(MODULE, completed_on=date(1899, 12, 31)), "/completed_on", "too_early"),
        (
            replace(LICENSE, printed_expiry=date(2027, 5, 31)),
            "/printed_expiry",
            "before_completion",
        ),
        (replace(MODULE, provider_number="123"), "/provider_number", "ce_incomplete"),
        (replace(CE, ce_category=None), "/provider_number", "ce_incomplete"),
        (replace(CE, ce_delivery=None), "/provider_number", "ce_incomplete"),
    ],
)
def test_names_what_contradicts(claim: ExternalClaim, pointer: str, code: str) -> None:
    found = list(faults(claim, TODAY))
    assert [(fault.pointer, fault.code) for fault in found] == [(pointer, code)]
    assert all(is_sentence(fault.detail) for fault in found)
