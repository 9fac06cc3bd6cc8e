"""The callback URLs of an account's Services, as Twilio has them."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from yarl import URL

from gateway.callbacks.signatures import both_addresses
from gateway.twilio.client import Twilio


class ServiceUnknown(Exception):
    """The account has no such Service. The message names those that it has."""


class Points(StrEnum):
    """Where a Service's CallbackUrl points: to this server, elsewhere, or there is none."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"


class ServiceUrls(msgspec.Struct, frozen=True):
    """A Service's URLs, without passwords, and where the first one points."""

    sid: str
    unique_name: str | None
    points: Points
    callback_url: str | None
    intercept_callback_url: str | None
    out_of_session_callback_url: str | None

    @property
    def urls(self) -> tuple[str | None, ...]:
        """All three."""
        return self.callback_url, self.intercept_callback_url, self.out_of_session_callback_url


async def service_urls(twilio: Twilio, here: str | None) -> list[ServiceUrls]:
    """The URLs of each Service, by SID; ``here`` is the URL of this server, if it is known. Raises a TwilioError."""
    found = []
    async for page in twilio.pages("Services"):
        for body in page:
            url = body.get("callback_url")
            points = Points.NOWHERE if not url else Points.HERE if _is_same(url, here) else Points.ELSEWHERE
            urls = (body.get(name) for name in ServiceUrls.__struct_fields__[3:])
            found.append(ServiceUrls(str(body.get("sid")), body.get("unique_name"), points, *map(_shown, urls)))
    return sorted(found, key=lambda one: one.sid)


def selected(found: Sequence[ServiceUrls], names: Sequence[str]) -> list[ServiceUrls]:
    """The Services with these SIDs or unique names. Raises ServiceUnknown."""
    by_name = {name: one for one in found for name in (one.unique_name, one.sid) if name}
    for name in names:
        if name not in by_name:
            known = ", ".join(f"{one.sid} ({one.unique_name})" if one.unique_name else one.sid for one in found)
            raise ServiceUnknown(
                f"Expected --service to name a Service by its SID or unique name, but got {name!r}. "
                f"There are {known or 'none'}."
            )
    return list({by_name[name].sid: by_name[name] for name in names}.values())


async def set_url(twilio: Twilio, sid: str, url: str) -> None:
    """Sets a Service's CallbackUrl. Raises a TwilioError."""
    await twilio.update("Services", sid, CallbackUrl=url)


def _is_same(url: object, here: str | None) -> bool:
    try:
        return here is not None and both_addresses(str(url))[1] == both_addresses(here)[1]
    except (KeyError, ValueError):
        return False


def _shown(url: object) -> str | None:
    if not isinstance(url, str) or not url:
        return None
    try:
        address = URL(url, encoded=True)
        return str(address.with_password("***")) if address.password else url
    except ValueError:
        return url
