from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.ce_credit import (
    CarryOver,
    CategoryCap,
    Credit,
    Delivery,
    LicenceCycle,
    LicenceRule,
    Minimum,
    Shortfall,
    carried_hours,
    counted_hours,
    licence_cycle,
    summarise,
)
from app.domain.evidence.ce_profile import (
    CALIFORNIA_RDH,
    LICENCE_RULES,
    NEW_YORK_RDH,
    TEXAS_DDS,
    TEXAS_RDA,
)

LIVE, ONLINE, SELF_STUDY = Delivery.LIVE, Delivery.LIVE_ONLINE, Delivery.SELF_STUDY
EXPIRES = date(2028, 4, 30)
CYCLE = licence_cycle(CALIFORNIA_RDH, EXPIRES)


def credit(
    hours: str,
    category: str = "clinical",
    delivery: Delivery = LIVE,
    earned_on: date = date(2027, 5, 10),
) -> Credit:
    return Credit(earned_on, Decimal(hours), category, delivery)


MANDATORY = [
    credit("2", "infection_control_ca"),
    credit("2", "dental_practice_act_ca"),
]


class TestLicenceCycle:
    def test_ends_with_the_printed_expiry(self) -> None:
        assert LicenceCycle(date(2026, 5, 1), date(2028, 4, 30)) == CYCLE

    def test_three_years_in_new_york(self) -> None:
        cycle = licence_cycle(NEW_YORK_RDH, date(2028, 2, 29))
        assert cycle == LicenceCycle(date(2025, 3, 1), date(2028, 2, 29))


class TestFigures:
    @pytest.mark.parametrize("rule", LICENCE_RULES.values(), ids=lambda rule: rule.name)
    def test_every_number_is_cited_and_to_be_verified(self, rule: LicenceRule) -> None:
        assert all(figure.citation for figure in rule.figures)
        assert {figure.verify_with for figure in rule.figures} == {rule.verify_with}
        assert rule.verify_with.startswith("to be verified with the board")
        assert rule.sources.keys() <= {figure.name for figure in rule.figures}

    def test_no_number_is_left_out(self) -> None:
        figures = {figure.name: figure.value for figure in CALIFORNIA_RDH.figures}
        assert figures == {
            "cycle_months": 24,
            "total_hours": 25,
            "minimum:infection_control_ca": 2,
            "minimum:dental_practice_act_ca": 2,
            "cap:basic_life_support": 4,
            "cap:benefit_of_licensee": 5,
            "self_study_cap": Decimal("12.5"),
            "carry_over": 0,
        }
        assert {figure.name: figure.value for figure in NEW_YORK_RDH.figures} == {
            "cycle_months": 36,
            "total_hours": 24,
            "minimum:infection_control_ny": 0,
            "within_months:infection_control_ny": 48,
            "self_study_cap": 10,
            "carry_over": 0,
        }

    def test_categories_under_one_cap_are_one_figure(self) -> None:
        shared = CategoryCap(frozenset({"b", "a"}), Decimal(3))
        rule = replace(CALIFORNIA_RDH, caps=(shared,), sources={})
        assert {figure.name for figure in rule.figures if "cap:" in figure.name} == {"cap:a+b"}


