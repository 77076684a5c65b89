"""Bodies of requests and the user object of the answers."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, BeforeValidator, StringConstraints

_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}


def _parse_duration(text: object) -> object:
    """Read `none` and durations in Go's notation, such as `1h30m`."""
    if not isinstance(text, str) or text == "none":
        return timedelta(0) if text == "none" else text
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(amount + unit for amount, unit in parts) != text:
        message = "must be `none` or a duration such as 24h"
        raise ValueError(message)
    return timedelta(seconds=sum(float(amount) * _SECONDS[unit] for amount, unit in parts))


Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=255,
        # Domains are ASCII there: international ones have to come as punycode.
        pattern=r"^[^@\s\x00]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    ),
    AfterValidator(str.lower),
]
Metadata = dict[str, Any]
BanDuration = Annotated[timedelta, BeforeValidator(_parse_duration)]
SentType = Literal["invite", "recovery", "magiclink", "signup", "reauthentication"]
MessageType = Literal[SentType, "email_change"]
VerifyType = Literal["invite", "recovery", "magiclink", "signup", "email_change", "email"]
TokenType = Literal[SentType, "email_change_current", "email_change_new"]
TOKENS_OF: Final[Mapping[VerifyType, tuple[TokenType, ...]]] = {
    "invite": ("invite",),
    "recovery": ("recovery",),
    "magiclink": ("magiclink",),
    "signup": ("signup",),
    "email": ("magiclink", "signup", "invite", "recovery"),
    "email_change": ("email_change_current", "email_change_new"),
}
"""Which tokens a message of the kind may carry."""


class PasswordGrant(BaseModel):
    email: str = ""
    password: str = ""


class RefreshTokenGrant(BaseModel):
    refresh_token: str = ""


class SignUp(BaseModel):
    email: Email | None = None
    password: str = ""
    data: Metadata | None = None


class Invite(BaseModel):
    email: Email
    data: Metadata | None = None


class GenerateLink(BaseModel):
    type: Literal["recovery"]
    email: Email


class Recover(BaseModel):
    email: Email


class MagicLink(BaseModel):
    email: Email
    data: Metadata | None = None
    create_user: bool = True


class Verify(BaseModel):
    """With `token_hash` of a link, or with the code `token` of a mail to `email`."""

    type: VerifyType
    token_hash: str = ""
    email: Email | None = None
    token: str = ""


class Resend(BaseModel):
    type: Literal["signup", "email_change"]
    email: Email


class NewFactor(BaseModel):
    factor_type: Literal["totp", "phone", "webauthn"]
    friendly_name: str = ""
    issuer: str = ""


class FactorCode(BaseModel):
    challenge_id: UUID
    code: str


class UserUpdate(BaseModel):
    email: Email | None = None
    password: str | None = None
    nonce: str = ""
    data: Metadata | None = None
    app_metadata: Metadata | None = None


class AdminUserUpdate(BaseModel):
    id: UUID | None = None
    email: Email | None = None
    password: str | None = None
    role: str | None = None
    email_confirm: bool = False
    app_metadata: Metadata | None = None
    user_metadata: Metadata | None = None
    ban_duration: BanDuration | None = None


class AdminUserDelete(BaseModel):
    should_soft_delete: bool = False


class User(BaseModel):
    """A row of `auth.users`."""

    id: UUID
    aud: str
    role: str
    email: str | None
    encrypted_password: str | None
    email_confirmed_at: datetime | None
    invited_at: datetime | None
    last_sign_in_at: datetime | None
    raw_app_meta_data: Metadata
    raw_user_meta_data: Metadata
    banned_until: datetime | None
    deleted_at: datetime | None
    is_sso_user: bool
    email_change: str | None
    factors: list[dict[str, Any]]
    created_at: datetime
    updated_at: datetime

    @property
    def provider(self) -> str:
        return str(self.raw_app_meta_data.get("provider", "email"))

    def is_banned(self, now: datetime) -> bool:
        return self.banned_until is not None and self.banned_until > now

    def to_json(self, *, listed: bool = False) -> dict[str, Any]:
        """Return the answer; `listed` is for pages, which tell less of those deleted softly."""
        instants = {
            "email_confirmed_at": self.email_confirmed_at,
            "confirmed_at": self.email_confirmed_at,
            "invited_at": self.invited_at,
            "last_sign_in_at": self.last_sign_in_at,
            "banned_until": self.banned_until,
            "deleted_at": self.deleted_at,
        }
        return {
            "id": str(self.id),
            "aud": self.aud,
            "role": self.role,
            "email": self.email or "",
            "phone": _digest(f"{self.id}") if self.deleted_at else "",
            "app_metadata": self.raw_app_meta_data,
            "user_metadata": self.raw_user_meta_data,
            "identities": self._identities(listed=listed),
            "created_at": _instant(self.created_at),
            "updated_at": _instant(self.updated_at),
            "is_anonymous": False,
            **{name: _instant(value) for name, value in instants.items() if value},
            **({"new_email": self.email_change} if self.email_change else {}),
            **({"factors": self.factors} if self.factors else {}),
        }

    def _identities(self, *, listed: bool) -> list[dict[str, Any]] | None:
        if self.deleted_at is None:
            return [self._identity()] if self.email else []
        if listed:
            return None
        kept = {"identity_id", "id", "user_id", "provider"}
        return [{name: value for name, value in self._identity().items() if name in kept}]

    def _identity(self) -> dict[str, Any]:
        return {
            "identity_id": str(uuid5(self.id, self.provider)),
            "id": str(self.id),
            "user_id": str(self.id),
            "identity_data": {
                "sub": str(self.id),
                "email": self.email,
                "email_verified": self.email_confirmed_at is not None,
                "phone_verified": False,
            },
            "provider": self.provider,
            "email": self.email,
            "last_sign_in_at": _instant(self.last_sign_in_at or self.created_at),
            "created_at": _instant(self.created_at),
            "updated_at": _instant(self.updated_at),
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _instant(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
