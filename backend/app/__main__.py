"""The `training` command, with the composition root that its commands take services from."""

from app.cli.app import cli
from app.container import Container


def main() -> None:
    cli(obj=Container.opened)


if __name__ == "__main__":
    main()
