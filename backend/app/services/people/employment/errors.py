"""Why a change of somebody's employment is refused."""

from app.core.errors import ConflictError, ForbiddenError
from app.domain.people.leave import BACKDATED


class NotEmployedError(ConflictError):
    code = "not_employed"
    title = "Not employed on this day"


class StillEmployedError(ConflictError):
    code = "still_employed"
    title = "Still employed on this day"


class NotAtWorkError(ConflictError):
    code = "not_at_work"
    title = "Not at work on this day"


class NotOnLeaveError(ConflictError):
    code = "not_on_leave"
    title = "Not on leave that day"


class NotATerminationError(ConflictError):
    code = "not_a_termination"
    title = "This change is no termination"


class PersonErasedError(ConflictError):
    code = "person_erased"
    title = "This person's data was erased after its time"


class NotInForceError(ConflictError):
    code = "not_in_force"
    title = "Something else was recorded for this day since"


class LocationDeletedError(ConflictError):
    code = "location_deleted"
    title = "A location of the person was deleted"


class OwnLeaveError(ForbiddenError):
    code = "own_leave"
    detail = "Somebody else has to record your leave."


class LongAgoError(ForbiddenError):
    code = "too_long_ago"
    detail = f"An admin has to record leave of more than {BACKDATED.days} days ago."
