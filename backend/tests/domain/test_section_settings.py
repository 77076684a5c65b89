from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.section_settings import (
    SETTINGS_BY_KIND,
    SectionKind,
    is_safe_url,
    may_complete,
    parse_settings,
)

MEDIA_ID = str(UUID(int=7))


def settings(kind: str, **raw: object) -> Any:  # noqa: ANN401  # each kind has fields of its own
    return parse_settings(SectionKind(kind), raw)


class TestParseSettings:
    def test_knows_every_kind(self) -> None:
        assert set(SETTINGS_BY_KIND) == set(SectionKind)

    @pytest.mark.parametrize("kind", SectionKind)
    def test_everything_has_a_default_and_survives_json(self, kind: SectionKind) -> None:
        defaults = parse_settings(kind, {})
        assert parse_settings(kind, defaults.as_json()) == defaults

    @pytest.mark.parametrize("kind", SectionKind)
    def test_refuses_unknown_fields(self, kind: SectionKind) -> None:
        with pytest.raises(ValidationError):
            parse_settings(kind, {"stylesheet": "x"})

    def test_quiz_defaults_are_the_contract(self) -> None:
        assert settings("quiz").as_json() == {
            "pass_mark": 80,
            "max_attempts": 3,
            "time_limit_seconds": None,
            "draw": None,
            "shuffle": True,
            "feedback": "after_pass",
            "cooldown_minutes": 0,
        }

    @pytest.mark.parametrize(
        "raw",
        [
            {"pass_mark": 0},
            {"pass_mark": 100},
            {"pass_mark": 66.67},
            {"max_attempts": None},
            {"max_attempts": 1},
            {"time_limit_seconds": 30},
            {"draw": 1},
            {"feedback": "never"},
        ],
    )
    def test_accepts_bounds(self, raw: dict[str, object]) -> None:
        assert raw.items() <= settings("quiz", **raw).as_json().items()

    @pytest.mark.parametrize(
        "raw",
        [
            {"pass_mark": 100.01},
            {"pass_mark": -1},
            {"pass_mark": 66.667},
            {"pass_mark": "80"},
            {"pass_mark": True},
            {"max_attempts": 0},
            {"max_attempts": 1.5},
            {"max_attempts": True},
            {"time_limit_seconds": 29},
            {"draw": 0},
            {"shuffle": 1},
            {"feedback": "always"},
            {"cooldown_minutes": -1},
        ],
    )
    def test_refuses_what_is_out_of_bounds(self, raw: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            settings("quiz", **raw)

    @pytest.mark.parametrize(
        ("kind", "raw"),
        [
            ("text", {"minimum_seconds": -1}),
            ("video", {"watch_share": 1.1}),
            ("video", {"duration_seconds": 0}),
            ("video", {"media_id": "7"}),
            ("document", {"url": "http://example.com/a.pdf"}),
            ("acknowledgement", {"statement": " "}),
            ("live_session", {"starts_at": "2027-01-01T09:00:00"}),
            ("link", {"url": "javascript:alert(1)"}),
        ],
    )
    def test_refuses_faulty_settings_of_other_kinds(
        self, kind: str, raw: dict[str, object]
    ) -> None:
        with pytest.raises(ValidationError):
            settings(kind, **raw)


class TestIsSafeUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://www.osha.gov/laws-regs/regulations/standardnumber/1910/1910.1030",
            "https://example.com:8443/a?b=c&d=%20#e",
            "https://example.com",
        ],
    )
    def test_accepts_https(self, url: str) -> None:
        assert is_safe_url(url)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "http://example.com",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "//example.com/a",
            "/local",
            "https://",
            "https:///path",
            "https://user:pw@example.com/",
            "https://example.com\\@evil.example/",
            "https://example.com/a b",
            "https://example.com/\n",
            " https://example.com",
            "https://example.com:port/",
            "https://[::1/",
            'https://example.com/"onload="x',
        ],
    )
    def test_refuses_everything_else(self, url: str) -> None:
        assert not is_safe_url(url)


class TestMayComplete:
    @pytest.mark.parametrize("kind", ["quiz", "acknowledgement", "live_session"])
    @given(seconds=st.integers(0, 10**6), position=st.none() | st.floats(0, 10**6))
    def test_never_from_a_report(self, kind: str, seconds: int, position: float | None) -> None:
        assert not may_complete(settings(kind), seconds_spent=seconds, position=position)

    @pytest.mark.parametrize("kind", ["text", "document"])
    def test_needs_the_minimum_seconds(self, kind: str) -> None:
        rule = settings(kind, minimum_seconds=60)
        assert not may_complete(rule, seconds_spent=59)
        assert may_complete(rule, seconds_spent=60)
        assert may_complete(settings(kind), seconds_spent=0)

    def test_needs_the_watch_share(self) -> None:
        rule = settings("video", duration_seconds=10, watch_share=0.7)
        assert not may_complete(rule, seconds_spent=100, position=None)
        assert not may_complete(rule, seconds_spent=100, position=6.99)
        # 0.7 * 10 is 7 exactly; in binary floating point it would be a little less or more.
        assert may_complete(rule, seconds_spent=7, position=7)
        assert not may_complete(rule, position=float("nan"))

    def test_a_video_of_unknown_length_and_a_link_ask_for_nothing(self) -> None:
        assert may_complete(settings("video", media_id=MEDIA_ID))
        assert may_complete(settings("link", url="https://example.com"))
