"""Builds the verifier of audit packs: a ZIP archive of Python sources that Python can run."""

import io
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from zipfile import ZipFile, ZipInfo

VERIFIER = "verify.pyz"
_PACKAGE = "pack_verifier"


@cache
def verifier() -> bytes:
    """Return the archive. It is not compressed, so that its bytes are the same on every machine."""
    sources = files("app") / "content" / "verifier"
    made = io.BytesIO()
    with ZipFile(made, "w") as archive:
        for name, source in _parts(sources):
            archive.writestr(_entry(name), source.read_bytes())
    return made.getvalue()


def _parts(sources: Traversable) -> list[tuple[str, Traversable]]:
    inside = [part for part in (sources / _PACKAGE).iterdir() if part.name.endswith(".py")]
    names = {f"{_PACKAGE}/{part.name}": part for part in inside}
    return sorted({"__main__.py": sources / "__main__.py", **names}.items())


def _entry(name: str) -> ZipInfo:
    """Describe a file of the archive, with a fixed time, system and mode."""
    entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
