"""Checks who the pack says was covered, against the evidence that it says covers them.

Which requirement evidence meets, the status and until when it is valid are worked out by the rules
of the organisation, which no pack can prove. What is checked is whose the evidence is, that it was
there on the two days asked about, and that nothing outlasts the card that it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from .archive import Pack
from .broken import require
from .chains import Scope
from .days import Proof, day_of, day_or_none
from .merges import Merges
from .reading import has_members, items, same
from .tables import Table

DAYS = {"as_of", "known_on"}
COLUMNS = (
    "as_of",
    "known_on",
    "user_id",
    "name",
    "email",
    "employee_number",
    "location",
    "department",
    "job_title",
    "requirement_id",
    "requirement",
    "status",
    "due_on",
    "valid_through",
    "met_by",
    "reconciling",
)
STATUSES = {
    *("not_required", "exempt", "compliant", "due_soon"),
    *("due", "overdue", "expired", "never_trained"),
}
COVERED = {"compliant", "due_soon"}


class Compliance:
    """The lines of a compliance report. `proofs` are the evidence in the pack, by id."""

    def __init__(
        self,
        pack: Pack,
        days: dict[str, Any],
        scope: Scope,
        proofs: Mapping[str, Proof],
        merges: Merges,
    ) -> None:
        two = has_members(days, DAYS)
        require(two, "the manifest's compliance has other days than two")
        self._pack, self._days, self._scope, self._proofs = pack, days, scope, proofs
        self._merges = merges
        self._as_of = day_of(days["as_of"], "the manifest's as_of")
        self._known_on = day_or_none(days["known_on"], "the manifest's known_on")
        self.count = 0

    @property
    def said(self) -> str:
        """Tell what the lines are about."""
        known = self._days["known_on"]
        knowledge = f"as known on {known}" if known else "as known when the pack was made"
        return f"{self.count} lines of compliance on {self._days['as_of']}, {knowledge}."

    def check(self) -> None:
        table = Table(self._pack, "compliance.csv", COLUMNS)
        last = ("", "")
        for line in items(self._pack, "compliance.json"):
            self.count += 1
            where = f"compliance.json, item {self.count}"
            table.row(line)
            require(_is_plain(line), where + " has other kinds of values")
            this = (line["user_id"], line["requirement_id"])
            require(last < this, where + " is out of order, or of the same as another")
            last = this
            self._check_line(line, where)
        table.end()

    def _check_line(self, line: dict[str, Any], where: str) -> None:
        days = {name: line[name] for name in DAYS}
        require(same(days, self._days), where + " is about another day")
        require(self._scope.has_person(line["user_id"]), where + " is outside the pack's scope")
        require(line["status"] in STATUSES, where + " has no status")
        day_or_none(line["due_on"], where + ": due_on")
        through = day_or_none(line["valid_through"], where + ": valid_through")
        if line["status"] in COVERED:
            lasts = through is None or self._as_of <= through
            require(lasts and line["met_by"], where + " says covered, and nothing holds on the day")
        if line["met_by"] is not None:
            self._check_evidence(line, through, where)

    def _check_evidence(self, line: dict[str, Any], through: date | None, where: str) -> None:
        """Evidence of a part may lie outside of it; that of everything has to be there."""
        proof = self._proofs.get(line["met_by"])
        if proof is None:
            missing = where + ": the evidence that it names is missing"
            require(not self._scope.is_everything, missing)
            return
        where += " names evidence "
        proof = self._merges.held_by(proof, line["user_id"])
        require(proof.user_id == line["user_id"], where + "of somebody else")
        require(proof.day <= self._as_of, where + "of a later day")
        require(proof.counts(self._known_on), where + "that was not known, or withdrawn")
        expiry = proof.printed_expiry
        lasts = expiry is None or (through is not None and through <= expiry)
        require(lasts, where + "whose printed expiry is earlier")


def _is_plain(line: dict[str, Any]) -> bool:
    texts = [line[name] for name in COLUMNS[:-1]]
    named = isinstance(line["user_id"], str) and isinstance(line["requirement_id"], str)
    plain = all(text is None or isinstance(text, str) for text in texts)
    return named and plain and type(line["reconciling"]) is bool
