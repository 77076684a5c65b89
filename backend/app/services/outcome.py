"""The answers of `services/study` until they are `Answer` as well."""

from dataclasses import dataclass

from pydantic import BaseModel

from app.services.answer import Answer, as_json


@dataclass(frozen=True, slots=True)
class Outcome(Answer[BaseModel]):
    location: str | None = None

    @classmethod
    def of(
        cls, value: BaseModel, *, created: bool = False, location: str | None = None
    ) -> "Outcome":
        return cls(value, created, location)

    @property
    def body(self) -> bytes:
        return as_json(self.value)
