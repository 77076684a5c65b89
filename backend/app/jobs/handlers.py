"""What each job does. A handler only calls a service, and may be repeated or cut off anywhere."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from app.domain.outreach.job import JobName
from app.jobs.compliance import reconciliation
from app.jobs.content import media
from app.jobs.evidence import seal
from app.jobs.outreach import job
from app.jobs.people import account
from app.jobs.study import attempt
from app.services.factories import Services

Handler = Callable[[Services], Awaitable[None]]

HANDLERS: Final[Mapping[JobName, Handler]] = {
    JobName.ACCOUNTS_RECONCILE: account.reconcile,
    JobName.ATTEMPTS_CLOSE_OVERDUE: attempt.close_overdue,
    JobName.COMPLETIONS_RECONCILE: reconciliation.reconcile_completions,
    JobName.IDEMPOTENCY_KEYS_PRUNE: job.prune_idempotency_keys,
    JobName.JOBS_PRUNE: job.prune_log,
    JobName.MEDIA_SWEEP: media.sweep,
    JobName.RECORDS_SEAL: seal.seal,
    JobName.REQUIREMENTS_RECONCILE: reconciliation.reconcile,
    JobName.RULES_APPLY: reconciliation.apply_rules,
}
