import uuid
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import RevisionedModel
from app.domain.evidence.ce_credit import Delivery
from app.domain.evidence.retention import RetentionClass
from app.models.types import text_enum


class ModuleTeaching(RevisionedModel):
    """Who answers questions about a module, which CE hours it carries, how long it is kept.

    Training records copy it at completion. It is not part of a version, so publishing does not
    change it.
    """

    __tablename__ = "module_teachings"
    __table_args__ = (
        CheckConstraint("num_nulls(contact_name, contact_qualification) IN (0, 2)", name="contact"),
        CheckConstraint(
            "num_nulls(ce_provider_name, ce_provider_number, ce_hours, ce_category, ce_delivery)"
            " IN (0, 5)",
            name="ce",
        ),
        CheckConstraint("ce_hours > 0", name="ce_hours"),
    )

    module_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("training_modules.id"), unique=True)
    contact_name: Mapped[str | None] = mapped_column(String(200))
    contact_qualification: Mapped[str | None] = mapped_column(String(200))
    ce_provider_name: Mapped[str | None] = mapped_column(String(200))
    ce_provider_number: Mapped[str | None] = mapped_column(String(100))
    ce_hours: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    ce_category: Mapped[str | None] = mapped_column(String(100))
    ce_delivery: Mapped[Delivery | None] = mapped_column(text_enum(Delivery, "ce_delivery"))
    retention_class: Mapped[RetentionClass | None] = mapped_column(
        text_enum(RetentionClass, "retention_class")
    )
    """Applies in addition to the requirements of the module; the longest period holds."""
