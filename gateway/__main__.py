"""``python -m gateway``."""

import gc
import sys

# What imports make is never garbage, and to look for it takes a quarter of a command's start.
gc.disable()

from typer.exceptions import TyperException  # noqa: E402

from gateway import COMMAND  # noqa: E402
from gateway.cli.commands import commands  # noqa: E402
from gateway.cli.messages import as_json, tell, whole_writes  # noqa: E402
from gateway.observe.logs import LogSettings, set_up  # noqa: E402

gc.freeze()
gc.enable()


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
