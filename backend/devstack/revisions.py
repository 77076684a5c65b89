"""Lists the revisions without Alembic, whose import takes half a second."""

from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).resolve().parents[1] / "alembic"

NEWEST: Final = max(SCRIPTS.glob("versions/[0-9]*.py")).name.partition("_")[0]
"""File names start with the number of the revision, so their order is that of the revisions."""
