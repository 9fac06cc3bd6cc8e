"""``python -m gateway erase``: erases a person's interactions, here and at Twilio.

Exit codes: 0 all done (and 0 for the preview), 1 something failed or is under legal hold, 2 invalid settings, 130
stopped by Ctrl-C.
"""

import getpass
import sys
from contextlib import suppress
from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated

import typer

from gateway.cli.command_line import all_settings, flag, plain_switch
from gateway.cli.messages import fail, tell
from gateway.observe.logs import LogSettings
from gateway.settings.commands import KeysSettings
from gateway.settings.mirror import TwilioSettings

LIST = "Repeat the option for several; a file, or - for standard input, gives one on each line."


def _values(spelling: str, value: str, help_text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(spelling, metavar=value, help=help_text, show_default=False)
    return option


def erase(
    identifier: Annotated[
        list[str] | None,
        _values("--identifier", "NUMBER", f"A person's telephone number, or other address as Twilio stores it. {LIST}"),
    ] = None,
    participant: Annotated[list[str] | None, _values("--participant", "SID", "A participant (KP…).")] = None,
    session: Annotated[list[str] | None, _values("--session", "SID", "A whole session (KC…).")] = None,
    service: Annotated[
        list[str] | None, _values("--service", "SID", "What is older than --older-than in this Service (KS…).")
    ] = None,
    older_than: Annotated[
        str | None,
        _values(
            "--older-than",
            "AGE",
            "An age such as 90d, 12w, 18mo or 3y, or a date; with --service. It also erases the participants of "
            "sessions that are over.",
        ),
    ] = None,
    interaction: Annotated[list[str] | None, _values("--interaction", "SID", "An interaction (KI…).")] = None,
    yes: Annotated[bool, plain_switch("--yes", "Erase. Without it, show what would be erased.")] = False,
    reference: Annotated[
        str | None,
        _values(
            "--reference",
            "TEXT",
            "The case, such as a ticket number, stored as it is. Runs with one reference share a receipt.",
        ),
    ] = None,
    by: Annotated[
        str | None, _values("--by", "NAME", "Who requests it, for ledger and receipt. Default: the user's login name.")
    ] = None,
    remove_participants: Annotated[
        bool, plain_switch("--remove-participants", "Also remove the person from live sessions at Twilio.")
    ] = False,
    delete_resources: Annotated[
        bool,
        plain_switch(
            "--delete-resources",
            "Also delete the Message and Call records behind them, which Twilio keeps. One that isn't complete, such "
            "as a call in progress, is tried again later. Recordings are left alone.",
        ),
    ] = False,
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    json_only: Annotated[bool, plain_switch("--json", "Print nothing but JSON, for machines.")] = False,
) -> None:
    """Erase a person's interactions, here and at Twilio, and then the person's names and numbers.

    Without --yes it changes nothing: it shows what it would erase, what Twilio keeps, and how long it takes. If it
    is stopped, the same command continues it. Options that take SIDs or identifiers also take a file with one on each
    line, or - for standard input, which keeps a number out of the shell's history.

    If the environment names a Twilio account (see sync --help), each interaction is deleted there first.

    Exit codes: 0 all done, 1 something failed or is under legal hold, 2 invalid settings, 130 stopped.
    """
    settings, twilio, _ = all_settings(
        lambda: KeysSettings.of({"database": database}),
        TwilioSettings.of_environment_if_any,
        lambda: LogSettings.of({}),
    )
    for option, is_given in (("--delete-resources", delete_resources), ("--remove-participants", remove_participants)):
        if is_given and twilio is None:
            fail(f"{option} needs a Twilio account, but TWILIO_ACCOUNT_SID is not set. Set it (see sync --help).", 2)
    from gateway.cli.erasing import run, shown
    from gateway.erasure.questions import QuestionError, asked
    from gateway.erasure.run import Options

    options = {
        "identifier": identifier or [],
        "participant": participant or [],
        "session": session or [],
        "service": service or [],
        "older_than": [older_than] if older_than is not None else [],
        "interaction": interaction or [],
    }
    now = datetime.now(UTC)
    try:
        question = asked(options, reference or "", sys.stdin, now)
    except QuestionError as error:
        for problem in error.problems:
            tell(problem)
        raise typer.Exit(2) from error
    if not yes:
        raise typer.Exit(shown(settings.database, question, twilio, remove_participants, delete_resources, json_only))
    chosen = Options(
        # Two erasures may begin in the same second, and each needs a case of its own.
        reference=reference or f"erasure-{now:%Y%m%dT%H%M%S}Z-{token_hex(3)}",
        requested_by=by or _login(),
        remove_participants=remove_participants,
        delete_resources=delete_resources,
        concurrency=twilio.concurrency if twilio else 20,
    )
    raise typer.Exit(run(settings.database, question, twilio, chosen, json_only))


def _login() -> str:
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "operator"
