"""How requests and commands get a service: each with all that it needs, whoever asks.

A service that needs no more than the database takes one line here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from app.core.auth.security import TokenVerifier
from app.core.config import Settings
from app.core.database import Database
from app.core.files.download import Downloads
from app.core.metrics import Metrics
from app.domain.content.media.file import MediaLimits
from app.integrations.auth_admin import AuthAdmin
from app.integrations.file_storage import FileStorage
from app.integrations.pdf import PdfInspector
from app.services.base import Service
from app.services.compliance.compliance import ComplianceService
from app.services.compliance.exemption import ExemptionService
from app.services.compliance.incident import IncidentService
from app.services.compliance.reconciliation import ReconciliationService
from app.services.compliance.reconciliation_changes import ReconciliationChangesService
from app.services.compliance.report import MatrixCache, ReportService
from app.services.compliance.requirement import RequirementLimits, RequirementService
from app.services.compliance.training import TrainingService
from app.services.content.comparison import ComparisonService
from app.services.content.exchange import ExchangeService
from app.services.content.media import MediaService
from app.services.content.media_sweep import MediaSweep
from app.services.content.module import ModuleService
from app.services.content.module_teaching import ModuleTeachingService
from app.services.content.preview import PreviewService
from app.services.content.question import QuestionService
from app.services.content.section import SectionService
from app.services.content.seed import SeedService
from app.services.content.site_fact import SiteFactService
from app.services.context import RequestContext
from app.services.evidence.audit_event import AuditEventService
from app.services.evidence.audit_pack import AuditPackService
from app.services.evidence.ce_credit import CeCreditService
from app.services.evidence.credential import CredentialService
from app.services.evidence.external_evidence import ExternalEvidenceService
from app.services.evidence.legal_hold import LegalHoldService
from app.services.evidence.live_session import LiveSessionService
from app.services.evidence.retention import RetentionService
from app.services.evidence.seal import SealService
from app.services.evidence.source_check import SourceCheckService
from app.services.evidence.training_record import TrainingRecordService
from app.services.idempotency_key import IdempotencyKeyService
from app.services.outreach.job import JobService
from app.services.outreach.schedule import ScheduleService
from app.services.people.account_sync import AccountSyncService
from app.services.people.auth_hook import AuthHookService
from app.services.people.department import DepartmentService
from app.services.people.employment import EmploymentService
from app.services.people.invitation.account import AccountService
from app.services.people.invitation.address import AddressService
from app.services.people.invitation.service import InvitationService
from app.services.people.job_title import JobTitleService
from app.services.people.location import LocationService
from app.services.people.merge import MergeService
from app.services.people.position import PositionService
from app.services.people.user import UserService
from app.services.people.user_sync import UserSync
from app.services.study.assignment import AssignmentService
from app.services.study.attempt import AttemptService
from app.services.study.attempt_grant import AttemptGrantService
from app.services.study.content_cache import ContentCache
from app.services.study.correction import CorrectionService
from app.services.study.enrollment import EnrollmentService
from app.services.study.learner_content import LearnerContents
from app.services.study.question_analysis import QuestionAnalysisService
from app.services.study.realtime import RealtimeService

S = TypeVar("S", bound=Service)


def _plain(
    kind: Callable[[Database, RequestContext], S],
) -> "Callable[[Services, RequestContext], S]":
    def make(services: "Services", context: RequestContext) -> S:
        return kind(services.database, context)

    return make


@dataclass(slots=True)
class Services:
    """The objects that live as long as the process.

    The container makes them; routers and commands take their services from here.
    """

    settings: Settings
    database: Database
    auth: AuthAdmin
    storage: FileStorage
    verifier: TokenVerifier
    sync: UserSync
    cache: ContentCache
    metrics: Metrics
    contents: LearnerContents = field(init=False)
    matrices: MatrixCache = field(init=False)
    downloads: Downloads = field(init=False)
    pdfs: PdfInspector = field(init=False)

    def __post_init__(self) -> None:
        self.contents = LearnerContents(self.database, self.cache)
        self.matrices = MatrixCache(self.database)
        self.pdfs = PdfInspector()
        self.downloads = Downloads(
            at_once=self.settings.downloads_at_once,
            wait_seconds=self.settings.database_pool_timeout,
            max_bytes=self.settings.download_max_bytes,
        )

    assignments = _plain(AssignmentService)
    attempt_grants = _plain(AttemptGrantService)
    attempts = _plain(AttemptService)
    audit_events = _plain(AuditEventService)
    audit_packs = _plain(AuditPackService)
    ce_credits = _plain(CeCreditService)
    compliance = _plain(ComplianceService)
    comparisons = _plain(ComparisonService)
    corrections = _plain(CorrectionService)
    credentials = _plain(CredentialService)
    source_checks = _plain(SourceCheckService)
    departments = _plain(DepartmentService)
    exchange = _plain(ExchangeService)
    exemptions = _plain(ExemptionService)
    external_evidence = _plain(ExternalEvidenceService)
    incidents = _plain(IncidentService)
    job_titles = _plain(JobTitleService)
    jobs = _plain(JobService)
    legal_holds = _plain(LegalHoldService)
    live_sessions = _plain(LiveSessionService)
    locations = _plain(LocationService)
    module_teachings = _plain(ModuleTeachingService)
    modules = _plain(ModuleService)
    question_analysis = _plain(QuestionAnalysisService)
    previews = _plain(PreviewService)
    questions = _plain(QuestionService)
    realtime = _plain(RealtimeService)
    reconciliation = _plain(ReconciliationService)
    reconciliation_changes = _plain(ReconciliationChangesService)
    reports = _plain(ReportService)
    sections = _plain(SectionService)
    seals = _plain(SealService)
    seeds = _plain(SeedService)
    site_facts = _plain(SiteFactService)
    training_records = _plain(TrainingRecordService)
    trainings = _plain(TrainingService)

    def retention(self, context: RequestContext) -> RetentionService:
        return RetentionService(self.database, context, self.auth)

    def account_sync(self) -> AccountSyncService:
        settings = self.settings
        return AccountSyncService(
            self.database,
            self.auth,
            settings.reconcile_confirm_share,
            settings.signup_email_domains,
        )

    def idempotency_keys(self) -> IdempotencyKeyService:
        return IdempotencyKeyService(self.database)

    def schedules(self, context: RequestContext) -> ScheduleService:
        return ScheduleService(self.database, context, self.settings.schedule_time_zone)

    def media_sweep(self) -> MediaSweep:
        return MediaSweep(self.database, self.storage)

    def auth_hooks(self) -> AuthHookService:
        secret = self.settings.before_user_created_hook_secret
        return AuthHookService(
            secret.get_secret_value() if secret else None, self.settings.signup_email_domains
        )

    def employment(self, context: RequestContext) -> EmploymentService:
        adds_words = self.settings.add_unknown_words
        return EmploymentService(self.database, context, self.auth, adds_words=adds_words)

    def enrollments(self, context: RequestContext) -> EnrollmentService:
        return EnrollmentService(self.database, context, self.contents)

    def merges(self, context: RequestContext) -> MergeService:
        return MergeService(self.database, context, self.auth)

    def positions(self, context: RequestContext) -> PositionService:
        adds_words = self.settings.add_unknown_words
        return PositionService(self.database, context, adds_words=adds_words)

    def accounts(self, context: RequestContext) -> AccountService:
        return AccountService(self.database, context, self.auth, self.settings.account_domain)

    def addresses(self, context: RequestContext) -> AddressService:
        domains = self.settings.signup_email_domains
        return AddressService(self.database, context, self.auth, domains)

    def invitations(self, context: RequestContext) -> InvitationService:
        adds_words = self.settings.add_unknown_words
        return InvitationService(self.database, context, self.auth, adds_words=adds_words)

    def media(self, context: RequestContext) -> MediaService:
        limits = MediaLimits(
            section_bytes=self.settings.media_section_max_bytes,
            evidence_bytes=self.settings.media_evidence_max_bytes,
            download_seconds=self.settings.media_download_seconds,
            hashed_bytes=self.settings.media_hash_max_bytes,
        )
        return MediaService(self.database, context, self.storage, self.pdfs, limits)

    def requirements(self, context: RequestContext) -> RequirementService:
        limits = RequirementLimits(
            confirm_share=self.settings.confirm_share,
            confirm_people=self.settings.confirm_people,
        )
        adds_words = self.settings.add_unknown_words
        return RequirementService(self.database, context, limits, adds_words=adds_words)

    def users(self, context: RequestContext) -> UserService:
        adds_words = self.settings.add_unknown_words
        return UserService(self.database, context, self.auth, adds_words=adds_words)
