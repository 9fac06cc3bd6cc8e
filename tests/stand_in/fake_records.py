"""The Message and Call records of the stand-in for Twilio, which Interactions have in the 2010 API.

A record comes with the leg that names it, stays when the Interaction goes, and has what was said and both numbers.
One that isn't complete is not deleted: 409/20009. Where Twilio documents nothing: of a list there is only the first
page; a record is not complete while the leg that brought it has one of the statuses of ``INCOMPLETE``; another
account's address is 401/20003.
"""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from fake_account import Body
from fake_answers import answer_of, error, missing

if TYPE_CHECKING:
    from fake_twilio import FakeTwilio

VERSION_2010 = "2010-04-01"
LISTS = {"SM": "Messages", "MM": "Messages", "CA": "Calls"}
RECORD_VERBS = {
    f"/Accounts/{{}}/{listed}{tail}": verbs
    for listed in ("Messages", "Calls")
    for tail, verbs in ((".json", ["GET"]), ("/{}.json", ["GET", "DELETE"]))
}
"""The verbs of each endpoint: '/Accounts/{}/Messages.json', '/Accounts/{}/Messages/{}.json' and so on."""
INCOMPLETE = {"accepted", "queued", "sending", "receiving", "scheduled", "initiated", "ringing"}
NOT_COMPLETE = 20009


class FakeRecords:
    """The records of an account, by SID."""

    def __init__(self, account_sid: str) -> None:
        self._account_sid = account_sid
        self._records: dict[str, Body] = {}
        self._incomplete: set[str] = set()

    def __contains__(self, sid: str) -> bool:
        return sid in self._records

    def __len__(self) -> int:
        return len(self._records)

    def add_legs(self, interaction: Body, fake: "FakeTwilio") -> None:
        """Creates the records of an Interaction's legs."""
        numbers = [_number(fake, interaction.get(f"{leg}_participant_sid")) for leg in ("inbound", "outbound")]
        for leg in ("inbound", "outbound"):
            sid = interaction.get(f"{leg}_resource_sid")
            if not sid or sid[:2] not in LISTS:
                continue
            said = {"body": interaction.get("data"), "from": numbers[0], "to": numbers[1]}
            self._records[sid] = {"sid": sid, "account_sid": self._account_sid} | said
            is_complete = str(interaction.get(f"{leg}_resource_status")).lower() not in INCOMPLETE
            self.set_complete(sid, is_complete)

    def set_complete(self, sid: str, is_complete: bool = True) -> None:
        """Whether a record can be deleted now."""
        (self._incomplete.discard if is_complete else self._incomplete.add)(sid)

    def remove(self, sid: str) -> None:
        """Removes a record, like a deletion by somebody else; raises KeyError if there is none."""
        del self._records[sid]

    def answer(self, verb: str, path: str, sid: str | None) -> web.Response:
        """The answer to a request about the list at ``path``, or about one of its records."""
        _, _, account_sid, listed = path.split("/")
        if account_sid != self._account_sid:
            return error(401, 20003, "Authenticate")
        if sid is None:
            return answer_of(200, self._page(listed))
        if sid not in self._records or LISTS[sid[:2]] != listed:
            return missing(f"/{VERSION_2010}{path}/{sid}.json")
        if verb == "GET":
            return answer_of(200, self._records[sid])
        if sid in self._incomplete:
            return error(409, NOT_COMPLETE, "Unable to delete record: it is not complete")
        del self._records[sid]
        return web.Response(status=204)

    def _page(self, listed: str) -> dict[str, Any]:
        rows = [body for sid, body in self._records.items() if LISTS[sid[:2]] == listed][:1]
        uri = f"/{VERSION_2010}/Accounts/{self._account_sid}/{listed}.json"
        return {"page": 0, "page_size": 1, "uri": uri, "next_page_uri": None, listed.lower(): rows}


def record_call(parts: list[str]) -> tuple[str, str, str | None, str]:
    """A request's endpoint, list and record, from the parts of its path; the last stands for Proxy's Service."""
    listed = parts[4].removesuffix(".json") if len(parts) > 4 else ""
    tail = ".json" if len(parts) == 5 else "/{}.json"
    endpoint = f"/Accounts/{{}}/{listed}{tail}"
    if len(parts) not in (5, 6) or parts[2] != "Accounts" or endpoint not in RECORD_VERBS:
        return "(unknown)", "", None, ""
    name = parts[5].removesuffix(".json") if len(parts) == 6 else None
    return endpoint, f"/Accounts/{parts[3]}/{listed}", name, ""


def _number(fake: "FakeTwilio", participant_sid: str | None) -> str | None:
    if participant_sid is None or participant_sid not in fake:
        return None
    number: str | None = fake.get(participant_sid).get("identifier")
    return number
