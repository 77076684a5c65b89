from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

Model = TypeVar("Model", bound=BaseModel)


class InvalidBody(ValueError):  # noqa: N818 - says what is the case, as OSErrors do
    """`malformed`: not JSON at all, and not merely of the wrong form."""

    def __init__(self, message: str, *, malformed: bool) -> None:
        super().__init__(message)
        self.malformed = malformed


async def read_body(request: Request, model: type[Model]) -> Model:
    """Read a JSON body, an absent one as `{}`; the value is never part of the message."""
    try:
        return model.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        malformed = first["type"] == "json_invalid"
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise InvalidBody(message, malformed=malformed) from error
