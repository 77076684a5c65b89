from branching.cli import cli

cli()
