"""What runs in the background, by its name: `subject:verb`."""

from enum import StrEnum


class JobName(StrEnum):
    ACCOUNTS_RECONCILE = "users:reconcile"
    ATTEMPTS_CLOSE_OVERDUE = "attempts:close_overdue"
    COMPLETIONS_RECONCILE = "requirements:reconcile_pending"
    """Reconcile completions that a process has left behind when it was killed."""

    IDEMPOTENCY_KEYS_PRUNE = "idempotency_keys:prune"
    JOBS_PRUNE = "jobs:prune"
    MEDIA_SWEEP = "media:sweep"
    RECORDS_SEAL = "records:seal"
    REQUIREMENTS_RECONCILE = "requirements:reconcile"
    RULES_APPLY = "requirements:apply"
    """Apply changed rules to the people whom the changes have queued."""


class JobStatus(StrEnum):
    """The queue's own states. A job that is done has no row any more, only its log."""

    QUEUED = "queued"
    PICKED = "picked"
    SUCCESSFUL = "successful"
    EXCEPTION = "exception"
    CANCELED = "canceled"
    DELETED = "deleted"
    FAILED = "failed"
    """Given up: it waits for somebody to look at it."""
