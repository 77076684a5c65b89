import pytest

from tests.cli.conftest import Invoke


async def test_says_when_storage_is_away(invoke: Invoke) -> None:
    """The environment names a Supabase where nothing listens."""
    result = await invoke("media", "sweep")
    assert result.exit_code == 1
    assert result.stderr == "The file storage cannot be reached\n"


@pytest.mark.parametrize("hours", ["0", "2"])
async def test_leaves_uploads_their_time(invoke: Invoke, hours: str) -> None:
    result = await invoke("media", "sweep", "--older-than", hours)
    assert result.exit_code == 2
    assert "greater than or equal to 3" in result.stderr


async def test_needs_its_settings(invoke_bare: Invoke) -> None:
    result = await invoke_bare("media", "sweep")
    assert result.exit_code == 2
    assert "SUPABASE_SECRET_KEY: is required" in result.stderr
