import uuid
from datetime import date

from app.domain.evidence.ce_credit import Delivery
from app.domain.evidence.ce_profile import LicenceProfile
from app.domain.evidence.credential import CredentialStatus
from app.domain.fields import ExactNumber
from app.schemas.base import Resource


class CreditRead(Resource):
    """`source_id` is a training record or external evidence."""

    source_id: uuid.UUID
    title: str
    earned_on: date
    hours: ExactNumber
    category: str
    delivery: Delivery
    provider_number: str


class MinimumRead(Resource):
    category: str
    hours: ExactNumber
    within_months: int | None


class CapRead(Resource):
    categories: list[str]
    hours: ExactNumber


class FigureRead(Resource):
    """A number of the profile, its source, and the authority that decides about it."""

    name: str
    value: ExactNumber
    citation: str
    notice: str


class ShortfallRead(Resource):
    """`name` is a category, or `total`."""

    name: str
    needed: ExactNumber
    earned: ExactNumber


class CategoryRead(Resource):
    category: str
    hours: ExactNumber


class CeCredits(Resource):
    """`counted` is `earned` after the caps, `carried` comes from the cycle before.

    `notice` names the authority that decides, `remarks` say what hours do not show.
    """

    user_id: uuid.UUID
    profile: LicenceProfile
    profile_name: str
    cycle_start: date
    cycle_end: date
    as_of: date
    total_hours: ExactNumber
    minimums: list[MinimumRead]
    caps: list[CapRead]
    self_study_cap: ExactNumber | None
    earned: ExactNumber
    counted: ExactNumber
    over_caps: ExactNumber
    carried: ExactNumber
    missing_hours: ExactNumber
    by_category: list[CategoryRead]
    complete: bool
    shortfalls: list[ShortfallRead]
    credits: list[CreditRead]
    citation: str
    notice: str
    remarks: list[str]
    figures: list[FigureRead]


class LicenceCycleRead(CeCredits):
    """Where somebody stands in the cycle of a licence, which ends on `cycle_end`."""

    credential_id: uuid.UUID
    status: CredentialStatus


class LicenceCycles(Resource):
    """`without_profile` are verified cards of other kinds and states, or without a state."""

    items: list[LicenceCycleRead]
    without_profile: list[uuid.UUID]
