import uuid
from datetime import datetime
from typing import Annotated

from pydantic import MISSING, Field

from app.domain.fields import Flag
from app.domain.word import Word
from app.schemas.base import Changes, Payload, Versioned

Aliases = Annotated[list[Word], Field(max_length=100)]


class WordCreate(Payload):
    name: Word
    aliases: Aliases = Field(default_factory=list)
    """Other names by which it may be entered."""


class WordUpdate(Changes):
    name: Word | MISSING = MISSING
    """The name of before stays one of the aliases."""

    aliases: Aliases | MISSING = MISSING
    confirmed: Flag | MISSING = MISSING


class WordMerge(Payload):
    into_id: uuid.UUID
    """The word that stays. It gets the name and the aliases of the other one."""


class WordRead(Versioned):
    """A word of a list. `confirmed` is false until an admin has looked at what others added."""

    id: uuid.UUID
    name: str
    aliases: list[str]
    confirmed: bool
    created_at: datetime
    updated_at: datetime


class DepartmentRead(WordRead):
    pass


class JobTitleRead(WordRead):
    pass
