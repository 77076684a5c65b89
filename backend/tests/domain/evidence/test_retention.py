from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.retention import (
    RETENTION,
    HeldEvidence,
    LegalHold,
    RetentionClass,
    earliest_erasure,
    keep_through,
    retention_years,
)

LEFT = date(2027, 6, 30)
OSHA, HIPAA = RetentionClass.OSHA_BLOODBORNE, RetentionClass.HIPAA


class TestClasses:
    @pytest.mark.parametrize(
        ("retention_class", "years", "citation"),
        [
            (OSHA, 3, "29 CFR 1910.1030(h)(2)(ii)"),
            (HIPAA, 6, "45 CFR 164.316(b)(2)(i), 45 CFR 164.530(j)(2)"),
        ],
    )
    def test_minimum(self, retention_class: RetentionClass, years: int, citation: str) -> None:
        rule = RETENTION[retention_class]
        assert (rule.minimum_years, rule.citation) == (years, citation)

    def test_every_class_has_one(self) -> None:
        assert set(RETENTION) == set(RetentionClass)
        assert min(rule.minimum_years for rule in RETENTION.values()) == 3

    def test_settings_lengthen_but_never_shorten(self) -> None:
        assert retention_years(HIPAA, 10) == 10
        assert retention_years(HIPAA, 1) == 6
        assert retention_years(HIPAA) == 6

    def test_kept_through_the_anniversary(self) -> None:
        assert keep_through(OSHA, date(2027, 3, 8)) == date(2030, 3, 8)
        assert keep_through(OSHA, date(2028, 2, 29)) == date(2031, 2, 28)
        assert keep_through(OSHA, date(2027, 3, 8), 7) == date(2034, 3, 8)


class TestLegalHold:
    def test_first_and_last_day(self) -> None:
        hold = LegalHold(date(2027, 1, 1), date(2028, 1, 1))
        days = [date(2026, 12, 31), date(2027, 1, 1), date(2027, 12, 31), date(2028, 1, 1)]
        assert [hold.in_force(day) for day in days] == [False, True, True, False]

    def test_without_end(self) -> None:
        assert LegalHold(date(2027, 1, 1)).in_force(date(2099, 1, 1))


class TestEarliestErasure:
    def test_staff_are_never_erased(self) -> None:
        assert earliest_erasure([], left_on=None) is None

    def test_a_leaver_without_evidence(self) -> None:
        assert earliest_erasure([], left_on=LEFT) == date(2027, 7, 1)

    def test_the_longest_clock_decides(self) -> None:
        evidence = [HeldEvidence(OSHA, date(2027, 3, 8)), HeldEvidence(HIPAA, date(2025, 3, 8))]
        assert earliest_erasure(evidence, left_on=LEFT) == date(2031, 3, 9)

    def test_configured_years(self) -> None:
        evidence = [HeldEvidence(OSHA, date(2027, 3, 8))]
        years = {OSHA: 10, HIPAA: 20}
        erasure = earliest_erasure(evidence, left_on=LEFT, configured_years=years)
        assert erasure == date(2037, 3, 9)

    def test_a_hold_without_end_stops_the_clock(self) -> None:
        holds = [LegalHold(date(2027, 1, 1), date(2028, 1, 1)), LegalHold(date(2027, 1, 1))]
        assert earliest_erasure([], left_on=LEFT, holds=holds) is None

    def test_a_released_hold_delays(self) -> None:
        hold = LegalHold(date(2027, 1, 1), date(2028, 1, 1))
        assert earliest_erasure([], left_on=LEFT, holds=[hold]) == date(2028, 1, 1)

    @given(
        st.lists(
            st.builds(
                HeldEvidence,
                st.sampled_from(RetentionClass),
                st.dates(date(2000, 1, 1), date(2050, 1, 1)),
            )
        )
    )
    def test_nothing_is_erased_before_its_clock(self, evidence: list[HeldEvidence]) -> None:
        erasure = earliest_erasure(evidence, left_on=LEFT)
        assert erasure
        assert erasure > LEFT
        for item in evidence:
            assert erasure > keep_through(item.retention_class, item.last_in_effect)
