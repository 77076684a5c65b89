import io
import zipfile
from pathlib import Path

import pytest

from app.content.verifier.verify import Archive, BrokenError


def archive(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        target.writestr(name, "{}")
    return made.getvalue()


@pytest.mark.parametrize("before", [b"MZ", archive("manifest.json")])
def test_refuses_bytes_before_the_first_file(before: bytes, tmp_path: Path) -> None:
    """Other readers start at the front: they would show an archive that was never verified."""
    path = tmp_path / "pack.zip"
    path.write_bytes(archive("manifest.json"))
    assert Archive(path).names() == ["manifest.json"]
    path.write_bytes(before + archive("manifest.json"))
    with pytest.raises(BrokenError, match="before its first file"):
        Archive(path)
