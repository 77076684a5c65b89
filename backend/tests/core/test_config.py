import os
from pathlib import Path

import jwt
import pytest

from app.core.config import Environment, Settings, SettingsError, load_settings
from app.core.postgres.url import PoolerMode

HOOK_SECRET = "v1,whsec_" + "a" * 44
REQUIRED = {
    "DATABASE_URL": "postgresql://api:s3cret@db.example:5432/postgres",
    "SUPABASE_URL": "https://abc.supabase.co",
    "SUPABASE_SECRET_KEY": "sb_secret_canary",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name in list(os.environ):
        if name.upper() in known:
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Settings:
    for name, value in (REQUIRED | changes).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def faults(monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **changes)
    return str(caught.value)


class TestDefaults:
    def test_three_variables_are_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch)
        assert settings.issuer == "https://abc.supabase.co/auth/v1"
        assert (settings.pool.size, settings.pool.overflow) == (5, 5)
        assert settings.cors_origins == ()
        assert settings.supabase_jwt_secret is None

    def test_nobody_chooses_development_by_forgetting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert load(monkeypatch).environment is Environment.PRODUCTION

    def test_an_empty_variable_is_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, SUPABASE_JWT_SECRET="", CORS_ORIGINS="", LOG_LEVEL="")
        assert settings.supabase_jwt_secret is None
        assert settings.log_level == "INFO"
        assert "SUPABASE_SECRET_KEY: is required" in faults(monkeypatch, SUPABASE_SECRET_KEY="")


