"""Preview branches of a Supabase project, through its Management API."""

from branching.api import BranchApi, ManagementApi
from branching.backoff import Backoff
from branching.errors import (
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
from branching.probe import BranchProbe, NetworkProbe
from branching.resources import (
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
