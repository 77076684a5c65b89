"""How the project is configured, as `supabase/config.toml` says it for a real one."""

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

_CONFIG: Final = Path(__file__).resolve().parents[3] / "supabase" / "config.toml"
_PART: Final = re.compile(r"(\d+)([hms])")
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Project:
    """Without arguments, an open one: everybody signs up, and nobody has to confirm anything."""

    asks_for_key: bool = False
    """Whether the gateway wants `apikey` with each request."""

    signup: bool = True
    confirmations: bool = False
    minimum_password_length: int = 6
    mail_pause: timedelta = timedelta(0)
    """Between two mails of a kind to one person."""

    otp_length: int = 6
    reauthentication: bool = False
    """Whether a password is changed in a session of today only, or with a code from a mail."""

    @classmethod
    def configured(cls) -> Self:
        auth = tomllib.loads(_CONFIG.read_text(encoding="utf-8"))["auth"]
        return cls(
            asks_for_key=True,
            signup=auth["enable_signup"],
            confirmations=auth["email"]["enable_confirmations"],
            minimum_password_length=auth["minimum_password_length"],
            mail_pause=_duration(auth["email"]["max_frequency"]),
            otp_length=auth["email"]["otp_length"],
            reauthentication=auth["email"]["secure_password_change"],
        )


def _duration(text: str) -> timedelta:
    return timedelta(seconds=sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))
