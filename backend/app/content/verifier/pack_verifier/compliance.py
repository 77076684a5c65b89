"""Checks who the pack says was covered, against the evidence that it says covers them.

Status and days are worked out by the rules of the organisation, which no pack can prove: what is
checked is that a person who is shown as covered holds evidence, and that it is in the pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .archive import Pack
from .broken import require
from .chains import Scope
from .reading import items, same
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
    """The lines of a compliance report. `holders` are whose the evidence in the pack is, by id."""

    def __init__(
        self, pack: Pack, days: dict[str, Any], scope: Scope, holders: Mapping[str, str]
    ) -> None:
        require(set(days) == DAYS, "the manifest's compliance has other days than two")
        self._pack, self._days, self._scope, self._holders = pack, days, scope, holders
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
            texts = [line[name] for name in COLUMNS[:-1]]
            plain = all(text is None or isinstance(text, str) for text in texts)
            plain = plain and type(line["reconciling"]) is bool
            require(plain, where + " has other kinds of values")
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
        if line["status"] in COVERED:
            through = line["valid_through"]
            lasts = through is None or line["as_of"] <= through
            require(lasts and line["met_by"], where + " says covered, and nothing holds on the day")
        if line["met_by"] is not None:
            self._check_evidence(line, where)

    def _check_evidence(self, line: dict[str, Any], where: str) -> None:
        """Evidence of a part may lie outside of it; that of everything has to be there."""
        holder = self._holders.get(line["met_by"])
        known = holder is not None or not self._scope.is_everything
        require(known, where + ": the evidence that it names is missing")
        require(holder in (None, line["user_id"]), where + " names evidence of somebody else")
