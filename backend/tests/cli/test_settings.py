import pytest

from tests.cli.conftest import Invoke

SECRET = "hunter2"
COMMANDS = [["serve"], ["seed"], ["records", "verify"], ["users", "promote", "a@unified.example"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_every_missing_variable_is_named(invoke_bare: Invoke, command: list[str]) -> None:
    result = await invoke_bare(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    for name in ("DATABASE_URL", "SUPABASE_URL", "SUPABASE_SECRET_KEY"):
        assert name in result.stderr


async def test_every_fault_is_named_and_no_value(
    invoke_bare: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"mysql://api:{SECRET}@db.example/training")
    monkeypatch.setenv("SUPABASE_URL", SECRET)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", SECRET)
    monkeypatch.setenv("DATABASE_POOL_SIZE", SECRET)
    monkeypatch.setenv("CORS_ORIGINS", SECRET)
    monkeypatch.setenv("LOG_LEVEL", SECRET)
    result = await invoke_bare("serve")
    assert result.exit_code == 2
    for name in ("DATABASE_URL", "SUPABASE_URL", "DATABASE_POOL_SIZE", "CORS_ORIGINS", "LOG_LEVEL"):
        assert name in result.stderr
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [("SUPABASE_URL", "http://project.example"), ("METRICS_ENABLED", "true")],
)
async def test_production_is_closed(
    invoke_bare: Invoke, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://api:{SECRET}@db.example/training")
    monkeypatch.setenv("SUPABASE_URL", "https://project.example")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", SECRET)
    monkeypatch.setenv(name, value)
    result = await invoke_bare("serve")
    assert result.exit_code == 2
    assert SECRET not in result.output


async def test_a_database_that_is_away_is_one_line(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://api:{SECRET}@127.0.0.1:1/training")
    result = await invoke("records", "verify")
    assert (result.exit_code, result.stderr) == (1, "The database is not available\n")
