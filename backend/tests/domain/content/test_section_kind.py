from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.section_kind import (
    CheckedSection,
    CompletedBy,
    ReportThresholds,
    parse_settings,
    report_thresholds,
    rules_of,
)
from app.domain.content.section_settings import SectionKind


@pytest.mark.parametrize(
    ("kind", "settings", "thresholds"),
    [
        (SectionKind.TEXT, {}, ReportThresholds()),
        (SectionKind.TEXT, {"minimum_seconds": 90}, ReportThresholds(minimum_seconds=90)),
        (SectionKind.DOCUMENT, {"minimum_seconds": 5}, ReportThresholds(minimum_seconds=5)),
        (SectionKind.LINK, {}, ReportThresholds()),
        (SectionKind.VIDEO, {"duration_seconds": 100}, ReportThresholds(minimum_position=90)),
        (
            SectionKind.VIDEO,
            {"duration_seconds": 101, "watch_share": Decimal("0.5")},
            ReportThresholds(minimum_position=51),
        ),
        (SectionKind.VIDEO, {"duration_seconds": 60, "watch_share": 0}, ReportThresholds()),
        (SectionKind.VIDEO, {}, ReportThresholds()),
        (SectionKind.QUIZ, {}, ReportThresholds()),
        (SectionKind.ACKNOWLEDGEMENT, {}, ReportThresholds()),
        (SectionKind.LIVE_SESSION, {}, ReportThresholds()),
    ],
)
def test_by_kind(kind: SectionKind, settings: dict[str, Any], thresholds: ReportThresholds) -> None:
    assert report_thresholds(kind, settings) == thresholds


@given(
    duration=st.integers(1, 86_400),
    share=st.decimals(0, 1, places=2, allow_nan=False, allow_infinity=False),
)
def test_a_video_asks_for_no_more_than_it_has(duration: int, share: Decimal) -> None:
    settings = {"duration_seconds": duration, "watch_share": share}
    position = report_thresholds(SectionKind.VIDEO, settings).minimum_position
    assert share * duration <= position <= duration


REPORTS = {SectionKind.TEXT, SectionKind.VIDEO, SectionKind.DOCUMENT, SectionKind.LINK}


@pytest.mark.parametrize("kind", SectionKind)
def test_only_what_is_read_or_watched_is_completed_by_a_report(kind: SectionKind) -> None:
    """Add a kind to REPORTS only if its sections are completed by the learner's own report."""
    assert (rules_of(kind).completed_by is CompletedBy.REPORT) == (kind in REPORTS)


@pytest.mark.parametrize("kind", SectionKind)
def test_a_kind_takes_files_in_settings_that_it_has(kind: SectionKind) -> None:
    rules = rules_of(kind)
    assert set(rules.media) <= set(rules.settings.model_fields)


@pytest.mark.parametrize("kind", SectionKind)
def test_a_key_is_kept_of_questions_alone(kind: SectionKind) -> None:
    rules = rules_of(kind)
    checked = CheckedSection("Title", "<p>Body</p>", parse_settings(kind, {}), ())
    assert rules.has_questions or rules.key(checked) is None
