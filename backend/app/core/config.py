"""Settings from the environment, validated once at start. Every fault is reported at once."""

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.auth.keys import is_publishable_key
from app.core.email_domain import comparable_domain
from app.core.postgres.connection import Credentials
from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import DatabaseUrl, PoolerMode, parse_database_url

_HOOK_SECRETS = re.compile(r"v1,whsec_[A-Za-z0-9+/=]{32,88}(\|v1,whsec_[A-Za-z0-9+/=]{32,88})*")
_OWNERS = frozenset({"postgres", "supabase_admin"})
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class PoolSettings(BaseModel):
    """How many server connections one worker may hold, and for how long (seconds)."""

    size: int
    overflow: int
    timeout: float
    recycle: int


class Settings(BaseSettings):
    """One field per environment variable of the same name in capitals; see README.md."""

    # A rule over several fields is a validator of the last of these fields. Pydantic runs a model
    # validator only when every field is valid, so an operator would not see all faults at once.
    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    environment: Environment = Environment.PRODUCTION
    log_level: str = "INFO"

    database_url_file: Path | None = None
    database_url: SecretStr = Field(SecretStr(""), validate_default=True)
    migration_database_url: SecretStr | None = None
    database_pooler: PoolerMode | None = None
    database_ca_file: str | None = None
    database_pool_size: int = Field(5, ge=1, le=100)
    database_max_overflow: int = Field(5, ge=0, le=100)
    database_pool_timeout: float = Field(1.0, gt=0, le=60)
    database_pool_recycle: int = Field(1800, ge=30)
    database_connect_timeout: float = Field(5.0, gt=0, le=60)
    database_statement_timeout_ms: int = Field(15_000, ge=100)
    slow_query_ms: float = Field(250, ge=0)

    supabase_url: str
    supabase_secret_key: SecretStr
    supabase_jwt_secret: SecretStr | None = None
    token_cache_size: int = Field(10_000, ge=0)
    oauth_clients: Annotated[tuple[str, ...], NoDecode] = ()
    """Applications of Supabase's OAuth server whose tokens count as their user's own."""

    token_cache_seconds: float = Field(60, ge=0, le=300)

    before_user_created_hook_secret: SecretStr | None = None
    signup_email_domains: Annotated[tuple[str, ...], NoDecode] = Field((), validate_default=True)
    account_domain: str = "people.invalid"
    """The domain of the user names of people without a mailbox. It must never receive mail."""

    admin_writes_require_aal2: bool = False
    add_unknown_words: bool = False
    """Whether a department or job title that is in no list is added to it, or refused."""

    reconcile_confirm_share: float = Field(0.1, ge=0, lt=1)

    storage_bucket: str = Field("training-media", min_length=1, max_length=100)
    media_section_max_bytes: int = Field(50 * 1_048_576, ge=1)
    media_evidence_max_bytes: int = Field(20 * 1_048_576, ge=1)
    media_download_seconds: int = Field(300, ge=10, le=3_600)
    media_hash_max_bytes: int = Field(50 * 1_048_576, ge=0)

    bootstrap_admin_email: str | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    root_path: str = ""
    max_body_bytes: int = Field(1_048_576, ge=1024)
    metrics_enabled: bool = False
    metrics_token: SecretStr | None = Field(None, validate_default=True)
    docs_enabled: bool | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    downloads_at_once: int = Field(2, ge=1, le=50)
    download_max_bytes: int = Field(512 * 1_048_576, ge=1_048_576)
    content_cache_bytes: int = Field(32 * 1_048_576, ge=0)
    idempotency_hours: int = Field(24, ge=24)
    schedule_time_zone: ZoneInfo = ZoneInfo("UTC")
    """Where it is night when the nightly jobs run."""

    job_log_days: int = Field(30, ge=1)
    confirm_share: float = Field(0.3, ge=0, le=1)
    confirm_people: int = Field(20, ge=0)

    @field_validator("*", mode="before")
    @classmethod
    def _is_the_value_alone(cls, value: object) -> object:
        """Strip the spaces and line ends that .env files leave around values.

        Quotes are kept, because they may be part of the value.
        """
        if not isinstance(value, str):
            return value
        trimmed = value.strip()
        if value and not trimmed:
            msg = "is blank"
            raise ValueError(msg)
        if trimmed[:1] in {"'", '"'} and trimmed[-1] == trimmed[0]:
            msg = "has quotation marks around it: leave them out"
            raise ValueError(msg)
        return trimmed

    @field_validator("before_user_created_hook_secret")
    @classmethod
    def _hook_secret_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _HOOK_SECRETS.fullmatch(value.get_secret_value()):
            msg = "must look like v1,whsec_..., as Supabase shows it; several are separated by |"
            raise ValueError(msg)
        return value

    @field_validator("signup_email_domains", "oauth_clients", "allowed_hosts", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("signup_email_domains")
    @classmethod
    def _domains_are_domains(
        cls, domains: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        if info.data.get("before_user_created_hook_secret") is not None and not domains:
            msg = "must be set when BEFORE_USER_CREATED_HOOK_SECRET is: nobody could sign up"
            raise ValueError(msg)
        try:
            return tuple(comparable_domain(domain) for domain in domains)
        except ValueError:
            msg = "each domain must look like practice.example"
            raise ValueError(msg) from None

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(
                origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()
            )
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_explicit(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            spelled_out = parts.scheme in {"http", "https"} and parts.netloc and not parts.path
            if not spelled_out or "*" in origin:
                msg = "each origin must look like https://training.example, without a path or *"
                raise ValueError(msg)
        return origins

    @field_validator("root_path")
    @classmethod
    def _root_path_is_one(cls, value: str) -> str:
        path = value.rstrip("/")
        if path and not _ROOT_PATH.fullmatch(path):
            msg = "must look like /training: the path that the proxy takes away"
            raise ValueError(msg)
        return path

    @field_validator("supabase_url")
    @classmethod
    def _supabase_url_is_an_origin(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        is_origin = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not is_origin:
            msg = "must be the project's URL alone, such as https://abc.supabase.co"
            raise ValueError(msg)
        if parts.scheme != "https" and _is_production(info):
            msg = "must use https in production"
            raise ValueError(msg)
        return value.rstrip("/")

    @field_validator("supabase_secret_key")
    @classmethod
    def _key_is_the_secret_one(cls, value: SecretStr) -> SecretStr:
        if is_publishable_key(value.get_secret_value()):
            msg = "is the publishable (anon) key; the secret (service_role) key is needed"
            raise ValueError(msg)
        return value

    @field_validator("bootstrap_admin_email")
    @classmethod
    def _bootstrap_address_gets_in(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        try:
            address = validate_email(value, check_deliverability=False)
        except EmailNotValidError:
            msg = "must be one address, such as you@practice.example"
            raise ValueError(msg) from None
        domains = info.data.get("signup_email_domains")
        if domains and address.ascii_domain not in domains:
            msg = "its domain is not among SIGNUP_EMAIL_DOMAINS: this person would be kept out"
            raise ValueError(msg)
        return value

    @field_validator("schedule_time_zone", mode="before")
    @classmethod
    def _time_zone_is_known(cls, value: object) -> object:
        try:
            return ZoneInfo(value) if isinstance(value, str) else value
        except (ZoneInfoNotFoundError, ValueError, OSError):
            msg = "must be a time zone such as America/Los_Angeles"
            raise ValueError(msg) from None

    @field_validator("log_level")
    @classmethod
    def _log_level_is_known(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            msg = "must be one of DEBUG, INFO, WARNING, ERROR"
            raise ValueError(msg)
        return value.upper()

    @field_validator("database_url", mode="before")
    @classmethod
    def _database_url_is_given_once(cls, value: object, info: ValidationInfo) -> object:
        file = info.data.get("database_url_file")
        is_given = value not in {None, "", SecretStr("")}
        if file is None and not is_given:
            raise PydanticCustomError("missing", "is required, or DATABASE_URL_FILE")
        if file is None:
            return value
        if is_given:
            msg = "must not be set beside DATABASE_URL_FILE"
            raise ValueError(msg)
        try:
            return file.read_text().strip()
        except (OSError, ValueError):
            msg = "cannot be read from DATABASE_URL_FILE"
            raise ValueError(msg) from None

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _database_url_is_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_database_url(value.get_secret_value())
        return value

    @field_validator("database_url")
    @classmethod
    def _api_is_not_the_owner(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        user = parse_database_url(value.get_secret_value()).url.username or ""
        if _is_production(info) and user.partition(".")[0] in _OWNERS:
            msg = f"signs in as the owner, whom no rule binds; use {API_ROLE}"
            raise ValueError(msg)
        return value

    @field_validator("migration_database_url")
    @classmethod
    def _owner_is_not_the_api(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        api = info.data.get("database_url")
        if value is not None and api is not None and _is_production(info):
            owner = parse_database_url(value.get_secret_value()).url.username
            if owner == parse_database_url(api.get_secret_value()).url.username:
                msg = "has the user of DATABASE_URL: the API must not sign in as the owner"
                raise ValueError(msg)
        return value

    @field_validator("database_ca_file")
    @classmethod
    def _ca_file_is_there(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).is_file():
            msg = "there is no such file"
            raise ValueError(msg)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _metrics_are_closed(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("metrics_enabled") and _is_production(info):
            msg = "must be set when METRICS_ENABLED is on in production"
            raise ValueError(msg)
        return value

    @property
    def pool(self) -> PoolSettings:
        return PoolSettings(
            size=self.database_pool_size,
            overflow=self.database_max_overflow,
            timeout=self.database_pool_timeout,
            recycle=self.database_pool_recycle,
        )

    @property
    def shows_docs(self) -> bool:
        """Whether to serve `/docs` and `/openapi.json`: in production only with DOCS_ENABLED."""
        if self.docs_enabled is None:
            return self.environment is not Environment.PRODUCTION
        return self.docs_enabled

    @property
    def issuer(self) -> str:
        return f"{self.supabase_url}/auth/v1"

    def api_database(self) -> DatabaseUrl:
        return parse_database_url(
            self.database_url.get_secret_value(),
            pooler=self.database_pooler,
            ca_file=self.database_ca_file,
        )

    def reread_credentials(self) -> Callable[[], Credentials] | None:
        """Return a function that reads user and password again; None without DATABASE_URL_FILE."""
        file = self.database_url_file
        if file is None:
            return None

        def reread() -> Credentials:
            url = parse_database_url(file.read_text().strip()).url
            return url.username, url.password

        return reread

    def migration_database(self) -> DatabaseUrl:
        """Where migrations run: the owner's connection, never through a transaction pooler."""
        if self.migration_database_url is None:
            return self.api_database()
        owner = self.migration_database_url.get_secret_value()
        return parse_database_url(owner, ca_file=self.database_ca_file)


def _is_production(info: ValidationInfo) -> bool:
    return info.data.get("environment") is Environment.PRODUCTION


class SettingsError(Exception):
    """Lists every invalid environment variable, one a line, without quoting its value."""


def load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in fault["loc"]).upper()
        told = fault["msg"].removeprefix("Value error, ")
        message = "is required" if fault["type"] == "missing" else told
        lines.append(f"  {name}: {message}" if name else f"  {message}")
    return "The environment is not complete:\n" + "\n".join(lines)
