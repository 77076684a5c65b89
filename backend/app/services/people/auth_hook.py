"""What Supabase Auth asks us before it acts."""

from collections.abc import Collection, Mapping

import structlog
from pydantic import ValidationError

from app.core.errors import AppError, InvalidPayloadError
from app.domain.people.sign_up import may_sign_up
from app.integrations.auth_hook import HookVerifier
from app.schemas.people.auth_hook import BeforeUserCreated, HookAnswer, HookRefusal

log = structlog.get_logger(__name__)

REFUSAL = HookRefusal(http_code=403, message="Please use the address that your employer gave you.")


class HookNotConfiguredError(AppError):
    code = "hook_not_configured"
    status = 404
    title = "This hook is not in use here"


class AuthHookService:
    """`secrets` is None where no project is set up to call us."""

    def __init__(self, secrets: str | None, domains: Collection[str]) -> None:
        self._verifier = HookVerifier(secrets) if secrets else None
        self._domains = frozenset(domains)

    def before_user_created(self, body: bytes, headers: Mapping[str, str]) -> HookAnswer:
        """Answer whether an account may be made.

        Raises HookNotConfiguredError (404), HookSignatureError (401) and InvalidPayloadError (422):
        Supabase makes no account for any of them.
        """
        if self._verifier is None:
            raise HookNotConfiguredError
        self._verifier.verify(body, headers)
        if may_sign_up(_parsed(body).user.email, self._domains):
            return HookAnswer()
        log.info("sign_up_refused")
        return HookAnswer(error=REFUSAL)


def _parsed(body: bytes) -> BeforeUserCreated:
    try:
        return BeforeUserCreated.model_validate_json(body)
    except ValidationError as error:
        raise InvalidPayloadError.at("", "not_a_hook", "This is not what Supabase sends") from error
