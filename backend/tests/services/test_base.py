from collections.abc import Iterator
from datetime import date

import pytest
from pydantic import ValidationError

from app.models import User
from app.schemas.base import Payload
from app.schemas.people.user import ProfileUpdate, UserUpdate
from app.services.base import Service, apply
from app.services.context import SYSTEM
from app.services.people.user import DIRECTORY_FIELDS, PROFILE_FIELDS
from tests.support import RollbackDatabase


def payloads(kind: type[Payload] = Payload) -> Iterator[type[Payload]]:
    for each in kind.__subclasses__():
        yield each
        yield from payloads(each)


class TestApply:
    def test_sets_what_was_sent_and_named(self) -> None:
        user = User(full_name="Ada", employee_number="E-5", role="learner")
        payload = UserUpdate.model_validate({"full_name": "Ada Byron", "hired_on": "2026-01-01"})
        before, after = apply(user, payload, DIRECTORY_FIELDS)
        assert (user.full_name, user.employee_number) == ("Ada Byron", "E-5")
        assert before == {"full_name": "Ada", "hired_on": None}
        assert after == {"full_name": "Ada Byron", "hired_on": date(2026, 1, 1)}

    def test_what_is_not_named_is_not_set(self) -> None:
        user = User(full_name="Ada", role="learner", is_active=False)
        payload = UserUpdate.model_validate({"role": "admin", "is_active": True})
        assert apply(user, payload, PROFILE_FIELDS[:1]) == ({}, {})
        assert (user.role, user.is_active) == ("learner", False)

    def test_what_is_the_same_is_no_change(self) -> None:
        user = User(full_name="Ada")
        assert apply(user, ProfileUpdate(full_name="Ada"), ("full_name",)) == ({}, {})


class TestPayloads:
    def test_unknown_fields_are_refused(self) -> None:
        kinds = list(payloads())
        assert len(kinds) > 10
        assert [kind for kind in kinds if kind.model_config.get("extra") != "forbid"] == []

    @pytest.mark.parametrize("field", ["role", "is_active", "email", "supabase_id", "id"])
    def test_nobody_sets_these_on_themselves(self, field: str) -> None:
        assert field not in PROFILE_FIELDS
        with pytest.raises(ValidationError):
            ProfileUpdate.model_validate({field: "admin"})


def test_a_use_case_of_people_needs_a_person(database: RollbackDatabase) -> None:
    with pytest.raises(RuntimeError, match="signed-in"):
        _ = Service(database, SYSTEM).actor
