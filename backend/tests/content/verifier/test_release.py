"""The verifier as auditors have it: one file, for old Pythons, with a published hash."""

import ast
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pytest

import app
from app.services.evidence.audit_pack.verifier import VERIFIER, verifier
from tests.content.verifier.packs import Forged, verify_file

OLDEST = (3, 8)
ROOT = Path(__file__).parents[4]


def test_the_published_hash_is_its_own() -> None:
    published = (ROOT / "docs" / "verify.sha256").read_text()
    assert published == f"{hashlib.sha256(verifier()).hexdigest()}  {VERIFIER}\n"


def test_everybody_can_read_its_sources() -> None:
    folder = Path(app.__file__).parent / "content" / "verifier"
    with zipfile.ZipFile(io.BytesIO(verifier())) as archive:
        assert len(archive.namelist()) > 5
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            assert (folder / member.filename).read_bytes() in verifier()


def test_it_needs_nothing_else() -> None:
    with zipfile.ZipFile(io.BytesIO(verifier())) as archive:
        for name in archive.namelist():
            tree = ast.parse(archive.read(name), name, feature_version=OLDEST)
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    assert node.module is not None
                    top = node.module.partition(".")[0]
                    assert top in {*sys.stdlib_module_names, "pack_verifier"}


async def test_says_what_it_is(everything: Forged, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(everything.archive())
    said = (await verify_file(tmp_path / "pack.zip")).stdout.splitlines()
    assert said[-1] == f"SHA-256 of this verifier: {hashlib.sha256(verifier()).hexdigest()}"
    everything[VERIFIER] = b"raise SystemExit"
    everything.state()
    (tmp_path / "pack.zip").write_bytes(everything.archive())
    said = (await verify_file(tmp_path / "pack.zip")).stdout.splitlines()
    assert said[-1] == "The verifier in the pack is another one: do not run it."


async def test_does_not_run_in_the_pack(everything: Forged, tmp_path: Path) -> None:
    for name, content in everything.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert "this verifier lies in the pack" in (await verify_file(tmp_path, inside=True)).stderr


@pytest.mark.parametrize("steering", ["\x1b[2K", "\r", "\u202e"])
async def test_a_name_steers_no_terminal(everything: Forged, tmp_path: Path, steering: str) -> None:
    everything.edit("chains.json", lambda link: link.update(user_id=f"a{steering}b", sequence=9))
    everything.state()
    (tmp_path / "pack.zip").write_bytes(everything.archive())
    result = await verify_file(tmp_path / "pack.zip")
    assert "person a?" in result.stderr
    assert steering not in result.stderr
