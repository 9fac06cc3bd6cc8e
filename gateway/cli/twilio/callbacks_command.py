"""``python -m gateway callbacks``: where each Service's callbacks go, and ``callbacks set``, which sends them here.

Exit codes: 0 done, or shown what would be done, 1 failed or another URL is in the way, 2 invalid settings.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.command_line import CommandGroup, add, all_settings, plain_switch
from gateway.cli.messages import fail, out, sentences, tell
from gateway.cli.tables import show
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.mirror import TwilioSettings

if TYPE_CHECKING:
    from gateway.callbacks.service_urls import ServiceUrls

AsJson = Annotated[bool, plain_switch("--json", "Print a JSON array, for machines.")]

callbacks = typer.Typer(
    cls=CommandGroup,
    help="List each Service's callback URLs, as Twilio has them, and whether they point to this server.\n\n"
    "Set the Twilio account in the environment (see sync --help), and PROXYGRAPH_PUBLIC_URL, the address at which "
    "Twilio reaches this server.\n\n"
    "Exit codes: 0 listed, 1 failed, 2 invalid settings.",
    invoke_without_command=True,
)


@callbacks.callback()
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List each Service's callback URLs, as Twilio has them, and whether they point to PROXYGRAPH_PUBLIC_URL."""
    if context.invoked_subcommand:
        return
    twilio, settings = all_settings(TwilioSettings.of_environment, lambda: CallbackSettings.of({}))
    import msgspec

    from gateway.callbacks.service_urls import service_urls
    from gateway.twilio.client import TwilioError, connected

    async def read() -> "list[ServiceUrls]":
        async with connected(twilio) as client:
            return await service_urls(client, settings.callback_url if settings.public_url else None)

    with sentences(TwilioError):
        found = asyncio.run(read())
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    if not found:
        tell(f"{twilio.account_sid} has no Services.", logging.INFO, out)
        return
    titles = ("Service", "Name", "Callbacks", "CallbackUrl", "InterceptCallbackUrl", "OutOfSessionCallbackUrl")
    rows = [(one.sid, one.unique_name or "", one.points, *(url or "none" for url in one.urls)) for one in found]
    show(out, titles, rows)
    if not settings.public_url:
        tell("PROXYGRAPH_PUBLIC_URL is not set, so this can't tell which of them point here.", logging.INFO, out)


def set_(
    service: Annotated[
        list[str],
        typer.Option(
            metavar="SID", help="The Service, by SID or unique name. Repeat the option for several.", show_default=False
        ),
    ],
    yes: Annotated[bool, plain_switch("--yes", "Set them. Without it, show what would be set.")] = False,
    replace: Annotated[bool, plain_switch("--replace", "Also replace another CallbackUrl.")] = False,
) -> None:
    """Set a Service's CallbackUrl at Twilio, so that its callbacks come to PROXYGRAPH_PUBLIC_URL.

    Without --yes it changes nothing. A Service that has another CallbackUrl keeps it, unless --replace is given.

    Exit codes: 0 done, or shown what would be done, 1 failed or another URL is in the way, 2 invalid settings.
    """
    twilio, settings = all_settings(TwilioSettings.of_environment, lambda: CallbackSettings.of({}))
    if not settings.public_url:
        fail("PROXYGRAPH_PUBLIC_URL is needed, but was not given: the address at which Twilio reaches the server.", 2)
    if reason := settings.reason_off(twilio):
        tell(reason, logging.WARNING)
    from gateway.callbacks.service_urls import Points, ServiceUnknown, selected, service_urls, set_url
    from gateway.twilio.client import TwilioError, connected

    async def change() -> "list[ServiceUrls]":
        async with connected(twilio) as client:
            chosen = selected(await service_urls(client, settings.callback_url), service)
            others = [one for one in chosen if one.points is Points.ELSEWHERE and not replace]
            for one in chosen if yes and not others else ():
                if one.points is not Points.HERE:
                    await set_url(client, one.sid, settings.callback_url)
            return chosen

    with sentences(TwilioError, ServiceUnknown):
        chosen = asyncio.run(change())
    others = [one for one in chosen if one.points is Points.ELSEWHERE and not replace]
    for one in others:
        level = logging.ERROR if yes else logging.INFO
        tell(f"{one.sid} has another CallbackUrl, {one.callback_url}. To replace it, add --replace.", level)
    if others and yes:
        fail("Nothing was set.")
    for one in chosen:
        if one not in others:
            tell(_outcome(one, settings.callback_url, yes), logging.INFO, out)


add(callbacks, set_, "set")


def _outcome(one: "ServiceUrls", url: str, yes: bool) -> str:
    if one.points == "here":
        return f"{one.sid} already sends its callbacks to {url}."
    said, verb = ("now sends", "replaced") if yes else ("would send", "would replace")
    hint = "" if yes else " To set it, add --yes."
    replaced = f" This {verb} {one.callback_url}." if one.callback_url else ""
    return f"{one.sid} {said} its callbacks to {url}.{replaced}{hint}"
