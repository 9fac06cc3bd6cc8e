"""``python -m gateway``."""

import sys

from typer.exceptions import TyperException

from gateway import COMMAND
from gateway.cli.commands import commands
from gateway.cli.messages import as_json, tell, whole_writes
from gateway.observe.logs import LogSettings, set_up


def main() -> None:
    """Runs the command that the arguments name."""
    sys.stdout = whole_writes(sys.stdout)
    if not as_json():
        commands(prog_name=COMMAND)
    set_up(LogSettings.of({}))
    try:
        code = commands(prog_name=COMMAND, standalone_mode=False)
    except TyperException as error:
        tell(error.format_message() or f"No command was given; `{COMMAND} --help` lists them.")
        code = error.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
