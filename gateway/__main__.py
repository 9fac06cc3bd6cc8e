"""``python -m gateway``."""

from gateway.cli.commands import commands

commands(prog_name="python -m gateway")
