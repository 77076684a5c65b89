"""Checks the name that a person signs with, and reads signatures."""

from app.core.errors import FieldError, InvalidPayloadError
from app.domain.people.name import is_named
from app.models import Signature, User
from app.schemas.study.signature import SignatureRead


class NotYourNameError(InvalidPayloadError):
    code = "not_your_name"
    title = "This is not the name of whoever signs"
    detail = "A name that you changed yourself counts once your manager has confirmed it."

    def __init__(self) -> None:
        detail = "Sign with your name as the directory has it"
        super().__init__([FieldError("/printed_name", self.code, detail)])


def require_own_name(printed: str, user: User) -> None:
    """Raise NotYourNameError unless the person may sign under the printed name."""
    names = [user.directory_name] if user.directory_name else []
    if not is_named(printed, [*names, *user.name_aliases]):
        raise NotYourNameError


def signature_read(signature: Signature) -> SignatureRead:
    return SignatureRead(
        id=signature.id,
        section_id=signature.section_id,
        user_id=signature.user_id,
        printed_name=signature.printed_name,
        directory_name=signature.directory_name,
        email=signature.email,
        meaning=signature.meaning,
        document_sha256=signature.document_sha256,
        signed_at=signature.created_at,
    )