class TestCalifornia:
    """16 CCR 1016 and 1017: 25 units in two years, to be verified with the board."""

    def test_is_cited_and_flagged(self) -> None:
        assert "16 CCR 1016 and 1017" in CALIFORNIA_RDH.citation
        assert CALIFORNIA_RDH.verify_with.startswith("to be verified with the board")

    def test_complete(self) -> None:
        earned = [*MANDATORY, credit("4", "basic_life_support"), credit("17")]
        summary = summarise(CALIFORNIA_RDH, CYCLE, earned, EXPIRES)
        assert summary.complete
        assert (summary.counted, summary.over_caps) == (Decimal(25), Decimal(0))

    def test_caps_cut_life_support_and_own_benefit(self) -> None:
        earned = [
            *MANDATORY,
            credit("6", "basic_life_support"),
            credit("8.5", "benefit_of_licensee"),
            credit("11"),
        ]
        summary = summarise(CALIFORNIA_RDH, CYCLE, earned, EXPIRES)
        assert (summary.earned, summary.counted) == (Decimal("29.5"), Decimal(24))
        assert summary.over_caps == Decimal("5.5")
        assert summary.shortfalls == (Shortfall("total", Decimal(25), Decimal(24)),)

    def test_at_most_half_by_self_study(self) -> None:
        earned = [*MANDATORY, credit("8"), credit("20", delivery=SELF_STUDY)]
        summary = summarise(CALIFORNIA_RDH, CYCLE, earned, EXPIRES)
        assert summary.counted == Decimal("24.5")

    def test_live_online_is_live(self) -> None:
        earned = [*MANDATORY, credit("21", delivery=ONLINE)]
        assert summarise(CALIFORNIA_RDH, CYCLE, earned, EXPIRES).complete

    def test_mandatory_courses_are_missed_by_name(self) -> None:
        earned = [credit("30"), credit("1.5", "infection_control_ca")]
        summary = summarise(CALIFORNIA_RDH, CYCLE, earned, EXPIRES)
        assert summary.shortfalls == (
            Shortfall("infection_control_ca", Decimal(2), Decimal("1.5")),
            Shortfall("dental_practice_act_ca", Decimal(2), Decimal(0)),
        )

    @pytest.mark.parametrize(
        ("day", "counts"),
        [
            (date(2026, 4, 30), False),
            (date(2026, 5, 1), True),
            (date(2028, 4, 30), True),
            (date(2028, 5, 1), False),
        ],
    )
    def test_only_what_was_earned_in_the_cycle(self, day: date, *, counts: bool) -> None:
        summary = summarise(CALIFORNIA_RDH, CYCLE, [credit("3", earned_on=day)], date(2029, 1, 1))
        assert summary.counted == (3 if counts else 0)

    def test_mandatory_courses_of_the_cycle_before_are_spent(self) -> None:
        spent = [replace(course, earned_on=date(2026, 4, 30)) for course in MANDATORY]
        summary = summarise(CALIFORNIA_RDH, CYCLE, [*spent, credit("30")], EXPIRES)
        assert summary.cycle == CYCLE
        assert [missing.earned for missing in summary.shortfalls] == [Decimal(0), Decimal(0)]

    def test_as_of_a_day_in_the_cycle(self) -> None:
        earned = [
            credit("3", earned_on=date(2027, 5, 10)),
            credit("5", earned_on=date(2027, 5, 11)),
        ]
        assert summarise(CALIFORNIA_RDH, CYCLE, earned, date(2027, 5, 10)).counted == 3


class TestNewYork:
    """Infection control every four years, licence every three: Education Law 6505-b, 6609-a."""

    CYCLE = licence_cycle(NEW_YORK_RDH, date(2028, 2, 29))
    HOURS = (credit("14"), credit("10", delivery=SELF_STUDY))

    def course(self, day: date) -> Credit:
        return credit("3", "infection_control_ny", earned_on=day)

    @pytest.mark.parametrize(
        ("taken", "as_of", "complete"),
        [
            (date(2024, 6, 15), date(2028, 2, 29), True),  # in the previous licence cycle
            (date(2024, 2, 29), date(2028, 2, 29), True),  # on its last day
            (date(2024, 2, 28), date(2028, 2, 29), False),
            (date(2024, 6, 15), date(2028, 9, 1), True),  # judged at the end of the cycle
        ],
    )
    def test_the_course_follows_its_own_clock(
        self, taken: date, as_of: date, *, complete: bool
    ) -> None:
        earned = [*self.HOURS, self.course(taken)]
        summary = summarise(NEW_YORK_RDH, self.CYCLE, earned, as_of)
        assert summary.complete is complete
        assert summary.counted == 24

    def test_any_course_will_do_but_one_is_needed(self) -> None:
        summary = summarise(NEW_YORK_RDH, self.CYCLE, self.HOURS, date(2028, 2, 29))
        assert summary.shortfalls == (Shortfall("infection_control_ny", Decimal(0), Decimal(0)),)

    def test_a_course_not_yet_taken(self) -> None:
        earned = [*self.HOURS, self.course(date(2027, 12, 1))]
        assert not summarise(NEW_YORK_RDH, self.CYCLE, earned, date(2027, 11, 30)).complete
        assert summarise(NEW_YORK_RDH, self.CYCLE, earned, date(2027, 12, 1)).complete

    def test_ten_hours_of_self_study(self) -> None:
        earned = [credit("10"), credit("20", delivery=SELF_STUDY)]
        assert counted_hours(NEW_YORK_RDH, earned) == 20


