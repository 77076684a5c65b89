"""The reasons of the compliance engine in words."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compliance import ComplianceReason, PeriodCause, Shortfall, Why
from app.domain.compliance.audience import Criterion, Matched, MatchReason
from app.domain.compliance.words import fallen_short, summary
from tests.domain.compliance.builders import ANNUAL, done

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


def test_says_what_training_lacks() -> None:
    rule = ANNUAL.model_copy(update={"minimum_minutes": 120})
    item = done(date(2026, 2, 3), minutes=15)
    assert fallen_short(item, Shortfall.TOO_SHORT, rule) == (
        "The training of 2026-02-03 took 15 of the 120 minutes asked for."
    )
    assert fallen_short(item, Shortfall.NO_TRAINER, rule) == (
        "On the training of 2026-02-03 nobody could ask a trainer."
    )
