"""The client of Twilio's 2010 API, for the Message and Call records behind Interactions: it deletes them.

Deleting an Interaction leaves its records at Twilio (https://www.twilio.com/docs/proxy/api/interaction). Deleting a
Message also deletes its media; emptying its body would keep the numbers. A record that isn't complete can't be deleted
yet: Twilio answers with error 20009, in rare cases for up to 14 days (https://www.twilio.com/docs/api/errors/20009).
Twilio publishes no rate for these endpoints, so the rate of Proxy's endpoints is used.
"""

import time
from typing import Any, NamedTuple

from cachetools import TTLCache
from yarl import URL

from gateway.settings.mirror import TwilioSettings
from gateway.twilio.errors import (
    API_2010,
    NOT_COMPLETE,
    ForeignAccount,
    NotTwilio,
    TwilioError,
    TwilioHeld,
    TwilioIncomplete,
    TwilioMissing,
    TwilioRefused,
    TwilioUnavailable,
)
from gateway.twilio.requests import Requests
from store.erasure.twilio_records import RecordState, list_of

VERIFIED_SECONDS = 60
"""For how long a fetched list of the account proves that Twilio's 404 for one of its records means a deletion."""

AGAIN = "The same command, a sync or a server with the account tries again."


class RecordAnswer(NamedTuple):
    """The outcome for a record, and why it still exists: a sentence without content, which is stored."""

    state: RecordState
    reason: str | None = None


class TwilioRecords:
    """An account's Message and Call records."""

    def __init__(self, settings: TwilioSettings, sender: Requests) -> None:
        self._settings = settings
        self._base = settings.located(settings.api_url).rstrip("/")
        self._sender = sender
        self._verified: TTLCache[str, bool] = TTLCache(2, VERIFIED_SECONDS, time.monotonic)

    @property
    def account_sid(self) -> str:
        """The SID of the account."""
        return self._settings.account_sid

    async def verify(self, listed: str) -> None:
        """Checks that the account's list of Messages or of Calls exists, unless that was checked recently.

        It fetches a page with one record. Raises a TwilioError, such as TwilioUnavailable.
        """
        if listed in self._verified:
            return
        path = "Accounts", self.account_sid, listed
        where = f"GET /{'/'.join(path)}.json"
        try:
            page = await self._send("GET", *path, query="?PageSize=1")
        except TwilioMissing as error:
            raise NotTwilio(
                f"There is no 2010 API at {self._base}, which has to end in /2010-04-01. {error}"
            ) from error
        rows, uri = page.get(listed.lower()), page.get("uri")
        if not isinstance(rows, list):
            raise NotTwilio(f"{where} was answered with JSON that isn't this list. {API_2010.advice}")
        owners = {_owner(row) for row in rows} - {self.account_sid.lower()}
        if owners or (isinstance(uri, str) and f"/accounts/{self.account_sid.lower()}/" not in uri.lower()):
            raise ForeignAccount(
                f"Expected records of the account {self.account_sid}, but {where} shows those of another: the "
                "credentials are those of that account. Use the SID and the credentials of the same account."
            )
        self._verified[listed] = True

    async def delete(self, sid: str) -> RecordAnswer:
        """Deletes the record ``sid``, a Message or a Call, once ``verify`` has seen its list.

        A problem with this record only is in the returned answer. Raises a TwilioError if no record can be deleted:
        TwilioDenied if the credentials don't permit it, NotTwilio or ForeignAccount if the address is wrong.
        """
        listed = list_of(sid)
        if listed is None:
            return RecordAnswer(RecordState.REFUSED, f"{sid} is neither a Message nor a Call of Twilio's 2010 API.")
        path = "Accounts", self.account_sid, listed, sid
        try:
            await self._send("DELETE", *path)
        except TwilioMissing:
            return await self._confirmed_gone(path)
        except TwilioIncomplete:
            return RecordAnswer(
                RecordState.INCOMPLETE,
                f"Twilio can't delete it before it is complete (code {NOT_COMPLETE}). {AGAIN}",
            )
        except TwilioHeld as error:
            return RecordAnswer(RecordState.HELD, f"A legal hold at Twilio keeps it ({_answer_of(error)}).")
        except TwilioRefused as error:
            return RecordAnswer(RecordState.REFUSED, f"Twilio refuses to delete it ({_answer_of(error)}).")
        except TwilioUnavailable as error:
            return _unavailable(error)
        return RecordAnswer(RecordState.DELETED)

    async def _confirmed_gone(self, path: tuple[str, ...]) -> RecordAnswer:
        """After a 404 to the DELETE: ALREADY_GONE if a GET is answered 404 too, while the account's list exists."""
        try:
            await self.verify(path[2])
            await self._send("GET", *path)
        except TwilioMissing:
            return RecordAnswer(RecordState.ALREADY_GONE)
        except TwilioUnavailable as error:
            return _unavailable(error)
        return RecordAnswer(RecordState.PENDING, f"Twilio answered 404, but still has it. {AGAIN}")

    async def _send(self, verb: str, *path: str, query: str = "") -> dict[str, Any]:
        name = f"/{'/'.join(path)}.json"
        address = URL(f"{self._base}{name}{query}", encoded=True)
        return await self._sender.send(verb, address, f"{verb} {name}", (path[2], ""), API_2010)


def _owner(row: Any) -> str:
    return str(row.get("account_sid")).lower() if isinstance(row, dict) else ""


def _answer_of(error: TwilioError) -> str:
    """Status and code, but not Twilio's message: it may contain a telephone number, and the reason is stored."""
    return f"{error.status}, code {error.code}" if error.code is not None else f"{error.status}"


def _unavailable(error: TwilioUnavailable) -> RecordAnswer:
    answered = f"Twilio answered {_answer_of(error)}" if error.status else "Twilio gave no answer"
    return RecordAnswer(RecordState.PENDING, f"{answered}. {AGAIN}")
