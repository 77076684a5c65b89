import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text as sql

from app.core.config import PoolSettings
from app.core.postgres.engine import create_engine
from app.core.postgres.url import DatabaseUrl, PoolerMode, parse_database_url
from devstack.postgres import EmbeddedPostgres

ONE = PoolSettings(size=1, overflow=0, timeout=5, recycle=60)
DIRECT, SESSION, TRANSACTION = PoolerMode.DIRECT, PoolerMode.SESSION, PoolerMode.TRANSACTION
POOLER = "aws-0-us-west-1.pooler.supabase.com"
PASSWORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def tls_of(database: DatabaseUrl) -> tuple[bool, ssl.VerifyMode]:
    assert isinstance(database.tls, ssl.SSLContext)
    return database.tls.check_hostname, database.tls.verify_mode


@pytest.fixture
def ca_file() -> str:
    path = Path(ssl.get_default_verify_paths().openssl_cafile)
    if not path.exists():
        import certifi  # noqa: PLC0415  # only where the system has no certificates

        path = Path(certifi.where())
    return str(path)


class TestSpellings:
    @pytest.mark.parametrize(
        ("text", "mode"),
        [
            ("postgresql://postgres:p@db.abc.supabase.co:5432/postgres", DIRECT),
            ("postgres://postgres:p@db.abc.supabase.co:5432/postgres", DIRECT),
            ("postgresql+asyncpg://postgres:p@db.abc.supabase.co/postgres", DIRECT),
            (f"postgresql://postgres.abc:p@{POOLER}:5432/postgres", SESSION),
            (f"postgresql://postgres.abc:p@{POOLER}:6543/postgres", TRANSACTION),
            (f"postgres://postgres.abc:p@{POOLER}:6543/postgres?pgbouncer=true", TRANSACTION),
            (f"postgres://postgres.abc:p@{POOLER}:6543/postgres?connect_timeout=10", TRANSACTION),
            (f"postgres://postgres.abc:p@{POOLER}:5432/postgres?connect_timeout=10", SESSION),
            ("postgresql://api:p@db.example:5432/app?sslmode=require&supa=base-pooler.x", DIRECT),
            ("postgresql://postgres:postgres@127.0.0.1:54322/postgres", DIRECT),
            ("postgresql://api:p@pgbouncer.internal/app?pgbouncer=true", TRANSACTION),
            ("postgresql://[::1]:5432/app", DIRECT),
            ("postgresql://postgres:p@[2600:1f18:2e13::1]:5432/postgres", DIRECT),
            (
                "postgresql://postgres:p@[2600:1f18:2e13::1]:6543/postgres?sslmode=require",
                TRANSACTION,
            ),
            (
                f"postgresql://cli_login_postgres.abc:p%40s%2Fs@{POOLER}:5432/postgres?sslmode=require&connect_timeout=10",
                SESSION,
            ),
            (f"postgresql://postgres.abc@{POOLER}:5432/postgres?options=reference%3Dabc", SESSION),
        ],
    )
    def test_mode_and_driver(self, text: str, mode: PoolerMode) -> None:
        database = parse_database_url(text)
        assert database.mode is mode
        assert database.url.drivername == "postgresql+asyncpg"
        assert dict(database.url.query) == {}

    @pytest.mark.parametrize(
        "text",
        [
            "postgresql+psycopg://api:p@db.example:5432/app",
            "postgresql+psycopg2://api:p@db.example:5432/app",
            "POSTGRESQL://api:p@db.example:5432/app",
            " postgres://api:p@db.example:5432/app \n",
            "postgresql://api:p@/app?host=db.example&port=5432",
        ],
    )
    def test_spellings_of_other_clients(self, text: str) -> None:
        url = parse_database_url(text).url
        assert url.render_as_string(hide_password=False) == (
            "postgresql+asyncpg://api:p@db.example:5432/app"
        )

    @pytest.mark.parametrize(
        ("text", "folder"),
        [
            ("postgresql:///app", "/var/run/postgresql"),
            ("postgresql://api@/app?host=/tmp/sockets", "/tmp/sockets"),  # noqa: S108  # is not used
        ],
    )
    def test_sockets_need_no_host_and_no_tls(self, text: str, folder: str) -> None:
        database = parse_database_url(text)
        assert database.connect_args == {"ssl": False, "host": folder}
        assert database.url.host is None

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """Where the server may write, with a name that is short enough for a socket."""
        with tempfile.TemporaryDirectory(prefix="pg") as name:
            Path(name).chmod(0o777)
            yield Path(name)

    async def test_a_socket_is_connected_to(self, tmp_path: Path, folder: Path) -> None:
        settings = {"unix_socket_directories": str(folder)}
        with EmbeddedPostgres(tmp_path / "data", settings=settings, fast=True) as server:
            text = f"postgresql+psycopg://postgres@/postgres?host={folder}&port={server.port}"
            database = parse_database_url(text)
            engine = create_engine(
                database, PoolSettings(size=1, overflow=0, timeout=5, recycle=60)
            )
            async with engine.connect() as connection:
                address = await connection.scalar(sql("SELECT inet_client_addr()"))
            await engine.dispose()
        assert address is None

    @pytest.mark.parametrize("mode", ["prefer", "allow"])
    async def test_a_server_without_tls_is_connected_to(
        self, postgres: EmbeddedPostgres, mode: str
    ) -> None:
        database = parse_database_url(f"{postgres.dsn()}?sslmode={mode}")
        engine = create_engine(database, ONE)
        async with engine.connect() as connection:
            assert await connection.scalar(sql("SELECT 1")) == 1
        await engine.dispose()

    def test_the_setting_beats_the_guess(self) -> None:
        text = "postgresql://api:p@db.example:5432/app"
        assert parse_database_url(text, pooler=TRANSACTION).mode is TRANSACTION

    @pytest.mark.parametrize(
        "query",
        ["connect_timeout=10", "sslmode=require", "sslmode=disable", "pgbouncer=true&a=b&a=c"],
    )
    async def test_an_engine_takes_what_other_clients_append(self, query: str) -> None:
        """SQLAlchemy with asyncpg raises TypeError on these as soon as it connects."""
        database = parse_database_url(f"postgresql://api:p@127.0.0.1:5432/app?{query}")
        pool = PoolSettings(size=1, overflow=0, timeout=1, recycle=60)
        engine = create_engine(database, pool)
        _, arguments = engine.dialect.create_connect_args(engine.url)
        assert not {"connect_timeout", "sslmode", "pgbouncer"} & set(arguments)
        await engine.dispose()

    def test_a_transaction_pooler_prepares_nothing(self) -> None:
        arguments = parse_database_url(f"postgresql://a:p@{POOLER}:6543/postgres").connect_args
        assert arguments["statement_cache_size"] == 0
        assert arguments["prepared_statement_cache_size"] == 0
        direct = parse_database_url("postgresql://a:p@db.example:5432/postgres").connect_args
        assert set(direct) == {"ssl"}


