from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.devstack.auth.errors import AuthError, Failure

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise AuthError(Failure.BAD_JSON) from error
        place = ".".join(str(part) for part in first["loc"])
        message = f"{place}: {first['msg']}"
        raise AuthError(Failure.VALIDATION_FAILED, message) from error
