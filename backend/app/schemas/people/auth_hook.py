"""What Supabase Auth sends to its hooks, and what it reads from the answer."""

from pydantic import BaseModel


class NewAccount(BaseModel):
    email: str | None = None


class BeforeUserCreated(BaseModel):
    """The members that the decision needs. Others are ignored, because Supabase may add some."""

    user: NewAccount


class HookRefusal(BaseModel):
    """Supabase answers its own client with this status and message."""

    http_code: int
    message: str


class HookAnswer(BaseModel):
    """Empty to allow."""

    error: HookRefusal | None = None
