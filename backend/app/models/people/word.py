import uuid

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, RevisionedModel


class Word(RevisionedModel):
    """A word of a list that the organisation keeps. It may be entered by any of its spellings."""

    __abstract__ = True

    name: Mapped[str] = mapped_column(String(200))
    confirmed: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """False while no admin has looked at it: it came into the list because somebody used it."""


class Spelling(Base):
    """A name or alias of a word. It belongs to one word of its list, in whatever case."""

    __abstract__ = True

    spelling: Mapped[str] = mapped_column(String(200), primary_key=True)
    """What `app.domain.word.comparable` makes of it."""

    written: Mapped[str] = mapped_column(String(200))
    word_id: Mapped[uuid.UUID]
