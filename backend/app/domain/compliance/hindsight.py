"""Facts as they were known on a given day, each counted from the day it took effect.

A fact that is entered late counts from its own day for what is due now: a training of last year
lapses a year after it was given, a promotion recorded in June for March gives March's dates, and
what was withdrawn or corrected never held. So nobody gets more time because something was entered
late. What was known on an earlier day stays answerable, since nothing recorded is ever changed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

from app.domain.compliance.facts import (
    EmploymentChange,
    EmploymentState,
    Evidence,
    Exemption,
    Facts,
    Incident,
    Licence,
    Position,
    RuleVersion,
    employment_on,
)
from app.domain.recurrence import add_days

Fact = TypeVar("Fact", Evidence, Exemption, Incident)


def in_hindsight(facts: Facts, known_on: date) -> Facts:
    """Return facts as if all that was known on `known_on` had been recorded when it took effect.

    "Was she covered in March, given the card that was uploaded in May?" asks for March in
    hindsight of May; "what did we know in March?" asks for March in hindsight of March.
    """
    return Facts(
        employment=employment_in_hindsight(facts.employment, known_on),
        evidence=evidence_in_hindsight(facts.evidence, known_on),
        exemptions=exemptions_in_hindsight(facts.exemptions, known_on),
        publications=tuple(p for p in facts.publications if p.published_on <= known_on),
        licences=licences_in_hindsight(facts.licences, known_on),
        incidents=incidents_in_hindsight(facts.incidents, known_on),
    )


def rules_in_hindsight(versions: Iterable[RuleVersion], known_on: date) -> tuple[RuleVersion, ...]:
    """Return the versions known on a day; the first counts from its own day, edits do not.

    A rule that is entered when the product is installed may have been in force for years, while
    an edit must not rewrite what people were held to.
    """
    known = [version for version in versions if version.recorded_on <= known_on]
    return tuple(
        replace(version, recorded_on=min(version.recorded_on, version.effective_from))
        if version is known[0]
        else version
        for version in known
    )


def evidence_in_hindsight(evidence: Iterable[Evidence], known_on: date) -> tuple[Evidence, ...]:
    """Leave out the evidence that was withdrawn by `known_on`, as if it had never been recorded."""
    return tuple(
        replace(item, recorded_on=min(item.recorded_on, item.day), withdrawn_on=None)
        for item in evidence
        if item.known_on(known_on)
    )


def licences_in_hindsight(licences: Iterable[Licence], known_on: date) -> tuple[Licence, ...]:
    """Let the cycles be what they are known to be on `known_on`, for all days before it too."""
    return tuple(
        replace(licence, recorded_on=date.min, withdrawn_on=None)
        for licence in licences
        if licence.known_on(known_on)
    )


def incidents_in_hindsight(incidents: Iterable[Incident], known_on: date) -> tuple[Incident, ...]:
    """Leave out the incidents that were withdrawn by `known_on`, as if there had been none."""
    return tuple(
        replace(item, recorded_on=min(item.recorded_on, item.day), withdrawn_on=None)
        for item in incidents
        if item.known_on(known_on)
    )


def exemptions_in_hindsight(
    exemptions: Iterable[Exemption], known_on: date
) -> tuple[Exemption, ...]:
    return tuple(
        replace(
            exemption,
            recorded_on=min(exemption.recorded_on, exemption.starts_on),
            revoked_on=_if_known(exemption.revoked_on, known_on),
        )
        for exemption in exemptions
        if exemption.recorded_on <= known_on
    )


def counted_from(items: Iterable[Fact], day: date | None) -> list[Fact]:
    """Let facts be known from a day on, as those of an entry that was merged; None changes nothing.

    They stay of their own day, so that what was shown before stays answerable.
    """
    if day is None:
        return list(items)
    return [replace(item, recorded_on=max(item.recorded_on, day)) for item in items]


def employment_in_hindsight(
    changes: Iterable[EmploymentChange], known_on: date
) -> tuple[EmploymentChange, ...]:
    """Let every employment begin on its date of hire, as it was last corrected.

    `changes` come in the order in which they were recorded: of two for one day the later holds.
    """
    last_word = {c.effective_on: c for c in changes if c.recorded_on <= known_on}
    found: list[EmploymentChange] = []
    for spell in _spells([last_word[day] for day in sorted(last_word)]):
        not_before = found[-1].effective_on if found else date.min
        found += _as_hired(spell, not_before)
    return tuple(
        replace(change, recorded_on=min(change.recorded_on, change.effective_on))
        for change in found
    )


def without_announced_ends(
    changes: Iterable[EmploymentChange], today: date
) -> list[EmploymentChange]:
    """Leave out terminations of days to come, and what is for whoever is hired again after one.

    What was recorded for these days besides, such as a leave, is as if there were no end.
    """
    known = [*changes]
    announced = [each for each in known if each.effective_on > today]
    ends = {each.effective_on for each in announced if each.state is EmploymentState.TERMINATED}
    first = min(ends, default=date.max)

    def is_told(change: EmploymentChange) -> bool:
        hired_on = change.person.hired_on or date.min
        return change.effective_on < first or not (
            change.state is EmploymentState.TERMINATED or hired_on >= first
        )

    return [each for each in known if is_told(each)]


def was_employed(changes: Iterable[EmploymentChange], day: date, known_on: date) -> bool:
    """Whether somebody worked here on a day, at work or on leave, as known on another."""
    change = employment_on(employment_in_hindsight(changes, known_on), day)
    return change is not None and change.is_employed(day)


def _spells(changes: list[EmploymentChange]) -> Iterator[list[EmploymentChange]]:
    """Yield the changes of each employment: the last but one ended before the last began."""
    spell: list[EmploymentChange] = []
    for change in changes:
        terminated = change.state is EmploymentState.TERMINATED
        if spell and spell[-1].state is EmploymentState.TERMINATED and not terminated:
            yield spell
            spell = []
        spell.append(change)
    if spell:
        yield spell


def _as_hired(spell: list[EmploymentChange], not_before: date) -> Iterator[EmploymentChange]:
    # Of what was recorded on one day a correction is for that day, and the rest may be for earlier.
    last = max(spell, key=lambda change: (change.recorded_on, change.effective_on))
    hired_on = last.person.hired_on
    for change in spell:
        begins = change.effective_on
        if hired_on and change is spell[0]:
            begins = max(not_before, min(begins, hired_on))
        person = replace(change.person, hired_on=hired_on)
        yield replace(change, effective_on=begins, person=person)


def _if_known(day: date | None, known_on: date) -> date | None:
    return day if day is not None and day <= known_on else None


def with_positions(
    changes: Sequence[EmploymentChange], positions: Iterable[Position], known_on: date
) -> tuple[EmploymentChange, ...]:
    """Return the employment with the further posts of each day, as they are known on `known_on`.

    `changes` and `positions` come in hindsight and in the order in which they were recorded. On
    each day on which a position begins or is over, a change says so.
    """
    held = [_within(each, changes) for each in _known(positions, known_on)]
    if not held:
        return tuple(changes)
    turns = {each.starts_on for each in held}
    turns |= {add_days(each.ends_on, 1) for each in held if each.ends_on}
    turns -= {change.effective_on for change in changes}
    turned = [
        replace(change, effective_on=day, recorded_on=day)
        for day in sorted(turns)
        if (change := employment_on(changes, day))
    ]
    return tuple(_placed(change, held) for change in (*changes, *turned))


def _known(positions: Iterable[Position], known_on: date) -> list[Position]:
    last = {each.id: each for each in positions if each.recorded_on <= known_on}
    return [each for each in last.values() if not each.withdrawn]


def _within(position: Position, changes: Iterable[EmploymentChange]) -> Position:
    """Let a position end with the employment at the latest: whoever is hired again starts anew."""
    ends = [add_days(day, -1) for day in _terminations(changes) if day >= position.starts_on]
    ends += [position.ends_on] if position.ends_on else []
    return replace(position, ends_on=min(ends, default=None))


def _terminations(changes: Iterable[EmploymentChange]) -> Iterable[date]:
    return (each.effective_on for each in changes if each.state is EmploymentState.TERMINATED)


def _placed(change: EmploymentChange, positions: Iterable[Position]) -> EmploymentChange:
    day = change.effective_on
    posts = tuple(
        each.post
        for each in positions
        if each.starts_on <= day and (each.ends_on is None or day <= each.ends_on)
    )
    return replace(change, person=replace(change.person, elsewhere=posts))