class TestReading:
    def test_origins_are_split_and_trimmed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, CORS_ORIGINS="https://a.example/ , http://localhost:3000,")
        assert settings.cors_origins == ("https://a.example", "http://localhost:3000")

    def test_the_project_url_loses_its_slash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, SUPABASE_URL="https://abc.supabase.co/")
        assert settings.issuer == "https://abc.supabase.co/auth/v1"

    def test_the_root_path_loses_its_slash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert load(monkeypatch, ROOT_PATH="/a/training/").root_path == "/a/training"
        assert load(monkeypatch, ROOT_PATH="/").root_path == ""

    @pytest.mark.parametrize("path", ["training", "https://a.example/x", "/a//b", "/a?b"])
    def test_other_root_paths(self, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        assert "ROOT_PATH: must look like /training" in faults(monkeypatch, ROOT_PATH=path)

    def test_the_pool_follows_its_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(
            monkeypatch,
            DATABASE_POOL_SIZE="3",
            DATABASE_MAX_OVERFLOW="0",
            DATABASE_POOL_TIMEOUT="0.5",
            DATABASE_POOL_RECYCLE="60",
        )
        pool = settings.pool
        assert (pool.size, pool.overflow, pool.timeout, pool.recycle) == (3, 0, 0.5, 60)

    def test_migrations_have_a_connection_of_their_own(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pooled = "postgresql://api:p@aws.pooler.supabase.com:6543/postgres"
        settings = load(
            monkeypatch,
            DATABASE_URL=pooled,
            MIGRATION_DATABASE_URL="postgresql://owner:p@db.example:5432/postgres",
        )
        assert settings.api_database().mode is PoolerMode.TRANSACTION
        assert settings.migration_database().mode is PoolerMode.DIRECT
        assert settings.migration_database().url.username == "owner"

    def test_migrations_fall_back_to_the_only_connection(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert load(monkeypatch).migration_database().url.username == "api"

    def test_a_pooler_may_be_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, DATABASE_POOLER="transaction")
        assert settings.api_database().mode is PoolerMode.TRANSACTION

    def test_domains_are_comparable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, SIGNUP_EMAIL_DOMAINS="Unified.Example , zähne.example,")
        assert settings.signup_email_domains == ("unified.example", "xn--zhne-loa.example")

    def test_a_hook_secret_as_supabase_shows_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for secret in (HOOK_SECRET, f"{HOOK_SECRET}|{HOOK_SECRET}"):
            settings = load(
                monkeypatch,
                BEFORE_USER_CREATED_HOOK_SECRET=secret,
                SIGNUP_EMAIL_DOMAINS="unified.example",
            )
            assert settings.before_user_created_hook_secret is not None
            assert secret not in repr(settings)

    def test_second_factors_are_asked_for_by_choice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not load(monkeypatch).admin_writes_require_aal2
        assert load(monkeypatch, ADMIN_WRITES_REQUIRE_AAL2="true").admin_writes_require_aal2


class TestFaults:
    @pytest.mark.parametrize(
        "secret", ["whsec_" + "a" * 44, "v1,whsec_short", "v1,whsec_" + "ä" * 44, "canary"]
    )
    def test_other_hook_secrets(self, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
        text = faults(monkeypatch, BEFORE_USER_CREATED_HOOK_SECRET=secret)
        assert "BEFORE_USER_CREATED_HOOK_SECRET: " in text
        assert secret not in text

    def test_a_hook_without_domains(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = faults(monkeypatch, BEFORE_USER_CREATED_HOOK_SECRET=HOOK_SECRET)
        assert "SIGNUP_EMAIL_DOMAINS: " in text

    @pytest.mark.parametrize("domain", ["unified", "*.unified.example", "@unified.example", "a b"])
    def test_domains_that_are_none(self, monkeypatch: pytest.MonkeyPatch, domain: str) -> None:
        assert "SIGNUP_EMAIL_DOMAINS: " in faults(monkeypatch, SIGNUP_EMAIL_DOMAINS=domain)

    def test_every_one_is_reported_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All faults are reported together, including those of rules over several variables."""
        report = faults(
            monkeypatch,
            DATABASE_URL="mysql://canary@db/x",
            DATABASE_POOL_SIZE="0",
            DATABASE_CA_FILE="/nowhere/ca.pem",
            SUPABASE_URL="http://abc.supabase.co",
            SUPABASE_SECRET_KEY="",
            CORS_ORIGINS="https://a.example/path",
            LOG_LEVEL="LOUD",
            METRICS_ENABLED="true",
        )
        named = [line.split(":")[0].strip() for line in report.splitlines()[1:]]
        assert sorted(named) == [
            "CORS_ORIGINS",
            "DATABASE_CA_FILE",
            "DATABASE_POOL_SIZE",
            "DATABASE_URL",
            "LOG_LEVEL",
            "METRICS_TOKEN",
            "SUPABASE_SECRET_KEY",
            "SUPABASE_URL",
        ]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DATABASE_URL", "postgresql://api:canary@"),
            ("MIGRATION_DATABASE_URL", "canary"),
            ("SUPABASE_URL", "canary"),
            ("CORS_ORIGINS", "canary"),
            ("LOG_LEVEL", "canary"),
            ("DATABASE_POOL_SIZE", "canary"),
            ("DATABASE_POOLER", "canary"),
            ("ENVIRONMENT", "canary"),
            ("METRICS_ENABLED", "canary"),
        ],
    )
    def test_values_are_never_printed(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        report = faults(monkeypatch, **{name: value})
        assert name in report
        assert "canary" not in report
        assert "s3cret" not in report

    def test_secrets_stay_out_of_the_representation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, SUPABASE_JWT_SECRET="jwt-canary", METRICS_TOKEN="m-canary")
        for text in (repr(settings), str(settings), settings.model_dump_json()):
            assert "canary" not in text
            assert "s3cret" not in text

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("SUPABASE_URL", "https://abc.supabase.co/rest/v1", "project's URL alone"),
            ("SUPABASE_URL", "https://me:pw@abc.supabase.co", "project's URL alone"),
            ("SUPABASE_URL", "https://abc.supabase.co?x=1", "project's URL alone"),
            ("SUPABASE_SECRET_KEY", "sb_publishable_canary", "publishable"),
            ("SUPABASE_SECRET_KEY", jwt.encode({"role": "anon"}, "k" * 32), "publishable"),
            ("SUPABASE_SECRET_KEY", '"sb_secret_canary"', "quotation marks"),
            ("SUPABASE_SECRET_KEY", "  ", "is blank"),
            ("SUPABASE_URL", "'https://abc.supabase.co'", "quotation marks"),
            ("SUPABASE_URL", "abc.supabase.co", "project's URL alone"),
            ("DATABASE_URL", "'postgresql://api:canary@db.example/p'", "quotation marks"),
            ("BOOTSTRAP_ADMIN_EMAIL", "me", "one address"),
            ("BOOTSTRAP_ADMIN_EMAIL", "me@a.example, you@a.example", "one address"),
            ("BOOTSTRAP_ADMIN_EMAIL", "Me <me@a.example>", "one address"),
            ("DATABASE_URL", "postgresql://postgres:canary@db.example/postgres", "as the owner"),
            ("DATABASE_URL", "postgresql://postgres.abc:canary@db.example/p", "as the owner"),
            ("DATABASE_URL", "postgresql://api:can@ary@db.example/p", "@ as %40"),
            ("DATABASE_URL", "postgresql+psycopg://postgres:canary@/p", "as the owner"),
            ("DATABASE_URL", "postgresql://api:canary@db.example/p?sslmode=on", "sslmode must be"),
            ("MIGRATION_DATABASE_URL", "postgresql://a:can@ary@db.example/p", "@ as %40"),
            ("MIGRATION_DATABASE_URL", "postgres://api:canary@db2.example/p", "as the owner"),
            ("CORS_ORIGINS", "https://*.a.example", "without a path or *"),
            ("CORS_ORIGINS", "https://a.example,*", "without a path or *"),
            ("CORS_ORIGINS", "https://a.example/app", "without a path or *"),
        ],
    )
    def test_what_would_only_fail_later(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
    ) -> None:
        report = faults(monkeypatch, **{name: value})
        assert f"  {name}: " in report
        assert told in report
        assert "canary" not in report

    @pytest.mark.parametrize("user", ["postgres", "postgres.abc", "supabase_admin"])
    def test_an_owner_in_a_file_is_one_too(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user: str
    ) -> None:
        file = tmp_path / "url"
        file.write_text(f"postgresql://{user}:canary@db.example/postgres\n")
        report = faults(monkeypatch, DATABASE_URL="", DATABASE_URL_FILE=str(file))
        assert "  DATABASE_URL: signs in as the owner" in report
        assert "canary" not in report

    def test_a_bootstrap_address_that_may_not_sign_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        domains = {"SIGNUP_EMAIL_DOMAINS": "practice.example,xn--zhne-loa.example"}
        for address in ("me@practice.example", "me@ZÄHNE.example"):
            settings = load(monkeypatch, BOOTSTRAP_ADMIN_EMAIL=address, **domains)
            assert settings.bootstrap_admin_email == address
        report = faults(monkeypatch, BOOTSTRAP_ADMIN_EMAIL="me@elsewhere.example", **domains)
        assert "  BOOTSTRAP_ADMIN_EMAIL: its domain is not among" in report

    def test_all_at_once(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        file = tmp_path / "url"
        file.write_text("postgresql://postgres:canary@db.example/postgres")
        wrong = {
            "DATABASE_URL_FILE": str(file),
            "MIGRATION_DATABASE_URL": "mysql://canary@db.example/p",
            "SUPABASE_URL": "https://me:canary@abc.supabase.co/rest/v1",
            "SUPABASE_SECRET_KEY": "sb_publishable_canary",
            "BOOTSTRAP_ADMIN_EMAIL": "canary",
            "CORS_ORIGINS": "https://*.canary.example",
            "LOG_LEVEL": "'INFO'",
        }
        report = faults(monkeypatch, DATABASE_URL="", **wrong)
        told = {line.split(":")[0].strip() for line in report.splitlines()[1:]}
        assert told == {name.removesuffix("_FILE") for name in wrong}
        assert "canary" not in report

    def test_what_surrounds_values_is_trimmed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(
            monkeypatch, SUPABASE_URL=" https://abc.supabase.co/ ", SUPABASE_SECRET_KEY="key\n"
        )
        assert settings.supabase_url == "https://abc.supabase.co"
        assert settings.supabase_secret_key.get_secret_value() == "key"

    def test_an_owner_may_serve_where_nothing_is_at_stake(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owner = "postgresql://postgres@127.0.0.1/app"
        settings = load(monkeypatch, DATABASE_URL=owner, ENVIRONMENT="development")
        assert settings.api_database().url.username == "postgres"

    @pytest.mark.parametrize("origin", ["*", "https://", "ftp://a.example", "a.example"])
    def test_origins_are_spelled_out(self, monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
        assert "CORS_ORIGINS" in faults(monkeypatch, CORS_ORIGINS=origin)


class TestProduction:
    def test_sign_in_is_encrypted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "SUPABASE_URL: " in faults(monkeypatch, SUPABASE_URL="http://abc.supabase.co")
        local = load(monkeypatch, SUPABASE_URL="http://127.0.0.1:8000", ENVIRONMENT="development")
        assert local.supabase_url == "http://127.0.0.1:8000"

    def test_metrics_are_not_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "METRICS_TOKEN" in faults(monkeypatch, METRICS_ENABLED="true")
        assert "METRICS_TOKEN" in faults(monkeypatch, METRICS_ENABLED="true", METRICS_TOKEN="")
        assert load(monkeypatch, METRICS_ENABLED="true", METRICS_TOKEN="t").metrics_enabled
        local = load(monkeypatch, METRICS_ENABLED="true", ENVIRONMENT="test", METRICS_TOKEN="")
        assert local.metrics_token is None


def test_the_certificate_authority_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    settings = load(monkeypatch, DATABASE_CA_FILE=str(file))
    with pytest.raises(ValueError, match="certificate authority cannot be read"):
        settings.api_database()
