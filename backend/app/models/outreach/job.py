"""The tables of the queue, as PgQueuer wants them. `core/postgres/queue.py` gives it their names.

Their columns and indexes are PgQueuer's; tests/migrations/test_queue.py compares them with what
the installed version would make.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Identity, Index, Integer, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base
from app.domain.outreach.job import JobStatus

_STATUS = ENUM(*[status.value for status in JobStatus], name="job_status", metadata=Base.metadata)
_QUEUED = text("(status = 'queued'::job_status)")
_PICKED = text("(status = 'picked'::job_status)")


class Job(Base):
    """Work that waits, is under way, or was given up. Finished work is deleted."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    priority: Mapped[int] = mapped_column(Integer)
    queue_manager_id: Mapped[uuid.UUID | None]
    """The worker that does it."""

    created: Mapped[datetime] = mapped_column(server_default=func.now())
    updated: Mapped[datetime] = mapped_column(server_default=func.now())
    heartbeat: Mapped[datetime] = mapped_column(server_default=func.now())
    execute_after: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[str] = mapped_column(_STATUS)
    entrypoint: Mapped[str] = mapped_column(Text)
    """A JobName."""

    dedupe_key: Mapped[str | None] = mapped_column(Text)
    """No other job that waits or is under way has the same."""

    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """How often its worker has died (`losses`), where that has happened."""

    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """How often it has failed, been handed back, or been lost with its worker."""

    slot: Mapped[int | None] = mapped_column(BigInteger)


class JobLog(Base):
    """Each change of a job's status. Pruned after JOB_LOG_DAYS."""

    __tablename__ = "job_log"
    __table_args__ = (
        Index("job_log_not_aggregated", text("(1)"), postgresql_where=text("(NOT aggregated)")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created: Mapped[datetime] = mapped_column(server_default=func.now())
    job_id: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(_STATUS)
    priority: Mapped[int] = mapped_column(Integer)
    entrypoint: Mapped[str] = mapped_column(Text)
    traceback: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Why it failed: the class and place of the exception, never its message."""

    aggregated: Mapped[bool | None] = mapped_column(Boolean, server_default=text("false"))


class JobStatistic(Base):
    """PgQueuer asks for this table. Nothing writes it: Prometheus keeps our figures."""

    __tablename__ = "job_statistics"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    created: Mapped[datetime] = mapped_column(server_default=text("date_trunc('sec'::text, now())"))
    count: Mapped[int] = mapped_column(BigInteger)
    priority: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(_STATUS)
    entrypoint: Mapped[str] = mapped_column(Text)


Index(
    "jobs_priority_id_id1_idx",
    Job.priority,
    Job.id.desc(),
    postgresql_include=["id"],
    postgresql_where=_QUEUED,
)
Index(
    "jobs_updated_id_id1_idx",
    Job.updated,
    Job.id.desc(),
    postgresql_include=["id"],
    postgresql_where=_PICKED,
)
Index("jobs_picked_heartbeat_idx", Job.heartbeat, postgresql_where=_PICKED)
Index(
    "jobs_queue_manager_id_idx",
    Job.queue_manager_id,
    postgresql_where=text("(queue_manager_id IS NOT NULL)"),
)
Index("jobs_ep_prio_id_idx", Job.entrypoint, Job.priority.desc(), Job.id, postgresql_where=_QUEUED)
Index("jobs_ep_ea_idx", Job.entrypoint, Job.execute_after, postgresql_where=_QUEUED)
Index(
    "jobs_unique_dedupe_key",
    Job.dedupe_key,
    unique=True,
    postgresql_where=text(
        "((status = ANY (ARRAY['queued'::job_status, 'picked'::job_status]))"
        " AND (dedupe_key IS NOT NULL))"
    ),
)
Index(
    "jobs_picked_slot_idx",
    Job.entrypoint,
    Job.slot,
    unique=True,
    postgresql_where=text("((status = 'picked'::job_status) AND (slot IS NOT NULL))"),
)
Index("job_log_created", JobLog.created)
Index("job_log_status", JobLog.status)
Index("job_log_job_id_status", JobLog.job_id, JobLog.created.desc())
Index(
    "job_statistics_unique_count",
    JobStatistic.priority,
    text("date_trunc('sec'::text, timezone('UTC'::text, created))"),
    JobStatistic.status,
    JobStatistic.entrypoint,
    unique=True,
)
