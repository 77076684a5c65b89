"""The compliance engine: recorded facts in, certification periods and status out. Pure.

How it decides, for one person and one requirement:

*Knowledge.* The engine is given the facts of one day's knowledge (`hindsight`), in which everything
is on record from the day on which it took effect. Given raw facts it lives through the days in
order, each knowing only what was recorded by then.

*Duty.* A requirement applies on a day when a rule is in force, the person is employed and matches
its audience. The duty begins on the first such day after a day without; it begins anew after an
exemption, and when the evidence it rested on was withdrawn and no other is left.

*Evidence* counts from the day it is on record, for the day it is dated. It meets the open period
and adds validity to what stands. Where it had lapsed before the duty began, what is asked for has
expired, since that day: nobody gets a first due date for what they let lapse. Only what had lapsed
before somebody was hired at all, or while they were exempt, is history. Given before the renewal
window it opens and meets a period of its own. Evidence dated after a material change
was published must be of the new version. Training below the hours that the rule asks for, or
without the trainer, is none.

*Incidents* name people, a requirement and a day. From that day the requirement applies to them,
whoever else it is meant for, and only training after that day is new: what stands is outdated, as
by a material change, and who has shown nothing yet has to by the day that the incident gives.

*A period* opens when the duty begins without valid evidence (initial), when the window before the
expiry begins (renewal), or when a material change outdates what stands (material_change). An open
period follows the rule and facts of the day; it closes as met, waived or released, and never
changes afterwards. A rule edit that leaves no reason for an open period releases it.

*Leave* makes exempt and moves no regulatory date: validity runs on. A first due date, or one after
a material change, that falls into a leave moves to the day of return.

*Licence cycles.* With this anchor evidence serves the cycle of the person's own licence that it
lies in, once, and has to be repeated by the end of the next cycle. What is not printed yet is
counted on by the months of the rule.

*Validity* ranges of renewals follow each other without overlap. After a material change or a
withdrawal the newer period takes over from its own `valid_from`: read `covering`.
"""

from app.domain.compliance.facts import (
    EmploymentChange,
    EmploymentState,
    Evidence,
    EvidenceSource,
    Exemption,
    ExemptionKind,
    Facts,
    Incident,
    Licence,
    Publication,
    RuleVersion,
    Shortfall,
)
from app.domain.compliance.hindsight import in_hindsight, rules_in_hindsight
from app.domain.compliance.obligation import ComplianceReason
from app.domain.compliance.periods import (
    CertificationPeriod,
    PeriodCause,
    PeriodOutcome,
    covering,
    periods,
)
from app.domain.compliance.status import (
    Assessment,
    ComplianceStatus,
    Missing,
    StatusLine,
    Why,
    assess,
    status,
)

__all__ = [
    "Assessment",
    "CertificationPeriod",
    "ComplianceReason",
    "ComplianceStatus",
    "EmploymentChange",
    "EmploymentState",
    "Evidence",
    "EvidenceSource",
    "Exemption",
    "ExemptionKind",
    "Facts",
    "Incident",
    "Licence",
    "Missing",
    "PeriodCause",
    "PeriodOutcome",
    "Publication",
    "RuleVersion",
    "Shortfall",
    "StatusLine",
    "Why",
    "assess",
    "covering",
    "in_hindsight",
    "periods",
    "rules_in_hindsight",
    "status",
]
