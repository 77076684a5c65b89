"""What reconciliation enrolls people in, tried with many small histories."""

import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compliance.rule_enrollment import (
    Assigned,
    EnrollmentPlan,
    OpenEnrollment,
    Wanted,
    plan_enrollments,
)

PEOPLE = [uuid.UUID(int=number) for number in range(1, 4)]
MODULES = [uuid.UUID(int=number) for number in range(10, 14)]
PERSON, HYGIENE, HYGIENE_AGAIN = PEOPLE[0], MODULES[0], MODULES[1]
VERSIONS = {module_id: uuid.UUID(int=module_id.int * 100) for module_id in MODULES}
MAY, JUNE = date(2027, 5, 1), date(2027, 6, 1)

days = st.none() | st.dates(MAY, JUNE)
wishes = st.lists(
    st.builds(
        Wanted,
        st.sampled_from(PEOPLE),
        st.lists(st.sampled_from(MODULES), min_size=1, max_size=3, unique=True).map(tuple),
        days,
    ),
    max_size=6,
)
enrollments = st.lists(
    st.builds(
        OpenEnrollment,
        id=st.uuids(),
        user_id=st.sampled_from(PEOPLE),
        module_id=st.sampled_from(MODULES),
        follows_rules=st.booleans(),
        due_on=days,
        started=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda row: (row.user_id, row.module_id),
)
versions = st.lists(st.sampled_from(MODULES), unique=True).map(
    lambda modules: {module_id: VERSIONS[module_id] for module_id in modules}
)


def open_one(**changes: object) -> OpenEnrollment:
    fields: dict[str, object] = {
        "id": uuid.UUID(int=7),
        "user_id": PERSON,
        "module_id": HYGIENE,
        "follows_rules": True,
        "due_on": MAY,
        "started": False,
    }
    return OpenEnrollment(**{**fields, **changes})  # type: ignore[arg-type]  # names are fields


def followed(open_now: list[OpenEnrollment], plan: EnrollmentPlan) -> list[OpenEnrollment]:
    """Return the open enrollments after the plan has been carried out."""
    kept = [
        OpenEnrollment(
            row.id,
            row.user_id,
            row.module_id,
            row.follows_rules,
            plan.dated.get(row.id, row.due_on),
            row.started,
        )
        for row in open_now
        if row.id not in plan.withdrawn
    ]
    made = [
        OpenEnrollment(uuid.uuid4(), each.user_id, each.module_id, True, each.due_on, False)  # noqa: FBT003  # in the order of the fields
        for each in plan.assigned
    ]
    return kept + made


class TestPlan:
    def test_assigns_the_first_that_can_be_assigned(self) -> None:
        wanted = Wanted(PERSON, (HYGIENE, HYGIENE_AGAIN), MAY)
        plan = plan_enrollments([wanted], [], {HYGIENE_AGAIN: VERSIONS[HYGIENE_AGAIN]})
        assert plan.assigned == [Assigned(PERSON, HYGIENE_AGAIN, VERSIONS[HYGIENE_AGAIN], MAY)]

    def test_goes_on_with_what_is_open(self) -> None:
        wanted = Wanted(PERSON, (HYGIENE, HYGIENE_AGAIN), MAY)
        row = open_one(module_id=HYGIENE_AGAIN, due_on=None)
        plan = plan_enrollments([wanted], [row], VERSIONS)
        assert plan == EnrollmentPlan([], {row.id: MAY}, [])

    @pytest.mark.parametrize(
        ("follows_rules", "dates"), [(True, {open_one().id: JUNE}), (False, {})]
    )
    def test_moves_a_date_of_somebody_else_forward_only(
        self, *, follows_rules: bool, dates: dict[uuid.UUID, date]
    ) -> None:
        wanted = Wanted(PERSON, (HYGIENE,), JUNE)
        plan = plan_enrollments([wanted], [open_one(follows_rules=follows_rules)], VERSIONS)
        assert plan.dated == dates

    @pytest.mark.parametrize("follows_rules", [True, False])
    def test_what_is_due_earlier_is_due_earlier(self, *, follows_rules: bool) -> None:
        row = open_one(follows_rules=follows_rules, due_on=JUNE)
        plan = plan_enrollments([Wanted(PERSON, (HYGIENE,), MAY)], [row], VERSIONS)
        assert plan == EnrollmentPlan([], {row.id: MAY}, [])

    @pytest.mark.parametrize("dates", [(MAY, JUNE), (JUNE, MAY), (MAY, None), (None, MAY)])
    def test_the_earliest_of_several_rules_counts(self, dates: tuple[date | None, ...]) -> None:
        wanted = [Wanted(PERSON, (HYGIENE,), due_on) for due_on in dates]
        plan = plan_enrollments(wanted, [], VERSIONS)
        assert plan.assigned == [Assigned(PERSON, HYGIENE, VERSIONS[HYGIENE], MAY)]

    def test_one_of_several_modules_is_enough(self) -> None:
        plan = plan_enrollments([Wanted(PERSON, (HYGIENE, HYGIENE_AGAIN), MAY)], [], VERSIONS)
        assert plan.assigned == [Assigned(PERSON, HYGIENE, VERSIONS[HYGIENE], MAY)]

    def test_new_ones_do_not_keep_others_from_their_dates(self) -> None:
        wanted = [Wanted(PEOPLE[1], (HYGIENE,), MAY), Wanted(PERSON, (HYGIENE,), JUNE)]
        plan = plan_enrollments(wanted, [open_one()], VERSIONS)
        assert [each.user_id for each in plan.assigned] == [PEOPLE[1]]
        assert plan.dated == {open_one().id: JUNE}

    @pytest.mark.parametrize(
        ("row", "dated", "withdrawn"),
        [
            (open_one(started=True), True, False),
            (open_one(started=True, due_on=None), False, False),
            (open_one(), False, True),
            (open_one(due_on=None), False, True),
            (open_one(follows_rules=False), False, False),
            (open_one(follows_rules=False, started=True), False, False),
        ],
    )
    def test_what_nothing_asks_for_any_more(
        self, row: OpenEnrollment, *, dated: bool, withdrawn: bool
    ) -> None:
        """An enrollment that was begun only loses its date. Those of people and managers stay."""
        plan = plan_enrollments([], [row], VERSIONS)
        expected = EnrollmentPlan([], {row.id: None} if dated else {}, [row.id] * withdrawn)
        assert plan == expected


@given(wishes, enrollments, versions)
def test_never_takes_away_what_was_begun_or_chosen(
    wanted: list[Wanted], open_now: list[OpenEnrollment], known: dict[uuid.UUID, uuid.UUID]
) -> None:
    plan = plan_enrollments(wanted, open_now, known)
    withdrawn = [row for row in open_now if row.id in plan.withdrawn]
    assert all(row.follows_rules and not row.started for row in withdrawn)


@given(wishes, enrollments, versions)
def test_dates_of_others_never_move_back(
    wanted: list[Wanted], open_now: list[OpenEnrollment], known: dict[uuid.UUID, uuid.UUID]
) -> None:
    plan = plan_enrollments(wanted, open_now, known)
    for row in open_now:
        if not row.follows_rules and row.due_on is not None:
            assert (plan.dated.get(row.id, row.due_on) or date.max) <= row.due_on


@given(wishes, enrollments, versions)
def test_whoever_can_be_enrolled_is(
    wanted: list[Wanted], open_now: list[OpenEnrollment], known: dict[uuid.UUID, uuid.UUID]
) -> None:
    after = followed(open_now, plan_enrollments(wanted, open_now, known))
    for each in wanted:
        mine = [row for row in after if row.user_id == each.user_id]
        settling = [row for row in mine if row.module_id in each.any_of]
        assert settling or not any(module_id in known for module_id in each.any_of)
        assert len({row.module_id for row in mine}) == len(mine)


@given(wishes, enrollments, versions)
def test_a_plan_that_was_followed_leaves_nothing_to_do(
    wanted: list[Wanted], open_now: list[OpenEnrollment], known: dict[uuid.UUID, uuid.UUID]
) -> None:
    after = followed(open_now, plan_enrollments(wanted, open_now, known))
    again = plan_enrollments(wanted, after, known)
    assert not again.assigned
    assert not again.withdrawn
