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


@pytest.mark.parametrize(("words", "seconds"), [(299, 0), (300, 60), (304, 60), (305, 61)])
def test_a_text_takes_the_time_of_a_fast_reader(words: int, seconds: int) -> None:
    body = f"<p>{'word ' * words}</p>"
    assert report_thresholds(SectionKind.TEXT, {}, body).minimum_seconds == seconds


def test_an_author_may_raise_what_a_text_takes_and_not_lower_it() -> None:
    body = f"<p>{'word ' * 600}</p>"
    for said, seconds in ((90, 120), (120, 120), (121, 121)):
        found = report_thresholds(SectionKind.TEXT, {"minimum_seconds": said}, body)
        assert found.minimum_seconds == seconds


@pytest.mark.parametrize(("duration", "seconds"), [(119, 0), (120, 60), (3600, 1800)])
def test_a_video_takes_half_its_length(duration: int, seconds: int) -> None:
    settings = {"duration_seconds": duration, "watch_share": 1}
    assert report_thresholds(SectionKind.VIDEO, settings).minimum_seconds == seconds


def test_a_class_takes_as_long_as_it_is_planned() -> None:
    found = report_thresholds(SectionKind.LIVE_SESSION, {"duration_minutes": 90})
    assert found == ReportThresholds(minimum_seconds=5400)


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
