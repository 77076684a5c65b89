"""How long the verifier works on a pack: no longer than it was given, wherever the time goes."""

import itertools
from pathlib import Path

import pytest

from app.content.verifier.pack_verifier import patience
from tests.content.verifier.packs import Forged, verify_here

TOLD = "BROKEN: this took {} minutes; give it more with --minutes\n"


# A refusal ends the process, and with it the files that are open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("unpacked", [True, False])
def test_it_may_run_out_anywhere(
    everything: Forged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, unpacked: bool
) -> None:
    """Each look at the clock takes a minute; the first is the beginning."""
    clock = itertools.count()
    monkeypatch.setattr(patience, "monotonic", lambda: 60 * next(clock))
    pack = tmp_path / "pack"
    if unpacked:
        for name, content in everything.items():
            (pack / name).parent.mkdir(parents=True, exist_ok=True)
            (pack / name).write_bytes(content)
    else:
        pack.write_bytes(everything.archive())
    assert verify_here(pack, "--minutes", "1e6").returncode == 0
    looks = next(clock) - 1
    assert looks > len(everything)
    assert verify_here(pack, "--minutes", str(looks)).returncode == 0
    for minutes in (1, looks // 2, looks - 1):
        refused = verify_here(pack, "--minutes", str(minutes))
        assert (refused.stderr, refused.returncode) == (TOLD.format(minutes), 1)


def test_it_has_an_hour_unless_said(
    honest: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pack.zip").write_bytes(honest)
    for end, answer in ((3600, ""), (3600.5, TOLD.format(60))):
        clock = itertools.chain([0], itertools.repeat(end))
        monkeypatch.setattr(patience, "monotonic", clock.__next__)
        assert verify_here(tmp_path / "pack.zip").stderr == answer
