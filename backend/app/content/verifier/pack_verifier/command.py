"""Verify an auditor's pack. Needs Python 3.8 or later, and nothing else.

    python -I verify.pyz PACK.zip [--manifest-sha256 HEX] [--seal-head HEX] [--sealed] [--minutes N]

PACK is the archive, or the folder that it was unpacked to. Take this verifier from the release of
the repository, never from the pack, and compare its SHA-256, printed below, with the published one.
What has to hold:

- the archive is its files and nothing else; manifest.json lists each with its size and SHA-256;
- the chain of each person runs from its first record without a gap: each link names the hash of
  the one before it; every link of the scope has its record, and every record belongs to the scope;
- a record's hash is SHA-256(previous_hash + payload), its columns repeat its payload;
- the content of each record is there, under the SHA-256 that the record names;
- the seals form a chain, and each sealed link is the Merkle leaf (RFC 9162) that it says; where
  the scope is everything, every leaf is a link;
- nothing is younger than its seal, and nothing that is not sealed is older than the last one;
- whoever is shown as covered on a day holds evidence, their own (or of an entry that was merged
  into theirs by then): of no later day, recorded and not withdrawn by the day whose knowledge is
  asked for, and no card that had run out;
- each table for spreadsheets is, character by character, what its JSON twin makes of it.

A pack of more than 60,000 files or 8 GiB is refused, and so is an archive that unpacks to more than
200 times its size and 64 MiB, a list with an item of more than 8 MiB, and whatever takes longer
than an hour, or than the minutes that you give it.

A manifest carries no secret: whoever alters everything can also make a new one. So compare its
SHA-256, printed below, with the one in the organisation's audit trail, and name a head of the seals
that you were given earlier: it has to be one of those in the pack.

Nothing but that SHA-256 shows that the days asked about (as_of, known_on), the statuses, the titles
and until when evidence is valid are those of the organisation, and that evidence meets the
requirement that it is named for: they follow from its rules, which no pack proves.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import struct
import sys
import zipfile
import zlib
from pathlib import Path

from .archive import Archive, Folder, Pack
from .broken import BrokenError, require
from .chains import RECORDS, Chains, Scope
from .compliance import Compliance
from .evidence import KINDS, Evidence
from .manifest import MANIFEST, VERIFIER, Contents, check_files
from .patience import MINUTES, patience
from .reading import LONGEST, digest_of, same
from .records import Records
from .seals import Seals

UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    OverflowError,
    MemoryError,
    csv.Error,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
LISTED = 20


def verify(pack: Pack, given: argparse.Namespace) -> list[str]:
    """Return the lines to print; raise BrokenError at the first thing that does not hold."""
    found = digest_of(pack, MANIFEST, LONGEST)[0]
    named = given.manifest_sha256 in (None, found)
    require(named, "the manifest is not the one that you named")
    manifest = check_files(pack)
    seals = Seals(pack)
    require(seals.head == manifest["seal_head"], "the seals do not end where the manifest says")
    known = given.seal_head in (None, *seals.hashes)
    require(known, "the head of the seals that you named is not among the pack's")
    evidence = Evidence(pack, seals)
    evidence.check()
    scope = Scope(manifest["scope"], evidence.merges)
    chains, contents = Chains(pack, scope, seals, evidence), Contents(pack, manifest)
    records = Records(pack, chains, scope, contents, evidence)
    records.check()
    contents.end()
    require(same(records.count, manifest["records"]), "the manifest counts other records")
    if scope.is_everything:
        seals.all_claimed((RECORDS, *KINDS))
    proofs = {**evidence.proofs, **records.proofs}
    compliance = Compliance(pack, manifest["compliance"], scope, proofs, evidence.merges)
    compliance.check()
    unsealed = [*records.unsealed, *evidence.unsealed]
    require(not (given.sealed and unsealed), "not sealed: " + shown(unsealed))
    return [
        f"{records.count} records hold: {chains.sealed} sealed, {chains.unsealed} not sealed yet.",
        said_of_evidence(evidence),
        *(["Nothing but the manifest vouches for: " + shown(unsealed)] if unsealed else []),
        compliance.said,
        f"{chains.people} people; {chains.erased} links of people who were erased.",
        said_of(scope, chains),
        said_of_seals(seals, given.seal_head),
        "SHA-256 of the manifest: " + found,
        "Head of the seals: " + seals.head,
        *said_of_verifier(manifest),
    ]


def shown(unsealed: list[str]) -> str:
    return ", ".join(unsealed[:LISTED]) + (" and more" if len(unsealed) > LISTED else "")


def said_of_evidence(evidence: Evidence) -> str:
    sealed, unsealed = evidence.sealed, len(evidence.unsealed)
    return f"{sealed + unsealed} other texts hold: {sealed} sealed, {unsealed} not sealed yet."


def said_of(scope: Scope, chains: Chains) -> str:
    if scope.is_everything:
        return "The scope is everything: all that was sealed of this evidence is here."
    return (
        f"The scope is a part; {chains.excluded} links outside it are here by hash alone. That"
        " nothing of it was left out, only the manifest's SHA-256 in the audit trail can show."
    )


def said_of_seals(seals: Seals, known: str | None) -> str:
    if known is None:
        return f"{len(seals.hashes)} seals. Name a head that you know with --seal-head."
    later = len(seals.hashes) - 1 - seals.hashes.index(known)
    return f"The head that you named is among the seals; {later} are later."


def said_of_verifier(manifest: dict[str, object]) -> list[str]:
    own = own_sha256()
    if own is None:
        return ["This verifier runs from its sources."]
    files: dict[str, dict[str, str]] = manifest["files"]  # type: ignore[assignment]  # checked
    other = (
        []
        if files[VERIFIER]["sha256"] == own
        else ["The verifier in the pack is another one: do not run it."]
    )
    return ["SHA-256 of this verifier: " + own, *other]


def own_sha256() -> str | None:
    """Return the hash of the archive that this runs from, or None if it runs from a folder."""
    archive = Path(__file__).parent.parent
    return hashlib.sha256(archive.read_bytes()).hexdigest() if archive.is_file() else None


def opened(path: Path) -> Pack:
    if not path.is_dir():
        return Archive(path)
    inside = path.resolve() in Path(__file__).resolve().parents
    require(not inside, "this verifier lies in the pack; take it from the repository's release")
    return Folder(path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("--manifest-sha256", help="the one in the audit trail")
    parser.add_argument("--seal-head", help="one that you were given earlier")
    parser.add_argument("--sealed", action="store_true", help="refuse what is not sealed yet")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long it may take")
    given = parser.parse_args(arguments)
    patience.begin(given.minutes)
    try:
        report = verify(opened(given.pack), given)
    except BrokenError as broken:
        return _refuse(str(broken))
    except UNREADABLE as error:
        return _refuse(f"the pack cannot be read ({type(error).__name__})")
    sys.stdout.write("\n".join(report) + "\n")
    return 0


def _refuse(reason: str) -> int:
    """Print why the pack is refused.

    The reason may quote the pack, whose control characters could otherwise change the terminal.
    """
    plain = "".join(sign if sign.isprintable() else "?" for sign in reason)
    sys.stderr.write(f"BROKEN: {plain}\n")
    return 1
