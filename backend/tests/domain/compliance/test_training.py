import uuid
from datetime import date

from app.domain.compliance import ComplianceStatus
from app.domain.compliance.training import Asked, DueBecause, Held, Training, trainings

A, B = sorted((uuid.uuid4(), uuid.uuid4()), key=str)
MARCH, MAY, JULY = (date(2026, month, 1) for month in (3, 5, 7))
PUBLISHED = Held(is_published=True)


def asked(
    *modules: uuid.UUID,
    status: ComplianceStatus = ComplianceStatus.DUE,
    due_on: date | None = MAY,
    credential_kind: str | None = None,
) -> Asked:
    return Asked(uuid.uuid4(), status, due_on, frozenset(modules), credential_kind)


def dates(found: list[Training]) -> list[tuple[date | None, DueBecause | None]]:
    return [(each.due_on, each.due_because) for each in found]


def test_nothing_is_asked_and_nothing_was_chosen() -> None:
    assert trainings([], {A: PUBLISHED}) == []


def test_two_requirements_for_one_module_are_one_line_with_the_earlier_date() -> None:
    later, sooner = asked(A, due_on=JULY), asked(A, due_on=MAY)
    [found] = trainings([later, sooner], {A: PUBLISHED})
    assert found.asked == (sooner, later)
    assert (found.due_on, found.due_because) == (MAY, DueBecause.REQUIREMENT)


def test_an_assignment_counts_where_it_is_sooner() -> None:
    for on, expected in (
        (MARCH, (MARCH, DueBecause.ASSIGNMENT)),
        (MAY, (MAY, DueBecause.REQUIREMENT)),
        (JULY, (MAY, DueBecause.REQUIREMENT)),
    ):
        held = Held(is_published=True, is_open=True, is_assigned=True, due_on=on)
        assert dates(trainings([asked(A)], {A: held})) == [expected]


def test_a_date_of_what_is_completed_asks_for_nothing() -> None:
    done = Held(is_published=True, is_assigned=True, due_on=MARCH, completed_on=MARCH)
    met = asked(A, status=ComplianceStatus.COMPLIANT)
    [found] = trainings([met], {A: done})
    assert (found.due_on, found.is_to_do) == (None, False)


def test_any_of_several_modules_is_one_line() -> None:
    started = Held(is_published=True, is_open=True)
    [begun] = trainings([asked(A, B)], {A: PUBLISHED, B: started})
    [published] = trainings([asked(A, B)], {A: Held(is_published=False), B: PUBLISHED})
    done = Held(is_published=True, completed_on=MARCH)
    compliant = asked(A, B, status=ComplianceStatus.COMPLIANT)
    [met] = trainings([compliant], {A: PUBLISHED, B: done})
    assert [begun.module_id, published.module_id, met.module_id] == [B, B, B]
    assert [each.module_id for each in trainings([asked(A, B)], {A: PUBLISHED, B: PUBLISHED})] == [
        A
    ]


def test_credentials_have_no_module() -> None:
    bls, again = asked(credential_kind="bls"), asked(credential_kind="bls", due_on=MARCH)
    [found] = trainings([bls, again], {})
    assert (found.module_id, found.asked, found.due_on) == (None, (again, bls), MARCH)


def test_the_soonest_first_and_what_is_done_last() -> None:
    done, chosen = uuid.uuid4(), uuid.uuid4()
    held = {
        done: Held(is_published=True, completed_on=MARCH),
        chosen: Held(is_published=True, is_open=True),
        A: PUBLISHED,
        B: PUBLISHED,
    }
    found = trainings([asked(A, due_on=MAY), asked(B, due_on=MARCH)], held)
    assert [each.module_id for each in found] == [B, A, chosen, done]
