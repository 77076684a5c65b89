from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.domain.content.section_kind import parse_settings
from app.domain.content.section_settings import SectionKind, is_safe_url

MEDIA_ID = str(UUID(int=7))


def settings(kind: str, **raw: object) -> Any:  # each kind has fields of its own
    return parse_settings(SectionKind(kind), raw)


class TestParseSettings:
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

    @pytest.mark.parametrize("starts_at", [1_782_000_000, "1782000000", "2026-01-15T10:00:00"])
    def test_a_session_begins_at_an_instant(self, starts_at: object) -> None:
        with pytest.raises(ValidationError):
            settings("live_session", starts_at=starts_at)

    def test_instants_are_kept_in_utc(self) -> None:
        kept = settings("live_session", starts_at="2026-01-15T10:00:00-08:00").as_json()
        assert kept["starts_at"] == "2026-01-15T18:00:00Z"


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
