"""Preview branches of a Supabase project, through its Management API."""

from app.integrations.supabase_branch.api import BranchApi, ManagementApi
from app.integrations.supabase_branch.backoff import Backoff
from app.integrations.supabase_branch.errors import (
    ApiRefusedError,
    ApiUnavailableError,
    BranchCredentialsError,
    BranchError,
    BranchFailedError,
    BranchNotFoundError,
    BranchTimeoutError,
    ProbeError,
    ProtectedBranchError,
)
from app.integrations.supabase_branch.probe import BranchProbe, NetworkProbe
from app.integrations.supabase_branch.resources import (
    HEALTHY,
    ApiKey,
    Branch,
    BranchDetail,
    PoolerConfig,
    ServiceHealth,
)

__all__ = [
    "HEALTHY",
    "ApiKey",
    "ApiRefusedError",
    "ApiUnavailableError",
    "Backoff",
    "Branch",
    "BranchApi",
    "BranchCredentialsError",
    "BranchDetail",
    "BranchError",
    "BranchFailedError",
    "BranchNotFoundError",
    "BranchProbe",
    "BranchTimeoutError",
    "ManagementApi",
    "NetworkProbe",
    "PoolerConfig",
    "ProbeError",
    "ProtectedBranchError",
    "ServiceHealth",
]
