from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.progress import ReportRule, report_rule
from app.domain.section_settings import SectionKind, parse_settings

MEDIA_ID = UUID("00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize("kind", [SectionKind.TEXT, SectionKind.DOCUMENT])
def test_minimum_seconds(kind: SectionKind) -> None:
    settings = parse_settings(kind, {"minimum_seconds": 60})
    assert report_rule(settings) == ReportRule(minimum_seconds=60)


@given(duration=st.integers(1, 86_400), share=st.decimals(0, 1, places=2, allow_nan=False))
def test_watch_share_is_never_rounded_down(duration: int, share: Decimal) -> None:
    settings = parse_settings(
        SectionKind.VIDEO, {"duration_seconds": duration, "watch_share": float(share)}
    )
    needed = report_rule(settings).minimum_position
    assert needed - 1 < share * duration <= needed


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (SectionKind.VIDEO, {"media_id": MEDIA_ID}),
        (SectionKind.LINK, {"url": "https://example.com"}),
        (SectionKind.QUIZ, {}),
        (SectionKind.ACKNOWLEDGEMENT, {}),
        (SectionKind.LIVE_SESSION, {}),
    ],
)
def test_nothing_to_reach(kind: SectionKind, raw: dict[str, object]) -> None:
    assert report_rule(parse_settings(kind, raw)) == ReportRule()
