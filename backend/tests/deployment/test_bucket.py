"""The bucket of `supabase/config.toml` takes what the API takes."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.domain.content.media.file import MediaType
from tests.conftest import settings_for

CONFIG = Path(__file__).parents[3] / "supabase" / "config.toml"
SETTINGS = settings_for("postgresql://nobody@127.0.0.1/nothing")
LARGEST = max(SETTINGS.media_section_max_bytes, SETTINGS.media_evidence_max_bytes)


@pytest.fixture
def storage() -> dict[str, Any]:
    return dict(tomllib.loads(CONFIG.read_text())["storage"])


def test_is_private_and_takes_the_same_types(storage: dict[str, Any]) -> None:
    bucket = storage["buckets"][SETTINGS.storage_bucket]
    assert bucket["public"] is False
    assert set(bucket["allowed_mime_types"]) == {kind.value for kind in MediaType}


def test_takes_the_largest_file_and_nothing_larger(storage: dict[str, Any]) -> None:
    limits = {storage["file_size_limit"], storage["buckets"]["training-media"]["file_size_limit"]}
    assert limits == {f"{LARGEST // 2**20}MiB"}
