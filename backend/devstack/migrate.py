"""Brings a database to the newest revision from within the process."""

from alembic import command
from alembic.config import Config

from devstack.revisions import SCRIPTS


def configuration(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["url"] = url
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade as the owner of the schema. Must not run on a thread with a running event loop."""
    command.upgrade(configuration(url), revision)
