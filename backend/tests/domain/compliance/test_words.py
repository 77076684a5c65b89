"""The reasons of the compliance engine in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compliance import ComplianceReason, PeriodCause, Why
from app.domain.compliance.audience import Criterion, Matched, MatchReason
from app.domain.compliance.words import summary

reasons = st.sampled_from(ComplianceReason)
matches = st.none() | st.builds(
    MatchReason,
    st.lists(
        st.builds(Matched, st.sampled_from(Criterion), st.sampled_from(["north", "Hygiene"])),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


@given(st.builds(Why, reasons, matches, opened_by=st.none() | st.sampled_from(PeriodCause)))
def test_is_whole_sentences(why: Why) -> None:
    text = summary(why, {"north": "North Office"})
    assert text == "" or (text[0].isupper() and text.endswith("."))
    assert "{}" not in text
    assert "north" not in text


@pytest.mark.parametrize(
    ("why", "text"),
    [
        (Why(ComplianceReason.MATCHED), ""),
        (Why(ComplianceReason.NOT_EMPLOYED), "Not employed on this day."),
        (
            Why(
                ComplianceReason.ON_LEAVE,
                MatchReason((Matched(Criterion.EVERYONE),)),
                opened_by=PeriodCause.RENEWAL,
            ),
            "On leave. Applies to everyone. The renewal window has begun.",
        ),
        (
            Why(ComplianceReason.MATCHED, MatchReason((Matched(Criterion.INCLUDED, "ada"),))),
            "Applies because the rule names this person.",
        ),
        (
            Why(
                ComplianceReason.MATCHED,
                MatchReason(
                    (Matched(Criterion.LOCATION, "north"), Matched(Criterion.DEPARTMENT, "Hygiene"))
                ),
            ),
            "Applies because the location is North Office and the department is Hygiene.",
        ),
    ],
)
def test_what_it_says(why: Why, text: str) -> None:
    assert summary(why, {"north": "North Office"}) == text


@pytest.mark.parametrize("cause", PeriodCause)
def test_every_cause_has_its_words(cause: PeriodCause) -> None:
    assert summary(Why(ComplianceReason.MATCHED, opened_by=cause), {})


@pytest.mark.parametrize("criterion", Criterion)
def test_every_criterion_has_its_words(criterion: Criterion) -> None:
    why = Why(ComplianceReason.MATCHED, MatchReason((Matched(criterion, "Hygiene"),)))
    assert summary(why, {}).startswith("Applies ")
