"""What revisions there are, without the half second that Alembic takes to import."""

from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).resolve().parents[1] / "alembic"

NEWEST: Final = max(SCRIPTS.glob("versions/[0-9]*.py")).name.partition("_")[0]
"""They are numbered in their order, at the start of the file's name."""
