import uuid

import pytest

from app.domain.actor import Actor, Role
from app.models import User
from app.services.context import RequestContext


def actor_of(user: User) -> Actor:
    return Actor(user.id, user.role, user.location_id)


def acting(user: User) -> RequestContext:
    return RequestContext(actor_of(user), request_id="request-1")


@pytest.fixture
def nobody() -> RequestContext:
    """An actor without a row."""
    return RequestContext(Actor(uuid.uuid4(), Role.LEARNER))
