"""The `training` command, with the composition root that its commands take services from."""

from typing import Final

from app.cli.app import cli
from app.cli.environment import EntryPoint
from app.container import Container
from app.jobs.worker import work

ENTRY_POINT: Final = EntryPoint(Container.opened, work)


def main() -> None:
    cli(obj=ENTRY_POINT)


if __name__ == "__main__":
    main()
