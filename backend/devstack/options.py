"""What a developer chooses, and what the parts of the stack agree on."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

DATABASE: Final = "training"
PASSWORD: Final = "dental-demo"  # noqa: S105  # of the demonstration identities, on loopback alone
PUBLISHABLE_KEY: Final = "sb_publishable_development"
SECRET_KEY: Final = "sb_secret_development_only"  # noqa: S105  # of the stand-in, on loopback alone
TOUR_EMAIL: Final = "learner@unified.example"
ELSEWHERE: Final = "Or choose another folder: training dev --data-dir FOLDER"


class DevStackError(RuntimeError):
    """The stack cannot start; the message says what to do."""


class LogForm(StrEnum):
    TEXT = "text"
    JSON = "json"


class Seed(StrEnum):
    """What a new database holds."""

    NOTHING = "nothing"
    SMALL = "small"
    """What ships with the application, and five people who can sign in."""

    TOWN = "town"
    """A dental group with twelve months of history."""


@dataclass(frozen=True, slots=True)
class Options:
    """`data_dir` is made when it is missing."""

    host: str
    port: int
    data_dir: Path
    seed: Seed = Seed.TOWN
    access_token_seconds: int = 3600
    site_url: str | None = None
    log: LogForm = LogForm.TEXT
