"""``python -m gateway``."""

import sys

from typer.exceptions import TyperException

from gateway.cli.commands import commands
from gateway.cli.messages import as_json, tell, whole_writes
from gateway.observe.logs import LogSettings, set_up

NAME = "python -m gateway"


def main() -> None:
    """Runs the command that the arguments name."""
    sys.stdout = whole_writes(sys.stdout)
    if not as_json():
        commands(prog_name=NAME)
    set_up(LogSettings.of({}))
    try:
        code = commands(prog_name=NAME, standalone_mode=False)
    except TyperException as error:
        tell(error.format_message() or f"No command was given; `{NAME} --help` lists them.")
        code = error.exit_code
    sys.exit(code)


main()
