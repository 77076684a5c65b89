import uuid
from datetime import date

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel, RevisionedModel, SoftDeletable
from app.core.postgres.table_security import KEPT
from app.domain.compliance.requirement import Rule, recorded_rule
from app.models.types import JsonObject, NullableJson


class Requirement(SoftDeletable, RevisionedModel):
    """A training requirement. Its versions say what is required of whom."""

    __tablename__ = "requirements"
    __rights__ = KEPT

    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    origin: Mapped[str | None] = mapped_column(String(100), unique=True)
    """Its key in the content that ships with the application; null for all others."""

    version: Mapped[int] = mapped_column(Integer, server_default=text("1"), default=1)
    """The number of the rule recorded last."""

    reconciled_version: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), deferred=True
    )
    """Written by former releases only; `compliance_outdated` says who is not worked out yet.
    Deferred, so that a contracting revision may drop it."""


Index(
    "uq_requirements_title_live",
    func.lower(Requirement.title),
    unique=True,
    postgresql_where=text("deleted_at IS NULL"),
    sqlite_where=text("deleted_at IS NULL"),
)
Index("ix_requirements_sort", func.lower(Requirement.title), Requirement.id)


class RequirementVersion(AppendOnlyModel):
    """The rule from `effective_from` on, checked by `app.domain.compliance.requirement.Rule`."""

    __tablename__ = "requirement_versions"
    __table_args__ = (UniqueConstraint("requirement_id", "number"),)

    requirement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("requirements.id"))
    number: Mapped[int] = mapped_column(Integer)
    effective_from: Mapped[date]
    recorded_on: Mapped[date]
    """The latest calendar day at any location, so that no location's past changes."""

    rule: Mapped[JsonObject | None] = mapped_column(NullableJson)
    """Null withdraws the requirement."""

    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    @property
    def rule_model(self) -> Rule | None:
        return None if self.rule is None else recorded_rule(self.rule)
