import uuid

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.people.word import Spelling, Word


class JobTitle(Word):
    """A job title."""

    __tablename__ = "job_titles"


class JobTitleSpelling(Spelling):
    __tablename__ = "job_title_spellings"

    word_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job_titles.id"), index=True)


Index("ix_job_titles_sort", func.lower(JobTitle.name), JobTitle.id)
