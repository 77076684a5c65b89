"""Checks the evidence besides the records, such as signatures and the versions of modules.

Each piece is the text of one row of the database, whose hash is a leaf of a seal.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from .archive import Pack
from .broken import require
from .days import Proof, day_of, day_or_none, first_day
from .merges import Merges
from .reading import items, parse, same, written
from .seals import Seals
from .tables import TWINS, Twin

ERASURES, FILES = "erasures", "media"
VERSIONS, SIGNATURES = "module_versions", "signatures"
SESSIONS, QUESTIONS = "live_sessions", "live_session_questions"
SOURCE_CHECKS = "source_checks"
MERGES = "merges"
WITHDRAWALS, EXTERNAL = "evidence_withdrawals", "external_trainings"
INCIDENTS = (
    "incidents",
    "incident_people",
    "incident_withdrawals",
    "corrective_steps",
    "corrective_step_completions",
)
KINDS = (
    *(
        ERASURES,
        FILES,
        VERSIONS,
        SIGNATURES,
        SESSIONS,
        QUESTIONS,
        WITHDRAWALS,
        EXTERNAL,
        SOURCE_CHECKS,
    ),
    *INCIDENTS,
    "positions",
    MERGES,
)
ITEM = {"kind", "id", "content", "seal", "position", "leaf"}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
RECORDED_AT = {
    FILES: "completed_at",
    SESSIONS: "closed_at",
    EXTERNAL: "reviewed_at",
    MERGES: "decided_at",
}
OF_ROSTER_LINE = {"user_id", "full_name", "job_title", "status", "marked_by_id", "marked_at"}


class Evidence:
    """All pieces of evidence. `check` reads them and must come before `check_record`."""

    def __init__(self, pack: Pack, seals: Seals) -> None:
        self._pack, self._seals = pack, seals
        self.erased_chains: dict[str, list[str]] = {}
        self._erased: set[tuple[str, str, str | None]] = set()
        self._versions: dict[str, dict[str, Any]] = {}
        self._signed: set[str] = set()
        self._titles: dict[str, tuple[int, str]] = {}
        self._withdrawals: dict[str, dict[str, Any]] = {}
        self._files: dict[str, dict[str, Any]] = {}
        self._unsealed_files: set[str] = set()
        self.merges = Merges()
        self.proofs: dict[str, Proof] = {}
        """Verified external evidence and attended classes, by the id that compliance names."""
        self.sealed = 0
        self.unsealed: list[str] = []

    def check(self) -> None:
        """Check every piece, and that the tables for people to read agree with them."""
        twins = {name: Twin(self._pack, name) for name in TWINS}
        for item in items(self._pack, "evidence.json"):
            content = self._content(item)
            if content is None:
                continue
            self._keep(item["kind"], content)
            self.proofs.update(self._proofs(item["kind"], content))
            self._check_files(item["kind"], content)
            for name, line in self._readable(item["kind"], content):
                twins[name].line(line)
        for twin in twins.values():
            twin.end()

    def check_record(self, payload: dict[str, Any], where: str) -> None:
        """Require that the version and the signatures that a record names are in the evidence."""
        version = self._versions.get(payload["version_id"], {})
        sha256 = payload["content_sha256"]
        known = version.get("content_sha256") == sha256 == version.get("content")
        require(known, where + ": its version is missing, or of another content")
        known = version.get("outline") == written(payload["outline"])
        require(known, where + ": its version has another outline")
        for signature in payload["signatures"]:
            known = _signed(payload["enrollment_id"], signature) in self._signed
            require(known, where + ": a signature that it names is missing")

    def _content(self, item: dict[str, Any]) -> dict[str, Any] | None:
        where = f"{item['kind']} {item['id']}"
        require(set(item) == ITEM and item["kind"] in KINDS, where + " is no evidence of a pack")
        if item["content"] is None:
            self._require_erased(item, None, where)
            self.sealed += self._seals.claim(item["leaf"], item, item["kind"], where)
            return None
        content: dict[str, Any] = parse(item["content"])
        fits = same((content["evidence"], content["id"]), (item["kind"], item["id"]))
        require(fits, where + ": the text is of something else")
        found = hashlib.sha256(item["content"].encode()).hexdigest()
        if item["leaf"] not in (None, found):
            self._require_erased(item, found, where)
        is_sealed = self._seals.claim(item["leaf"] or found, item, item["kind"], where)
        # A file is evidence from when it was first named: what names it says whether it is too old.
        if is_sealed or item["kind"] != FILES:
            self._seals.check_time(item["seal"], _written(item["kind"], content), where)
        else:
            self._unsealed_files.add(item["id"])
        self.sealed += is_sealed
        if not is_sealed:
            self.unsealed.append(where)
        return content

    def _require_erased(self, item: dict[str, Any], found: str | None, where: str) -> None:
        told = (item["kind"], item["id"], found) in self._erased
        require(told, where + " is not what was sealed, and no erasure says so")

    def _keep(self, kind: str, content: dict[str, Any]) -> None:
        if kind == ERASURES:
            links = content.get("records") or []
            self.erased_chains[content["user_id"]] = [link["hash"] for link in links]
            for told in content.get("erased") or []:
                self._erased.add((told["kind"], told["record_id"], told.get("hash")))
        elif kind == VERSIONS:
            # Only what is asked of it later: all of it, of all versions, could take much memory.
            kept = {name: content.get(name) for name in ("content_sha256", "content")}
            self._versions[content["id"]] = {**kept, "outline": written(content.get("outline"))}
            newest = (content["number"], content["title"])
            module = content["module_id"]
            self._titles[module] = max(newest, self._titles.get(module, newest))
        elif kind == SIGNATURES:
            self._signed.add(_signed(content["enrollment_id"], content))
        elif kind == FILES:
            self._files[content["id"]] = content
        elif kind == MERGES:
            self.merges.keep(content)
        elif kind == WITHDRAWALS:
            late = content["evidence_id"] in self.proofs
            require(not late, f"{kind} {content['id']} comes after what it withdraws")
            self._withdrawals[content["evidence_id"]] = content

    def _proofs(self, kind: str, content: dict[str, Any]) -> Iterator[tuple[str, Proof]]:
        if kind == EXTERNAL and content["status"] == "verified":
            yield content["id"], self._external_proof(content)
        elif kind == SESSIONS:
            # Whose zone it was is not in the pack.
            days = first_day(content["starts_at"]), first_day(content["closed_at"])
            for line in content.get("roster") or []:
                if line["status"] == "attended":
                    yield line["id"], Proof(line["user_id"], *days)

    def _external_proof(self, content: dict[str, Any]) -> Proof:
        where = f"{EXTERNAL} {content['id']}: "
        withdrawn_on = self._withdrawals.get(content["id"], {}).get("recorded_on")
        return Proof(
            user_id=content["user_id"],
            day=day_of(content["completed_on"], where + "completed_on"),
            recorded_on=first_day(content["reviewed_at"]),
            printed_expiry=day_or_none(content.get("printed_expiry"), where + "printed_expiry"),
            withdrawn_on=day_or_none(withdrawn_on, where + "the day of its withdrawal"),
        )

    def _check_files(self, kind: str, content: dict[str, Any]) -> None:
        """Check that the files which evidence names are there, and sealed as early as it is."""
        for file in _named(kind, content):
            where = f"{kind} {content['id']}: the file {file}"
            require(file in self._files, where + " is missing")
            if file in self._unsealed_files:
                self._seals.check_time(None, _written(kind, content), where)

    def _readable(self, kind: str, content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the lines that people read about a piece, each with the name of its table."""
        if kind == SESSIONS:
            for line in content.get("roster") or []:
                yield "rosters", self._roster_line(content, line)
        elif kind == QUESTIONS:
            yield "questions", {name: content.get(name) for name in TWINS["questions"]}
        elif kind == SOURCE_CHECKS:
            yield kind, {name: content.get(name) for name in TWINS[kind]}
        elif kind == EXTERNAL and content["status"] == "verified":
            yield "external_trainings", self._external_line(content)

    def _roster_line(self, session: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
        newest = self._titles.get(session["module_id"])
        known = {
            "session_id": session["id"],
            "module_title": newest[1] if newest else None,
            "attendance_id": line["id"],
        }
        for name in TWINS["rosters"]:
            known.setdefault(name, (line if name in OF_ROSTER_LINE else session).get(name))
        return known

    def _external_line(self, content: dict[str, Any]) -> dict[str, Any]:
        person = content.get("user_snapshot") or {}
        withdrawn = self._withdrawals.get(content["id"], {})
        known = {name: person.get(name) for name in ("full_name", "email", "job_title")}
        known["withdrawn_on"] = withdrawn.get("recorded_on")
        known["withdrawal_reason"] = withdrawn.get("reason")
        file = self._files.get(str(content.get("evidence_reference")).lower(), {})
        known["evidence_sha256"] = file.get("sha256")
        for name in TWINS["external_trainings"]:
            known.setdefault(name, content.get(name))
        return known


def _written(kind: str, content: dict[str, Any]) -> str:
    written: str = content[RECORDED_AT.get(kind, "created_at")]
    return written


def _named(kind: str, content: dict[str, Any]) -> list[str]:
    """Return the ids of the files that a version shows, or that evidence from elsewhere is."""
    if kind == VERSIONS:
        return content.get("media") or []
    reference = str(content.get("evidence_reference")).lower()
    return [reference] if kind == EXTERNAL and _ID.match(reference) else []


def _signed(enrollment_id: str, signature: dict[str, Any]) -> str:
    names = ("section_id", "printed_name", "meaning", "document_sha256")
    return written([enrollment_id, *(signature[name] for name in names)])
