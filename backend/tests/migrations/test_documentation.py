import asyncio
import re
from pathlib import Path

from app.core.database import Base
from tests.migrations.conftest import NewDatabase, fetch

DOCUMENT = Path(__file__).parents[3] / "docs" / "database.md"
# Expression indexes that no model can declare portably; their revision makes them.
OF_THE_QUEUE = {"jobs", "job_log", "job_statistics"}
BY_REVISION = {"ix_training_modules_search", "ix_module_versions_search"}


def documented() -> set[str]:
    section = DOCUMENT.read_text().partition("## Indexes")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `((?:ix|uq)_\w+)` \|", section, re.MULTILINE))


def test_every_index_has_its_query_written_down() -> None:
    declared = {
        str(index.name)
        for table in Base.metadata.tables.values()
        if table.name not in OF_THE_QUEUE
        for index in table.indexes
    }
    assert documented() == declared | BY_REVISION


def test_the_database_has_them_all(new_database: NewDatabase, template: str) -> None:
    query = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
    rows = asyncio.run(fetch(new_database(template), query))
    assert documented() <= {row[0] for row in rows}