class TestRules:
    def test_a_category_has_one_cap(self) -> None:
        twice = (
            CategoryCap(frozenset({"a"}), Decimal(1)),
            CategoryCap(frozenset({"a"}), Decimal(2)),
        )
        with pytest.raises(ValueError, match=r"^a category has two caps$"):
            replace(CALIFORNIA_RDH, caps=twice)

    def test_a_minimum_may_ask_for_live_hours(self) -> None:
        live = Minimum("clinical", Decimal(2), frozenset({LIVE}))
        rule = replace(CALIFORNIA_RDH, minimums=(live,), total_hours=Decimal(0))
        online = summarise(rule, CYCLE, [credit("2", delivery=ONLINE)], EXPIRES)
        assert online.shortfalls == (Shortfall("clinical", Decimal(2), Decimal(0)),)
        assert summarise(rule, CYCLE, [credit("2")], EXPIRES).complete

    def test_live_hours_fill_a_capped_category_first(self) -> None:
        earned = [
            credit("5", "benefit_of_licensee", SELF_STUDY),
            credit("3", "benefit_of_licensee"),
            credit("12", delivery=SELF_STUDY),
        ]
        assert counted_hours(CALIFORNIA_RDH, earned) == Decimal("15.5")


CATEGORIES = ["clinical", "basic_life_support", "benefit_of_licensee"]
CREDITS = st.lists(
    st.builds(
        Credit,
        st.just(date(2027, 5, 10)),
        st.integers(0, 6).map(Decimal),
        st.sampled_from(CATEGORIES),
        st.sampled_from(Delivery),
    ),
    max_size=5,
)


def best_by_trying(rule: LicenceRule, earned: list[Credit]) -> Decimal:
    """Try every combination of whole hours that the caps allow, and return the highest sum."""
    best = Decimal(0)
    for taken in product(*(range(int(c.hours) + 1) for c in earned)):
        pairs = list(zip(taken, earned, strict=True))
        fits = all(
            sum(hours for hours, c in pairs if c.category in cap.categories) <= cap.hours
            for cap in rule.caps
        )
        self_study = sum(hours for hours, c in pairs if c.delivery is SELF_STUDY)
        if fits and self_study <= (rule.self_study_cap or 0):
            best = max(best, Decimal(sum(taken)))
    return best


@given(CREDITS, st.integers(0, 9))
def test_no_other_choice_of_hours_counts_for_more(earned: list[Credit], cap: int) -> None:
    rule = replace(CALIFORNIA_RDH, self_study_cap=Decimal(cap))
    assert counted_hours(rule, earned) == best_by_trying(rule, earned)


def test_hours_of_nothing_are_exact_too() -> None:
    """A float or an int would be written differently from a decimal in the audit pack."""
    summary = summarise(CALIFORNIA_RDH, CYCLE, [], EXPIRES)
    missing = [shortfall.earned for shortfall in summary.shortfalls]
    hours = [summary.earned, summary.counted, summary.over_caps, *missing]
    assert [str(each) for each in hours] == ["0"] * 6
    assert {type(each) for each in hours} == {Decimal}


