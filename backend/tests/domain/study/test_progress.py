from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.section_settings import SectionKind, parse_settings
from app.domain.study.progress import ReportRule, report_rule


@pytest.mark.parametrize(
    ("kind", "settings", "rule"),
    [
        (SectionKind.TEXT, {}, ReportRule()),
        (SectionKind.TEXT, {"minimum_seconds": 90}, ReportRule(minimum_seconds=90)),
        (SectionKind.DOCUMENT, {"minimum_seconds": 5}, ReportRule(minimum_seconds=5)),
        (SectionKind.LINK, {}, ReportRule()),
        (SectionKind.VIDEO, {"duration_seconds": 100}, ReportRule(minimum_position=90)),
        (
            SectionKind.VIDEO,
            {"duration_seconds": 101, "watch_share": Decimal("0.5")},
            ReportRule(minimum_position=51),
        ),
        (SectionKind.VIDEO, {"duration_seconds": 60, "watch_share": 0}, ReportRule()),
        (SectionKind.VIDEO, {}, ReportRule()),
        (SectionKind.QUIZ, {}, ReportRule()),
        (SectionKind.ACKNOWLEDGEMENT, {}, ReportRule()),
        (SectionKind.LIVE_SESSION, {}, ReportRule()),
    ],
)
def test_by_kind(kind: SectionKind, settings: dict[str, Any], rule: ReportRule) -> None:
    assert report_rule(parse_settings(kind, settings)) == rule


@given(
    duration=st.integers(1, 86_400),
    share=st.decimals(0, 1, places=2, allow_nan=False, allow_infinity=False),
)
def test_a_video_asks_for_no_more_than_it_has(duration: int, share: Decimal) -> None:
    settings = {"duration_seconds": duration, "watch_share": share}
    position = report_rule(parse_settings(SectionKind.VIDEO, settings)).minimum_position
    assert share * duration <= position <= duration
