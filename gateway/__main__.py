"""``python -m gateway``."""

from gateway.commands import commands

commands(prog_name="python -m gateway")
