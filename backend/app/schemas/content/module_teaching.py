import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.domain.evidence.ce_credit import Delivery
from app.domain.evidence.retention import RetentionClass
from app.domain.fields import HundredthsNumber, Label, Line
from app.schemas.base import Payload, Versioned


class Contact(Payload):
    """Who answers learners' questions about a module that nobody teaches live."""

    name: Line
    qualification: Line


class ContinuingEducation(Payload):
    """The CE hours that an approved provider gives for the module."""

    provider_name: Line
    provider_number: Label
    hours: Annotated[HundredthsNumber, Field(gt=0, le=100)]
    category: Label
    delivery: Delivery


class ModuleTeachingReplace(Payload):
    """Replaces everything; fields that are left out become unset."""

    contact: Contact | None = None
    ce: ContinuingEducation | None = None
    retention_class: RetentionClass | None = None


class ModuleTeachingRead(Versioned):
    module_id: uuid.UUID
    contact: Contact | None
    ce: ContinuingEducation | None
    retention_class: RetentionClass | None
    updated_at: datetime | None
