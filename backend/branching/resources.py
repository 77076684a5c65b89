"""What the Management API says about a branch; fields that nobody reads are ignored."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, SecretStr

HEALTHY = "ACTIVE_HEALTHY"
# States are plain text below: a state that is new to us must not end a wait.
FAILED_RUNS = frozenset({"MIGRATIONS_FAILED", "FUNCTIONS_FAILED"})
FAILED_PROJECTS = frozenset(
    {"INACTIVE", "INIT_FAILED", "GOING_DOWN", "REMOVED", "RESTORE_FAILED", "PAUSE_FAILED"}
)


class Branch(BaseModel):
    id: UUID
    name: str
    project_ref: str
    parent_project_ref: str
    is_default: bool
    persistent: bool
    status: str
    preview_project_status: str | None = None
    created_at: datetime

    @property
    def protected(self) -> bool:
        """Whether the branch is anything else than an ephemeral preview."""
        return self.is_default or self.persistent or self.project_ref == self.parent_project_ref

    @property
    def failure(self) -> str | None:
        """The state that the branch does not leave by itself, if it is in one."""
        if self.status in FAILED_RUNS:
            return self.status
        if self.preview_project_status in FAILED_PROJECTS:
            return self.preview_project_status
        return None


class BranchDetail(BaseModel):
    ref: str
    db_user: str | None = None
    db_pass: SecretStr | None = None
    jwt_secret: SecretStr | None = None


class ServiceHealth(BaseModel):
    name: str
    status: str
    error: str | None = None


class PoolerConfig(BaseModel):
    database_type: str
    db_user: str
    db_host: str
    db_name: str


class ApiKey(BaseModel):
    name: str
    type: Literal["legacy", "publishable", "secret"] | None = None
    api_key: SecretStr | None = None
