"""Everything one process holds, and how a request gets a service from it."""

from dataclasses import dataclass, field

import httpx

from app.core.auth.jwks import JwksKeys
from app.core.auth.security import TokenCache, TokenVerifier
from app.core.config import Settings
from app.core.database import Database
from app.core.metrics import Metrics
from app.domain.content.media import MediaLimits
from app.integrations.auth_admin import AuthAdmin, SupabaseAuthAdmin
from app.integrations.file_storage import FileStorage, SupabaseFileStorage
from app.services.compliance.compliance import ComplianceService
from app.services.compliance.exemption import ExemptionService
from app.services.compliance.report import MatrixCache, ReportService
from app.services.compliance.requirement import RequirementLimits, RequirementService
from app.services.content.exchange import ExchangeService
from app.services.content.media import MediaService
from app.services.content.module import ModuleService
from app.services.content.module_teaching import ModuleTeachingService
from app.services.content.question import QuestionService
from app.services.content.section import SectionService
from app.services.context import RequestContext
from app.services.evidence.audit_event import AuditEventService
from app.services.evidence.audit_pack import AuditPackService
from app.services.evidence.ce_credit import CeCreditService
from app.services.evidence.external_training import ExternalTrainingService
from app.services.evidence.legal_hold import LegalHoldService
from app.services.evidence.live_session import LiveSessionService
from app.services.evidence.retention import RetentionService
from app.services.evidence.training_record import TrainingRecordService
from app.services.people.auth_hook import AuthHookService
from app.services.people.employment import EmploymentService
from app.services.people.location import LocationService
from app.services.people.user import UserService
from app.services.people.user_sync import UserSync
from app.services.study.attempt import AttemptService
from app.services.study.content_cache import ContentCache
from app.services.study.correction import CorrectionService
from app.services.study.enrollment import EnrollmentService
from app.services.study.question_analysis import QuestionAnalysisService
from app.services.study.study import StudyService


@dataclass(slots=True)
class Container:
    settings: Settings
    database: Database
    auth: AuthAdmin
    storage: FileStorage
    verifier: TokenVerifier
    sync: UserSync
    cache: ContentCache
    metrics: Metrics
    http: httpx.AsyncClient
    study: StudyService = field(init=False)
    matrices: MatrixCache = field(init=False)

    def __post_init__(self) -> None:
        self.study = StudyService(self.database, self.cache)
        self.matrices = MatrixCache(self.database)

    @classmethod
    def build(cls, settings: Settings, *, auth: AuthAdmin | None = None) -> "Container":
        """Make everything without I/O: connections open at their first use."""
        database = Database.from_settings(settings)
        http = httpx.AsyncClient(timeout=5.0)
        auth = auth or SupabaseAuthAdmin(
            settings.supabase_url, settings.supabase_secret_key.get_secret_value()
        )
        return cls(
            settings=settings,
            database=database,
            auth=auth,
            storage=SupabaseFileStorage(
                settings.supabase_url,
                settings.supabase_secret_key.get_secret_value(),
                settings.storage_bucket,
            ),
            verifier=_verifier(settings, http),
            sync=UserSync(
                database,
                auth,
                bootstrap_admin_email=settings.bootstrap_admin_email,
                sign_up_domains=settings.signup_email_domains,
            ),
            cache=ContentCache(settings.content_cache_bytes),
            metrics=Metrics(database),
            http=http,
        )

    async def close(self) -> None:
        await self.auth.close()
        await self.storage.close()
        await self.http.aclose()
        await self.database.close()

    def attempts(self, context: RequestContext) -> AttemptService:
        return AttemptService(self.database, context)

    def audit_events(self, context: RequestContext) -> AuditEventService:
        return AuditEventService(self.database, context)

    def audit_packs(self, context: RequestContext) -> AuditPackService:
        return AuditPackService(self.database, context)

    def auth_hooks(self) -> AuthHookService:
        secret = self.settings.before_user_created_hook_secret
        return AuthHookService(
            secret.get_secret_value() if secret else None, self.settings.signup_email_domains
        )

    def corrections(self, context: RequestContext) -> CorrectionService:
        return CorrectionService(self.database, context)

    def compliance(self, context: RequestContext) -> ComplianceService:
        return ComplianceService(self.database, context)

    def employment(self, context: RequestContext) -> EmploymentService:
        return EmploymentService(self.database, context, self.auth)

    def enrollments(self, context: RequestContext) -> EnrollmentService:
        return EnrollmentService(self.database, context, self.cache)

    def exchange(self, context: RequestContext) -> ExchangeService:
        return ExchangeService(self.database, context)

    def locations(self, context: RequestContext) -> LocationService:
        return LocationService(self.database, context)

    def media(self, context: RequestContext) -> MediaService:
        limits = MediaLimits(
            section_bytes=self.settings.media_section_max_bytes,
            evidence_bytes=self.settings.media_evidence_max_bytes,
            download_seconds=self.settings.media_download_seconds,
            hashed_bytes=self.settings.media_hash_max_bytes,
        )
        return MediaService(self.database, context, self.storage, limits)

    def modules(self, context: RequestContext) -> ModuleService:
        return ModuleService(self.database, context)

    def question_analysis(self, context: RequestContext) -> QuestionAnalysisService:
        return QuestionAnalysisService(self.database, context)

    def questions(self, context: RequestContext) -> QuestionService:
        return QuestionService(self.database, context)

    def reports(self, context: RequestContext) -> ReportService:
        return ReportService(self.database, context)

    def requirements(self, context: RequestContext) -> RequirementService:
        limits = RequirementLimits(
            confirm_share=self.settings.confirm_share,
            confirm_people=self.settings.confirm_people,
        )
        return RequirementService(self.database, context, limits)

    def sections(self, context: RequestContext) -> SectionService:
        return SectionService(self.database, context)

    def training_records(self, context: RequestContext) -> TrainingRecordService:
        return TrainingRecordService(self.database, context)

    def ce_credits(self, context: RequestContext) -> CeCreditService:
        return CeCreditService(self.database, context)

    def exemptions(self, context: RequestContext) -> ExemptionService:
        return ExemptionService(self.database, context)

    def external_trainings(self, context: RequestContext) -> ExternalTrainingService:
        return ExternalTrainingService(self.database, context)

    def legal_holds(self, context: RequestContext) -> LegalHoldService:
        return LegalHoldService(self.database, context)

    def live_sessions(self, context: RequestContext) -> LiveSessionService:
        return LiveSessionService(self.database, context)

    def module_teachings(self, context: RequestContext) -> ModuleTeachingService:
        return ModuleTeachingService(self.database, context)

    def retention(self, context: RequestContext) -> RetentionService:
        return RetentionService(self.database, context)

    def users(self, context: RequestContext) -> UserService:
        return UserService(self.database, context, self.auth)


def _verifier(settings: Settings, http: httpx.AsyncClient) -> TokenVerifier:
    secret = settings.supabase_jwt_secret
    return TokenVerifier(
        JwksKeys(f"{settings.issuer}/.well-known/jwks.json", http),
        issuer=settings.issuer,
        oauth_clients=settings.oauth_clients,
        legacy_secret=secret.get_secret_value() if secret else None,
        cache=TokenCache(settings.token_cache_size, settings.token_cache_seconds),
    )
