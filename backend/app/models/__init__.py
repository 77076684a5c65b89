"""Every table of the application: importing this package fills `Base.metadata`."""

from app.models.attempt import AttemptResult, QuizAttempt
from app.models.audit_event import AuditEvent
from app.models.correction import QuizCorrection
from app.models.department import Department
from app.models.enrollment import Enrollment, SectionProgress
from app.models.idempotency_key import IdempotencyKey
from app.models.location import Location, LocationManager
from app.models.module import ModulePrerequisite, TrainingModule
from app.models.question import QuizQuestion
from app.models.section import ModuleSection
from app.models.signature import Signature
from app.models.training_record import RecordSeal, SealedRecord, TrainingRecord
from app.models.user import User
from app.models.version import AnswerKey, ModuleVersion, VersionSection

__all__ = [
    "AnswerKey",
    "AttemptResult",
    "AuditEvent",
    "Department",
    "Enrollment",
    "IdempotencyKey",
    "Location",
    "LocationManager",
    "ModulePrerequisite",
    "ModuleSection",
    "ModuleVersion",
    "QuizAttempt",
    "QuizCorrection",
    "QuizQuestion",
    "RecordSeal",
    "SealedRecord",
    "SectionProgress",
    "Signature",
    "TrainingModule",
    "TrainingRecord",
    "User",
    "VersionSection",
]
