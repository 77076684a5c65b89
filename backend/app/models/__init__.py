"""Every table of the application: importing this package fills `Base.metadata`."""

from app.models.attempt import AttemptResult, QuizAttempt
from app.models.audit_event import AuditEvent
from app.models.certification_period import CertificationPeriod
from app.models.compliance_segment import (
    ComplianceCount,
    ComplianceDay,
    CompliancePending,
    ComplianceSegment,
)
from app.models.correction import QuizCorrection
from app.models.department import Department
from app.models.employment import EmploymentChange
from app.models.enrollment import Enrollment, SectionProgress
from app.models.evidence import EvidenceElsewhere, EvidenceWithdrawal
from app.models.exemption import Exemption, ExemptionRevocation
from app.models.external_training import ExternalTraining
from app.models.idempotency_key import IdempotencyKey
from app.models.legal_hold import LegalHold
from app.models.live_session import Attendance, LiveSession, SessionQuestion
from app.models.location import Location, LocationManager
from app.models.media import Media, VersionMedia
from app.models.module import ModulePrerequisite, TrainingModule
from app.models.module_teaching import ModuleTeaching
from app.models.question import QuizQuestion
from app.models.requirement import Requirement, RequirementVersion
from app.models.retention import ErasedRecord, Erasure, RetentionPeriod
from app.models.section import ModuleSection
from app.models.signature import Signature
from app.models.training_record import RecordSeal, SealedRecord, TrainingRecord
from app.models.user import User
from app.models.version import AnswerKey, ModuleVersion, VersionSection

__all__ = [
    "AnswerKey",
    "AttemptResult",
    "Attendance",
    "AuditEvent",
    "CertificationPeriod",
    "ComplianceCount",
    "ComplianceDay",
    "CompliancePending",
    "ComplianceSegment",
    "Department",
    "EmploymentChange",
    "Enrollment",
    "ErasedRecord",
    "Erasure",
    "EvidenceElsewhere",
    "EvidenceWithdrawal",
    "Exemption",
    "ExemptionRevocation",
    "ExternalTraining",
    "IdempotencyKey",
    "LegalHold",
    "LiveSession",
    "Location",
    "LocationManager",
    "Media",
    "ModulePrerequisite",
    "ModuleSection",
    "ModuleTeaching",
    "ModuleVersion",
    "QuizAttempt",
    "QuizCorrection",
    "QuizQuestion",
    "RecordSeal",
    "Requirement",
    "RequirementVersion",
    "RetentionPeriod",
    "SealedRecord",
    "SectionProgress",
    "SessionQuestion",
    "Signature",
    "TrainingModule",
    "TrainingRecord",
    "User",
    "VersionMedia",
    "VersionSection",
]
