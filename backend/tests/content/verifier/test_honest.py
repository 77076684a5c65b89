"""What the verifier says of packs that nobody changed."""

import hashlib
from pathlib import Path

from app.content.verifier.pack_verifier.command import shown
from tests.content.verifier.packs import Forged, verify_here

UNKNOWABLE = (
    "That nothing of it was left out, only the manifest's SHA-256 in the audit trail can show."
)
KNOWN = "as known when the pack was made."
SEALS = "17 seals. Name a head that you know with --seal-head."
WHOLE = (
    "4 people; 2 links of people who were erased.",
    "The scope is everything: all that was sealed of this evidence is here.",
    SEALS,
)
PART = (
    "2 people; 0 links of people who were erased.",
    f"The scope is a part; 4 links outside it are here by hash alone. {UNKNOWABLE}",
    SEALS,
)


def verdict(pack: Forged, *said: str) -> list[str]:
    """Return what has to be printed. The numbers are counted from the pack's files."""
    records = [link for link in pack.values_of("chains.json") if link["state"] == "included"]
    texts = pack.values_of("evidence.json")
    young = [f"record {link['record_id']}" for link in records if not link["seal"]]
    new = [f"{text['kind']} {text['id']}" for text in texts if not text["seal"]]
    sealed, known = len(records) - len(young), len(texts) - len(new)
    day = pack.manifest["compliance"]["as_of"]
    unsealed = [f"Nothing but the manifest vouches for: {', '.join(young + new)}"]
    return [
        f"{len(records)} records hold: {sealed} sealed, {len(young)} not sealed yet.",
        f"{len(texts)} other texts hold: {known} sealed, {len(new)} not sealed yet.",
        *(unsealed if young or new else []),
        f"{len(pack.values_of('compliance.json'))} lines of compliance on {day}, {KNOWN}",
        *said,
        f"SHA-256 of the manifest: {hashlib.sha256(pack['manifest.json']).hexdigest()}",
        f"Head of the seals: {pack.manifest['seal_head']}",
        "This verifier runs from its sources.",
    ]


def said(pack: Forged, folder: Path, *arguments: str) -> list[str]:
    (folder / "pack.zip").write_bytes(pack.archive())
    result = verify_here(folder / "pack.zip", *arguments)
    assert (result.stderr, result.returncode) == ("", 0)
    return result.stdout.splitlines()


def refused(pack: Forged, folder: Path, *arguments: str) -> str:
    (folder / "pack.zip").write_bytes(pack.archive())
    result = verify_here(folder / "pack.zip", *arguments)
    assert (result.stdout, result.returncode) == ("", 1)
    return result.stderr


def test_as_it_was_sent(honest: bytes, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(honest)
    result = verify_here(tmp_path / "pack.zip")
    assert (result.stderr, result.returncode) == ("", 0)
    assert result.stdout.splitlines() == verdict(Forged.of(honest), *WHOLE)


def test_repacked(everything: Forged, tmp_path: Path) -> None:
    everything.rehash(everything.values_of("records.json"), everything.values_of("chains.json"))
    assert said(everything, tmp_path) == verdict(everything, *WHOLE)


def test_a_part(part: Forged, tmp_path: Path) -> None:
    assert said(part, tmp_path) == verdict(part, *PART)


def test_a_head_that_one_knows(everything: Forged, tmp_path: Path) -> None:
    """The known head may be any of the seals; the verifier says how many were made since."""
    seals = everything.values_of("seals.json")
    for later, seal in enumerate(reversed(seals)):
        line = f"The head that you named is among the seals; {later} are later."
        assert line in said(everything, tmp_path, "--seal-head", seal["hash"])
    assert refused(everything, tmp_path, "--seal-head", "0" * 64) == (
        "BROKEN: the head of the seals that you named is not among the pack's\n"
    )


def test_the_manifest_that_one_knows(everything: Forged, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(everything["manifest.json"]).hexdigest()
    assert said(everything, tmp_path, "--manifest-sha256", sha256)
    assert refused(everything, tmp_path, "--manifest-sha256", "0" * 64) == (
        "BROKEN: the manifest is not the one that you named\n"
    )


def test_nothing_but_what_is_sealed(everything: Forged, part: Forged, tmp_path: Path) -> None:
    """In the smaller pack, only the erasure of a person is not sealed yet."""
    told = verdict(everything, *WHOLE)[2].partition(": ")[2]
    assert refused(everything, tmp_path, "--sealed") == f"BROKEN: not sealed: {told}\n"
    part.put("evidence.json", part.values_of("evidence.json")[1:])
    part.state()
    assert said(part, tmp_path, "--sealed")[1] == (
        "3 other texts hold: 3 sealed, 0 not sealed yet."
    )


def test_no_more_is_listed_than_one_reads() -> None:
    names = [str(number) for number in range(21)]
    assert shown(names[:20]) == ", ".join(names[:20])
    assert shown(names) == ", ".join(names[:20]) + " and more"
