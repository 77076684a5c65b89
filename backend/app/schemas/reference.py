"""What answers of all areas name with an id: how it is called."""

import uuid

from app.schemas.base import Resource


class UserReference(Resource):
    id: uuid.UUID
    display_name: str


class ModuleReference(Resource):
    id: uuid.UUID
    title: str
    category: str | None


class LocationReference(Resource):
    id: uuid.UUID
    name: str
