"""Checks the training records, and the files that repeat parts of them.

All these files have the order of the chains.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import Any

from .archive import Pack
from .broken import require
from .chains import Chains, Scope
from .days import Proof, day_of, first_day, last_day
from .evidence import Evidence
from .manifest import Contents
from .reading import items, parse, same
from .tables import Table

RECORD = {"id", "user_id", "sequence", "corrects_id", "previous_hash", "hash", "payload"}
COLUMNS = {
    "id": ("id",),
    "user_id": ("user_id",),
    "sequence": ("sequence",),
    "full_name": ("user", "full_name"),
    "email": ("user", "email"),
    "job_title": ("user", "job_title"),
    "department": ("user", "department"),
    "location": ("user", "location"),
    "module_id": ("module_id",),
    "module_title": ("module_title",),
    "version": ("version",),
    "language": ("language",),
    "content_sha256": ("content_sha256",),
    "started_at": ("started_at",),
    "completed_at": ("completed_at",),
    "local_date": ("local_date",),
    "time_zone": ("time_zone",),
    "minutes": ("minutes",),
    "score_percent": ("score_percent",),
    "delivery_method": ("delivery_method",),
    "ce_hours": ("ce_hours",),
    "corrects_id": ("corrects_id",),
}
"""The columns of records.csv, each with the path of its value in the payload."""

CHECK = (
    "record_id",
    "user_id",
    "full_name",
    "module_title",
    "local_date",
    "missing",
    "corrected_by_id",
)


class Records:
    def __init__(
        self, pack: Pack, chains: Chains, scope: Scope, contents: Contents, evidence: Evidence
    ) -> None:
        self._chains, self._scope = chains, scope
        self._contents, self._evidence = contents, evidence
        self._records = items(pack, "records.json")
        self._signatures = items(pack, "signatures.json")
        self._checks = items(pack, "check.json")
        self._table = Table(pack, "records.csv", tuple(COLUMNS))
        self._check_table = Table(pack, "check.csv", CHECK)
        self._of_person: dict[str, dict[str, Any]] = {}
        """What check.json has to say of the person's records, by id, in the order of the chain."""
        self.unsealed: list[str] = []
        self.proofs: dict[str, Proof] = {}
        self.count = 0

    def check(self) -> None:
        for _, links in groupby(self._chains.included(), lambda link: link["user_id"]):
            for link in links:
                payload = self._payload(link)
                self._check_correction(payload)
                self._note(link, payload)
                self._check_repeats(payload)
                self.count += 1
            self._end_person()
        rest = {"records.json": self._records, "signatures.json": self._signatures}
        for name, more in {**rest, "check.json": self._checks}.items():
            require(next(more, None) is None, name + " has more than the chains have")
        for table in (self._table, self._check_table):
            table.end()

    def _payload(self, link: dict[str, Any]) -> dict[str, Any]:
        """Return the payload of the link's record, once it has been checked against its hash."""
        where = f"record {link['record_id']}"
        record: dict[str, Any] = next(self._records, {})
        require(same(record.get("id"), link["record_id"]), where + " is missing, or out of order")
        require(set(record) == RECORD, where + " is no record")
        text = record["previous_hash"] + record["payload"]
        right = hashlib.sha256(text.encode()).hexdigest() == record["hash"]
        require(right, where + ": the hash does not fit the payload")
        payload: dict[str, Any] = parse(record["payload"])
        for name in ("id", "user_id", "sequence", "corrects_id"):
            repeated = same(record[name], payload.get(name))
            require(repeated, f"{where}: {name} differs from the payload")
        for name in ("user_id", "sequence", "previous_hash", "hash"):
            require(same(record[name], link[name]), where + ": its link says something else")
        require(self._scope.has(payload), where + " is outside the pack's scope")
        self._contents.check(payload, where)
        self._evidence.check_record(payload, where)
        return payload

    def _check_correction(self, payload: dict[str, Any]) -> None:
        wrong = payload.get("corrects_id")
        known = wrong is None or wrong in self._of_person
        where = f"record {payload['id']}"
        require(known or not self._scope.has_whole_chains, where + " corrects an unknown record")
        if wrong in self._of_person:
            self._of_person[wrong]["corrected_by_id"] = payload["id"]

    def _prove(self, payload: dict[str, Any], written_at: str) -> None:
        """Keep the record's days. Whatever corrects a record also withdraws it."""
        day = day_of(payload["local_date"], f"record {payload['id']}: local_date")
        self.proofs[payload["id"]] = Proof(payload["user_id"], day, first_day(written_at))
        wrong = self.proofs.get(payload.get("corrects_id") or "")
        if wrong:
            withdrawn = wrong._replace(withdrawn_on=last_day(written_at))
            self.proofs[payload["corrects_id"]] = withdrawn

    def _end_person(self) -> None:
        """Compare the checks, once it is known which of a person's records later ones correct."""
        for check in self._of_person.values():
            fits = same(next(self._checks, None), check)
            require(fits, f"check.json does not fit record {check['record_id']}")
            self._check_table.row(check)
        self._of_person.clear()

    def _note(self, link: dict[str, Any], payload: dict[str, Any]) -> None:
        written = payload.get("recorded_at") or payload.get("corrected_at")
        at = written or payload["completed_at"]
        self._chains.seals.check_time(link["seal"], at, f"record {payload['id']}")
        self._prove(payload, at)
        if not link["is_sealed"]:
            self.unsealed.append(f"record {payload['id']}")

    def _check_repeats(self, payload: dict[str, Any]) -> None:
        self._table.row({column: _at(payload, path) for column, path in COLUMNS.items()})
        person = {"record_id": payload["id"], "user_id": payload["user_id"]}
        for signature in payload["signatures"]:
            fits = same(next(self._signatures, None), {**person, **signature})
            require(fits, f"signatures.json does not fit record {payload['id']}")
        self._of_person[payload["id"]] = {
            **person,
            "full_name": _at(payload, ("user", "full_name")),
            "module_title": payload["module_title"],
            "local_date": payload["local_date"],
            "missing": missing_fields(payload),
            "corrected_by_id": None,
        }


def _at(payload: dict[str, Any], path: tuple[str, ...]) -> Any:  # noqa: ANN401  # JSON
    value: Any = payload
    for key in path:
        value = (value or {}).get(key)
    return value


def missing_fields(payload: dict[str, Any]) -> list[str]:
    """Return what a record lacks of what 29 CFR 1910.1030(h)(2)(i)(A) to (D) demands."""
    trainers = [one for one in payload.get("instructors") or [] if one.get("role") != "contact"]
    user = payload.get("user") or {}
    named = all(trainer.get("name") and trainer.get("qualification") for trainer in trainers)
    present = (
        ("dates", payload.get("local_date")),
        ("contents_or_summary", payload.get("outline") and payload.get("content_sha256")),
        ("names_and_qualifications_of_trainers", trainers and named),
        ("names_and_job_titles_of_attendees", user.get("full_name") and user.get("job_title")),
    )
    return [name for name, there in present if not there]