class TestTls:
    @pytest.mark.parametrize("mode", ["prefer", "allow"])
    def test_is_tried_where_it_may_fail(self, mode: str, ca_file: str) -> None:
        text = f"postgresql://a@db.example/app?sslmode={mode}"
        assert parse_database_url(text).connect_args["ssl"] == mode
        known = parse_database_url(text, ca_file=ca_file)
        assert tls_of(known) == (True, ssl.CERT_REQUIRED)

    def test_other_modes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="sslmode must be one of"):
            parse_database_url("postgresql://a@db.example/app?sslmode=on")

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
    def test_not_needed_on_this_machine(self, host: str) -> None:
        database = parse_database_url(f"postgresql://a@{host}:5432/app")
        assert database.tls is None
        assert database.connect_args["ssl"] is False

    @pytest.mark.parametrize(
        ("sslmode", "expected"),
        [
            ("", (False, ssl.CERT_NONE)),
            ("?sslmode=require", (False, ssl.CERT_NONE)),
            ("?sslmode=require ", (False, ssl.CERT_NONE)),
            ("?sslmode=verify-ca", (False, ssl.CERT_REQUIRED)),
            ("?sslmode=verify-full", (True, ssl.CERT_REQUIRED)),
        ],
    )
    def test_is_on_for_every_other_machine(
        self, sslmode: str, expected: tuple[bool, ssl.VerifyMode]
    ) -> None:
        assert tls_of(parse_database_url(f"postgresql://a@db.example/app{sslmode}")) == expected

    def test_only_disable_turns_it_off(self) -> None:
        assert parse_database_url("postgresql://a@db.example/app?sslmode=disable").tls is None

    @pytest.mark.parametrize(
        ("sslmode", "expected"),
        [
            ("", (True, ssl.CERT_REQUIRED)),
            ("?sslmode=require", (True, ssl.CERT_REQUIRED)),
            ("?sslmode=verify-full&connect_timeout=10", (True, ssl.CERT_REQUIRED)),
            ("?sslmode=verify-ca", (False, ssl.CERT_REQUIRED)),
        ],
    )
    def test_a_known_authority_is_verified(
        self, sslmode: str, expected: tuple[bool, ssl.VerifyMode], ca_file: str
    ) -> None:
        text = f"postgresql://a@{POOLER}:5432/postgres{sslmode}"
        assert tls_of(parse_database_url(text, ca_file=ca_file)) == expected

    def test_the_authority_may_be_in_the_url(self, ca_file: str) -> None:
        text = f"postgresql://a@{POOLER}:5432/postgres?sslrootcert={quote(ca_file)}"
        assert tls_of(parse_database_url(text)) == (True, ssl.CERT_REQUIRED)

    def test_an_authority_that_is_not_there_is_told(self) -> None:
        with pytest.raises(ValueError, match="cannot be read"):
            parse_database_url("postgresql://a@db.example/app?sslrootcert=/nowhere/ca.crt")

    def test_an_address_of_ipv6_is_no_loopback(self) -> None:
        assert parse_database_url("postgresql://a@[2600:1f18::1]:5432/app").tls is not None


class TestPasswords:
    @given(password=PASSWORDS)
    def test_come_through_whatever_they_hold(self, password: str) -> None:
        text = f"postgresql://api:{quote(password, safe='')}@localhost:5432/app?connect_timeout=10"
        database = parse_database_url(text)
        assert database.url.password == password
        assert database.url.host == "localhost"

    @given(password=PASSWORDS.filter(lambda password: len(password) > 3))
    def test_are_not_in_errors(self, password: str) -> None:
        for text in (
            f"mysql://api:{quote(password, safe='')}@db.example/app",
            f"postgresql://api:{quote(password, safe='')}@/",
            f"postgresql://api:{quote(password, safe='')}@x@db.example/app",
            f"postgresql://api:{quote(password, safe='')}@db.example:port/app",
            password,
        ):
            with pytest.raises(ValueError, match="must look like") as caught:
                parse_database_url(text)
            assert str(caught.value).startswith(
                "must look like postgresql://user:password@host:5432/database; in a password"
            )
            assert caught.value.__cause__ is None

    def test_are_not_in_representations(self) -> None:
        database = parse_database_url("postgresql://api:canary@db.example/app")
        assert "canary" not in repr(database)

    @pytest.mark.parametrize(
        "text", ["", "postgresql://", "postgresql://db.example", "db.example/app", "a@b/c", "://"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="must look like"):
            parse_database_url(text)
