"""What external evidence may claim."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from app.core.errors import FieldError
from app.domain.evidence.ce_credit import Delivery
from app.domain.evidence.credential_kind import credential_kind
from app.domain.fields import EARLIEST_DAY
from app.domain.people.place import is_state


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalClaim:
    completed_on: date
    module_id: uuid.UUID | None
    credential_kind: str | None
    printed_expiry: date | None
    credential_number: str | None
    issuing_state: str | None
    provider_number: str | None
    ce_category: str | None
    ce_delivery: Delivery | None


def faults(claim: ExternalClaim, today: date) -> Iterator[FieldError]:
    """Return the fields that contradict each other; `today` is the day where the person works."""
    if (claim.module_id is None) == (claim.credential_kind is None):
        yield FieldError("/module_id", "one_of", "Name either a module or a kind of credential")
    if claim.completed_on > today:
        yield FieldError("/completed_on", "in_the_future", "The training is still to come")
    if claim.completed_on < EARLIEST_DAY:
        yield FieldError("/completed_on", "too_early", "No training is that old")
    if claim.credential_kind and credential_kind(claim.credential_kind) is None:
        detail = "Name a kind that GET /credential-kinds lists"
        yield FieldError("/credential_kind", "unknown_credential_kind", detail)
    yield from _licence_faults(claim)
    yield from _expiry_faults(claim)
    ce = (claim.provider_number, claim.ce_category, claim.ce_delivery)
    if any(field is None for field in ce) and any(field is not None for field in ce):
        detail = "CE hours need the provider's number, a category and the way of delivery"
        yield FieldError("/provider_number", "ce_incomplete", detail)


def _licence_faults(claim: ExternalClaim) -> Iterator[FieldError]:
    if claim.issuing_state is not None and not is_state(claim.issuing_state):
        yield FieldError("/issuing_state", "unknown_state", "ISO 3166-2 has no such state")
    if claim.credential_kind is None:
        for name in ("credential_number", "issuing_state"):
            if getattr(claim, name) is not None:
                yield FieldError(f"/{name}", "not_a_credential", "Only a credential has one")


def _expiry_faults(claim: ExternalClaim) -> Iterator[FieldError]:
    expiry = claim.printed_expiry
    if expiry is not None and claim.credential_kind is None:
        yield FieldError("/printed_expiry", "not_a_credential", "Only a credential expires so")
    kind = credential_kind(claim.credential_kind) if claim.credential_kind else None
    if kind and kind.expires and expiry is None:
        yield FieldError("/printed_expiry", "missing", "Every card of this kind has an expiry")
    if expiry is not None and expiry < claim.completed_on:
        yield FieldError("/printed_expiry", "before_completion", "Expired before it was earned")
