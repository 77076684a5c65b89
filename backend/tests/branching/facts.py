"""What Supabase documents of the Management API, as far as the stand-in answers it.

`test_openapi.py` compares these facts with Supabase's own OpenAPI file when SUPABASE_OPENAPI
gives its path.
"""

from typing import Any, Final

PROJECT_STATES: Final = [
    "INACTIVE",
    "ACTIVE_HEALTHY",
    "ACTIVE_UNHEALTHY",
    "COMING_UP",
    "UNKNOWN",
    "GOING_DOWN",
    "INIT_FAILED",
    "REMOVED",
    "RESTORING",
    "UPGRADING",
    "PAUSING",
    "RESTORE_FAILED",
    "RESTARTING",
    "PAUSE_FAILED",
    "RESIZING",
]
RUN_STATES: Final = [
    "CREATING_PROJECT",
    "RUNNING_MIGRATIONS",
    "MIGRATIONS_PASSED",
    "MIGRATIONS_FAILED",
    "FUNCTIONS_DEPLOYED",
    "FUNCTIONS_FAILED",
]
SERVICES: Final = [
    "auth",
    "db",
    "db_postgres_user",
    "pooler",
    "realtime",
    "rest",
    "storage",
    "pg_bouncer",
]
SERVICE_STATES: Final = ["COMING_UP", "ACTIVE_HEALTHY", "UNHEALTHY"]

TEXT: Final = {"type": "string"}
FLAG: Final = {"type": "boolean"}
COUNT: Final = {"type": "integer"}


def _one_of(values: list[str]) -> dict[str, Any]:
    return {"type": "string", "enum": values}


def _record(optional: str = "", **properties: dict[str, Any]) -> dict[str, Any]:
    required = [name for name in properties if name not in optional.split()]
    return {"type": "object", "properties": properties, "required": required}


SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "BranchResponse": _record(
        "preview_project_status git_branch",
        id=TEXT,
        name=TEXT,
        project_ref=TEXT,
        parent_project_ref=TEXT,
        is_default=FLAG,
        git_branch=TEXT,
        persistent=FLAG,
        status=_one_of(RUN_STATES),
        created_at=TEXT,
        updated_at=TEXT,
        with_data=FLAG,
        preview_project_status=_one_of(PROJECT_STATES),
    ),
    "CreateBranchBody": _record(
        "persistent with_data git_branch",
        branch_name=TEXT,
        git_branch=TEXT,
        persistent=FLAG,
        with_data=FLAG,
    ),
    "BranchDetailResponse": _record(
        "db_user db_pass jwt_secret",
        ref=TEXT,
        postgres_version=TEXT,
        postgres_engine=TEXT,
        release_channel=TEXT,
        status=_one_of(PROJECT_STATES),
        db_host=TEXT,
        db_port=COUNT,
        db_user=TEXT,
        db_pass=TEXT,
        jwt_secret=TEXT,
    ),
    "BranchDeleteResponse": _record(message=_one_of(["ok"])),
    "V1ServiceHealthResponse": _record(
        "error",
        name=_one_of(SERVICES),
        healthy=FLAG,
        status=_one_of(SERVICE_STATES),
        error=TEXT,
    ),
    "ApiKeyResponse": _record(
        "api_key id type prefix",
        name=TEXT,
        api_key=TEXT,
        id=TEXT,
        type=_one_of(["legacy", "publishable", "secret"]),
        prefix=TEXT,
    ),
    "SupavisorConfigResponse": _record(
        identifier=TEXT,
        database_type=_one_of(["PRIMARY", "READ_REPLICA"]),
        is_using_scram_auth=FLAG,
        db_user=TEXT,
        db_host=TEXT,
        db_port=COUNT,
        db_name=TEXT,
        connection_string=TEXT,
        connectionString=TEXT,
        default_pool_size=COUNT,
        max_client_conn=COUNT,
        pool_mode=_one_of(["transaction", "session"]),
    ),
}

# (method, path, status of success, schema of the answer or of its items)
OPERATIONS: Final = (
    ("get", "/v1/projects/{ref}/branches", 200, "BranchResponse"),
    ("post", "/v1/projects/{ref}/branches", 201, "BranchResponse"),
    ("get", "/v1/projects/{ref}/branches/{name}", 200, "BranchResponse"),
    ("get", "/v1/branches/{branch_id_or_ref}", 200, "BranchDetailResponse"),
    ("delete", "/v1/branches/{branch_id_or_ref}", 200, "BranchDeleteResponse"),
    ("get", "/v1/projects/{ref}/health", 200, "V1ServiceHealthResponse"),
    ("get", "/v1/projects/{ref}/api-keys", 200, "ApiKeyResponse"),
    ("get", "/v1/projects/{ref}/config/database/pooler", 200, "SupavisorConfigResponse"),
)
