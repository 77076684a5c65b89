from pathlib import Path

from tests.content.verifier.packs import Forged, verify_file


async def test_holds(honest: bytes, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(honest)
    result = await verify_file(tmp_path / "pack.zip")
    assert (result.stderr, result.returncode) == ("", 0)


async def test_holds_repacked(everything: Forged, tmp_path: Path) -> None:
    everything.rehash(everything.values_of("records.json"), everything.values_of("chains.json"))
    (tmp_path / "pack.zip").write_bytes(everything.archive())
    result = await verify_file(tmp_path / "pack.zip")
    assert (result.stderr, result.returncode) == ("", 0)


async def test_a_part_holds(part: Forged, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(part.archive())
    result = await verify_file(tmp_path / "pack.zip")
    assert (result.stderr, result.returncode) == ("", 0)
