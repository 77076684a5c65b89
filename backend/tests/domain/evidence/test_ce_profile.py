"""A profile for each profession and state, each figure with its source."""

import pytest

from app.domain.evidence.ce_profile import (
    LICENCE_RULES,
    PROFILES,
    VERIFY,
    Licence,
    LicenceProfile,
)
from app.domain.evidence.credential_kind import credential_kind
from app.domain.people.place import is_state


def test_three_professions_in_three_states() -> None:
    wanted = {
        Licence(kind, state)
        for kind in ("dds", "rdh", "rda")
        for state in ("US-CA", "US-TX", "US-NY")
    }
    assert PROFILES.keys() == wanted
    assert set(PROFILES.values()) == set(LicenceProfile) == LICENCE_RULES.keys()
    for licence in wanted:
        assert is_state(licence.state)
        kind = credential_kind(licence.kind)
        assert kind is not None
        assert kind.expires


@pytest.mark.parametrize("profile", LicenceProfile)
def test_every_figure_is_to_be_verified(profile: LicenceProfile) -> None:
    figures = LICENCE_RULES[profile].figures
    assert {"cycle_months", "total_hours", "carry_over"} <= {figure.name for figure in figures}
    assert all(figure.verify_with.startswith(VERIFY) for figure in figures)
    assert all(figure.citation for figure in figures)


def test_hours_by_profile() -> None:
    assert {profile.value: int(rule.total_hours) for profile, rule in LICENCE_RULES.items()} == {
        "california_dds": 50,
        "california_rdh": 25,
        "california_rda": 25,
        "texas_dds": 24,
        "texas_rdh": 24,
        "texas_rda": 12,
        "new_york_dds": 60,
        "new_york_rdh": 24,
        "new_york_rda": 0,
    }
