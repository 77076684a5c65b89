"""The schema this code was written for, and whether it can work with the one that is there."""

from dataclasses import dataclass

SCHEMA_REVISION = "0066"
"""The newest revision. Revisions form one line and are numbered in its order."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    revision: str | None

    oldest_code: str | None
    """The revision of the oldest code that can work with the schema, as migrations noted it."""

    is_read_only: bool

    @property
    def fits(self) -> bool:
        """Tell whether the schema is this code's own, or a later one that is compatible with it."""
        if self.revision is None or self.revision == SCHEMA_REVISION:
            return self.revision is not None
        return self.oldest_code is not None and self.oldest_code <= SCHEMA_REVISION < self.revision


# Migrations keep the note as the comment of Alembic's own table: it needs neither a table nor
# rights, is part of their transaction and of every dump, and older code finds it.
READ_STATE = """
SELECT max(version_num), obj_description('alembic_version'::regclass),
       current_setting('transaction_read_only') = 'on'
  FROM alembic_version
"""
NOTE_OLDEST_CODE = "COMMENT ON TABLE alembic_version IS '{revision}'"
