"""What the command says of itself, and takes."""

import hashlib
from pathlib import Path

import pytest

from app.content.verifier.pack_verifier import command
from app.content.verifier.pack_verifier.manifest import VERIFIER
from tests.content.verifier.packs import Forged, refusal, verify_here


def test_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = capsys.readouterr().out
    assert str(command.__doc__) in said
    for line in (
        "  --manifest-sha256 MANIFEST_SHA256\n                        the one in the audit trail\n",
        "  --seal-head SEAL_HEAD\n                        one that you were given earlier\n",
        "  --sealed              refuse what is not sealed yet\n",
        "  --minutes MINUTES     how long it may take\n",
    ):
        assert line in said


class TestItself:
    """The archive that the command runs from, whose hash it prints."""

    @pytest.fixture
    def archive(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
        (tmp_path / VERIFIER).write_bytes(b"A verifier")
        monkeypatch.setattr(
            command, "__file__", str(tmp_path / VERIFIER / "pack_verifier" / "command.py")
        )
        return b"A verifier"

    def said(self, pack: Forged, folder: Path) -> list[str]:
        (folder / "pack.zip").write_bytes(pack.archive())
        return verify_here(folder / "pack.zip").stdout.splitlines()

    def test_is_in_the_pack(self, everything: Forged, archive: bytes, tmp_path: Path) -> None:
        everything[VERIFIER] = archive
        everything.state()
        said = self.said(everything, tmp_path)
        assert said[-1] == f"SHA-256 of this verifier: {hashlib.sha256(archive).hexdigest()}"

    def test_is_another_one(self, everything: Forged, archive: bytes, tmp_path: Path) -> None:
        assert self.said(everything, tmp_path)[-2:] == [
            f"SHA-256 of this verifier: {hashlib.sha256(archive).hexdigest()}",
            "The verifier in the pack is another one: do not run it.",
        ]


def test_does_not_run_in_the_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        command, "__file__", str(tmp_path / VERIFIER / "pack_verifier" / "command.py")
    )
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path / "link"):
        result = verify_here(folder)
        assert (result.stdout, result.returncode) == ("", 1)
        assert result.stderr == (
            "BROKEN: this verifier lies in the pack; take it from the repository's release\n"
        )


def test_what_a_forger_wrote_steers_no_terminal(everything: Forged, tmp_path: Path) -> None:
    everything.edit("chains.json", lambda link: link.update(user_id="a\x1b[2K\u202eé", sequence=9))
    everything.state()
    reason = "the chain of person a?[2K?é, link 1: a record is missing or out of order"
    assert refusal(everything, tmp_path) == reason


# The end of a ZIP archive that names a directory of a hundred bytes, which are not there.
AN_END = b"PK\x05\x06" + bytes(8) + (100).to_bytes(4, "little") + bytes(6)


@pytest.mark.parametrize(
    ("content", "error"), [(None, "FileNotFoundError"), (AN_END, "BadZipFile")]
)
def test_what_it_cannot_read(tmp_path: Path, content: bytes | None, error: str) -> None:
    path = tmp_path / "pack.zip"
    if content is not None:
        path.write_bytes(content)
    assert verify_here(path).stderr == f"BROKEN: the pack cannot be read ({error})\n"


def test_the_seals_end_where_the_manifest_says(everything: Forged, tmp_path: Path) -> None:
    everything.state(seal_head="f" * 64)
    assert refusal(everything, tmp_path) == "the seals do not end where the manifest says"
