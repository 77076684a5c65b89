"""Every table of the application: importing this package fills `Base.metadata`."""

from app.models.compliance.certification_period import CertificationPeriod, SupersededPeriod
from app.models.compliance.compliance_segment import (
    ComplianceCount,
    ComplianceDay,
    ComplianceEdition,
    ComplianceOutdated,
    CompliancePending,
    ComplianceSegment,
    SupersededSegment,
)
from app.models.compliance.exemption import Exemption, ExemptionRevocation
from app.models.compliance.incident import (
    CorrectiveStep,
    CorrectiveStepCompletion,
    Incident,
    IncidentPerson,
    IncidentWithdrawal,
)
from app.models.compliance.requirement import Requirement, RequirementVersion
from app.models.content.media import Media, VersionMedia
from app.models.content.module import ModulePrerequisite, TrainingModule
from app.models.content.module_teaching import ModuleTeaching
from app.models.content.question import QuizQuestion
from app.models.content.section import ModuleSection
from app.models.content.version import AnswerKey, ModuleVersion, VersionSection
from app.models.evidence.audit_event import AuditEvent
from app.models.evidence.external_evidence import ExternalEvidence
from app.models.evidence.legal_hold import LegalHold
from app.models.evidence.live_session import Attendance, LiveSession, SessionQuestion
from app.models.evidence.retention import (
    ErasedEvidence,
    ErasedRecord,
    Erasure,
    RetentionPeriod,
)
from app.models.evidence.source_check import SourceCheck
from app.models.evidence.training_record import RecordSeal, SealedRecord, TrainingRecord
from app.models.evidence.verified_evidence import EvidenceWithdrawal, VerifiedEvidence
from app.models.idempotency_key import IdempotencyKey
from app.models.outreach.job import Job, JobLog, JobStatistic
from app.models.outreach.schedule import Schedule
from app.models.people.account_note import AccountMove, AccountRemoval
from app.models.people.department import Department, DepartmentSpelling
from app.models.people.employment import EmploymentChange
from app.models.people.invitation import InvitationClaim
from app.models.people.job_title import JobTitle, JobTitleSpelling
from app.models.people.location import Location, LocationManager
from app.models.people.manager_change import ManagerChange
from app.models.people.merge import Merge
from app.models.people.position import Position
from app.models.people.user import User
from app.models.study.attempt import AttemptResult, QuizAttempt
from app.models.study.attempt_grant import AttemptGrant
from app.models.study.correction import QuizCorrection
from app.models.study.enrollment import Enrollment, SectionProgress
from app.models.study.signature import Signature
from app.models.study.study_clock import StudyClock, StudyTime

__all__ = [
    "AccountMove",
    "AccountRemoval",
    "AnswerKey",
    "AttemptGrant",
    "AttemptResult",
    "Attendance",
    "AuditEvent",
    "CertificationPeriod",
    "ComplianceCount",
    "ComplianceDay",
    "ComplianceEdition",
    "ComplianceOutdated",
    "CompliancePending",
    "ComplianceSegment",
    "CorrectiveStep",
    "CorrectiveStepCompletion",
    "Department",
    "DepartmentSpelling",
    "EmploymentChange",
    "Enrollment",
    "ErasedEvidence",
    "ErasedRecord",
    "Erasure",
    "EvidenceWithdrawal",
    "Exemption",
    "ExemptionRevocation",
    "ExternalEvidence",
    "IdempotencyKey",
    "Incident",
    "IncidentPerson",
    "IncidentWithdrawal",
    "InvitationClaim",
    "Job",
    "JobLog",
    "JobStatistic",
    "JobTitle",
    "JobTitleSpelling",
    "LegalHold",
    "LiveSession",
    "Location",
    "LocationManager",
    "ManagerChange",
    "Media",
    "Merge",
    "ModulePrerequisite",
    "ModuleSection",
    "ModuleTeaching",
    "ModuleVersion",
    "Position",
    "QuizAttempt",
    "QuizCorrection",
    "QuizQuestion",
    "RecordSeal",
    "Requirement",
    "RequirementVersion",
    "RetentionPeriod",
    "Schedule",
    "SealedRecord",
    "SectionProgress",
    "SessionQuestion",
    "Signature",
    "SourceCheck",
    "StudyClock",
    "StudyTime",
    "SupersededPeriod",
    "SupersededSegment",
    "TrainingModule",
    "TrainingRecord",
    "User",
    "VerifiedEvidence",
    "VersionMedia",
    "VersionSection",
]
