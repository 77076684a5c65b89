"""The `training` command."""

from app.cli.app import main

__all__ = ["main"]
