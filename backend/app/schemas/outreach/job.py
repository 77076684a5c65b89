from datetime import datetime

from app.domain.outreach.job import JobStatus
from app.schemas.base import Resource


class JobRead(Resource):
    """Work that waits, is under way (`picked`), or was given up (`failed`)."""

    id: int
    name: str
    """What it does, as `subject:verb`."""

    status: JobStatus
    failures: int
    """How often it has failed, was handed back by a worker that had to stop, or lost with one."""

    created_at: datetime
    run_after: datetime
    """It is not begun earlier."""

    last_failure: str | None
    """The kind and place of its last error, without the message; null where it never failed."""