@given(CREDITS, CREDITS)
def test_more_hours_never_count_for_less(earned: list[Credit], more: list[Credit]) -> None:
    assert counted_hours(CALIFORNIA_RDH, earned + more) >= counted_hours(CALIFORNIA_RDH, earned)


@given(CREDITS)
def test_without_a_cap_on_self_study(earned: list[Credit]) -> None:
    rule = replace(CALIFORNIA_RDH, self_study_cap=None, caps=())
    assert counted_hours(rule, earned) == sum(c.hours for c in earned)


class TestCarryOver:
    CYCLE = licence_cycle(TEXAS_DDS, date(2028, 4, 30))
    LAST_YEAR = date(2026, 4, 30)
    """The last day of the cycle before."""

    def carried(self, *earned: Credit, rule: LicenceRule = TEXAS_DDS) -> Decimal:
        return carried_hours(rule, self.CYCLE, earned)

    def test_hours_beyond_those_asked_for(self) -> None:
        assert self.carried(credit("24", earned_on=self.LAST_YEAR)) == 0
        assert self.carried(credit("30", earned_on=self.LAST_YEAR)) == 6
        assert self.carried(credit("90", earned_on=self.LAST_YEAR)) == 24

    def test_only_of_the_year_before_and_in_class(self) -> None:
        early = credit("24", earned_on=date(2024, 5, 1))
        assert self.carried(early, credit("5", earned_on=date(2025, 5, 1))) == 5
        assert self.carried(early, credit("5", earned_on=date(2025, 4, 30))) == 0
        assert self.carried(early, credit("5", delivery=SELF_STUDY, earned_on=self.LAST_YEAR)) == 0

    def test_counts_towards_the_total_and_no_minimum(self) -> None:
        earned = [credit("48", earned_on=self.LAST_YEAR)]
        summary = summarise(TEXAS_DDS, self.CYCLE, earned, date(2028, 4, 30))
        assert summary.counted == 0
        assert summary.carried == 24
        assert {each.name for each in summary.shortfalls} == {
            "clinical",
            "human_trafficking_tx",
            "jurisprudence_tx",
            "opioids_tx",
        }

    def test_assistants_carry_six(self) -> None:
        assert self.carried(credit("30", earned_on=date(2024, 5, 1)), rule=TEXAS_RDA) == 6

    def test_elsewhere_nothing_is_carried(self) -> None:
        earned = [credit("90", earned_on=self.LAST_YEAR)]
        for rule in LICENCE_RULES.values():
            if rule.carry_over is None:
                assert carried_hours(rule, licence_cycle(rule, EXPIRES), earned) == 0


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(list(Delivery)), st.integers(0, 1460))),
    st.integers(0, 30),
    st.integers(1, 24),
)
def test_no_more_is_carried_than_was_left_over(
    courses: list[tuple[int, Delivery, int]], most: int, months: int
) -> None:
    rule = replace(TEXAS_DDS, carry_over=CarryOver(Decimal(most), months), caps=(), sources={})
    cycle = licence_cycle(rule, EXPIRES)
    earned = [
        credit(str(hours), delivery=delivery, earned_on=date(2024, 5, 1) + timedelta(days=day))
        for hours, delivery, day in courses
    ]
    carried = carried_hours(rule, cycle, earned)
    before = [each for each in earned if each.earned_on < cycle.first_day]
    assert 0 <= carried <= most
    assert carried <= max(counted_hours(rule, before) - rule.total_hours, Decimal(0))
    later = [each for each in earned if each.earned_on >= cycle.first_day]
    assert carried == carried_hours(rule, cycle, [*before, *later[:0]])
    summary = summarise(rule, cycle, earned, EXPIRES)
    assert sum(hours for _, hours in summary.by_category) == summary.earned
